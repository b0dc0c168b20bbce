//! Lengths that lie, in every message a client may send and in every phase: nothing is allocated for them, the
//! client is told, and nobody else notices.

use testkit::{Connect, Proxy, messages};

use crate::stage::{self, before, echo, ends_with, ordinary, serves};

/// Lengths that no message may have.
const IMPOSSIBLE: [u32; 8] = [0, 1, 3, 0x4000_0004, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
/// Every message of a client.
const TAGS: &[u8] = b"QPBDCESHFXdcfp";

fn lie(tag: u8, length: u32) -> Vec<u8> {
    [&[tag], length.to_be_bytes().as_slice(), b"rest"].concat()
}

#[test]
fn a_start_up_packet_of_impossible_length_ends_the_connection() {
    let (server, proxy) = ordinary();
    for length in IMPOSSIBLE.into_iter().chain([4, 7, 10_001, 65_536]) {
        let mut client = proxy.connect().unlogged();
        let _ = client.try_send(&[&length.to_be_bytes(), b"\0\x03\0\0user\0a\0\0".as_slice()].concat());
        ends_with(&mut client, "08P01", &format!("length {length}"));
    }
    assert_eq!(server.connections(), 0);
    serves(&proxy.connect());
}

#[test]
fn a_password_message_of_impossible_length_ends_the_connection() {
    for method in ["plain", "md5", "scram-sha-256"] {
        let server = echo();
        let proxy = before(&server).auth(method).user("app", "secret").start();
        for length in IMPOSSIBLE.into_iter().chain([100_000]) {
            let mut client = proxy.connect().user("app").unlogged();
            client.send_startup().unwrap();
            client.expect(b'R');
            let _ = client.try_send(&lie(b'p', length));
            ends_with(&mut client, "08P01", &format!("{method}, length {length}"));
        }
        serves(&proxy.connect().user("app").password("secret"));
    }
}

#[test]
fn a_message_of_impossible_length_ends_only_its_session() {
    let (_server, proxy) = ordinary();
    let mut witness = proxy.connect().open();
    for &tag in TAGS {
        for length in IMPOSSIBLE {
            let mut client = proxy.connect().open();
            let _ = client.try_send(&lie(tag, length));
            let said = stage::end(&mut client);
            let what = format!("{:?} of length {length}", char::from(tag));
            let code = said.as_ref().map(|e| e.code().to_owned());
            assert!(matches!(code.as_deref(), Some("08P01" | "54000")), "{what}: {said:?}");
        }
        assert_eq!(witness.rows("here"), "here");
    }
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

#[test]
fn a_tag_that_no_client_has_ends_only_its_session() {
    let (_server, proxy) = ordinary();
    for tag in (0..=255_u8).filter(|tag| !TAGS.contains(tag)) {
        let mut client = proxy.connect().open();
        client.send(&messages::frame(tag, b"x\0"));
        ends_with(&mut client, "08P01", &format!("tag {tag}"));
    }
    serves(&proxy.connect());
}

/// 1 GiB is the end of what PostgreSQL takes; a length word may say more, and a length that is kept in too
/// small a number wraps around to something harmless.
#[test]
fn an_announced_gigabyte_costs_no_memory() {
    let server = echo();
    let proxy = before(&server).set("listen.max_message", "\"1GiB\"").try_start();
    // the largest value the key takes is just below
    assert!(proxy.is_err(), "1GiB is beyond what PostgreSQL takes");
    let (_server, proxy) = ordinary();
    serves(&proxy.connect());
    let idle = proxy.rss_kb();
    let mut clients: Vec<_> = (0..50).map(|_| proxy.connect().open()).collect();
    for client in &mut clients {
        client.send(&[b"Q", (0x3fff_ffff_u32).to_be_bytes().as_slice(), b"SELECT"].concat());
    }
    serves(&proxy.connect());
    let grown = proxy.rss_kb().saturating_sub(idle);
    assert!(grown < 8 * 1024, "50 announced gigabytes cost {grown} kB");
}

#[test]
fn a_limit_on_messages_is_kept_and_named() {
    let server = echo();
    let proxy = before(&server).set("listen.max_message", "\"64KiB\"").start();
    let fits = "x".repeat(60_000);
    assert_eq!(proxy.connect().open().rows(&fits), fits);
    let mut client = proxy.connect().open();
    let _ = client.try_send(&messages::query(&"x".repeat(100_000)));
    ends_with(&mut client, "54000", "a message beyond listen.max_message");
    serves(&proxy.connect());
}

#[test]
fn names_and_values_of_start_up_may_be_anything_that_fits() {
    let (_server, proxy) = ordinary();
    let long = "u".repeat(9_000);
    serves(&proxy.connect().user(&long));
    for length in [10_000, 20_000, 100_000] {
        let mut client = proxy.connect().user(&"u".repeat(length)).unlogged();
        let _ = client.send_startup();
        ends_with(&mut client, "08P01", &format!("a user of {length} bytes"));
    }
    for (name, packet) in broken_startups() {
        let mut client = proxy.connect().unlogged();
        client.send(&packet);
        let said = stage::end(&mut client);
        let code = said.as_ref().map(|e| e.code().to_owned()).unwrap_or_default();
        assert!(matches!(code.as_str(), "08P01" | "28000"), "{name}: {said:?}");
    }
    serves(&proxy.connect());
}

fn broken_startups() -> Vec<(&'static str, Vec<u8>)> {
    let v3 = |rest: &[u8]| messages::untagged(&[b"\0\x03\0\0", rest].concat());
    vec![
        ("no parameter", v3(b"\0")),
        ("nothing at all", v3(b"")),
        ("no terminator", v3(b"user\0a\0database\0b\0")),
        ("a name without a value", v3(b"user\0a\0database\0")),
        ("an open name", v3(b"user\0a\0data")),
        ("bytes behind the end", v3(b"user\0a\0\0more\0")),
        ("an empty user", v3(b"user\0\0database\0postgres\0\0")),
        ("a database only", v3(b"database\0postgres\0\0")),
    ]
}

/// Thousands of parameters in one packet: as many as fit.
#[test]
fn parameters_that_nobody_knows_leave_nothing_behind() {
    let (_server, proxy) = ordinary();
    serves(&proxy.connect());
    let connect = (0..400).fold(proxy.connect(), |c, n| c.param(&format!("_pq_.{n}"), "x"));
    let storm = |n: usize| (0..n).for_each(|_| drop(connect.open()));
    storm(300);
    let before = proxy.rss_kb();
    storm(1500);
    let grown = proxy.rss_kb().saturating_sub(before);
    assert!(grown < 4 * 1024, "1500 log-ins with 400 unknown options each left {grown} kB behind");
}

/// As many as a test machine bears; each sends part of a start-up packet and then nothing.
#[test]
fn half_open_start_ups_time_out_and_cost_little() {
    const STRANGERS: usize = 4_000;
    testkit::process::raise_file_limit();
    let server = echo();
    let proxy = before(&server).set("listen.login_timeout", "\"4s\"").start();
    let idle = proxy.rss_kb();
    let mut strangers: Vec<_> = (0..STRANGERS).map(|n| half_open(&proxy, n)).collect();
    serves(&proxy.connect());
    let each = proxy.rss_kb().saturating_sub(idle) / STRANGERS as u64;
    println!("{STRANGERS} half-open start-ups: {each} kB each");
    // the largest packet of a stranger is 10 kB
    assert!(each <= 16, "{each} kB for a stranger");
    for stranger in &mut strangers {
        testkit::wait::until(testkit::wait::PATIENCE, "the time for log-in is over", || stranger.is_closed());
    }
    serves(&proxy.connect());
}

fn half_open(proxy: &Proxy, n: usize) -> testkit::Client {
    let connect: Connect = proxy.connect().param("application_name", &"x".repeat(n % 9_000));
    let mut client = connect.unlogged();
    let bytes = connect.startup_message();
    client.send(&bytes[..bytes.len() - 1]);
    client
}
