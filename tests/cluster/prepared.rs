//! Prepared statements in transaction mode: a client's names are its own, whatever server it gets.

use std::thread;

use testkit::client::tags;
use testkit::{Client, Postgres, messages as m, wait};

use crate::scene::before;

/// pg8000 prepares the unnamed statement in one batch and uses it in the next: in between, the server may have
/// served others, or be another one.
#[test]
fn the_unnamed_statement_survives_a_sync_whoever_has_the_server_in_between() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).start();
    let right: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let proxy = &proxy;
                scope.spawn(move || {
                    let mut client = proxy.connect().open();
                    (0..200).filter(|i| unnamed_twice(&mut client, thread, *i)).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(right, 1600, "right results of 1600");
}

fn unnamed_twice(client: &mut Client, thread: u32, i: u32) -> bool {
    let sql = format!("select $1::int4 + {}", thread * 1000 + i);
    client.send(&[m::parse("", &sql, &[]), m::describe_statement(""), m::sync()].concat());
    assert_eq!(tags(&client.read_until_ready()), "1tTZ");
    client.send(&[m::bind("", "", &[Some(b"1")]), m::execute("", 0), m::sync()].concat());
    let answer = client.read_until_ready();
    let expected = (thread * 1000 + i + 1).to_string();
    tags(&answer) == "2DCZ" && answer[1].texts() == [expected]
}

#[test]
fn a_server_holds_as_many_statements_as_it_may_and_the_rest_come_back_when_used() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).set("pool.prepared_statements", "5").start();
    let mut client = proxy.connect().open();
    let mut most = 0;
    for i in 0..20 {
        prepare(&mut client, &format!("s{i}"), &format!("select {i} + $1::int4"));
        most = most.max(held(&mut client));
    }
    // two rounds: each use finds its statement closed by then
    for i in (0..20).chain(0..20) {
        assert_eq!(call(&mut client, &format!("s{i}"), "100"), (100 + i).to_string());
        most = most.max(held(&mut client));
    }
    assert_eq!(most, 5);
}

#[test]
fn a_statement_stays_what_it_is_when_its_client_goes_to_a_pool_that_has_others() {
    let (first, second) = (Postgres::start(), Postgres::start());
    let proxy = before(&first).pool_size(1).start();
    let mut old = proxy.connect().open();
    prepare(&mut old, "s", "select 1 + $1::int4");
    assert_eq!(call(&mut old, "s", "10"), "11");
    proxy.edit_config(&format!("port = {}", first.port()), &format!("port = {}", second.port()));
    proxy.reload();
    wait::until(wait::PATIENCE, "the reload has ended", || proxy.log().contains("configuration reloaded"));
    let mut new = proxy.connect().open();
    prepare(&mut new, "s", "select 100 + $1::int4");
    assert_eq!(call(&mut new, "s", "10"), "110");
    assert_eq!(call(&mut old, "s", "10"), "11");
    assert_eq!(call(&mut new, "s", "10"), "110");
}

#[test]
fn clients_with_the_same_text_share_one_statement_on_the_server() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut clients: Vec<Client> = (0..10).map(|_| proxy.connect().open()).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        prepare(client, &format!("mine{i}"), "select $1::int4 * 2");
    }
    assert_eq!(held(&mut clients[0]), 1);
    clients[3].send(&[m::close_statement("mine3"), m::sync()].concat());
    assert_eq!(tags(&clients[3].read_until_ready()), "3Z");
    assert_eq!(call(&mut clients[4], "mine4", "21"), "42");
    let (code, message) = refusal(&mut clients[3], &m::bind("", "mine3", &[Some(b"1")]));
    assert_eq!((code.as_str(), message.as_str()), GONE_3);
}

const GONE_3: (&str, &str) = ("26000", "prepared statement \"mine3\" does not exist");

#[test]
fn what_failed_to_parse_is_not_remembered() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let (mut one, mut other) = (proxy.connect().open(), proxy.connect().open());
    let text = "select count(*) from not_yet";
    for client in [&mut one, &mut other] {
        let (code, message) = refusal(client, &m::parse("s", text, &[]));
        assert_eq!((code.as_str(), message.as_str()), ("42P01", "relation \"not_yet\" does not exist"));
        assert_eq!(refusal(client, &m::bind("", "s", &[])).0, "26000");
    }
    postgres.psql("create table not_yet ()");
    for client in [&mut one, &mut other] {
        prepare(client, "s", text);
    }
    prepare(&mut one, "t", "select $1::int4");
    assert_eq!(call(&mut one, "t", "5"), "5");
}

#[test]
fn a_name_that_is_taken_or_unknown_is_refused_in_the_words_of_postgresql() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).start();
    let told = |client: &mut Client| {
        prepare(client, "a", "select $1::int4");
        // the same statement by another name, which must not be the one that the error speaks of
        prepare(client, "b", "select $1::int4");
        let taken = refusal(client, &m::parse("a", "select 2", &[]));
        let unknown = refusal(client, &m::bind("", "c", &[]));
        let described = refusal(client, &m::describe_statement("c"));
        let few = refusal(client, &m::bind("", "b", &[]));
        (taken, unknown, described, few)
    };
    let direct = told(&mut postgres.connect().open());
    assert_eq!(direct.0.0, "42P05");
    assert_eq!(direct.1.0, "26000");
    assert_eq!(told(&mut proxy.connect().open()), direct);
}

#[test]
fn forgetting_all_statements_is_one_clients_own_affair() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let (mut keeps, mut forgets) = (proxy.connect().open(), proxy.connect().open());
    prepare(&mut keeps, "s", "select $1::int4");
    for sql in ["DEALLOCATE ALL", "DISCARD ALL", "deallocate all"] {
        prepare(&mut forgets, "s", "select $1::int4");
        prepare(&mut forgets, "t", "select $1::int4 + 1");
        forgets.query(sql);
        assert_eq!(refusal(&mut forgets, &m::bind("", "s", &[Some(b"1")])).0, "26000", "{sql}");
        assert_eq!(call(&mut keeps, "s", "6"), "6", "{sql}");
        prepare(&mut forgets, "s", "select $1::int4");
        run_prepared(&mut forgets, sql);
        assert_eq!(refusal(&mut forgets, &m::bind("", "s", &[Some(b"1")])).0, "26000", "{sql} prepared");
        assert_eq!(call(&mut keeps, "s", "7"), "7", "{sql} prepared");
    }
}

/// The client does not wait for DEALLOCATE ALL before it takes its name anew.
#[test]
fn a_name_may_be_taken_anew_right_behind_deallocate_all() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let (mut client, mut other) = (proxy.connect().open(), proxy.connect().open());
    prepare(&mut client, "s", "select 'old' || $1::text");
    prepare(&mut other, "s", "select 'old' || $1::text");
    let anew = [
        m::query("deallocate all"),
        m::parse("s", "select 'new' || $1::text", &[]),
        m::bind("", "s", &[Some(b"!")]),
        m::execute("", 0),
        m::sync(),
    ];
    client.send(&anew.concat());
    assert_eq!(tags(&client.read_until_ready()), "CZ");
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "12DCZ");
    assert_eq!(answer[2].texts(), ["new!"]);
    assert_eq!(call(&mut other, "s", "!"), "old!");
}

#[track_caller]
fn prepare(client: &mut Client, name: &str, sql: &str) {
    client.send(&[m::parse(name, sql, &[]), m::sync()].concat());
    assert_eq!(tags(&client.read_until_ready()), "1Z", "{sql}");
}

/// The one value that a statement with one parameter gives.
#[track_caller]
fn call(client: &mut Client, name: &str, value: &str) -> String {
    client.send(&[m::bind("", name, &[Some(value.as_bytes())]), m::execute("", 0), m::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "2DCZ", "{answer:?}");
    answer[1].texts().concat()
}

#[track_caller]
fn run_prepared(client: &mut Client, sql: &str) {
    let batch = [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()];
    client.send(&batch.concat());
    assert_eq!(tags(&client.read_until_ready()), "12CZ", "{sql}");
}

/// Code and message of the error that answers this request.
#[track_caller]
fn refusal(client: &mut Client, request: &[u8]) -> (String, String) {
    client.send(&[request, &m::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "EZ", "{answer:?}");
    let error = answer[0].error().unwrap();
    (error.code().to_owned(), error.message().to_owned())
}

/// How many statements the server holds that the next query gets.
#[track_caller]
fn held(client: &mut Client) -> usize {
    client.rows("select count(*) from pg_prepared_statements where not from_sql").parse().unwrap()
}

/// Its length was once taken from that of a smaller buffer.
#[test]
fn a_statement_longer_than_several_buffers_is_prepared_however_it_comes() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    for kilobytes in [9, 31, 33, 65, 300] {
        let sql = format!("select length('{}')", "x".repeat(kilobytes * 1024));
        let bytes = [m::parse("", &sql, &[]), m::bind("", "", &[])].concat();
        let bytes = [bytes, m::execute("", 0), m::sync()].concat();
        client.send_split(
            &bytes,
            &[7, 8_000, 20_000, 33_000, 40_000, 70_000].map(|at: usize| at.min(bytes.len())),
        );
        let answer = client.read_until_ready();
        assert_eq!(tags(&answer), "12DCZ", "{kilobytes} kB");
        assert_eq!(answer[2].texts(), [(kilobytes * 1024).to_string()]);
        assert_eq!(client.rows(&sql), (kilobytes * 1024).to_string());
    }
}
