//! Server messages: what is written is read again, and what lies about itself is refused.

use bytes::BytesMut;

use super::auth::{Authentication, Method};
use super::complete::CommandComplete;
use super::error::{ErrorFields, Fields, Severity};
use super::key::BackendKeyData;
use super::negotiate::NegotiateProtocolVersion;
use super::notify::Notification;
use super::row::{Column, DataRow};
use super::*;
use crate::{Error, SqlState, TxStatus};

/// Writes one message and returns its body, after a look at its head.
fn body(tag: u8, write: impl FnOnce(&mut BytesMut) -> Result<(), Error>) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out).unwrap();
    assert_eq!(out[0], tag);
    assert_eq!(u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize, out.len() - 1);
    out[5..].to_vec()
}

fn done(write: impl FnOnce(&mut BytesMut)) -> impl FnOnce(&mut BytesMut) -> Result<(), Error> {
    |out| {
        write(out);
        Ok(())
    }
}

#[test]
fn what_is_written_is_read_again() {
    let b = body(b'S', |out| params::write(out, b"TimeZone", b"UTC"));
    assert_eq!(params::parse(&b), Ok((&b"TimeZone"[..], &b"UTC"[..])));

    let b = body(b'K', |out| key::write(out, 7, b"12345678"));
    assert_eq!(BackendKeyData::parse(&b), Ok(BackendKeyData { pid: 7, secret: b"12345678" }));

    for status in [TxStatus::Idle, TxStatus::InTransaction, TxStatus::Failed] {
        let b = body(b'Z', done(|out| ready::write(out, status)));
        assert_eq!(ready::parse(&b), Ok(status));
    }

    let b = body(b'C', |out| complete::write(out, b"SELECT 3"));
    assert_eq!(CommandComplete::parse(&b), Ok(CommandComplete { tag: b"SELECT 3" }));

    let b = body(b'A', |out| notify::write(out, 9, b"news", b""));
    assert_eq!(Notification::parse(&b), Ok(Notification { pid: 9, channel: b"news", payload: b"" }));

    let b = body(b't', |out| describe::write(out, &[23, 25]));
    assert_eq!(b, b"\0\x02\0\0\0\x17\0\0\0\x19");
}

#[test]
fn the_replies_without_a_body_are_only_a_head() {
    use one::*;
    let all = [PARSE_COMPLETE, BIND_COMPLETE, CLOSE_COMPLETE, NO_DATA, EMPTY_QUERY, PORTAL_SUSPENDED];
    let tags: Vec<u8> = all.iter().map(|message| message[0]).collect();
    assert_eq!(tags, b"123nIs");
    assert!(all.iter().all(|message| message[1..] == [0, 0, 0, 4]));
}

#[test]
fn every_authentication_request_is_read_again() {
    let b = body(b'R', done(auth::write_ok));
    assert_eq!(Authentication::parse(&b), Ok(Authentication::Ok));
    let b = body(b'R', done(auth::write_cleartext_password));
    assert_eq!(Authentication::parse(&b), Ok(Authentication::CleartextPassword));
    let b = body(b'R', done(|out| auth::write_md5_password(out, [1, 2, 3, 255])));
    assert_eq!(Authentication::parse(&b), Ok(Authentication::Md5Password { salt: [1, 2, 3, 255] }));
    let b = body(b'R', |out| auth::write_sasl(out, &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]));
    let Ok(Authentication::Sasl(mechanisms)) = Authentication::parse(&b) else { panic!("not SASL") };
    let expected = [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"];
    assert!(mechanisms.iter().eq(expected));
    let b = body(b'R', |out| auth::write_sasl_continue(out, b"r=\0"));
    assert_eq!(Authentication::parse(&b), Ok(Authentication::SaslContinue(b"r=\0")));
    let b = body(b'R', |out| auth::write_sasl_final(out, b"v="));
    assert_eq!(Authentication::parse(&b), Ok(Authentication::SaslFinal(b"v=")));
}

#[test]
fn a_hostile_authentication_request_is_refused() {
    let gss = Authentication::Unsupported(Method::Gss);
    assert_eq!(Authentication::parse(b"\0\0\0\x07"), Ok(gss));
    assert_eq!(Authentication::parse(b"\0\0\0\x08token"), Ok(gss));
    assert_eq!(Authentication::parse(b""), Err(Error::TooShort));
    assert_eq!(Authentication::parse(b"\0\0\0\0x"), Err(Error::Trailing { left: 1 }));
    assert_eq!(Authentication::parse(b"\0\0\0\x05abc"), Err(Error::TooShort));
    assert_eq!(Authentication::parse(b"\0\0\0\x05abcde"), Err(Error::Trailing { left: 1 }));
    for unknown in [1u32, 4, 6, 13, 0x7fff_ffff, u32::MAX] {
        let error = Error::BadValue { what: "authentication request", value: unknown.into() };
        assert_eq!(Authentication::parse(&unknown.to_be_bytes()), Err(error));
    }
    for list in [&b""[..], b"SCRAM-SHA-256", b"SCRAM-SHA-256\0"] {
        let body = [b"\0\0\0\x0a", list].concat();
        assert_eq!(Authentication::parse(&body), Err(Error::Unterminated));
    }
    assert_eq!(Authentication::parse(b"\0\0\0\x0aA\0\0B\0"), Err(Error::Trailing { left: 2 }));
    let Ok(Authentication::Sasl(none)) = Authentication::parse(b"\0\0\0\x0a\0") else { panic!() };
    assert_eq!(none.iter().count(), 0);
}

#[test]
fn a_cancel_key_of_an_odd_length_is_refused() {
    for len in [0i64, 3, 257, 300] {
        let error = Error::BadValue { what: "length of cancel key", value: len };
        let secret = vec![1; usize::try_from(len).unwrap()];
        assert_eq!(BackendKeyData::parse(&[&[0; 4], &secret[..]].concat()), Err(error.clone()));
        assert_eq!(key::write(&mut BytesMut::new(), 0, &secret), Err(error));
    }
    assert_eq!(BackendKeyData::parse(b"\0\0"), Err(Error::TooShort));
    let shown = format!("{:?}", BackendKeyData { pid: 1, secret: b"canary" });
    assert!(!shown.contains("99, 97"), "{shown}");
}

#[test]
fn a_negotiation_names_every_option() {
    let b = body(b'v', |out| negotiate::write(out, 2, &["_pq_.a", "_pq_.b"]));
    assert_eq!(b[..8], [0, 3, 0, 2, 0, 0, 0, 2], "both parts of the version, as PostgreSQL sends them");
    let got = NegotiateProtocolVersion::parse(&b).unwrap();
    assert_eq!((got.minor, got.len()), (2, 2));
    assert!(got.options().eq([&b"_pq_.a"[..], b"_pq_.b"]));
    assert!(!got.is_empty());

    assert_eq!(NegotiateProtocolVersion::parse(b"\0\x03\0\0\0\0\0"), Err(Error::TooShort));
    assert_eq!(NegotiateProtocolVersion::parse(b"\0\x03\0\0\xff\xff\xff\xffa\0"), Err(Error::Unterminated));
    assert_eq!(NegotiateProtocolVersion::parse(b"\0\x03\0\0\0\0\0\0a\0"), Err(Error::Trailing { left: 2 }));
    assert!(NegotiateProtocolVersion::parse(b"\0\x02\0\0\0\0\0\0").is_err());
    assert_eq!(NegotiateProtocolVersion::parse(b"\0\0\0\x02\0\0\0\0").map(|v| v.minor), Ok(2));
}

#[test]
fn a_status_byte_has_one_byte_of_three() {
    assert!(ready::parse(b"X").is_err());
    assert_eq!(ready::parse(b""), Err(Error::TooShort));
    assert_eq!(ready::parse(b"II"), Err(Error::Trailing { left: 1 }));
}

#[test]
fn rows_are_read_again_and_lying_ones_refused() {
    let values = [Some(&b"a"[..]), None, Some(b"")];
    let b = body(b'D', |out| row::write_row(out, &values));
    let got = DataRow::parse(&b).unwrap();
    assert_eq!(got.len(), 3);
    assert!(got.values().eq(values));
    assert!(DataRow::parse(b"\0\0").unwrap().is_empty());

    let error = Error::BadValue { what: "length of column value", value: -2 };
    assert_eq!(DataRow::parse(b"\0\x01\xff\xff\xff\xfe"), Err(error));
    for short in [&b""[..], b"\0", b"\0\x01", b"\0\x02\xff\xff\xff\xff", b"\0\x01\x7f\xff\xff\xffa"] {
        assert_eq!(DataRow::parse(short), Err(Error::TooShort), "{short:?}");
    }
    assert_eq!(DataRow::parse(b"\0\0a"), Err(Error::Trailing { left: 1 }));

    let many = vec![None; 65_536];
    assert_eq!(row::write_row(&mut BytesMut::new(), &many), Err(Error::TooLong { tag: b'D' }));
    assert!(row::write_row(&mut BytesMut::new(), &many[1..]).is_ok());
}

#[test]
fn a_row_description_has_18_bytes_beside_each_name() {
    let columns = [
        Column { name: "n", oid: 23, len: 4, binary: false },
        Column { name: "text", oid: 25, len: -1, binary: false },
    ];
    let b = body(b'T', |out| row::write_description(out, &columns));
    let one = b"n\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";
    let two = b"text\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    assert_eq!(b, [b"\0\x02", &one[..], two].concat());
    let bad = [Column { name: "a\0b", oid: 25, len: -1, binary: false }];
    assert_eq!(row::write_description(&mut BytesMut::new(), &bad), Err(Error::EmbeddedNul));
}

fn fields<'a>(message: &'a str, detail: &'a str) -> ErrorFields<'a> {
    let sqlstate = SqlState::TOO_MANY_CONNECTIONS;
    ErrorFields { severity: Severity::Fatal, sqlstate, message, detail: Some(detail), hint: None }
}

#[test]
fn an_error_is_read_again() {
    let b = body(b'E', done(|out| error::write(out, &fields("no more clients", "100 of 100."))));
    assert_eq!(b, b"SFATAL\0VFATAL\0C53300\0Mno more clients\0D100 of 100.\0\0");
    let got = Fields::new(&b);
    assert_eq!(got.sqlstate().as_ref(), Some(b"53300"));
    assert_eq!(got.text(b'M', 100), "no more clients");
    assert_eq!(got.get(b'H'), None);
    assert!(got.is_fatal());
    assert_eq!(got.iter().count(), 5);

    let notice = ErrorFields { severity: Severity::Notice, hint: Some("Wait."), ..fields("m", "d") };
    let b = body(b'N', done(|out| error::write_notice(out, &notice)));
    assert!(!Fields::new(&b).is_fatal());
    assert_eq!(Fields::new(&b).get(b'H'), Some(&b"Wait."[..]));
}

#[test]
fn what_an_error_says_cannot_become_a_field() {
    let long = format!("{}é", "x".repeat(16 * 1024 - 1));
    let b = body(b'E', done(|out| error::write(out, &fields("a\0Cfake\0\0b", &long))));
    let got = Fields::new(&b);
    assert_eq!(got.get(b'M'), Some(&b"aCfakeb"[..]));
    assert_eq!(got.get(b'D').map(<[u8]>::len), Some(16 * 1024 - 1), "cut where a character begins");
    assert_eq!(got.iter().count(), 5);
}

#[test]
fn a_hostile_error_gives_what_is_there() {
    let nothing: [&[u8]; 3] = [b"", b"\0", b"\0C57P01\0\0"];
    for body in nothing {
        let got = Fields::new(body);
        assert_eq!(got.iter().count(), 0);
        assert_eq!((got.sqlstate(), got.severity(), got.is_fatal()), (None, None, false));
        assert_eq!(got.text(b'M', 10), "");
    }
    let cut = Fields::new(b"SFATAL\0C57P01");
    assert_eq!(cut.sqlstate().as_ref(), Some(b"57P01"));
    assert!(cut.is_fatal());
    assert_eq!(cut.iter().count(), 2);
    assert_eq!(Fields::new(b"C").get(b'C'), Some(&b""[..]));
    assert_eq!(Fields::new(b"C57P01\0C00000\0\0").sqlstate().as_ref(), Some(b"57P01"));
    for code in [&b"C57P0\0"[..], b"C57P011\0", b"C57p01\0", b"C57\xff01\0", b"C\0"] {
        assert_eq!(Fields::new(code).sqlstate(), None);
    }
    let megabyte = [b"M\x1b[2J\xff", &vec![b'x'; 1 << 20][..]].concat();
    assert_eq!(Fields::new(&megabyte).text(b'M', 8), " [2J\u{fffd}xxx");
    let many = b"Mx\0".repeat(100_000);
    assert_eq!(Fields::new(&many).iter().count(), 100_000);
}
