//! Clients that break off in the middle of things, or take what they are given and never read: their session
//! ends or stands still, and nobody else pays for it.

use std::time::Duration;

use testkit::{Client, Error, Postgres, messages, wait};

use crate::scene::{before, is_whole, last_words, server_error};

/// Lengths that no message may have.
const IMPOSSIBLE: [u32; 6] = [0, 3, 0x4000_0004, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// A phase of a session, and how it is brought about.
type Phase = (&'static str, fn(&mut Client));

#[test]
fn a_lie_about_a_length_ends_the_session_in_every_phase() {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE copied (x text); CREATE TABLE ran (x int)");
    let proxy = before(&postgres).pool_size(1).start();
    let phases: [Phase; 5] = [
        ("in a transaction", |c| drop(c.rows("BEGIN; INSERT INTO ran VALUES (1)"))),
        ("in a failed transaction", |c| {
            c.rows("BEGIN");
            c.query("SELECT 1/0");
        }),
        ("in COPY IN", |c| {
            c.send(&messages::query("COPY copied FROM STDIN"));
            c.expect(b'G');
        }),
        ("before Sync", |c| {
            c.send(&[messages::parse("", "SELECT 1", &[]), messages::flush()].concat());
            c.expect(b'1');
        }),
        ("during a query", |c| c.send(&messages::query("SELECT pg_sleep(600)"))),
    ];
    for (name, begin) in phases {
        for tag in *b"QBXd" {
            for length in IMPOSSIBLE {
                let mut client = proxy.connect().open();
                begin(&mut client);
                let _ = client.try_send(&[&[tag], length.to_be_bytes().as_slice(), b"rest"].concat());
                let said = last_words(&mut client);
                let what = format!("{name}: {:?} of length {length}: {said:?}", char::from(tag));
                assert!(said.len() == 1 && matches!(said[0].code(), "08P01" | "54000"), "{what}");
            }
        }
        is_whole(&proxy, &postgres, 1, name);
    }
    assert_eq!(postgres.psql("SELECT (SELECT count(*) FROM ran) + (SELECT count(*) FROM copied)"), "0");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

/// Messages of the right length and broken inside are for the server to judge, as without pgweir.
#[test]
fn broken_messages_get_the_answer_that_postgresql_gives() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    for (name, message) in broken_messages() {
        let batch = [messages::parse("s", "SELECT $1::int", &[]), message, messages::sync()].concat();
        let answer = |mut client: Client| {
            client.send(&batch);
            let said = client.read_until_ready();
            let code = said.iter().find_map(testkit::Message::error).map(|e| e.code().to_owned());
            (testkit::client::tags(&said), code)
        };
        let (direct, through) = (answer(postgres.connect().open()), answer(proxy.connect().open()));
        assert_eq!(through, direct, "{name}");
    }
    is_whole(&proxy, &postgres, 1, "broken messages");
}

fn broken_messages() -> Vec<(&'static str, Vec<u8>)> {
    let bind = |body: &[u8]| messages::frame(b'B', &[b"\0s\0".as_slice(), body].concat());
    vec![
        ("no parameter where one is due", messages::bind("", "s", &[])),
        ("two parameters for one", messages::bind("", "s", &[Some(b"1"), Some(b"2")])),
        ("two formats for one parameter", messages::bind_formats("", "s", &[0, 0], &[Some(b"1")], &[])),
        ("an unknown format", messages::bind_formats("", "s", &[7], &[Some(b"1")], &[])),
        ("one format and no parameter", bind(b"\0\x01\0\x01\0\0\0\0")),
        ("a value of length -2", bind(b"\0\0\0\x01\xff\xff\xff\xfe\0\0")),
        ("a value beyond the message", bind(b"\0\0\0\x01\0\0\xff\xff1\0\0")),
        ("65535 values announced", bind(b"\0\0\xff\xff")),
        ("a Bind that ends early", bind(b"\0")),
        ("bytes behind a Bind", bind(b"\0\0\0\x01\0\0\0\x011\0\0more")),
        ("an empty Bind", messages::frame(b'B', b"")),
        ("an empty Parse", messages::frame(b'P', b"")),
        ("a Parse without an end", messages::frame(b'P', b"x\0SELECT 1")),
        ("a Describe of nothing", messages::frame(b'D', b"")),
        ("a Describe of an unknown kind", messages::frame(b'D', b"Xs\0")),
        ("a Close of an unknown kind", messages::frame(b'C', b"Xs\0")),
        ("an Execute that ends early", messages::frame(b'E', b"\0\0")),
        ("an unknown statement", messages::bind("", "nobody", &[])),
        ("an unknown portal", messages::execute("nobody", 0)),
    ]
}

/// Sends again and again without reading; how much the proxy grew until it took no more.
fn flood(proxy: &testkit::Proxy, mut client: Client, bytes: &[u8]) -> u64 {
    let idle = proxy.rss_kb();
    // a small piece is read whole each time, a large one leaves half a message over
    let times = if bytes.len() < 100 { 150_000 } else { 2_000 };
    for _ in 0..times {
        match client.try_send(bytes) {
            Ok(()) => {}
            Err(Error::TimedOut | Error::Closed | Error::Io(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    proxy.rss_kb().saturating_sub(idle)
}

#[test]
fn a_client_that_never_reads_is_not_written_for_without_end() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).mode("statement").start();
    let refused = messages::query("BEGIN");
    let floods = [
        ("Syncs", messages::sync().repeat(10_000)),
        ("queries", messages::query("SELECT 1").repeat(5_000)),
        ("refused requests", refused.repeat(5_000)),
        ("refused requests one by one", refused),
        ("late COPY data", messages::copy_data(b"x").repeat(10_000)),
        ("Flushes", messages::flush().repeat(10_000)),
    ];
    for (name, bytes) in floods {
        let client = proxy.connect().deadline(Duration::from_millis(1500)).open();
        let grown = flood(&proxy, client, &bytes);
        println!("{name}: {grown} kB");
        assert!(grown < 24 * 1024, "{name}: grew by {grown} kB for a client that does not read");
        is_whole(&proxy, &postgres, 0, name);
    }
    assert_eq!(proxy.connect().open().rows("SELECT 'fine'"), "fine");
}

#[test]
fn a_client_that_takes_too_long_over_a_row_is_told_nothing_inside_it() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).set("pool.query_timeout", "\"300ms\"").start();
    let mut lazy = proxy.connect().open();
    lazy.send(&messages::query("SELECT repeat('x', 3000000) FROM generate_series(1, 100)"));
    lazy.expect(b'T');
    wait::until(wait::PATIENCE, "the limit is passed", || proxy.log().contains("Timeout(Query"));
    loop {
        match lazy.try_read_message() {
            Ok(message) if message.tag == b'D' => {
                assert!(!message.body.windows(10).any(|w| w == b"query time"), "words inside a row");
            }
            Ok(message) => assert_eq!(message.error().unwrap().code(), "57014"),
            Err(Error::Closed | Error::Io(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    is_whole(&proxy, &postgres, 1, "a result was too long");
}

#[test]
fn more_clients_than_allowed_are_told_so() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).set("pool.max_clients", "3").start();
    let mut inside: Vec<Client> = (0..3).map(|_| proxy.connect().open()).collect();
    for _ in 0..5 {
        let error = server_error(proxy.connect().try_open());
        assert_eq!((error.code(), error.field(b'S')), ("53300", "FATAL"), "{error}");
    }
    assert_eq!(inside[0].rows("SELECT 1"), "1");
    inside.pop().unwrap().terminate();
    wait::until(wait::PATIENCE, "there is room again", || proxy.connect().try_open().is_ok());
}
