//! Client messages: what is written is read again, and what lies about itself is refused.

use bytes::BytesMut;

use super::bind::Bind;
use super::close::Close;
use super::describe::Describe;
use super::execute::Execute;
use super::parse::Parse;
use super::password::{Password, SaslInitialResponse, SaslResponse};
use super::query::Query;
use super::*;

/// Writes one message and returns its body, after a look at its head.
fn body(tag: u8, write: impl FnOnce(&mut BytesMut) -> Result<(), Error>) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out).unwrap();
    assert_eq!(out[0], tag);
    assert_eq!(u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize, out.len() - 1);
    out[5..].to_vec()
}

#[test]
fn what_is_written_is_read_again() {
    let b = body(query::TAG, |out| query::write(out, b"select 1"));
    assert_eq!(Query::parse(&b), Ok(Query { sql: b"select 1" }));

    let b = body(parse::TAG, |out| parse::write(out, b"s1", b"select $1", b"\0\x01\0\0\0\x17"));
    let parse = Parse { name: b"s1", sql: b"select $1", types: b"\0\x01\0\0\0\x17" };
    assert_eq!(Parse::parse(&b), Ok(parse));

    let b = body(bind::TAG, |out| bind::write(out, b"", b"s1", b"any \0 thing"));
    assert_eq!(Bind::parse(&b), Ok(Bind { portal: b"", statement: b"s1", rest: b"any \0 thing" }));

    let b = body(describe::TAG, |out| describe::write(out, Kind::Portal, b"p"));
    assert_eq!(Describe::parse(&b), Ok(Describe { kind: Kind::Portal, name: b"p" }));

    let b = body(close::TAG, |out| close::write(out, Kind::Statement, b""));
    assert_eq!(Close::parse(&b), Ok(Close { kind: Kind::Statement, name: b"" }));

    let b = body(execute::TAG, |out| execute::write(out, b"p", -1));
    assert_eq!(Execute::parse(&b), Ok(Execute { portal: b"p", max_rows: -1 }));

    let b = body(copy::FAIL, |out| copy::write_fail(out, b"no"));
    assert_eq!(copy::Fail::parse(&b), Ok(copy::Fail { reason: b"no" }));
}

#[test]
fn log_in_messages_are_read_again() {
    let b = body(b'p', |out| password::write(out, b"secret"));
    assert_eq!(Password::parse(&b), Ok(Password { password: b"secret" }));
    for data in [None, Some(&b""[..]), Some(b"n,,n=,r=x")] {
        let b = body(b'p', |out| password::write_sasl_initial(out, b"SCRAM-SHA-256", data));
        let initial = SaslInitialResponse { mechanism: b"SCRAM-SHA-256", data };
        assert_eq!(SaslInitialResponse::parse(&b), Ok(initial));
    }
    let b = body(b'p', |out| password::write_sasl_response(out, b"c=biws,\0"));
    assert_eq!(SaslResponse::parse(&b), SaslResponse(b"c=biws,\0"));
}

#[test]
fn a_missing_terminator_never_takes_what_follows() {
    assert_eq!(Query::parse(b""), Err(Error::Unterminated));
    assert_eq!(Query::parse(b"select 1"), Err(Error::Unterminated));
    assert_eq!(Query::parse(b"select 1\0x"), Err(Error::Trailing { left: 1 }));
    assert_eq!(Bind::parse(b"p\0s"), Err(Error::Unterminated));
    assert_eq!(Close::parse(b"S"), Err(Error::Unterminated));
    assert_eq!(Close::parse(b""), Err(Error::TooShort));
    assert_eq!(Execute::parse(b"\0\0\0\0"), Err(Error::TooShort));
    assert_eq!(Execute::parse(b"\0\0\0\0\0\0"), Err(Error::Trailing { left: 1 }));
    assert_eq!(Password::parse(b"a"), Err(Error::Unterminated));
    assert_eq!(Password::parse(b"a\0b\0"), Err(Error::Trailing { left: 2 }));
}

#[test]
fn bind_leaves_the_parameters_to_the_server() {
    for rest in [&b""[..], b"\xff", b"\0\x01", b"\0\0\0\x01\xff\xff\xff\xfe\0\0"] {
        let body = [b"\0\0", rest].concat();
        assert_eq!(Bind::parse(&body).unwrap().rest, rest);
    }
}

#[test]
fn a_type_block_that_lies_is_refused() {
    for types in [&b""[..], b"\0", b"\0\x01", b"\0\x01\0\0\0", b"\0\0\0", b"\xff\xff\0\0\0\x17"] {
        let body = [b"s\0q\0", types].concat();
        assert!(Parse::parse(&body).is_err(), "{types:?}");
        assert!(parse::write(&mut BytesMut::new(), b"s", b"q", types).is_err(), "{types:?}");
    }
    let most = [&b"\0\0\xff\xff"[..], &[0; 65_535 * 4]].concat();
    assert_eq!(Parse::parse(&most).unwrap().types.len(), 2 + 65_535 * 4);
}

#[test]
fn a_kind_is_s_or_p() {
    for byte in 0..=u8::MAX {
        let got = Describe::parse(&[byte, 0]).map(|d| d.kind.byte());
        if b"SP".contains(&byte) {
            assert_eq!(got, Ok(byte));
        } else {
            assert!(matches!(got, Err(Error::Unexpected { got, .. }) if got == byte));
        }
    }
}

#[test]
fn the_length_inside_a_sasl_response_must_be_that_of_the_rest() {
    let with = |len: i32, data: &[u8]| [b"M\0", &len.to_be_bytes()[..], data].concat();
    assert!(SaslInitialResponse::parse(&with(3, b"abc")).is_ok());
    assert_eq!(SaslInitialResponse::parse(&with(4, b"abc")), Err(Error::TooShort));
    assert_eq!(SaslInitialResponse::parse(&with(2, b"abc")), Err(Error::Trailing { left: 1 }));
    assert_eq!(SaslInitialResponse::parse(&with(-1, b"abc")), Err(Error::Trailing { left: 3 }));
    assert_eq!(SaslInitialResponse::parse(&with(i32::MAX, b"abc")), Err(Error::TooShort));
    for len in [-2, i32::MIN] {
        let error = Error::BadValue { what: "length of SASL response", value: len.into() };
        assert_eq!(SaslInitialResponse::parse(&with(len, b"abc")), Err(error));
    }
    assert_eq!(SaslInitialResponse::parse(b"M\0\0\0"), Err(Error::TooShort));
}

#[test]
fn a_zero_byte_never_gets_into_a_string() {
    let mut out = BytesMut::new();
    assert_eq!(query::write(&mut out, b"a\0b"), Err(Error::EmbeddedNul));
    assert_eq!(parse::write(&mut out, b"a\0b", b"", parse::NO_TYPES), Err(Error::EmbeddedNul));
    assert_eq!(parse::write(&mut out, b"", b"a\0b", parse::NO_TYPES), Err(Error::EmbeddedNul));
    assert_eq!(bind::write(&mut out, b"", b"a\0b", b""), Err(Error::EmbeddedNul));
    assert_eq!(close::write(&mut out, Kind::Portal, b"a\0b"), Err(Error::EmbeddedNul));
    assert_eq!(password::write(&mut out, b"a\0b"), Err(Error::EmbeddedNul));
    assert_eq!(password::write_sasl_initial(&mut out, b"a\0b", None), Err(Error::EmbeddedNul));
    assert!(out.is_empty(), "nothing is written of what is refused");
}

#[test]
fn debug_shows_no_password() {
    let shown = format!(
        "{:?} {:?} {:?}",
        Password { password: b"canary" },
        SaslInitialResponse { mechanism: b"SCRAM-SHA-256", data: Some(b"canary") },
        SaslResponse(b"canary")
    );
    assert!(!shown.contains("canary") && !shown.contains("99, 97, 110"), "{shown}");
}
