//! Start-up packets, honest and hostile.

use super::*;

fn packet(code: (u16, u16), body: &[u8]) -> Vec<u8> {
    let mut packet = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
    packet.extend(code.0.to_be_bytes());
    packet.extend(code.1.to_be_bytes());
    packet.extend(body);
    packet
}

fn startup(body: &[u8]) -> Result<Startup, Error> {
    let packet = parse(&packet((3, 0), body))?;
    let Packet::Startup(startup) = packet else { panic!("not a StartupMessage: {packet:?}") };
    Ok(startup)
}

#[test]
fn the_length_is_judged_before_the_packet_is_there() {
    for len in [0, 1, 3, 4, 7, 10_001, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let error = Error::BadLength { tag: 0, len, limit: MAX_PACKET };
        assert_eq!(cut(&len.to_be_bytes()), Err(error));
    }
    for len in [8u32, 9, 10_000] {
        assert_eq!(cut(&len.to_be_bytes()), Ok(None));
    }
    for short in [&b""[..], b"\0", b"\0\0", b"\0\0\0"] {
        assert_eq!(cut(short), Ok(None));
    }
    let mut two = packet((1234, 5679), b"");
    two.extend(packet((3, 0), b"user\0a\0\0"));
    assert_eq!(cut(&two), Ok(Some(8)));
}

#[test]
fn requests_are_told_apart() {
    assert_eq!(parse(&packet((1234, 5679), b"")), Ok(Packet::Ssl));
    assert_eq!(parse(&packet((1234, 5680), b"")), Ok(Packet::GssEnc));
    for (major, minor) in [(2, 0), (4, 0), (0, 0), (1234, 5677), (1234, 5681), (0xffff, 0xffff)] {
        let got = parse(&packet((major, minor), b"whatever"));
        assert_eq!(got, Ok(Packet::UnsupportedMajor { major, minor }));
    }
    assert_eq!(parse(&packet((1234, 5679), b"x")), Err(Error::Trailing { left: 1 }));
}

#[test]
fn a_cancel_key_has_4_to_256_bytes() {
    for len in [0usize, 3, 257, 300] {
        let mut body = vec![0, 0, 1, 2];
        body.extend(vec![7; len]);
        let what = "length of cancel key";
        let value = i64::try_from(len).unwrap();
        assert_eq!(parse(&packet((1234, 5678), &body)), Err(Error::BadValue { what, value }));
        assert_eq!(
            write_cancel(&mut BytesMut::new(), 1, &vec![7; len]),
            Err(Error::BadValue { what, value })
        );
    }
    for len in [4, 32, 256] {
        let mut out = BytesMut::new();
        write_cancel(&mut out, 0x8000_0102, &vec![7; len]).unwrap();
        let key = CancelKey { pid: 0x8000_0102, secret: vec![7; len].into() };
        assert_eq!(parse(&out), Ok(Packet::Cancel(key)));
    }
    assert_eq!(parse(&packet((1234, 5678), b"\0\0")), Err(Error::TooShort));
}

#[test]
fn cancel_keys_differ_by_any_part_and_hide_their_secret() {
    let key = CancelKey { pid: 1, secret: Bytes::from_static(b"canary") };
    assert_eq!(key, key.clone());
    assert_ne!(key, CancelKey { pid: 2, ..key.clone() });
    assert_ne!(key, CancelKey { secret: Bytes::from_static(b"canarz"), ..key.clone() });
    assert_ne!(key, CancelKey { secret: Bytes::from_static(b"canary1"), ..key.clone() });
    assert!(!format!("{key:?}").contains("canary"));
    assert!(!format!("{key:?}").contains("99, 97, 110"));
}

#[test]
fn parameters_and_protocol_options_are_kept_apart() {
    let body = b"user\0bob\0_pq_.test_protocol_negotiation\0\0database\0shop\0_pq_.x\0y\0\0";
    let got = startup(body).unwrap();
    assert_eq!(got.get("user"), Some("bob"));
    assert_eq!(got.get("database"), Some("shop"));
    assert_eq!(got.get("User"), None);
    assert_eq!(got.unknown_options, ["_pq_.test_protocol_negotiation", "_pq_.x"]);
    assert_eq!(got.params.len(), 2);
    let Ok(Packet::Startup(grease)) = parse(&packet((3, 9999), body)) else { panic!("refused") };
    assert_eq!(grease.minor, 9999);
}

#[test]
fn of_a_name_given_twice_the_last_value_counts() {
    let got = startup(b"user\0a\0geqo\0on\0user\0b\0\0").unwrap();
    assert_eq!(got.params, [("user".into(), "b".into()), ("geqo".into(), "on".into())]);
}

#[test]
fn a_malformed_list_is_refused() {
    assert_eq!(startup(b""), Err(Error::Unterminated));
    assert_eq!(startup(b"user\0bob\0"), Err(Error::Unterminated));
    assert_eq!(startup(b"user\0bob"), Err(Error::Unterminated));
    assert_eq!(startup(b"user\0\0"), Err(Error::Unterminated));
    assert_eq!(startup(b"user\0bob\0\0\0"), Err(Error::Trailing { left: 1 }));
    assert_eq!(startup(b"user\0bob\0\0admin\0yes\0\0"), Err(Error::Trailing { left: 11 }));
    assert_eq!(startup(b"user\0b\xffb\0\0"), Err(Error::NotUtf8 { what: "startup packet" }));
    assert_eq!(startup(b"us\xc3r\0bob\0\0"), Err(Error::NotUtf8 { what: "startup packet" }));
}

#[test]
fn the_longest_packet_of_the_shortest_parameters_is_read() {
    let mut body = Vec::new();
    for _ in 0..3330 {
        body.extend(b"a\0\0");
    }
    body.push(0);
    assert_eq!(startup(&body).unwrap().params, [("a".into(), "".into())]);
    body.extend(b"\0\0\0");
    let len = u32::try_from(body.len() + 8).unwrap();
    assert_eq!(startup(&body), Err(Error::BadLength { tag: 0, len, limit: MAX_PACKET }));
}

#[test]
fn what_is_written_is_read_again() {
    let params = [("user", "bob"), ("database", ""), ("options", "-c a=b\\ c")];
    let mut out = BytesMut::new();
    write(&mut out, 2, &params).unwrap();
    let Ok(Packet::Startup(got)) = parse(&out) else { panic!("refused") };
    assert_eq!(got.minor, 2);
    let got: Vec<_> = got.params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(got, params);

    let mut out = BytesMut::new();
    write_ssl_request(&mut out);
    assert_eq!(parse(&out), Ok(Packet::Ssl));
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let mut out = BytesMut::new();
    assert_eq!(write(&mut out, 0, &[("user", "a\0admin\0b")]), Err(Error::EmbeddedNul));
    assert_eq!(write(&mut out, 0, &[("us\0er", "a")]), Err(Error::EmbeddedNul));
    assert!(matches!(write(&mut out, 0, &[("", "a")]), Err(Error::BadValue { .. })));
    let long = "x".repeat(10_000);
    assert_eq!(write(&mut out, 0, &[("user", &long)]), Err(Error::TooLong { tag: 0 }));
    assert!(out.is_empty());
}
