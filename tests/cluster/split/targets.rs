//! Which servers may answer: by the name of the database, and as a session asks for it.

use testkit::client::tags;
use testkit::cluster::Cluster;
use testkit::proxy::Server;
use testkit::{Client, Message, messages as m, wait};

use super::scene::{Scene, WHERE};
use crate::scene::server_error;

/// The same servers under three names.
fn names() -> Scene {
    let cluster = Cluster::start(2);
    let servers = |target: &str| -> Vec<Server> {
        let all = std::iter::once(&cluster.primary).chain(&cluster.replicas).map(Server::from);
        all.map(|server| server.key("target", &format!("\"{target}\"")).key("dbname", "\"postgres\""))
            .collect()
    };
    let (writes, reads) = (servers("primary"), servers("replica"));
    let scene =
        Scene::with(cluster, |builder| builder.database_on("writes", &writes).database_on("reads", &reads));
    let mut reader = scene.proxy.connect().database("reads").open();
    wait::until(wait::PATIENCE, "reads are answered", || reader.try_rows(WHERE).is_ok());
    scene
}

#[test]
fn a_name_says_which_servers_answer() {
    let scene = names();
    let mut writes = scene.proxy.connect().database("writes").open();
    for _ in 0..5 {
        assert_eq!(writes.rows(WHERE), scene.primary());
    }
    let mut reads = scene.proxy.connect().database("reads").open();
    for _ in 0..5 {
        assert!(
            scene
                .replicas()
                .contains(&reads.rows("SELECT unheard_of FROM (SELECT port FROM here) x(unheard_of)"))
        );
        assert!(scene.replicas().contains(&reads.rows("BEGIN; SELECT port FROM here; COMMIT")));
    }
    let error = server_error(reads.try_rows("INSERT INTO t VALUES (1)"));
    assert_eq!(error.code(), "25006", "{error:?}");
    assert!(format!("{error:?}").contains("pgweir.target"), "{error:?}");
    assert_eq!(reads.rows("SELECT count(*) FROM t"), "0");
}

#[test]
fn a_name_for_replicas_is_refused_while_there_is_none() {
    let mut scene = names();
    let mut reads = scene.proxy.connect().database("reads").open();
    reads.rows(WHERE);
    for replica in &mut scene.cluster.replicas {
        replica.kill9();
    }
    let refused = || -> Option<String> {
        let mut client = scene.proxy.connect().database("postgres").open();
        client.rows("SET pgweir.target = 'replica'");
        let error = client.try_rows(WHERE).err()?.to_string();
        error.contains("no replica is available").then_some(error)
    };
    let error = wait::until_some(wait::PATIENCE, "it is refused", refused);
    assert!(error.contains("57P03"), "{error}");
}

#[test]
fn a_session_may_ask_for_other_servers() {
    let scene = names();
    let mut client = scene.client();
    let at_primary = |client: &mut Client| (0..6).all(|_| client.rows(WHERE) == scene.primary());
    assert!(!at_primary(&mut client));
    for (set, reset) in [
        ("SET pgweir.target = 'primary'", "RESET pgweir.target"),
        ("set session PGWEIR.target to PRIMARY;", "SET pgweir.target TO DEFAULT"),
        ("SET pgweir.target = 'primary'", "DISCARD ALL"),
    ] {
        assert_eq!(tags(&client.query(set)), "CZ");
        assert_eq!(client.rows("SHOW pgweir.target"), "primary");
        assert!(at_primary(&mut client), "{set}");
        client.rows(reset);
        assert_eq!(client.rows("SHOW pgweir.target"), "split");
        client.rows("SET pgweir.consistency = 'eventual'");
        assert!(!at_primary(&mut client), "{reset}");
    }
    let error = server_error(client.try_rows("SET pgweir.target = 'master'"));
    assert_eq!(error.code(), "22023");
    assert_eq!(client.rows("SHOW pgweir.consistency"), "eventual");
    let all = "SELECT count(*) FROM pg_settings WHERE name LIKE 'pgweir.%'";
    assert_eq!(client.rows(all), "0", "no server has heard of it");
}

#[test]
fn so_it_may_in_the_extended_protocol_and_with_its_start_up_message() {
    let scene = names();
    let mut client = scene.client();
    let run = |sql: &str| {
        [m::parse("", sql, &[]), m::bind("", "", &[]), m::describe_portal(""), m::execute("", 0), m::sync()]
            .concat()
    };
    client.send(&run("SET pgweir.target = 'primary'"));
    assert_eq!(tags(&client.read_until_ready()), "12nCZ");
    client.send(&run("SHOW pgweir.target"));
    let answer = client.read_until_ready();
    assert_eq!((tags(&answer).as_str(), answer[3].texts()), ("12TDCZ", vec!["primary".to_owned()]));
    client.send(&run("SET pgweir.target = 'master'"));
    assert_eq!(tags(&client.read_until_ready()), "EZ");
    assert_eq!(client.rows(WHERE), scene.primary());
    let mut other = scene.proxy.connect().param("options", "-c pgweir.target=primary -c work_mem=2MB").open();
    for _ in 0..6 {
        assert_eq!(other.rows(WHERE), scene.primary());
    }
    assert_eq!(other.rows("SHOW work_mem"), "2MB");
    other.rows("RESET ALL");
    assert_eq!(other.rows("SHOW pgweir.target"), "primary", "as it began");
}

/// It takes effect behind the transaction; one that is refused ends it, as any error does.
#[test]
fn a_session_may_ask_for_them_inside_a_transaction_too() {
    let scene = Scene::start();
    let mut client = scene.client();
    let status = |answer: &[Message]| (tags(answer), answer.last().map(|ready| ready.body.clone()));
    let is = |tags: &str, status: &[u8]| (tags.to_owned(), Some(status.to_vec()));
    let run =
        |sql: &str| [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()].concat();
    client.rows("BEGIN; INSERT INTO t VALUES (1)");
    assert_eq!(status(&client.query("SET pgweir.target = 'replica'")), is("CZ", b"T"));
    assert_eq!(client.rows("SHOW pgweir.target"), "replica");
    assert_eq!(client.rows(WHERE), scene.primary());
    client.rows("COMMIT");
    assert_ne!(
        client.rows("SELECT port, unheard_of FROM (SELECT port, 1 FROM here) x(port, unheard_of)"),
        ""
    );
    assert_eq!(server_error(client.try_rows("INSERT INTO t VALUES (1)")).code(), "25006");
    client.rows("RESET pgweir.target");
    // in a pipeline with what is before and behind, in the other protocol
    let all = [
        run("BEGIN"),
        run("INSERT INTO t VALUES (2)"),
        run("SET pgweir.target = 'primary'"),
        run("SHOW pgweir.target"),
        run("SELECT 5"),
        run("COMMIT"),
    ];
    client.send(&all.concat());
    for expected in [
        is("12CZ", b"T"),
        is("12CZ", b"T"),
        is("12CZ", b"T"),
        is("12DCZ", b"T"),
        is("12DCZ", b"T"),
        is("12CZ", b"I"),
    ] {
        assert_eq!(status(&client.read_until_ready()), expected);
    }
    assert_eq!(client.rows(WHERE), scene.primary());
    client.rows("RESET pgweir.target");
    for (sql, code) in [
        ("SET pgweir.target = 'master'", "22023"),
        ("SELECT 1; SET pgweir.target = 'primary'", "0A000"),
        ("SELECT set_config('pgweir.target', 'primary', false)", "0A000"),
    ] {
        client.rows("BEGIN; INSERT INTO t VALUES (3)");
        client.send(&[m::query(sql), m::query("SELECT 1"), m::query("SHOW pgweir.target")].concat());
        for code in [code, "25P02", "25P02"] {
            let answer = client.read_until_ready();
            assert_eq!(status(&answer), is("EZ", b"E"), "{sql}");
            assert_eq!(answer[0].error().unwrap().code(), code, "{sql}");
        }
        client.rows("ROLLBACK");
        assert_eq!(server_error(client.try_rows(sql)).code(), code);
        assert_eq!(client.rows("SHOW pgweir.target"), "split");
    }
    assert_eq!(client.rows("SELECT string_agg(a::text, ',' ORDER BY a) FROM (SELECT a FROM t) x"), "1,2");
}

/// As drivers do that prepare what is sent often.
#[test]
fn a_prepared_set_is_one_too() {
    let scene = Scene::start();
    let mut client = scene.client();
    let prepared =
        [m::parse("p", "SET pgweir.target = 'primary'", &[]), m::describe_statement("p"), m::sync()];
    client.send(&prepared.concat());
    assert_eq!(tags(&client.read_until_ready()), "1tnZ");
    let run = [m::bind("", "p", &[]), m::execute("", 0), m::sync()].concat();
    for begin in ["SELECT 1", "BEGIN", "BEGIN; INSERT INTO t VALUES (1)"] {
        client.rows(begin);
        client.send(&run);
        assert_eq!(tags(&client.read_until_ready()), "2CZ");
        assert_eq!(client.rows("SHOW pgweir.target"), "primary");
        client.rows("RESET pgweir.target");
        client.rows("SELECT 2; COMMIT");
    }
    let all = [m::parse("q", "SHOW pgweir.target", &[]), m::bind("", "q", &[]), m::execute("", 0), m::sync()];
    client.send(&all.concat());
    assert_eq!(tags(&client.read_until_ready()), "12DCZ");
    client.send(&[m::bind("", "q", &[]), m::execute("", 0), m::sync()].concat());
    assert_eq!(tags(&client.read_until_ready()), "2DCZ");
}

#[test]
fn a_token_takes_what_one_session_has_written_to_another() {
    let scene = Scene::with(Cluster::start(1), |builder| builder.set("route.max_lag", "\"1h\""));
    let (mut writer, mut reader) = (scene.client(), scene.client());
    scene.cluster.replicas[0].psql("SELECT pg_wal_replay_pause()");
    writer.rows("INSERT INTO t VALUES (1)");
    let token = writer.rows("SHOW pgweir.token");
    assert_eq!(reader.rows("SELECT count(*) FROM t"), "0", "it knows nothing of the write");
    reader.rows(&format!("SET pgweir.token = '{token}'"));
    assert_eq!(reader.rows("SELECT count(*) FROM t"), "1");
    scene.cluster.replicas[0].psql("SELECT pg_wal_replay_resume()");
    wait::until(wait::PATIENCE, "it is back on the replica", || reader.rows(WHERE) != scene.primary());
    assert_eq!(server_error(reader.try_rows("SET pgweir.token = 'x'")).code(), "22023");
}

#[test]
fn rules_say_where_requests_go() {
    let rules = "[[route.rule]]\nstatement = \"(?i)fresh\"\ntarget = \"primary\"\n\
                 [[route.rule]]\ntable = \"public.marked\"\ntarget = \"primary\"\n\
                 [[route.rule]]\napplication_name = \"reports\"\ntarget = \"replica\"\n";
    let scene = Scene::with(Cluster::start(1), |builder| {
        builder.toml(rules).set("route.consistency", "\"eventual\"")
    });
    scene.write("CREATE TABLE marked (a int); INSERT INTO marked VALUES (1)");
    let mut client = scene.client();
    for sql in ["SELECT port AS fresh FROM here", "SELECT /* FRESH */ port FROM here"] {
        assert_eq!(client.rows(sql), scene.primary());
    }
    client.send(&[m::parse("s", "SELECT port AS fresh FROM here", &[]), m::sync()].concat());
    client.read_until_ready();
    client.send(&[m::bind("", "s", &[]), m::execute("", 0), m::sync()].concat());
    assert_eq!(client.read_until_ready()[1].texts(), [scene.primary()]);
    assert_eq!(client.rows("SELECT port FROM here, marked"), scene.primary());
    assert_ne!(client.rows(WHERE), scene.primary());
    client.rows("SET application_name = 'reports'");
    let error = server_error(client.try_rows("INSERT INTO t VALUES (1)"));
    assert_eq!(error.code(), "25006");
    assert_eq!(client.rows("/* pgweir: primary */ SELECT port FROM here"), scene.primary());
    client.rows("SET pgweir.target = 'split'");
    assert_eq!(client.rows("INSERT INTO t VALUES (1) RETURNING a"), "1");
}
