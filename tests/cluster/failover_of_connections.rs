//! Servers that go away at any moment: one accurate error for whoever was served, none for anybody else.

use testkit::postgres::Stop;
use testkit::{Client, Postgres, messages, wait};

use crate::scene::{before, is_whole, last_words, server_error};

/// Ends every backend but the one that asks.
const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// The backends that others than the kit have.
fn backends(postgres: &Postgres) -> String {
    postgres.psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
}

fn terminate(postgres: &Postgres) {
    postgres.psql(TERMINATE);
    wait::until(wait::PATIENCE, "the backends are gone", || backends(postgres) == "0");
}

#[test]
fn idle_connections_that_were_terminated_cost_no_error() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(10).start();
    let mut clients: Vec<Client> = (0..10).map(|_| proxy.connect().open()).collect();
    for round in 0..10 {
        for client in &mut clients {
            client.rows("BEGIN");
        }
        for client in &mut clients {
            client.rows("COMMIT");
        }
        terminate(&postgres);
        for client in &mut clients {
            assert_eq!(client.rows("SELECT 'fine'"), "fine", "round {round}");
        }
    }
}

#[test]
fn a_terminated_query_ends_with_the_words_of_the_server_alone() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).start();
    type Begin = (&'static str, fn(&mut Client));
    let begin: [Begin; 4] = [
        ("a query", |c| c.send(&messages::query("SELECT pg_sleep(600)"))),
        ("an idle transaction", |c| drop(c.rows("BEGIN; SELECT 1"))),
        ("a failed transaction", |c| {
            c.rows("BEGIN");
            c.query("SELECT 1/0");
        }),
        ("COPY IN", |c| {
            c.send(&messages::query("CREATE TEMP TABLE x (y text); COPY x FROM STDIN"));
            c.try_read_until(b'G').unwrap();
        }),
    ];
    for (name, begin) in begin {
        let mut client = proxy.connect().open();
        begin(&mut client);
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
                    AND state <> 'idle' AND pid <> pg_backend_pid()";
        wait::until(wait::PATIENCE, "it has begun", || postgres.psql(busy) == "1");
        terminate(&postgres);
        if name == "COPY IN" {
            // a server that reads COPY data looks up only when some comes
            let _ = client.try_send(&messages::copy_data(b"1\n"));
        }
        let said = last_words(&mut client);
        let codes: Vec<_> = said.iter().map(|e| (e.code(), e.field(b'S'))).collect();
        assert_eq!(codes, [("57P01", "FATAL")], "{name}: {said:?}");
        is_whole(&proxy, &postgres, 2, name);
    }
}

#[test]
fn a_time_limit_of_the_server_is_told_in_its_own_words() {
    let postgres = Postgres::builder().set("idle_in_transaction_session_timeout", "200ms").start();
    let proxy = before(&postgres).start();
    let mut client = proxy.connect().open();
    client.rows("BEGIN");
    let said = last_words(&mut client);
    assert_eq!(said.iter().map(|e| e.code()).collect::<Vec<_>>(), ["25P03"], "{said:?}");
}

#[test]
fn a_backend_killed_in_the_middle_costs_one_error() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).set("pool.acquire_timeout", "\"30s\"").pool_size(3).start();
    for (crashes, sql) in
        ["SELECT pg_sleep(600)", "SELECT repeat('z', 1000) FROM generate_series(1, 1000000)"]
            .into_iter()
            .enumerate()
    {
        let mut client = proxy.connect().open();
        let pid: u32 = client.rows("BEGIN; SELECT pg_backend_pid()").parse().unwrap();
        client.send(&messages::query(sql));
        if sql.contains("repeat") {
            client.expect(b'T');
        }
        postgres.kill_backend(pid);
        let said = last_words(&mut client);
        assert!(said.len() <= 1, "{said:?}");
        // words in the middle of a row would be data
        assert!(said.iter().all(|e| e.code() == "08006" && e.field(b'S') == "FATAL"), "{said:?}");
        assert!(sql.contains("repeat") || said.len() == 1, "the reason is told where it can be");
        // a crash of one backend ends them all, and some of them work until they hear of it
        let ready = "database system is ready to accept connections";
        wait::until(wait::PATIENCE, "the server has recovered", || {
            postgres.log().matches(ready).count() > crashes + 1
        });
        assert_eq!(proxy.connect().open().rows("SELECT 1"), "1");
    }
}

#[test]
fn a_server_that_restarts_is_found_again() {
    let mut postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(4).set("pool.acquire_timeout", "\"20s\"").start();
    let mut client = proxy.connect().open();
    for how in [Stop::Fast, Stop::Immediate] {
        assert_eq!(client.rows("SELECT 'up'"), "up");
        postgres.stop(how);
        let mut waiting = proxy.connect().open();
        waiting.send(&messages::query("SELECT 'waited'"));
        postgres.restart();
        let answer = waiting.read_until_ready();
        assert!(answer.iter().any(|m| m.tag == b'D' && m.texts() == ["waited"]), "{answer:?}");
        is_whole(&proxy, &postgres, 4, "a restart");
    }
}

#[test]
fn a_server_that_is_down_is_named_as_the_reason() {
    let mut postgres = Postgres::start();
    let proxy = before(&postgres).set("pool.acquire_timeout", "\"1s\"").start();
    let mut client = proxy.connect().open();
    client.rows("SELECT 1");
    postgres.kill9();
    let error = server_error(client.try_rows("SELECT 1"));
    assert_eq!((error.code(), error.field(b'S')), ("57P03", "ERROR"), "{error}");
    assert!(error.message().contains("could not connect to server"), "{error}");
    assert!(!error.field(b'H').is_empty(), "{error}");
    let error = server_error(client.try_rows("SELECT 1"));
    assert_eq!(error.code(), "57P03", "the session goes on: {error}");
}

#[test]
fn a_full_pool_is_told_with_figures() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).set("pool.acquire_timeout", "\"200ms\"").start();
    let mut holder = proxy.connect().open();
    holder.rows("BEGIN");
    let mut client = proxy.connect().open();
    let error = server_error(client.try_rows("SELECT 1"));
    assert_eq!((error.code(), error.field(b'S')), ("53300", "ERROR"));
    for figure in ["pool of 1", "1 active", "1 clients waiting"] {
        assert!(error.field(b'D').contains(figure), "{figure}: {error}");
    }
    holder.rows("COMMIT");
    assert_eq!(client.rows("SELECT 'again'"), "again");
}
