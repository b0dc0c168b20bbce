//! A cancel request hits the query in flight of the client that asked for it, or nothing.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use testkit::client::tls::Tls;
use testkit::{Authority, Client, Postgres, messages, wait};

use crate::scene::{Dice, before, is_whole};

/// The SQLSTATE of an answer; empty if it is no error.
fn code(answer: &[testkit::Message]) -> String {
    let error = answer.iter().find(|m| m.tag == b'E').and_then(testkit::Message::error);
    error.map(|e| e.code().to_owned()).unwrap_or_default()
}

fn runs(postgres: &Postgres, sql: &str) {
    let question =
        format!("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = '{sql}'");
    let mut door = postgres.door().open();
    wait::until(wait::PATIENCE, &format!("{sql} runs"), || door.rows(&question) == "1");
}

#[test]
fn a_query_in_flight_is_cancelled_and_the_session_goes_on() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    for minor in [0, 2] {
        let mut client = proxy.connect().minor(minor).open();
        client.send(&messages::query("SELECT pg_sleep(601)"));
        runs(&postgres, "SELECT pg_sleep(601)");
        client.cancel();
        assert_eq!(code(&client.read_until_ready()), "57014", "3.{minor}");
        assert_eq!(client.rows("SELECT 1"), "1");
    }
    is_whole(&proxy, &postgres, 1, "two cancelled queries");
}

#[test]
fn a_cancel_of_an_idle_client_does_nothing_to_anybody() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut idle = proxy.connect().open();
    assert_eq!(idle.rows("SELECT 1"), "1");
    let mut other = proxy.connect().open();
    other.send(&messages::query("SELECT pg_sleep(1), 'done'"));
    runs(&postgres, "SELECT pg_sleep(1), ''done''");
    for _ in 0..10 {
        idle.cancel();
    }
    assert_eq!(code(&other.read_until_ready()), "", "the other client's query is not hit");
    idle.rows("BEGIN");
    idle.cancel();
    assert_eq!(idle.rows("SELECT 2"), "2", "between two statements of a transaction");
    idle.rows("COMMIT");
}

#[test]
fn a_cancel_takes_a_waiting_client_out_of_the_queue() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).set("pool.acquire_timeout", "\"60s\"").start();
    let mut holder = proxy.connect().open();
    let mut waiting = proxy.connect().open();
    holder.rows("BEGIN");
    let pipeline = [messages::parse("", "SELECT 7", &[]), messages::sync()].concat();
    for request in [messages::query("SELECT 'never'"), pipeline] {
        waiting.send(&request);
        // nothing outside tells when it has joined the queue, so it is cancelled until it leaves
        wait::until(wait::PATIENCE, "the queue is left", || {
            waiting.cancel();
            !waiting.is_closed() && waiting.buffered() > 0
        });
        assert_eq!(code(&waiting.read_until_ready()), "57014");
    }
    assert_eq!(holder.rows("SELECT 'mine'"), "mine");
    holder.rows("COMMIT");
    assert_eq!(waiting.rows("SELECT 'now'"), "now");
}

#[test]
fn a_cancel_goes_over_tls_too() {
    let authority = Authority::new();
    let (ours, theirs) = (authority.server(), authority.server_named("pg", &["localhost", "127.0.0.1"]));
    let postgres = Postgres::builder().tls(&theirs.cert, &theirs.key, None).start();
    let server = testkit::proxy::Server::from(&postgres).key("server_tls", "{ mode = \"require\" }");
    let proxy = testkit::Proxy::builder(crate::scene::PGWEIR)
        .database("postgres", server)
        .tls("require", &ours.cert.display().to_string(), &ours.key.display().to_string(), None)
        .start();
    for tls in [Tls::unchecked(), Tls::unchecked().direct()] {
        let mut client = proxy.connect().tls(tls).open();
        client.send(&messages::query("SELECT pg_sleep(602)"));
        runs(&postgres, "SELECT pg_sleep(602)");
        client.cancel();
        assert_eq!(code(&client.read_until_ready()), "57014");
        // PostgreSQL's own clients before 17 cancel in clear, whatever their connection is
        client.send(&messages::query("SELECT pg_sleep(602)"));
        runs(&postgres, "SELECT pg_sleep(602)");
        let (pid, secret) = client.key().map(|(pid, secret)| (pid, secret.to_vec())).unwrap();
        let mut plain = proxy.connect().unlogged();
        plain.send(&messages::cancel_request(pid, &secret));
        assert!(plain.read_to_end().is_empty());
        assert_eq!(code(&client.read_until_ready()), "57014");
    }
}

#[test]
fn a_key_is_worth_nothing_after_its_client_has_gone() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let gone = proxy.connect().open();
    let (pid, secret) = gone.key().map(|(pid, secret)| (pid, secret.to_vec())).unwrap();
    gone.terminate();
    let mut client = proxy.connect().open();
    client.send(&messages::query("SELECT pg_sleep(1)"));
    for _ in 0..20 {
        let mut replay = proxy.connect().unlogged();
        replay.send(&messages::cancel_request(pid, &secret));
        assert!(replay.read_to_end().is_empty());
    }
    assert_eq!(code(&client.read_until_ready()), "");
}

/// Fifty clients on two servers, a third of their statements cancelled at some moment around their end.
#[test]
fn nobody_elses_statement_is_cancelled() {
    const CLIENTS: u64 = 50;
    const ROUNDS: u64 = 20;
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).set("pool.acquire_timeout", "\"60s\"").start();
    let (hits, cancels) = (AtomicU32::new(0), AtomicU32::new(0));
    let run = |number: u64, mut client: Client| {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (number + 1));
        for round in 0..ROUNDS {
            let sql = format!("SELECT {number}, {round}, pg_sleep(0.00{})", dice.below(9));
            client.send(&messages::query(&sql));
            let cancelled = dice.below(3) == 0;
            if cancelled {
                cancels.fetch_add(1, Ordering::Relaxed);
                client.cancel();
            }
            let answer = client.read_until_ready();
            match code(&answer).as_str() {
                "" => {
                    let row = answer.iter().find(|m| m.tag == b'D').map(testkit::Message::texts).unwrap();
                    assert_eq!(
                        row[..2],
                        [number.to_string(), round.to_string()],
                        "the answer to another's query"
                    );
                }
                "57014" if cancelled => {
                    hits.fetch_add(1, Ordering::Relaxed);
                }
                other => panic!("client {number}, round {round}, cancelled {cancelled}: {other}"),
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = proxy.connect().deadline(wait::PATIENCE * 2).open();
            let run = &run;
            scope.spawn(move || run(number, client));
        }
    });
    println!("{} cancels, {} statements hit", cancels.load(Ordering::Relaxed), hits.load(Ordering::Relaxed));
    assert!(hits.load(Ordering::Relaxed) > 0, "no cancel has hit anything: the test is blunt");
    is_whole(&proxy, &postgres, 2, "a storm of cancels");
}
