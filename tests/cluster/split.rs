//! Where there are replicas, what only reads goes to them, and nothing else does; a client notices nothing of it.

mod begin;
mod own_writes;
mod refused;
pub(crate) mod scene;
mod targets;

use std::thread;

use testkit::client::tags;
use testkit::{Client, messages as m};

use scene::{Scene, WHERE};

#[test]
fn what_only_reads_goes_to_replicas_and_the_rest_to_the_primary() {
    let scene = Scene::start();
    let mut client = scene.client();
    let ports: Vec<String> = (0..20).map(|_| client.rows(WHERE)).collect();
    for replica in scene.replicas() {
        assert!(ports.contains(&replica), "{replica} is one of {ports:?}");
    }
    assert!(!ports.contains(&scene.primary()));
    for sql in [
        "SELECT port FROM here FOR UPDATE",
        "SELECT port, nextval('s') FROM here",
        "SELECT port, txid_current() FROM here",
        "SELECT port, unheard_of() FROM here",
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT port FROM here, x",
        "SELECT port, pg_advisory_xact_lock(1) FROM here",
        "/* pgweir: primary */ SELECT port FROM here",
        "SELECT port, now() > xmin::text::int::text::timestamptz FROM here, t LIMIT 0",
    ] {
        let before = scene.counted("replica", "reads");
        // some are refused by the primary too, for reasons of their own
        let _refused = client.try_rows(sql);
        assert_eq!(scene.counted("replica", "reads"), before, "{sql}");
    }
    assert_eq!(client.rows("BEGIN; SELECT port FROM here; COMMIT"), scene.primary());
}

#[test]
fn a_transaction_stays_on_the_primary_whole() {
    let scene = Scene::start();
    let mut client = scene.client();
    client.rows("BEGIN");
    assert_eq!(client.rows(WHERE), scene.primary());
    client.rows("INSERT INTO t VALUES (7)");
    assert_eq!(client.rows("SELECT a FROM t"), "7");
    client.rows("ROLLBACK");
    assert_ne!(client.rows(WHERE), scene.primary());
}

#[test]
fn a_transaction_that_only_reads_stays_on_its_replica_whole() {
    let scene = Scene::start();
    let mut client = scene.client();
    for end in ["COMMIT", "ROLLBACK"] {
        client.rows("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let replica = client.rows(WHERE);
        assert_ne!(replica, scene.primary());
        for _ in 0..5 {
            assert_eq!(client.rows(WHERE), replica);
            let unnamed = [m::parse("", WHERE, &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()];
            client.send(&unnamed.concat());
            let answer = client.read_until_ready();
            assert_eq!((tags(&answer).as_str(), answer[2].texts()), ("12DCZ", vec![replica.clone()]));
        }
        client.rows(end);
        assert_eq!(client.rows("INSERT INTO t VALUES (1) RETURNING a"), "1", "behind {end}");
    }
    // the end of it and what follows, all at once: the write is not for the replica
    client.rows("BEGIN READ ONLY");
    client.send(&[m::query(WHERE), m::query("COMMIT"), m::query("INSERT INTO t VALUES (2)")].concat());
    let answers: Vec<String> = (0..3).map(|_| tags(&client.read_until_ready())).collect();
    assert_eq!(answers, ["TDCZ", "CZ", "CZ"]);
}

#[test]
fn a_transaction_on_a_replica_may_ask_for_answers_without_a_sync() {
    let scene = Scene::start();
    let mut client = scene.client();
    client.rows("BEGIN READ ONLY");
    client.send(&[m::parse("s", WHERE, &[]), m::describe_statement("s"), m::flush()].concat());
    for tag in *b"1tT" {
        client.expect(tag);
    }
    client.send(&[m::bind("", "s", &[]), m::execute("", 0), m::sync()].concat());
    assert_eq!(tags(&client.read_until_ready()), "2DCZ");
    client.rows("COMMIT");
}

#[test]
fn settings_of_the_session_hold_wherever_it_reads() {
    let scene = Scene::start();
    scene.write("CREATE SCHEMA other; CREATE TABLE other.t (a int); INSERT INTO other.t VALUES (42)");
    let mut client = scene.client();
    client.rows("SET search_path = other");
    client.rows("SET work_mem = '1234kB'");
    for _ in 0..10 {
        assert_eq!(client.rows("SELECT a FROM t"), "42");
        assert_eq!(client.rows("SELECT setting FROM public.work_mem"), "1234kB");
    }
    client.rows("RESET search_path");
    assert_eq!(client.rows("SELECT count(*) FROM t"), "0");
    assert!(scene.counted("replica", "reads") >= 21);
}

#[test]
fn prepared_statements_are_known_on_every_server() {
    let scene = Scene::start();
    let mut client = scene.client();
    client.send(
        &[
            m::parse("r", "SELECT port + $1::int4 - $1::int4 FROM here", &[]),
            m::describe_statement("r"),
            m::sync(),
            m::parse("w", "INSERT INTO t VALUES ($1::int4) RETURNING a", &[]),
            m::sync(),
        ]
        .concat(),
    );
    client.read_until_ready();
    client.read_until_ready();
    let mut seen = Vec::new();
    for i in 0..20 {
        let value = i.to_string();
        client.send(&[m::bind("", "r", &[Some(value.as_bytes())]), m::execute("", 0), m::sync()].concat());
        let answer = client.read_until_ready();
        assert_eq!(tags(&answer), "2DCZ", "{answer:?}");
        seen.extend(answer[1].texts());
        if i % 5 == 0 {
            client
                .send(&[m::bind("", "w", &[Some(value.as_bytes())]), m::execute("", 0), m::sync()].concat());
            let answer = client.read_until_ready();
            assert_eq!((tags(&answer).as_str(), answer[1].texts()), ("2DCZ", vec![value]));
        }
    }
    for replica in scene.replicas() {
        assert!(seen.contains(&replica), "{replica} is one of {seen:?}");
    }
    assert!(!seen.contains(&scene.primary()));
}

/// JDBC sends BEGIN in one batch with the first statement.
#[test]
fn begin_and_a_statement_in_one_batch_go_together() {
    let scene = Scene::start();
    let mut client = scene.client();
    let run = |sql: &str| [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0)].concat();
    client.send(&[run("BEGIN"), run(WHERE), m::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!((tags(&answer).as_str(), answer[5].texts()), ("12C12DCZ", vec![scene.primary()]));
    client.rows("COMMIT");
    client.send(&[run("BEGIN READ ONLY"), run(WHERE), m::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "12C12DCZ");
    assert_ne!(answer[5].texts(), [scene.primary()]);
    client.rows("COMMIT");
}

/// Of a batch that begins with nothing, the rest was held back for ever.
#[test]
fn an_empty_statement_in_a_batch_is_answered() {
    let scene = Scene::start();
    let mut client = scene.client();
    let empty = [m::parse("", " ", &[]), m::bind("", "", &[]), m::execute("", 0)].concat();
    client.send(&[empty.clone(), m::sync(), empty, m::parse("", WHERE, &[]), m::sync()].concat());
    assert_eq!(tags(&client.read_until_ready()), "12IZ");
    assert_eq!(tags(&client.read_until_ready()), "12I1Z");
    assert_eq!(tags(&client.query(" ; ")), "IZ");
}

/// asyncpg prepares with a Flush and runs with a Sync.
#[test]
fn a_request_that_asks_for_an_answer_before_it_ends_runs_on_the_primary() {
    let scene = Scene::start();
    let mut client = scene.client();
    client.send(&[m::parse("s", WHERE, &[]), m::describe_statement("s"), m::flush()].concat());
    for tag in *b"1tT" {
        client.expect(tag);
    }
    let run = [m::bind("", "s", &[]), m::execute("", 0), m::sync()].concat();
    client.send(&run);
    let answer = client.read_until_ready();
    assert_eq!((tags(&answer).as_str(), answer[1].texts()), ("2DCZ", vec![scene.primary()]));
    client.send(&run);
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "2DCZ");
    assert_ne!(answer[1].texts(), [scene.primary()]);
}

#[test]
fn a_request_that_comes_in_pieces_is_one_request() {
    let scene = Scene::start();
    let mut client = scene.client();
    let before = scene.counted("primary", "unfinished");
    let run = [m::parse("", WHERE, &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()].concat();
    let cuts: Vec<usize> = (1..run.len()).collect();
    client.send_split(&run, &cuts);
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "12DCZ");
    assert_ne!(answer[2].texts(), [scene.primary()]);
    let long = format!("SELECT port FROM here WHERE 1 IN ({} 1)", "2,".repeat(20_000));
    assert_ne!(client.rows(&long), scene.primary());
    assert_eq!(scene.counted("primary", "unfinished"), before);
}

#[test]
fn pipelines_of_reads_and_writes_are_answered_in_order() {
    let scene = Scene::start();
    let workers: Vec<_> = (0..4).map(|n| (n, scene.client())).collect();
    thread::scope(|scope| {
        for (n, mut client) in workers {
            scope.spawn(move || in_order(&mut client, n));
        }
    });
    assert!(scene.counted("replica", "reads") > 0);
    assert_eq!(scene.retried("refused"), 0, "no write was sent to a replica");
}

fn in_order(client: &mut Client, n: usize) {
    for round in 0..20 {
        let (mut sent, mut expected) = (Vec::new(), Vec::new());
        for i in 0..12 {
            let value = (n * 10_000 + round * 100 + i).to_string();
            let sql = match (i + round) % 4 {
                0 => format!("INSERT INTO t VALUES ({value}) RETURNING a"),
                _ => format!("SELECT {value} FROM here"),
            };
            if (i + n).is_multiple_of(3) {
                sent.extend(m::query(&sql));
            } else {
                sent.extend([m::parse("", &sql, &[]), m::bind("", "", &[])].concat());
                sent.extend([m::execute("", 0), m::sync()].concat());
            }
            expected.push(value);
        }
        client.send(&sent);
        let got = (0..12).map(|_| {
            let answer = client.read_until_ready();
            let row = answer.iter().find(|message| message.tag == b'D');
            row.map(|row| row.texts().concat()).unwrap_or_else(|| panic!("no row: {answer:?}"))
        });
        assert_eq!(got.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_replica_that_is_gone_costs_nothing_but_the_way_to_the_primary() {
    let mut scene = Scene::start();
    let mut client = scene.client();
    assert_ne!(client.rows(WHERE), scene.primary());
    for replica in &mut scene.cluster.replicas {
        replica.kill9();
    }
    for _ in 0..20 {
        assert_eq!(client.rows(WHERE), scene.primary());
    }
}
