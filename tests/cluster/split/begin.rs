//! A BEGIN is answered without a server; where the transaction runs is said by what comes behind it.

use std::thread;

use testkit::client::tags;
use testkit::cluster::Cluster;
use testkit::proxy::Server;
use testkit::tap::{Direction, Tap};
use testkit::{Client, Message, messages as m, wait};

use super::scene::{Scene, WHERE};
use crate::scene::{last_words, server_error};

/// Backends in a transaction on the primary.
const IN_TRANSACTION: &str = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";

fn scene() -> Scene {
    Scene::with(Cluster::start(1), |builder| builder.set("route.consistency", "\"eventual\""))
}

fn run(sql: &str) -> Vec<u8> {
    [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()].concat()
}

/// The tags of an answer, and the status at its end.
fn ended(answer: &[Message]) -> (String, char) {
    let status = answer.last().and_then(|ready| ready.body.first()).copied().unwrap_or_default();
    (tags(answer), char::from(status))
}

fn command(answer: &[Message]) -> String {
    answer.iter().find(|message| message.tag == b'C').map(Message::text).unwrap_or_default()
}

/// Each is answered as PostgreSQL answers it, byte for byte, and no server is asked.
#[test]
fn transactions_without_a_statement_need_no_server() {
    let scene = scene();
    let (mut client, mut direct) = (scene.client(), scene.cluster.primary.connect().open());
    let before = scene.routed();
    let extended = [
        m::parse("b", "BEGIN", &[]),
        m::describe_statement("b"),
        m::bind("", "b", &[]),
        m::describe_portal(""),
        m::execute("", 0),
        m::sync(),
    ];
    for request in [
        m::query("BEGIN; "),
        m::query("COMMIT"),
        m::query("start transaction isolation level repeatable read -- so"),
        m::sync(),
        m::query("SET TRANSACTION READ ONLY, DEFERRABLE"),
        m::query("set transaction isolation level serializable"),
        m::query("/* done */ ROLLBACK WORK;"),
        m::query("BEGIN; SET TRANSACTION READ WRITE; COMMIT; BEGIN"),
        m::query("END"),
        extended.concat(),
        run("ABORT"),
        [m::bind("", "b", &[]), m::execute("", 0), m::sync()].concat(),
        run("COMMIT"),
    ] {
        client.send(&request);
        direct.send(&request);
        assert_eq!(client.read_until_ready(), direct.read_until_ready(), "{request:?}");
    }
    assert_eq!(scene.routed(), before, "no server was asked");
    assert_eq!(scene.virtual_begins(), 6);
}

#[test]
fn the_first_statement_says_where_a_transaction_runs() {
    let scene = scene();
    let mut client = scene.client();
    for (begin, primary) in [
        (&["BEGIN"][..], true),
        (&["BEGIN", "SET TRANSACTION READ ONLY"], false),
        (&["BEGIN; SET TRANSACTION READ ONLY"], false),
        (&["BEGIN", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SET TRANSACTION READ ONLY"], false),
        (&["BEGIN READ ONLY", "SET TRANSACTION READ WRITE"], true),
        (&["BEGIN", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY"], true),
        (&["/* pgweir: replica */ BEGIN"], false),
        (&["/* pgweir: primary */ BEGIN READ ONLY"], true),
        (&["BEGIN READ ONLY", "/* pgweir: primary */ SET TRANSACTION READ ONLY"], true),
    ] {
        for end in ["COMMIT", "ROLLBACK"] {
            for sql in begin {
                assert_eq!(ended(&client.query(sql)).1, 'T', "{sql}");
            }
            let first = client.rows(WHERE);
            assert_eq!(first == scene.primary(), primary, "{begin:?}");
            client.send(&run(WHERE));
            assert_eq!(client.read_until_ready()[2].texts(), [first], "{begin:?}: all of it there");
            assert_eq!(ended(&client.query(end)), ("CZ".to_owned(), 'I'));
        }
    }
    client.rows("BEGIN READ ONLY");
    assert_eq!(client.rows("/* pgweir: primary */ SELECT port FROM here"), scene.primary());
    client.rows("COMMIT");
    client.rows("BEGIN; INSERT INTO t VALUES (1)");
    client.rows("ROLLBACK");
}

#[test]
fn what_was_asked_for_holds_on_the_server() {
    let scene = scene();
    let mut client = scene.client();
    client.rows("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE");
    let all = "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'), \
               current_setting('transaction_deferrable')";
    let answer = client.query(all);
    assert_eq!(answer[1].texts(), ["serializable", "on", "on"]);
    let error = server_error(client.try_rows("INSERT INTO t VALUES (1)"));
    assert_eq!(error.code(), "25006");
    assert_eq!(command(&client.query("COMMIT")), "ROLLBACK");
    client.rows("BEGIN");
    client.rows("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    client.send(&run(all));
    assert_eq!(client.read_until_ready()[2].texts(), ["repeatable read", "off", "off"]);
    client.rows("COMMIT");
}

/// Every kind of first statement, compared with a direct connection.
#[test]
fn any_first_statement_is_answered_as_directly() {
    let scene = scene();
    let (mut client, mut direct) = (scene.client(), scene.cluster.primary.connect().open());
    let copy = [m::query("COPY t FROM STDIN"), m::copy_data(b"1\n"), m::copy_done()].concat();
    for first in [
        m::query("BEGIN"),
        m::query("SAVEPOINT a"),
        m::query("ROLLBACK TO a"),
        m::query("SELECT 1/0"),
        m::query("selec"),
        m::query(""),
        m::query("SET LOCAL work_mem = '1MB'"),
        m::query("SHOW work_mem"),
        m::query("SELECT 1; SELECT 2"),
        m::query("COMMIT; SELECT 3"),
        m::query("COMMIT AND CHAIN"),
        m::query("ROLLBACK AND CHAIN"),
        m::query("PREPARE TRANSACTION 'x'"),
        m::query("COMMIT PREPARED 'x'"),
        m::query("VACUUM t"),
        m::query("LISTEN a"),
        m::query("NOTIFY b"),
        m::query("DISCARD ALL"),
        m::query("SET TRANSACTION SNAPSHOT 'x'"),
        m::query("DECLARE c CURSOR FOR SELECT 1"),
        copy,
        run("INSERT INTO t VALUES (2) RETURNING a"),
        run("SELECT 1/0"),
        run("BEGIN"),
        [run("SELECT 4"), run("SELECT 5")].concat(),
        [m::parse("s", "SELECT 1", &[]), m::describe_statement("s"), m::sync()].concat(),
        [m::parse("r", "SELECT 1", &[]), m::flush(), m::bind("", "r", &[]), m::execute("", 0), m::sync()]
            .concat(),
        m::function_call(177, &[&2i32.to_be_bytes(), &40i32.to_be_bytes()]),
    ] {
        for (begin, end) in [(m::query("BEGIN"), m::query("COMMIT")), (run("BEGIN"), run("ROLLBACK"))] {
            // together, and one after the other
            for together in [true, false] {
                let requests = [begin.clone(), first.clone(), m::query("SELECT 'next'"), end.clone()];
                let requests = [&requests[..], &[m::query("ROLLBACK"), m::query("DEALLOCATE ALL")]].concat();
                let answers = [&mut client, &mut direct].map(|client| play(client, &requests, together));
                assert_eq!(
                    answers[0],
                    answers[1],
                    "{:?}, together: {together}",
                    String::from_utf8_lossy(&first)
                );
            }
        }
    }
}

/// What is answered to these, sent at once or one after the other.
fn play(client: &mut Client, requests: &[Vec<u8>], together: bool) -> Vec<Message> {
    let parts = if together { vec![requests.concat()] } else { requests.to_vec() };
    let mut all = Vec::new();
    for part in parts {
        client.send(&part);
        for _ in 0..readies(&part) {
            all.extend(client.read_until_ready());
        }
    }
    all
}

/// How many ReadyForQuery these messages bring.
fn readies(mut messages: &[u8]) -> usize {
    let mut readies = 0;
    while let [tag, a, b, c, d, ..] = messages {
        readies += usize::from(matches!(tag, b'Q' | b'F' | b'S'));
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap();
        messages = &messages[1 + length..];
    }
    readies
}

/// BEGIN; SELECT; COMMIT costs one round trip to the server less: BEGIN and the statement are there before the server
/// has answered either.
#[test]
fn begin_goes_to_the_server_with_the_first_statement() {
    let cluster = Cluster::start(1);
    let tap = Tap::start(cluster.primary.host(), cluster.primary.port());
    let servers = [Server::at("127.0.0.1", tap.port()), Server::from(&cluster.replicas[0])];
    let scene = Scene::at(cluster, &servers, |builder| builder.pool_size(1));
    let mut client = scene.client();
    client.rows("INSERT INTO t VALUES (1)");
    let is_there = |sql: &[u8]| {
        let mut all = (0..tap.connections()).map(|n| tap.recorded(n, Direction::ToServer));
        all.any(|bytes| bytes.windows(sql.len()).any(|text| text == sql))
    };
    assert_eq!(command(&client.query("BEGIN")), "BEGIN");
    tap.stall(Direction::ToClient);
    client.send(&m::query("INSERT INTO t VALUES (22)"));
    let together = [m::query("BEGIN"), m::query("INSERT INTO t VALUES (22)")].concat();
    wait::until(wait::PATIENCE, "both are there", || is_there(&together));
    tap.resume(Direction::ToClient);
    assert_eq!(ended(&client.read_until_ready()), ("CZ".to_owned(), 'T'));
    assert_eq!(ended(&client.query("COMMIT")), ("CZ".to_owned(), 'I'));
    assert_eq!(client.rows("SELECT count(*) FROM t"), "2");
}

#[test]
fn nobody_holds_a_server_by_a_begin() {
    let scene = Scene::with(Cluster::start(1), |builder| builder.pool_size(1));
    let mut holders: Vec<Client> = (0..5).map(|_| scene.client()).collect();
    for holder in &mut holders {
        holder.rows("BEGIN");
        holder.cancel();
    }
    assert_eq!(scene.client().rows("INSERT INTO t VALUES (1) RETURNING a"), "1");
    assert_eq!(scene.cluster.primary.psql(IN_TRANSACTION), "0");
    thread::scope(|scope| {
        for holder in &mut holders {
            scope.spawn(|| {
                holder.rows("INSERT INTO t VALUES (1)");
                assert_eq!(ended(&holder.query("COMMIT")).1, 'I');
            });
        }
    });
    assert_eq!(scene.client().rows("/* pgweir: primary */ SELECT count(*) FROM t"), "6");
}

#[test]
fn one_that_gets_no_server_has_failed() {
    let scene = Scene::with(Cluster::start(1), |builder| {
        builder.pool_size(1).set("pool.acquire_timeout", "\"300ms\"")
    });
    let (mut holder, mut client) = (scene.client(), scene.client());
    holder.rows("BEGIN; INSERT INTO t VALUES (0)");
    for (end, tag) in [("COMMIT", "ROLLBACK"), ("ROLLBACK", "ROLLBACK")] {
        client.rows("BEGIN");
        let answer = client.query("INSERT INTO t VALUES (1)");
        assert_eq!(ended(&answer), ("EZ".to_owned(), 'E'));
        assert_eq!(answer[0].error().unwrap().code(), "53300");
        for request in
            [m::query("SELECT 1"), m::query("BEGIN"), run("SELECT 1"), m::query("SHOW pgweir.target")]
        {
            client.send(&request);
            let answer = client.read_until_ready();
            assert_eq!(ended(&answer), ("EZ".to_owned(), 'E'));
            assert_eq!(answer[0].error().unwrap().code(), "25P02");
        }
        client.send(&m::sync());
        assert_eq!(ended(&client.read_until_ready()), ("Z".to_owned(), 'E'));
        let answer = client.query(end);
        assert_eq!((ended(&answer).1, command(&answer).as_str()), ('I', tag));
    }
    client.rows("BEGIN");
    client.query("INSERT INTO t VALUES (1)");
    holder.rows("COMMIT");
    assert_eq!(client.rows("ROLLBACK; SELECT 'on'"), "on");
    assert_eq!(client.rows("SELECT 1"), "1");
}

#[test]
fn limits_on_transactions_hold_without_a_server() {
    let scene = Scene::with(Cluster::start(1), |builder| {
        builder
            .set("pool.idle_in_transaction_timeout", "\"300ms\"")
            .set("pool.transaction_timeout", "\"1s\"")
            .set("pool.idle_client_timeout", "\"100ms\"")
    });
    let mut silent = scene.client();
    silent.rows("BEGIN");
    assert_eq!(last_words(&mut silent)[0].code(), "25P03");
    let mut busy = scene.client();
    busy.rows("BEGIN");
    let error = loop {
        // each keeps it from being idle
        match busy.try_query("SET TRANSACTION READ ONLY") {
            Ok(_) => thread::yield_now(),
            Err(_) => break last_words(&mut busy),
        }
    };
    assert!(error.is_empty() || error[0].code() == "25P04", "{error:?}");
}

#[test]
fn a_drain_waits_for_the_end_of_it() {
    let mut scene = scene();
    let (mut client, mut idle) = (scene.client(), scene.client());
    client.rows("BEGIN");
    scene.proxy.term();
    assert_eq!(last_words(&mut idle)[0].code(), "57P01");
    client.rows("INSERT INTO t VALUES (1)");
    assert_eq!(command(&client.query("COMMIT")), "COMMIT");
    assert_eq!(last_words(&mut client)[0].code(), "57P01");
    assert!(scene.proxy.wait_exit(wait::PATIENCE).success());
}

#[test]
fn one_without_a_server_survives_a_failover() {
    let mut scene = scene();
    let mut client = scene.client();
    client.rows("BEGIN");
    scene.cluster.primary.kill9();
    scene.cluster.replicas[0].promote();
    let replica = scene.replicas()[0].clone();
    assert_eq!(client.rows(WHERE), replica);
    client.rows("INSERT INTO t VALUES (1)");
    assert_eq!(command(&client.query("COMMIT")), "COMMIT");
}

/// Where there is nothing to choose, a BEGIN goes to the server as ever.
#[test]
fn it_can_be_turned_off_and_is_off_where_there_is_nothing_to_choose() {
    let off = |builder: testkit::proxy::Builder| builder.set("route.virtual_begin", "false");
    let scene = Scene::with(Cluster::start(1), off);
    let mut client = scene.client();
    let there = |client: &mut Client, expected: &str| {
        client.rows("BEGIN");
        assert_eq!(scene.cluster.primary.psql(IN_TRANSACTION), expected);
        client.rows("ROLLBACK");
    };
    there(&mut client, "1");
    scene.proxy.edit_config("virtual_begin = false", "virtual_begin = true");
    scene.proxy.reload();
    wait::until(wait::PATIENCE, "it is turned on", || {
        for sql in [WHERE, "BEGIN", "ROLLBACK"] {
            client.rows(sql);
        }
        scene.virtual_begins() > 0
    });
    there(&mut client, "0");
    client.rows("SET pgweir.target = 'primary'");
    there(&mut client, "1");
    client.rows("RESET pgweir.target");
    // a server that the session keeps
    client.rows("CREATE TEMPORARY TABLE x (a int)");
    there(&mut client, "1");
}
