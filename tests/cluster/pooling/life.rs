//! The life of server connections: opened when needed, kept warm, closed in time, replaced when they are gone.

use std::time::Duration;

use testkit::postgres::Stop;
use testkit::{Postgres, Tap, proxy::Server, wait};

use super::{servers, until_servers};
use crate::scene::{PGWEIR, before, server_error};

#[test]
fn servers_that_were_terminated_while_idle_are_noticed_by_nobody() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(3).start();
    let mut clients: Vec<_> = (0..3).map(|_| proxy.connect().open()).collect();
    for round in 0..5 {
        clients.iter_mut().for_each(|client| drop(client.query("begin")));
        clients.iter_mut().for_each(|client| drop(client.query("commit")));
        assert_eq!(servers(&postgres), 3, "round {round}");
        postgres.psql("select pg_terminate_backend(pid) from pg_stat_activity where client_addr is not null");
        until_servers(&postgres, 0);
        for i in 0..100 {
            let client = &mut clients[i % 3];
            assert_eq!(client.rows(&format!("select {i}")), i.to_string(), "round {round}");
        }
    }
}

#[test]
fn as_many_servers_as_asked_for_are_kept_warm() {
    let postgres = Postgres::start();
    let keep = "{ size = 5, min_size = 3, idle_timeout = \"300ms\" }";
    let database = Server::from(&postgres).key("pool", keep);
    let proxy = testkit::Proxy::builder(PGWEIR).database("postgres", database).start();
    let mut clients: Vec<_> = (0..5).map(|_| proxy.connect().open()).collect();
    clients.iter_mut().for_each(|client| drop(client.query("begin")));
    assert_eq!(servers(&postgres), 5);
    clients.iter_mut().for_each(|client| drop(client.query("commit")));
    // those beyond it are closed
    until_servers(&postgres, 3);
    // and those that are lost replaced, though nobody asks for one
    let since = postgres.psql("select now()");
    postgres.psql("select pg_terminate_backend(pid) from pg_stat_activity where client_addr is not null");
    wait::until(wait::PATIENCE, "three others are there", || {
        let new = format!("client_addr is not null and backend_start > '{since}'");
        postgres.psql(&format!("select count(*) from pg_stat_activity where {new}")) == "3"
    });
    assert_eq!(clients[0].rows("select 1"), "1");
}

#[test]
fn a_server_that_is_not_used_is_closed() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).set("pool.idle_timeout", "\"300ms\"").start();
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("select 1"), "1");
    until_servers(&postgres, 0);
    assert_eq!(client.rows("select 2"), "2");
}

#[test]
fn a_server_that_is_old_is_replaced() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).set("pool.max_lifetime", "\"1s\"").start();
    let mut client = proxy.connect().open();
    let pid = client.rows("select pg_backend_pid()");
    wait::until(wait::PATIENCE, "the server is another one", || {
        client.rows("select pg_backend_pid()") != pid
    });
    // never in the middle of a transaction
    client.query("begin");
    let pid = client.rows("select pg_backend_pid()");
    client.rows("select pg_sleep(1.2)");
    assert_eq!(client.rows("select pg_backend_pid()"), pid);
    client.query("commit");
    assert_ne!(client.rows("select pg_backend_pid()"), pid);
}

#[test]
fn pgweir_starts_before_its_server_and_serves_when_that_is_up() {
    let mut postgres = Postgres::start();
    postgres.stop(Stop::Fast);
    let proxy = before(&postgres).set("pool.acquire_timeout", "\"300ms\"").start();
    let error = server_error(proxy.connect().try_open().and_then(|mut client| client.try_rows("select 1")));
    assert_eq!(error.code(), "57P03", "{error}");
    postgres.restart();
    let answer = || proxy.connect().try_open().and_then(|mut client| client.try_rows("select 1"));
    wait::until(wait::PATIENCE, "it serves", || answer().is_ok_and(|rows| rows == "1"));
}

#[test]
fn a_server_that_cannot_be_reached_is_tried_less_and_less_often() {
    let postgres = Postgres::start();
    let tap = Tap::start("127.0.0.1", postgres.port());
    tap.refuse();
    let proxy = testkit::Proxy::builder(PGWEIR)
        .database("postgres", Server::at("127.0.0.1", tap.port()))
        .set("pool.acquire_timeout", "\"60s\"")
        .start();
    let mut client = proxy.connect().deadline(Duration::from_secs(60)).unlogged();
    client.send(&proxy.connect().startup_message());
    let pauses = wait::until_some(wait::PATIENCE, "three attempts have failed", || {
        let pauses = pauses(&proxy.log());
        (pauses.len() >= 3).then_some(pauses)
    });
    for (pause, step) in pauses.iter().zip([1000, 2000, 4000]) {
        assert!((step..=step * 3 / 2).contains(pause), "{pauses:?}");
    }
    tap.heal();
    client.finish_login().unwrap();
    assert_eq!(client.rows("select 1"), "1");
}

/// The pauses announced in the log, in milliseconds.
fn pauses(log: &str) -> Vec<u64> {
    let numbers = log.split("retry_in_ms=").skip(1);
    numbers.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}
