//! Waiting for a server: first come, first served, not for ever, and not in silence.

use std::thread;

use testkit::client::tags;
use testkit::{Client, Postgres, Proxy, messages as m, wait};

use crate::scene::{before, server_error};

#[test]
fn who_waits_longest_is_served_next() {
    let postgres = Postgres::start();
    postgres.psql("create table served (turn serial, who int4)");
    let proxy = before(&postgres)
        .pool_size(1)
        .set("listen.workers", "1")
        .set("admin.users", "[\"postgres\"]")
        .start();
    let mut holder = proxy.connect().open();
    holder.query("begin");
    let mut waiting: Vec<Client> = (0..10).map(|_| proxy.connect().open()).collect();
    for (i, client) in waiting.iter_mut().enumerate() {
        client.send(&m::query(&format!("insert into served (who) values ({i})")));
        until_waiting(&proxy, i + 1);
    }
    holder.query("commit");
    for client in &mut waiting {
        assert_eq!(tags(&client.read_until_ready()), "CZ");
    }
    assert_eq!(postgres.psql("select string_agg(who::text, '' order by turn) from served"), "0123456789");
}

#[test]
fn who_waits_too_long_is_told_the_figures_and_may_go_on() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).set("pool.acquire_timeout", "\"100ms\"").start();
    let (mut holder, mut waiter) = (proxy.connect().open(), proxy.connect().open());
    holder.query("begin");
    let error = server_error(waiter.try_rows("select 1"));
    assert_eq!((error.field(b'S'), error.code()), ("ERROR", "53300"), "{error}");
    assert!(error.field(b'D').contains("pool of 1: 1 active, 0 idle"), "{error}");
    assert!(error.field(b'H').contains("pool.size"), "{error}");
    // the same for a batch: one error, one ReadyForQuery, at its Sync
    waiter
        .send(&[m::parse("", "select 1", &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()].concat());
    assert_eq!(tags(&waiter.read_until_ready()), "EZ");
    holder.query("commit");
    assert_eq!(waiter.rows("select 2"), "2");
}

#[test]
fn who_waits_long_gets_a_notice() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).set("pool.notify_after", "\"100ms\"").start();
    let (mut holder, mut waiter) = (proxy.connect().open(), proxy.connect().open());
    holder.query("begin");
    waiter.send(&m::query("select 3"));
    let notice = waiter.expect(b'N').error().unwrap();
    assert!(notice.message().starts_with("waiting for a server connection"), "{notice}");
    holder.query("commit");
    assert_eq!(tags(&waiter.read_until_ready()), "TDCZ");
}

#[test]
fn the_cap_of_a_server_holds_for_all_users_together() {
    let postgres = Postgres::builder().user("one", "x").user("two", "x").start();
    let proxy = before(&postgres)
        .pool_size(3)
        .set("pool.max_server_connections", "3")
        .set("pool.acquire_timeout", "\"1s\"")
        .user("one", "x")
        .user("two", "x")
        .start();
    let open = |user: &str| proxy.connect().user(user).open();
    // a client's log-in opens a server for its pool, so the clients come first
    let mut clients = [open("one"), open("one"), open("two"), open("two")];
    let served = clients.iter_mut().filter_map(|client| client.try_rows("begin").ok()).count();
    assert_eq!(served, 3);
    assert_eq!(super::servers(&postgres), 3);
}

#[test]
fn many_more_clients_than_servers_are_all_served() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).start();
    thread::scope(|scope| {
        for i in 0..40 {
            let proxy = &proxy;
            scope.spawn(move || {
                let mut client = proxy.connect().open();
                for j in 0..20 {
                    assert_eq!(client.rows(&format!("select {i} + {j}")), (i + j).to_string());
                }
            });
        }
    });
    assert_eq!(super::servers(&postgres), 2);
}

/// Waits until the console counts so many clients in the queue.
fn until_waiting(proxy: &Proxy, n: usize) {
    let mut console = proxy.connect().database("pgweir").open();
    let waiting = |console: &mut Client| {
        let answer = console.query("SHOW POOLS");
        let rows = answer.iter().filter(|message| message.tag == b'D').map(testkit::Message::texts);
        // database, user, cl_active, cl_waiting
        rows.filter(|row| row[0] == "postgres").map(|row| row[3].parse::<usize>().unwrap()).sum::<usize>()
    };
    wait::until(wait::PATIENCE, &format!("{n} clients wait"), || waiting(&mut console) == n);
}
