//! Clients that go away at any moment: what they began is ended, and the server is whole for the next.

use testkit::proxy::Builder;
use testkit::{Client, Postgres, Proxy, messages};

use crate::scene::{before, is_whole};

/// A client brought into a state, to be killed there.
type State = (&'static str, fn(&mut Client));

fn states() -> Vec<State> {
    vec![
        ("half a Parse", |c| c.send(&messages::parse("", "SELECT 1", &[])[..9])),
        ("a Parse without Sync", |c| c.send(&messages::parse("", "SELECT 1", &[]))),
        ("after Flush", |c| {
            let execute = [messages::bind("", "", &[]), messages::execute("", 0), messages::flush()].concat();
            c.send(&[messages::parse("", "SELECT 1", &[]), execute].concat());
            c.expect(b'1');
        }),
        ("a portal half read", |c| {
            let sql = "SELECT generate_series(1, 1000)";
            let execute = [messages::bind("", "", &[]), messages::execute("", 1), messages::flush()].concat();
            c.send(&[messages::parse("", sql, &[]), execute].concat());
            c.try_read_until(b's').unwrap();
        }),
        ("in a transaction", |c| {
            c.rows("BEGIN; SELECT pg_advisory_xact_lock(1)");
        }),
        ("in a failed transaction", |c| {
            c.rows("BEGIN");
            c.query("SELECT 1/0");
        }),
        ("a long query", |c| c.send(&messages::query("SELECT pg_sleep(600)"))),
        ("a long query in a transaction", |c| {
            c.rows("BEGIN");
            c.send(&messages::query("SELECT pg_sleep(600)"));
        }),
        ("inside COPY IN", |c| {
            c.send(&messages::query("COPY copied FROM STDIN"));
            c.expect(b'G');
            c.send(&messages::copy_data(b"1\n"));
        }),
        ("inside half a CopyData", |c| {
            c.send(&messages::query("COPY copied FROM STDIN"));
            c.expect(b'G');
            c.send(&messages::copy_data(&vec![b'7'; 100_000])[..50_000]);
        }),
        ("inside COPY OUT", |c| {
            c.send(&messages::query("COPY (SELECT generate_series(1, 100000000)) TO STDOUT"));
            c.expect(b'H');
        }),
        ("a gigabyte unread", |c| {
            c.send(&messages::query("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"));
            c.expect(b'T');
        }),
        ("half a large Bind", |c| {
            let value = vec![b'x'; 1_000_000];
            let bind = messages::bind("", "", &[Some(&value)]);
            c.send(&[messages::parse("", "SELECT length($1)", &[]), bind[..500_000].to_vec()].concat());
        }),
        ("many queries unread", |c| {
            c.send(&messages::query("SELECT repeat('y', 500) FROM generate_series(1, 1000)").repeat(50));
        }),
        ("many Syncs", |c| c.send(&messages::sync().repeat(1_000))),
        ("a temporary table in a transaction", |c| {
            c.rows("BEGIN; CREATE TEMP TABLE mine (x int)");
        }),
    ]
}

fn each_state_then(builder: impl Fn(&Postgres) -> Builder, kill: fn(Client)) {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE copied (x text)");
    let proxy = builder(&postgres).pool_size(2).start();
    for (name, state) in states() {
        let mut client = proxy.connect().open();
        state(&mut client);
        kill(client);
        is_whole(&proxy, &postgres, 2, name);
    }
    assert_eq!(postgres.psql("SELECT count(*) FROM copied"), "0");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

#[test]
fn a_client_reset_in_any_state_leaves_a_whole_pool() {
    each_state_then(before, Client::reset);
}

#[test]
fn a_client_closed_in_any_state_leaves_a_whole_pool() {
    each_state_then(before, drop);
}

#[test]
fn a_client_that_says_goodbye_in_any_state_leaves_a_whole_pool() {
    each_state_then(before, Client::terminate);
}

#[test]
fn a_client_reset_in_any_state_of_session_mode_leaves_a_whole_pool() {
    each_state_then(|postgres| before(postgres).mode("session"), Client::reset);
}

#[test]
fn a_client_that_leaves_the_queue_leaves_no_trace() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut holder = proxy.connect().open();
    holder.rows("BEGIN");
    for round in 0..20 {
        let mut waiting = proxy.connect().open();
        waiting.send(&messages::query("SELECT 'never'"));
        if round % 2 == 0 {
            waiting.reset();
        }
    }
    assert_eq!(holder.rows("SELECT 'mine'"), "mine");
    holder.rows("COMMIT");
    is_whole(&proxy, &postgres, 1, "twenty have left the queue");
}

/// The parts of an extended request, and a simple one behind it; each leaves a row when it runs to its end.
fn batch() -> (Vec<u8>, usize) {
    let extended = [
        messages::parse("", "INSERT INTO ran VALUES ($1)", &[23]),
        messages::bind("", "", &[Some(b"1")]),
        messages::execute("", 0),
        messages::sync(),
    ]
    .concat();
    let simple = messages::query("INSERT INTO ran VALUES (2)");
    let whole = extended.len();
    ([extended, simple].concat(), whole)
}

/// What was not sent whole does not run, and what was not ended by Sync is not committed.
#[test]
fn a_client_cut_at_any_byte_of_a_batch_runs_nothing_by_halves() {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE ran (part int)");
    let proxy = before(&postgres).pool_size(1).start();
    let (bytes, extended) = batch();
    for cut in 0..bytes.len() {
        postgres.psql("TRUNCATE ran");
        let mut client = proxy.connect().open();
        client.send(&bytes[..cut]);
        drop(client);
        settled(&proxy);
        let ran = postgres.psql("SELECT coalesce(string_agg(part::text, ','), '') FROM ran");
        let allowed: &[&str] = if cut < extended { &[""] } else { &["", "1"] };
        assert!(allowed.contains(&ran.as_str()), "cut at {cut} of {extended}: {ran:?}");
    }
    is_whole(&proxy, &postgres, 1, "cut at every byte");
}

/// With a pool of one, whoever comes next is served only when the one before is cleaned up.
fn settled(proxy: &Proxy) {
    assert_eq!(proxy.connect().open().rows("SELECT 'next'"), "next");
}

/// PostgreSQL itself rolls back what no Sync has ended when its client goes away.
#[test]
fn work_that_no_sync_has_ended_is_rolled_back_when_the_client_goes() {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE ran (part int)");
    let proxy = before(&postgres).pool_size(1).start();
    for kill in [Client::reset, drop, Client::terminate] {
        let mut client = proxy.connect().open();
        let insert = [
            messages::parse("", "INSERT INTO ran VALUES (1)", &[]),
            messages::bind("", "", &[]),
            messages::execute("", 0),
            messages::flush(),
        ];
        client.send(&insert.concat());
        client.try_read_until(b'C').unwrap();
        kill(client);
        settled(&proxy);
        assert_eq!(postgres.psql("SELECT count(*) FROM ran"), "0", "nobody has asked for a commit");
    }
}
