//! SHUTDOWN: at once, telling the clients, when transactions have ended, when clients have left.

use testkit::wait::{self, PATIENCE};
use testkit::{Postgres, Proxy, messages};

use super::{admin, before, last_words};

/// Sends it; the connection may end before an answer comes.
fn shut_down(proxy: &Proxy, how: &str) {
    let mut console = admin(proxy);
    console.send(&messages::query(&format!("SHUTDOWN {how}")));
    if how != "IMMEDIATE" {
        assert_eq!(console.expect(b'C').text(), "SHUTDOWN");
    }
}

fn accepts(proxy: &Proxy) -> bool {
    proxy.connect().try_open().is_ok()
}

#[test]
fn fast_tells_everybody_and_ends() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).start();
    let mut client = proxy.connect().open();
    client.rows("BEGIN");
    shut_down(&proxy, "");
    assert_eq!(last_words(&mut client).last().map(|error| error.code()), Some("57P01"));
    assert!(proxy.wait_exit(PATIENCE).success());
}

#[test]
fn immediate_ends_without_a_word() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).start();
    let mut client = proxy.connect().open();
    shut_down(&proxy, "IMMEDIATE");
    assert!(!proxy.wait_exit(PATIENCE).success());
    assert!(last_words(&mut client).is_empty());
}

#[test]
fn wait_for_servers_lets_transactions_end() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).start();
    let mut busy = proxy.connect().open();
    busy.rows("BEGIN");
    let mut idle = proxy.connect().open();
    shut_down(&proxy, "WAIT_FOR_SERVERS");
    assert_eq!(last_words(&mut idle).last().map(|error| error.code()), Some("57P01"));
    wait::until(PATIENCE, "nobody is let in", || !accepts(&proxy));
    assert_eq!(busy.rows("SELECT 1"), "1");
    assert!(proxy.exited().is_none());
    busy.rows("COMMIT");
    assert!(proxy.wait_exit(PATIENCE).success());
}

#[test]
fn wait_for_clients_sends_nobody_away() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).set("listen.drain_timeout", "\"0s\"").start();
    let mut client = proxy.connect().open();
    shut_down(&proxy, "WAIT_FOR_CLIENTS");
    wait::until(PATIENCE, "nobody is let in", || !accepts(&proxy));
    for _ in 0..3 {
        assert_eq!(client.rows("SELECT 1"), "1", "whoever is in goes on, longer than the drain timeout");
    }
    assert!(proxy.exited().is_none());
    client.terminate();
    assert!(proxy.wait_exit(PATIENCE).success());
}
