//! TLS on both sides: who may come without, who is believed, and certificates that change under load.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use testkit::certs::Pair;
use testkit::client::tls::Tls;
use testkit::proxy::{Builder, Server};
use testkit::{Authority, Error, Postgres, Proxy, messages, wait};

use crate::scene::{PGWEIR, before, server_error};

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn with_tls(builder: Builder, mode: &str, pair: &Pair, client_ca: Option<&Path>) -> Proxy {
    let client_ca = client_ca.map(text);
    builder.tls(mode, &text(&pair.cert), &text(&pair.key), client_ca.as_deref()).start()
}

#[test]
fn modes_say_who_may_come_without_tls() {
    let authority = Authority::new();
    let (pair, postgres) = (authority.server(), Postgres::start());
    for (mode, plain, tls) in [("disable", true, false), ("prefer", true, true), ("require", false, true)] {
        let proxy = with_tls(before(&postgres), mode, &pair, None);
        match proxy.connect().try_open() {
            Ok(mut client) => assert!(plain && client.rows("SELECT 1") == "1", "{mode}"),
            Err(Error::Server(error)) => assert!(!plain && error.code() == "28000", "{mode}: {error}"),
            Err(error) => panic!("{mode}: {error}"),
        }
        let verified = Tls::verified(&authority.ca());
        for way in [verified.clone(), verified.direct()] {
            let outcome = proxy.connect().tls(way.clone()).try_open();
            assert_eq!(outcome.is_ok(), tls, "{mode}, {way:?}: {outcome:?}");
        }
    }
}

#[test]
fn direct_tls_needs_its_protocol_name() {
    let authority = Authority::new();
    let (pair, postgres) = (authority.server(), Postgres::start());
    let proxy = with_tls(before(&postgres), "prefer", &pair, None);
    for protocols in [&["http/1.1"][..], &[], &["postgres"]] {
        let tls = Tls::unchecked().direct_alpn(protocols);
        assert!(proxy.connect().tls(tls).try_open().is_err(), "{protocols:?}");
    }
    let tls = Tls::unchecked().direct_alpn(&["h2", "postgresql"]);
    assert_eq!(proxy.connect().tls(tls).open().rows("SELECT 1"), "1");
}

#[test]
fn client_certificates_are_asked_for_and_believed_from_their_authority_only() {
    let (ours, others) = (Authority::new(), Authority::new());
    let (pair, postgres) = (ours.server(), Postgres::start());
    let (good, bad) = (ours.client("postgres"), others.client("postgres"));
    for mode in ["verify-ca", "verify-full"] {
        let proxy = with_tls(before(&postgres), mode, &pair, Some(&ours.ca()));
        let with = |pair: &Pair| Tls::with_client_cert(&ours.ca(), &pair.cert, &pair.key);
        assert_eq!(proxy.connect().tls(with(&good)).open().rows("SELECT 1"), "1", "{mode}");
        assert!(proxy.connect().tls(with(&bad)).try_open().is_err(), "{mode}: another authority's");
        assert!(proxy.connect().tls(Tls::verified(&ours.ca())).try_open().is_err(), "{mode}: none");
        assert!(proxy.connect().try_open().is_err(), "{mode}: in clear");
    }
}

#[test]
fn bytes_sent_in_clear_before_tls_never_reach_the_session() {
    let authority = Authority::new();
    let (pair, postgres) = (authority.server(), Postgres::start());
    let proxy = with_tls(before(&postgres), "prefer", &pair, None);
    for behind in [proxy.connect().startup_message(), vec![0], messages::query("DROP TABLE x")] {
        let mut client = proxy.connect().unlogged();
        client.send(&[messages::ssl_request(), behind].concat());
        wait::until(wait::PATIENCE, "the end of the connection", || client.is_closed());
        let n = client.buffered();
        let said = client.read_bytes(n);
        assert!(!said.starts_with(b"S") && !said.contains(&b'Z'), "{}", said.escape_ascii());
    }
    // inside TLS there is nothing left to negotiate
    for request in [messages::ssl_request(), messages::gssenc_request()] {
        let mut client = proxy.connect().tls(Tls::unchecked()).unlogged();
        client.send(&request);
        let said = crate::scene::last_words(&mut client);
        assert_eq!(said.iter().map(|e| e.code()).collect::<Vec<_>>(), ["08P01"]);
    }
    assert_eq!(proxy.connect().open().rows("SELECT 1"), "1");
}

#[test]
fn rubbish_in_the_place_of_a_handshake_harms_nobody() {
    let authority = Authority::new();
    let (pair, postgres) = (authority.server(), Postgres::start());
    let proxy = with_tls(before(&postgres), "prefer", &pair, None);
    for rubbish in [vec![0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5], vec![0x16; 5_000], vec![0x16, 3, 1, 0xff, 0xff]] {
        let mut direct = proxy.connect().unlogged();
        let _ = direct.try_send(&rubbish);
        direct.shutdown_write();
        wait::until(wait::PATIENCE, "it is closed", || direct.is_closed());
        let mut asked = proxy.connect().unlogged();
        asked.send(&messages::ssl_request());
        assert_eq!(asked.read_bytes(1), b"S");
        let _ = asked.try_send(&rubbish);
        asked.shutdown_write();
        wait::until(wait::PATIENCE, "it is closed", || asked.is_closed());
    }
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
    assert_eq!(proxy.connect().tls(Tls::unchecked()).open().rows("SELECT 1"), "1");
}

#[test]
fn a_server_is_believed_as_its_mode_says() {
    let (ours, others) = (Authority::new(), Authority::new());
    let right = ours.server();
    let another = "is not signed by an authority of server_tls.ca";
    let pairs = [
        ("right", right, [true, true, true], ""),
        (
            "wrong name",
            ours.server_named("elsewhere", &["db.example"]),
            [true, true, false],
            "is not for the host \"localhost\"",
        ),
        ("expired", ours.expired_server(), [true, false, false], "certificate has expired"),
        ("another authority", others.server(), [true, false, false], another),
        ("self-signed", ours.self_signed_server(), [true, false, false], another),
    ];
    for (name, pair, believed, why) in pairs {
        let postgres = Postgres::builder().tls(&pair.cert, &pair.key, None).start();
        for (mode, believed) in ["require", "verify-ca", "verify-full"].into_iter().zip(believed) {
            let tls = format!("{{ mode = \"{mode}\", ca = \"{}\" }}", text(&ours.ca()));
            let tls = if mode == "require" { "{ mode = \"require\" }".to_owned() } else { tls };
            let proxy = Proxy::builder(PGWEIR)
                .database("postgres", Server::at("localhost", postgres.port()).key("server_tls", &tls))
                .set("pool.acquire_timeout", "\"2s\"")
                .start();
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            match proxy.connect().try_open().and_then(|mut client| client.try_rows(sql)) {
                Ok(ssl) => assert!(believed && ssl == "t", "{name}, {mode}: ssl is {ssl}"),
                Err(Error::Server(error)) => {
                    assert!(!believed && error.code() == "57P03", "{name}, {mode}: {error}");
                    assert!(error.message().contains(why), "{name}, {mode}: {error}");
                }
                Err(error) => panic!("{name}, {mode}: {error}"),
            }
        }
    }
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let postgres = Postgres::start();
    for (mode, served) in [("disable", true), ("allow", true), ("prefer", true), ("require", false)] {
        let server = Server::from(&postgres).key("server_tls", &format!("{{ mode = \"{mode}\" }}"));
        let proxy =
            Proxy::builder(PGWEIR).database("postgres", server).set("pool.acquire_timeout", "\"1s\"").start();
        match proxy.connect().try_open() {
            Ok(mut client) => assert!(served && client.rows("SELECT 1") == "1", "{mode}"),
            outcome => assert!(!served && server_error(outcome).code() == "57P03", "{mode}"),
        }
    }
}

fn replace(from: &Pair, to: &Pair) {
    fs::copy(&from.cert, &to.cert).unwrap();
    fs::copy(&from.key, &to.key).unwrap();
}

#[test]
fn certificates_replaced_under_load_hold_for_new_clients() {
    let (old, new) = (Authority::new(), Authority::new());
    let postgres = Postgres::start();
    let live = old.server_named("live", &["localhost"]);
    let proxy = with_tls(before(&postgres), "require", &live, None);
    let mut inside = proxy.connect().tls(Tls::verified(&old.ca())).open();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let mut client = proxy.connect().tls(Tls::unchecked()).open();
                    assert_eq!(client.rows("SELECT 1"), "1");
                }
            });
        }
        // a key that does not fit keeps the old certificate
        fs::copy(new.server().key, &live.key).unwrap();
        let before = proxy.log().len();
        proxy.reload();
        wait::until(wait::PATIENCE, "the refusal is logged", || proxy.log()[before..].contains("refused"));
        assert!(proxy.connect().tls(Tls::verified(&old.ca())).try_open().is_ok(), "the old one stays");
        replace(&new.server(), &live);
        proxy.reload();
        wait::until(wait::PATIENCE, "the new certificate is shown", || {
            proxy.connect().tls(Tls::verified(&new.ca())).try_open().is_ok()
        });
        assert!(proxy.connect().tls(Tls::verified(&old.ca())).try_open().is_err());
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(inside.rows("SELECT 'still'"), "still");
}

#[test]
fn replaced_files_are_noticed_without_a_signal() {
    let (old, new) = (Authority::new(), Authority::new());
    let postgres = Postgres::start();
    let live = old.server_named("live", &["localhost"]);
    let proxy = with_tls(before(&postgres), "require", &live, None);
    assert!(proxy.connect().tls(Tls::verified(&old.ca())).try_open().is_ok());
    replace(&new.server(), &live);
    wait::until(wait::PATIENCE, "the new certificate is shown", || {
        proxy.connect().tls(Tls::verified(&new.ca())).try_open().is_ok()
    });
}

#[test]
fn megabytes_pass_through_tls_on_both_sides() {
    let authority = Authority::new();
    let pair = authority.server();
    let postgres = Postgres::builder().tls(&pair.cert, &pair.key, None).start();
    let server = Server::from(&postgres).key("server_tls", "{ mode = \"require\" }");
    let proxy = with_tls(Proxy::builder(PGWEIR).database("postgres", server), "require", &pair, None);
    let mut client = proxy.connect().tls(Tls::unchecked()).open();
    for size in [1, 8_191, 8_192, 8_193, 16_384, 16_385, 1_000_000, 20_000_000] {
        assert_eq!(client.rows(&format!("SELECT repeat('x', {size})")).len(), size);
        let value = "y".repeat(size);
        assert_eq!(client.rows(&format!("SELECT length('{value}')")), size.to_string());
    }
}
