//! Pipelines of any shape, and when exactly a server goes back to the pool.

use testkit::client::tags;
use testkit::install::{Install, Version};
use testkit::{Client, Postgres, messages as m, wait};

use crate::scene::before;

/// What postgres.js does with six queries at once on one connection.
#[test]
fn six_requests_in_one_segment_are_answered_a_hundred_times() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let (mut one, mut other) = (proxy.connect().open(), proxy.connect().open());
    for round in 0..100 {
        for client in [&mut one, &mut other] {
            let requests: Vec<u8> = (0..6).flat_map(|i| request(round * 6 + i)).collect();
            client.send(&requests);
        }
        for client in [&mut one, &mut other] {
            for i in 0..6 {
                let answer = client.read_until_ready();
                assert_eq!(tags(&answer), "1tT2DCZ", "round {round}, request {i}");
                assert_eq!(answer[4].texts(), [(round * 6 + i).to_string()]);
            }
        }
    }
}

fn request(value: u32) -> Vec<u8> {
    let value = value.to_string();
    let batch = [
        m::parse("", "select $1::int4", &[]),
        m::describe_statement(""),
        m::bind("", "", &[Some(value.as_bytes())]),
        m::execute("", 0),
        m::sync(),
    ];
    batch.concat()
}

/// Neither the Query nor anything else up to the Sync is answered.
#[test]
fn a_query_behind_an_error_in_a_batch_is_skipped_with_it() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let batch = [
        m::parse("", "select 1 / g from generate_series(0, 0) g", &[]),
        m::bind("", "", &[]),
        m::execute("", 0),
        m::query("select 'skipped'"),
        m::parse("s", "select 'skipped too'", &[]),
        m::sync(),
        m::query("select 'answered'"),
    ];
    client.send(&batch.concat());
    assert_eq!(tags(&client.read_until_ready()), "12EZ");
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "TDCZ");
    assert_eq!(answer[1].texts(), ["answered"]);
}

/// Each state in which a server has to stay with its client, and what ends it.
#[test]
fn a_server_goes_back_exactly_when_nothing_is_open_any_more() {
    let postgres = Postgres::start();
    postgres.psql("create table t (id int4 unique deferrable initially deferred)");
    let proxy = before(&postgres).pool_size(1).set("pool.acquire_timeout", "\"300ms\"").start();
    // the first server may take longer than that to come
    let first = || proxy.connect().try_open().ok();
    let mut client = wait::until_some(wait::PATIENCE, "a server is there", first);
    let mut other = proxy.connect().open();
    let select = [m::parse("", "select generate_series(1, 3)", &[]), m::bind("", "", &[])].concat();
    let limited = [select.clone(), m::execute("", 1), m::flush()].concat();
    let copy = [m::parse("", "copy t from stdin", &[]), m::bind("", "", &[]), m::execute("", 0)].concat();
    // what is sent, the message that shows that it is done, what is sent then
    let states = [
        ("an answered Flush", [select, m::execute("", 0), m::flush()].concat(), b'C', m::sync()),
        ("a suspended portal", limited, b's', m::sync()),
        ("a Parse alone", [m::parse("", "select 1", &[]), m::flush()].concat(), b'1', m::sync()),
        ("a Close answered by us", [m::close_statement("x"), m::flush()].concat(), b'3', m::sync()),
        ("an error before its Sync", [m::parse("", "selec", &[]), m::flush()].concat(), b'E', m::sync()),
        ("a transaction", m::query("begin"), b'Z', m::query("commit")),
        ("a failed transaction", m::query("begin; selec"), b'Z', m::query("rollback")),
        ("a COPY", m::query("copy t from stdin"), b'G', m::copy_done()),
        (
            "a COPY with a Sync inside",
            [m::query("copy t from stdin"), m::sync()].concat(),
            b'G',
            m::copy_fail("x"),
        ),
        ("a COPY in a batch", [copy, m::flush()].concat(), b'G', [m::copy_done(), m::sync()].concat()),
    ];
    for (what, opens, shown, closes) in states {
        let free_before = is_free(&mut other);
        assert!(free_before, "before {what}");
        client.send(&opens);
        let answer = client.try_read_until(shown).unwrap();
        if what.contains("failed transaction") {
            // a string that fails has failed as a whole: the block was never opened
            assert_eq!(answer.last().unwrap().body, b"I");
            client.query("begin");
            client.query("selec");
        }
        assert!(!is_free(&mut other), "in {what}");
        client.send(&closes);
        client.read_until_ready();
    }
    assert!(is_free(&mut other), "in the end");
}

/// Whether the one server is to be had.
fn is_free(client: &mut Client) -> bool {
    match client.try_rows("select 1") {
        Ok(_) => true,
        Err(testkit::Error::Server(error)) => {
            assert_eq!(error.code(), "53300", "{error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Two clients take turns on one server; a transaction has it for itself.
#[test]
fn a_transaction_stays_on_its_server() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).start();
    let (mut one, mut other) = (proxy.connect().open(), proxy.connect().open());
    let pid = |client: &mut Client| client.rows("select pg_backend_pid()");
    for _ in 0..20 {
        one.query("begin");
        let first = pid(&mut one);
        other.query("begin");
        let second = pid(&mut other);
        assert_ne!(first, second);
        assert_eq!(pid(&mut one), first);
        assert_eq!(pid(&mut other), second);
        one.query("commit");
        other.query("rollback");
    }
    assert_eq!(servers(&postgres), 2);
    drop(proxy);
}

fn servers(postgres: &Postgres) -> usize {
    let sql = "select count(*) from pg_stat_activity where client_addr is not null";
    postgres.psql(sql).parse().unwrap()
}

#[test]
fn unexpected_state_started_of_postgresql_18_reaches_no_other_client() {
    if Install::v18_or_skip("unexpected_state_started_of_postgresql_18_reaches_no_other_client").is_none() {
        return;
    }
    let postgres = Postgres::builder().version(Version::V18).start();
    let proxy = before(&postgres).pool_size(1).start();
    let (mut one, mut other) = (proxy.connect().open(), proxy.connect().open());
    let mixed = [
        m::parse("", "SELECT 1", &[]),
        m::bind("", "", &[]),
        m::execute("", 0),
        m::query("SELECT 2"),
        m::sync(),
    ];
    one.send(&mixed.concat());
    assert_eq!(tags(&one.read_until_ready()), "12DCTDCZ");
    assert_eq!(tags(&one.read_until_ready()), "Z");
    assert_eq!(other.rows("SELECT 3"), "3");
    assert_eq!(one.rows("SELECT 4"), "4");
}
