//! Names that clients make up – users, databases, applications – by the ten thousands, from those who get in and
//! from those who do not: what is kept of them is bounded in number, not only in bytes.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use testkit::proxy::Server;
use testkit::{Connect, Error, Proxy, Scripted, messages, wait};

use crate::stage::{PGWEIR, before, echo};

/// So many names of pools that are gone are told apart in figures; what the others counted is one.
const TOLD_APART: usize = 1000;

fn get(proxy: &Proxy, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.http_port())).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Every series that is shown, without its value.
fn series(proxy: &Proxy) -> BTreeSet<String> {
    let text = get(proxy, "/metrics");
    let samples = text.lines().filter(|line| line.starts_with("pgweir_"));
    samples.filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name.to_owned()).collect()
}

/// Rows of a view of the console.
fn rows(proxy: &Proxy, view: &str) -> usize {
    let mut console = proxy.connect().user("admin").password("secret").database("pgweir").open();
    console.rows(&format!("SHOW {view}")).lines().count()
}

/// A log-in with a wrong password, as cheap as can be.
fn fails(connect: &Connect) {
    let mut client = connect.unlogged();
    client.send_startup().unwrap();
    let asked = client.expect(b'R');
    if asked.body.starts_with(&10_u32.to_be_bytes()) {
        client.send(&messages::sasl_initial("SCRAM-SHA-256", b"n,,n=,r=abcdefghijklmnop"));
        let challenge = client.expect(b'R').body;
        let nonce = String::from_utf8_lossy(&challenge[4..]).split(',').next().unwrap_or_default().to_owned();
        let proof = "A".repeat(43) + "=";
        client.send(&messages::sasl_response(format!("c=biws,{nonce},p={proof}").as_bytes()));
    } else {
        client.send(&messages::password("wrong"));
    }
    let code = client.expect(b'E').error().map(|error| error.code().to_owned());
    assert_eq!(code.as_deref(), Some("28P01"));
}

#[test]
fn nothing_is_kept_of_strangers_whatever_they_call_themselves() {
    const STRANGERS: usize = 12_000;
    let server = echo();
    for method in ["plain", "md5", "scram-sha-256"] {
        let proxy = before(&server)
            .database("*", Server::at("127.0.0.1", server.port()))
            .auth(method)
            .user("admin", "secret")
            .user("app", "secret")
            .set("admin.users", "[\"admin\"]")
            .set("log.level", "\"error\"")
            .start();
        assert_eq!(proxy.connect().user("app").password("secret").open().rows("x"), "x");
        let (pools, figures, connections) = (rows(&proxy, "POOLS"), series(&proxy), server.connections());
        let stranger = |number: usize| {
            let name = format!("stranger-{number}");
            proxy.connect().user(&name).database(&name).param("application_name", &name)
        };
        // what the first of them cost, all of them cost
        (0..2_000).for_each(|number| fails(&stranger(number)));
        let memory = proxy.rss_kb();
        (2_000..STRANGERS).for_each(|number| fails(&stranger(number)));
        let grown = proxy.rss_kb().saturating_sub(memory);
        assert_eq!(rows(&proxy, "POOLS"), pools, "{method}");
        let new: Vec<_> = series(&proxy).difference(&figures).cloned().collect();
        assert!(!new.iter().any(|name| name.contains("stranger")), "{method}: {new:?}");
        assert!(new.len() < 10, "{method}: {new:?}");
        assert!(!get(&proxy, "/metrics/json").contains("stranger"), "{method}");
        assert_eq!(server.connections(), connections, "{method}: no server has heard of them");
        assert!(grown < 4 * 1024, "{method}: {STRANGERS} strangers left {grown} kB behind");
    }
}

#[test]
fn users_and_databases_that_clients_make_up_are_bounded_in_figures_and_pools() {
    const NAMES: usize = 4_000;
    testkit::process::raise_file_limit();
    let server = echo();
    let proxy = Proxy::builder(PGWEIR)
        .database("*", Server::at("127.0.0.1", server.port()))
        .database("real", Server::at("127.0.0.1", server.port()))
        .set("admin.users", "[\"admin\"]")
        .set("pool.idle_timeout", "\"100ms\"")
        .set("log.level", "\"error\"")
        .start();
    let mut witness = proxy.connect().database("real").open();
    assert_eq!(witness.rows("here"), "here");
    let pools = rows(&proxy, "POOLS");
    for number in 0..NAMES {
        let name = format!("made-up-{number}");
        let connect = match number % 2 {
            0 => proxy.connect().user(&name).database("real"),
            _ => proxy.connect().database(&name),
        };
        let mut client = connect.param("application_name", &name).open();
        assert_eq!(client.rows(&name), name);
    }
    wait::until(wait::PATIENCE, "pools that clients made up are forgotten", || {
        // those of the console and of the witness stay; a pool that is gone and has counted is no pool
        let told = get(&proxy, "/metrics");
        let open = told
            .lines()
            .filter(|line| line.starts_with("pgweir_pool_server_connections{") && !line.ends_with(" 0"));
        open.count() <= 2
    });
    let told_apart = || -> usize {
        let names: BTreeSet<String> = series(&proxy)
            .iter()
            .filter_map(|name| Some(name.split_once("made-up-")?.1.split('"').next()?.to_owned()))
            .collect();
        names.len()
    };
    // the last of them stay until somebody looks after pools
    wait::until(wait::PATIENCE, "few names are left in figures", || (1..=TOLD_APART).contains(&told_apart()));
    let shown = rows(&proxy, "POOLS");
    assert!(shown <= pools + TOLD_APART + 1, "{shown} pools are shown");
    let others = series(&proxy).into_iter().filter(|name| name.contains("(others)")).count();
    assert!(others > 0, "the others are counted together");
    assert_eq!(witness.rows("still"), "still");
}

#[test]
fn names_of_applications_are_nobodys_label_and_bounded_in_memory() {
    const NAMES: usize = 12_000;
    let server = echo();
    let proxy = before(&server).set("log.level", "\"error\"").set("admin.users", "[\"admin\"]").start();
    let open = |number: usize| {
        let name = format!("{number:0>4000}");
        let mut client = proxy.connect().param("application_name", &name).open();
        assert_eq!(client.rows("x"), "x");
    };
    (0..1_000).for_each(open);
    let (figures, memory) = (series(&proxy), proxy.rss_kb());
    (1_000..NAMES).for_each(open);
    let grown = proxy.rss_kb().saturating_sub(memory);
    let new: Vec<_> = series(&proxy).difference(&figures).cloned().collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(!get(&proxy, "/metrics").contains("0000000000"));
    assert!(grown < 8 * 1024, "{NAMES} names of 4 kB left {grown} kB behind");
    assert!(server.connections() <= 25, "{} connections", server.connections());
}

/// A server without databases of these names: the pools are gone with their clients.
#[test]
fn databases_that_no_server_has_leave_nothing_behind() {
    const NAMES: usize = 2_000;
    testkit::process::raise_file_limit();
    let refusing = Scripted::serve(|peer| {
        peer.read_startup()?;
        peer.send(&testkit::answers::error("FATAL", "3D000", "database does not exist"))
    });
    let proxy = Proxy::builder(PGWEIR)
        .database("*", Server::at("127.0.0.1", refusing.port()))
        .set("admin.users", "[\"admin\"]")
        .set("log.level", "\"error\"")
        .start();
    for number in 0..NAMES {
        match proxy.connect().database(&format!("nowhere-{number}")).try_open() {
            Err(Error::Server(error)) => assert_eq!(error.code(), "3D000"),
            other => panic!("{other:?}"),
        }
    }
    let told = |name: &str| series(&proxy).iter().filter(|series| series.contains(name)).count();
    let each = told("\"nowhere-1\"");
    assert!(each > 0, "the first of them are told apart");
    wait::until(wait::PATIENCE, "no more than so many are told apart", || {
        told("\"nowhere-") <= each * TOLD_APART
    });
    assert!(rows(&proxy, "POOLS") <= TOLD_APART + 2);
}
