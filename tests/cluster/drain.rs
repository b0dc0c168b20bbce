//! Stopping: SIGTERM sees everybody off at the end of their transactions, SIGINT now, SIGQUIT without a word.

use std::time::Duration;

use testkit::{Client, Postgres, Proxy, messages, wait};

use crate::scene::{before, last_words, page};

const SOON: Duration = Duration::from_secs(20);

/// The status of one of the pages.
fn status(proxy: &Proxy, path: &str) -> Option<u16> {
    page(proxy, path).map(|(status, _)| status)
}

fn code(client: &mut Client) -> Vec<String> {
    last_words(client).iter().map(|e| e.code().to_owned()).collect()
}

#[test]
fn sigterm_lets_transactions_end_and_tells_everybody() {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE kept (x int)");
    let mut proxy = before(&postgres).pool_size(3).start();
    assert_eq!(status(&proxy, "/readyz"), Some(200));
    let mut idle = proxy.connect().open();
    let mut open = proxy.connect().open();
    open.rows("BEGIN; INSERT INTO kept VALUES (1)");
    let mut working = proxy.connect().open();
    working.send(&messages::query("SELECT pg_sleep(1); INSERT INTO kept VALUES (2)"));
    let mut pipelined = proxy.connect().open();
    pipelined.send(&[messages::parse("", "INSERT INTO kept VALUES (3)", &[]), messages::flush()].concat());
    pipelined.expect(b'1');

    proxy.term();
    assert_eq!(code(&mut idle), ["57P01"]);
    wait::until(SOON, "it is not ready", || status(&proxy, "/readyz") == Some(503));
    assert_eq!(status(&proxy, "/livez"), Some(200));
    wait::until(SOON, "nobody is let in", || proxy.connect().try_open().is_err());
    assert!(proxy.exited().is_none(), "transactions are open");
    working.read_until_ready();
    assert_eq!(code(&mut working), ["57P01"]);
    assert_eq!(open.rows("INSERT INTO kept VALUES (4); SELECT 'still mine'"), "still mine");
    open.rows("COMMIT");
    assert_eq!(code(&mut open), ["57P01"]);
    pipelined.send(&[messages::bind("", "", &[]), messages::execute("", 0), messages::sync()].concat());
    pipelined.read_until_ready();
    assert_eq!(code(&mut pipelined), ["57P01"]);
    assert_eq!(proxy.wait_exit(SOON).code(), Some(0));
    assert_eq!(postgres.psql("SELECT string_agg(x::text, ',' ORDER BY x) FROM kept"), "1,2,3,4");
}

#[test]
fn clients_that_wait_are_served_before_the_end() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).pool_size(1).set("pool.acquire_timeout", "\"30s\"").start();
    let mut holder = proxy.connect().open();
    let mut waiting = proxy.connect().open();
    holder.rows("BEGIN");
    waiting.send(&messages::query("SELECT 'served'"));
    proxy.term();
    wait::until(SOON, "it drains", || status(&proxy, "/readyz") == Some(503));
    holder.rows("COMMIT");
    let answer = waiting.read_until_ready();
    assert_eq!(
        answer.iter().find(|m| m.tag == b'D').map(testkit::Message::texts),
        Some(vec!["served".into()])
    );
    assert_eq!(code(&mut waiting), ["57P01"]);
    drop(holder);
    assert!(proxy.wait_exit(SOON).success());
}

#[test]
fn a_drain_has_a_deadline() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).set("listen.drain_timeout", "\"500ms\"").start();
    let mut stubborn = proxy.connect().open();
    stubborn.rows("BEGIN");
    proxy.term();
    assert_eq!(code(&mut stubborn), ["57P01"]);
    assert_eq!(proxy.wait_exit(SOON).code(), Some(0));
}

#[test]
fn sigint_ends_sessions_now_and_tells_them() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).start();
    let (mut idle, mut busy) = (proxy.connect().open(), proxy.connect().open());
    busy.rows("BEGIN");
    busy.send(&messages::query("SELECT pg_sleep(600)"));
    proxy.int();
    assert_eq!(code(&mut idle), ["57P01"]);
    assert_eq!(code(&mut busy), ["57P01"]);
    assert_eq!(proxy.wait_exit(SOON).code(), Some(0));
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid() AND state = 'active'";
    wait::until(SOON, "no query is left behind", || postgres.psql(busy) == "0");
}

#[test]
fn a_second_signal_shortens_the_drain() {
    let postgres = Postgres::start();
    for fast in [Proxy::term, Proxy::int] {
        let mut proxy = before(&postgres).start();
        let mut open = proxy.connect().open();
        open.rows("BEGIN");
        proxy.term();
        wait::until(SOON, "it drains", || status(&proxy, "/readyz") == Some(503));
        fast(&proxy);
        assert_eq!(code(&mut open), ["57P01"]);
        assert_eq!(proxy.wait_exit(SOON).code(), Some(0));
    }
}

#[test]
fn sigquit_ends_everything_at_once() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).start();
    let mut open = proxy.connect().open();
    open.rows("BEGIN");
    proxy.quit();
    assert!(!proxy.wait_exit(SOON).success());
    assert!(last_words(&mut open).is_empty());
}

#[test]
fn a_client_that_does_not_read_does_not_stop_the_end() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).set("listen.drain_timeout", "\"500ms\"").start();
    let mut lazy = proxy.connect().open();
    lazy.send(&messages::query("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"));
    lazy.expect(b'T');
    let mut half = proxy.connect().unlogged();
    half.send(b"\0\0\0");
    proxy.term();
    assert!(proxy.wait_exit(SOON).success());
}
