//! The first bytes of a connection: versions, options nobody knows, requests for encryption and their order.

use testkit::client::{self, Message};
use testkit::{Client, messages};

use crate::stage::{self, ends_with, ordinary, serves};

/// Logs in at 3.`minor` with these parameters and gives all that came.
fn log_in(proxy: &testkit::Proxy, minor: u16, extra: &[(&str, &str)]) -> Vec<Message> {
    let mut client = proxy.connect().unlogged();
    let mut params = vec![("user", "somebody"), ("database", "postgres")];
    params.extend_from_slice(extra);
    client.send(&messages::startup(minor, &params));
    client.read_until_ready()
}

/// The version and the options of a NegotiateProtocolVersion.
fn negotiated(message: &Message) -> (u32, Vec<String>) {
    let word = |at: usize| u32::from_be_bytes(message.body[at..at + 4].try_into().unwrap());
    let names = message.body[8..].split(|&b| b == 0).map(|n| String::from_utf8_lossy(n).into_owned());
    let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    assert_eq!(word(4) as usize, names.len(), "the count agrees with the names");
    (word(0), names)
}

#[test]
fn versions_that_are_known_are_taken_without_negotiation() {
    let (_server, proxy) = ordinary();
    for (minor, key) in [(0, 4), (1, 4), (2, 32)] {
        let said = log_in(&proxy, minor, &[]);
        assert_eq!(client::tags(&said).matches('v').count(), 0, "3.{minor}");
        let found = said.iter().find(|m| m.tag == b'K').expect("a key");
        assert_eq!(found.body.len(), 4 + key, "the key of 3.{minor}");
    }
}

#[test]
fn a_newer_version_and_grease_get_exactly_one_negotiation_with_every_name() {
    let (_server, proxy) = ordinary();
    let grease = [("_pq_.test_protocol_negotiation", ""), ("_pq_.a", "1"), ("_pq_.b", "x")];
    for (asked, settled) in [(0, 0x3_0000), (2, 0x3_0002), (3, 0x3_0002), (9999, 0x3_0002)] {
        let said = log_in(&proxy, asked, &grease);
        let answers: Vec<_> = said.iter().filter(|m| m.tag == b'v').collect();
        assert_eq!(answers.len(), 1, "3.{asked}: {said:?}");
        let (version, names) = negotiated(answers[0]);
        assert_eq!(version, settled, "3.{asked}");
        assert_eq!(names, grease.map(|(name, _)| name), "3.{asked}");
        assert_eq!(said[0].tag, b'v', "before anything else");
        let key = said.iter().find(|m| m.tag == b'K').expect("a key");
        assert_eq!(key.body.len(), if asked >= 2 { 36 } else { 8 }, "3.{asked}");
    }
    let said = log_in(&proxy, 9999, &[]);
    assert_eq!(negotiated(&said[0]), (0x3_0002, Vec::new()));
}

#[test]
fn another_major_version_is_refused() {
    let (_server, proxy) = ordinary();
    for version in [0x2_0000_u32, 0x4_0000, 0x1_0000, 0, 0x7fff_ffff, 1234 << 16] {
        let mut client = proxy.connect().unlogged();
        client.send(&messages::untagged(&[&version.to_be_bytes(), b"user\0a\0\0".as_slice()].concat()));
        ends_with(&mut client, "0A000", &format!("version {version:#x}"));
    }
    serves(&proxy.connect());
}

#[test]
fn requests_for_encryption_come_in_any_order_but_once_each() {
    let (_server, proxy) = ordinary();
    let (ssl, gss) = (messages::ssl_request(), messages::gssenc_request());
    for order in [vec![&ssl, &gss], vec![&gss, &ssl], vec![&ssl], vec![&gss]] {
        let mut client = proxy.connect().unlogged();
        for request in &order {
            client.send(request);
            assert_eq!(client.read_bytes(1), b"N");
        }
        client.send_startup().unwrap();
        client.finish_login().unwrap();
        assert_eq!(client.rows("in clear"), "in clear");
    }
    for order in [vec![&ssl, &ssl], vec![&gss, &gss], vec![&ssl, &gss, &ssl], vec![&gss, &ssl, &gss]] {
        let mut client = proxy.connect().unlogged();
        for request in &order[..order.len() - 1] {
            client.send(request);
            assert_eq!(client.read_bytes(1), b"N");
        }
        client.send(order[order.len() - 1]);
        ends_with(&mut client, "08P01", &format!("{} requests", order.len()));
    }
}

#[test]
fn bytes_behind_a_request_for_encryption_end_the_connection() {
    let (server, proxy) = ordinary();
    let startup = proxy.connect().startup_message();
    for request in [messages::ssl_request(), messages::gssenc_request()] {
        let mut client = proxy.connect().unlogged();
        client.send(&[request, startup.clone()].concat());
        // an N that was on its way may come first
        let said = read_bytes_to_end(&mut client);
        assert!(!said.contains(&b'Z'), "nobody was logged in: {}", said.escape_ascii());
    }
    assert_eq!(server.connections(), 0);
}

fn read_bytes_to_end(client: &mut Client) -> Vec<u8> {
    testkit::wait::until(testkit::wait::PATIENCE, "the end of the stream", || client.is_closed());
    let n = client.buffered();
    client.read_bytes(n)
}

#[test]
fn a_start_up_packet_may_come_byte_by_byte() {
    let (_server, proxy) = ordinary();
    let mut client = proxy.connect().unlogged();
    let bytes = proxy.connect().startup_message();
    client.send_split(&bytes, &(1..bytes.len()).collect::<Vec<_>>());
    client.finish_login().unwrap();
    assert_eq!(client.rows("slow"), "slow");
}

#[test]
fn a_probe_that_says_nothing_leaves_no_line_above_debug() {
    let (_server, proxy) = ordinary();
    let before = proxy.log();
    for cut in 0..8 {
        let mut client = proxy.connect().unlogged();
        client.send(&proxy.connect().startup_message()[..cut]);
        client.shutdown_write();
        assert!(client.is_closed() || stage::end(&mut client).is_none_or(|e| e.code() == "08P01"));
    }
    serves(&proxy.connect());
    let new = proxy.log()[before.len()..].to_owned();
    assert!(!new.contains("WARN") && !new.contains("ERROR"), "{new}");
}

#[test]
fn an_unknown_database_is_named_in_the_refusal() {
    let (_server, proxy) = ordinary();
    let error = proxy.connect().database("nowhere").try_open().expect_err("refused");
    let testkit::Error::Server(error) = error else { panic!("not an answer: {error}") };
    assert_eq!((error.code(), error.field(b'S')), ("3D000", "FATAL"));
    assert!(error.message().contains("\"nowhere\""), "{error}");
}
