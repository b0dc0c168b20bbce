//! Our messages held against those of two independent implementations of the protocol.
//!
//! Both are used on honest messages alone: what they do with others is not our concern.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use pgweir_wire::auth::{Binding, SCRAM_SHA_256, ScramSecret, scram_client, scram_server};
use pgweir_wire::backend::error::{self, ErrorFields, Severity};
use pgweir_wire::backend::row::{self, Column};
use pgweir_wire::backend::{auth, complete, describe, key, negotiate, notify, one, params, ready};
use pgweir_wire::frontend::{
    Kind, bind, close, copy, execute, flush, parse, password, query, sync, terminate,
};
use pgweir_wire::{Error, SqlState, TxStatus, startup};
use pgwire::messages::startup::SecretKey;
use pgwire::messages::{DecodeContext, PgWireBackendMessage, ProtocolVersion};
use postgres_protocol::IsNull;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend as theirs;
use postgres_protocol::password::scram_sha_256;
use proptest::collection::vec;
use proptest::prelude::*;

const PLAIN: &[u8] = SCRAM_SHA_256.as_bytes();

/// What `write` appends.
fn ours<T>(write: impl FnOnce(&mut BytesMut) -> T) -> BytesMut {
    let mut out = BytesMut::new();
    write(&mut out);
    out
}

fn read(write: impl FnOnce(&mut BytesMut) -> Result<(), Error>) -> Message {
    let mut out = ours(|out| write(out).unwrap());
    let message = Message::parse(&mut out).unwrap().unwrap();
    assert!(out.is_empty());
    message
}

fn read_new(write: impl FnOnce(&mut BytesMut) -> Result<(), Error>) -> PgWireBackendMessage {
    let mut out = ours(|out| write(out).unwrap());
    let mut context = DecodeContext::new(ProtocolVersion::PROTOCOL3_2);
    context.awaiting_backend_ssl_response = false;
    context.awaiting_backend_gss_response = false;
    let message = PgWireBackendMessage::decode(&mut out, &context).unwrap().unwrap();
    assert!(out.is_empty());
    message
}

proptest! {
    #[test]
    fn client_messages_are_the_same_bytes(
        name in "[^\0]{0,20}",
        sql in "[^\0]{0,60}",
        oids in vec(any::<u32>(), 0..9),
        values in vec(vec(any::<u8>(), 0..20), 0..9),
        rows in any::<i32>(),
    ) {
        let mut types = u16::try_from(oids.len()).unwrap().to_be_bytes().to_vec();
        types.extend(oids.iter().flat_map(|oid| oid.to_be_bytes()));
        prop_assert_eq!(
            ours(|out| parse::write(out, name.as_bytes(), sql.as_bytes(), &types)),
            ours(|out| theirs::parse(&name, &sql, oids, out))
        );
        prop_assert_eq!(
            ours(|out| query::write(out, sql.as_bytes())),
            ours(|out| theirs::query(&sql, out))
        );
        let whole = ours(|out| {
            let put = |value: &Vec<u8>, out: &mut BytesMut| {
                out.extend_from_slice(value);
                Ok(IsNull::No)
            };
            theirs::bind(&name, &sql, [1], &values, put, [0], out).map_err(drop)
        });
        let rest = bind::Bind::parse(&whole[5..]).unwrap().rest;
        prop_assert_eq!(ours(|out| bind::write(out, name.as_bytes(), sql.as_bytes(), rest)), whole);
        prop_assert_eq!(
            ours(|out| pgweir_wire::frontend::describe::write(out, Kind::Statement, name.as_bytes())),
            ours(|out| theirs::describe(b'S', &name, out))
        );
        prop_assert_eq!(
            ours(|out| close::write(out, Kind::Portal, name.as_bytes())),
            ours(|out| theirs::close(b'P', &name, out))
        );
        prop_assert_eq!(
            ours(|out| execute::write(out, name.as_bytes(), rows)),
            ours(|out| theirs::execute(&name, rows, out))
        );
        prop_assert_eq!(
            ours(|out| copy::write_fail(out, sql.as_bytes())),
            ours(|out| theirs::copy_fail(&sql, out))
        );
    }

    #[test]
    fn log_in_messages_are_the_same_bytes(
        user in "[^\0]{1,20}",
        database in "[^\0]{0,20}",
        data in vec(any::<u8>(), 0..60),
        pid in any::<i32>(),
        secret in any::<i32>(),
    ) {
        let pairs = [("user", user.as_str()), ("database", database.as_str())];
        prop_assert_eq!(
            ours(|out| startup::write(out, 0, &pairs)),
            ours(|out| theirs::startup_message(pairs, out))
        );
        prop_assert_eq!(
            ours(|out| password::write(out, user.as_bytes())),
            ours(|out| theirs::password_message(user.as_bytes(), out))
        );
        prop_assert_eq!(
            ours(|out| password::write_sasl_initial(out, b"SCRAM-SHA-256", Some(&data))),
            ours(|out| theirs::sasl_initial_response("SCRAM-SHA-256", &data, out))
        );
        prop_assert_eq!(
            ours(|out| password::write_sasl_response(out, &data)),
            ours(|out| theirs::sasl_response(&data, out))
        );
        prop_assert_eq!(
            ours(|out| startup::write_cancel(out, pid.cast_unsigned(), &secret.to_be_bytes())),
            ours(|out| theirs::cancel_request(pid, secret, out))
        );
    }

    #[test]
    fn their_client_logs_in_with_any_password(
        password in vec(1..=u8::MAX, 0..30),
        nonce in any::<[u8; 18]>(),
    ) {
        let secret = ScramSecret::from_password(&password, b"salt", 2);
        let mut client = ScramSha256::new(&password, ChannelBinding::unsupported());
        let server = scram_server::AwaitFirst::new(secret, nonce);
        let (server, server_first) = server.on(PLAIN, client.message()).unwrap();
        client.update(&server_first).unwrap();
        let (_, server_final) = server.on(client.message()).unwrap();
        prop_assert!(client.finish(&server_final).is_ok());
    }
}

proptest! {
    // each case hashes 4,096 times on either side
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn we_log_in_with_a_secret_that_they_made(password in "\\PC{0,30}") {
        let secret = ScramSecret::parse(&scram_sha_256(password.as_bytes())).unwrap();
        let (client, client_first) = scram_client::AwaitFirst::new([1; 18], Binding::No);
        let (server, server_first) =
            scram_server::AwaitFirst::new(secret, [2; 18]).on(PLAIN, &client_first).unwrap();
        let challenge = client.on(&server_first).unwrap();
        let keys = challenge.derive(password.as_bytes());
        let (client, client_final) = challenge.answer(&keys).unwrap();
        let (_, server_final) = server.on(&client_final).unwrap();
        prop_assert!(client.on(&server_final).is_ok());
    }
}

#[test]
fn messages_without_a_body_are_the_same_bytes() {
    assert_eq!(ours(theirs::sync), sync::BYTES);
    assert_eq!(ours(theirs::flush), flush::BYTES);
    assert_eq!(ours(theirs::terminate), terminate::BYTES);
    assert_eq!(ours(theirs::copy_done), copy::DONE_BYTES);
    assert_eq!(ours(theirs::ssl_request), ours(startup::write_ssl_request));
    for (bytes, right) in [
        (one::PARSE_COMPLETE, matches as fn(&Message) -> bool),
        (one::BIND_COMPLETE, |m| matches!(m, Message::BindComplete)),
        (one::CLOSE_COMPLETE, |m| matches!(m, Message::CloseComplete)),
        (one::NO_DATA, |m| matches!(m, Message::NoData)),
        (one::EMPTY_QUERY, |m| matches!(m, Message::EmptyQueryResponse)),
        (one::PORTAL_SUSPENDED, |m| matches!(m, Message::PortalSuspended)),
    ] {
        let message = Message::parse(&mut BytesMut::from(bytes)).unwrap().unwrap();
        assert!(right(&message), "{}", bytes.escape_ascii());
    }
}

fn matches(message: &Message) -> bool {
    matches!(message, Message::ParseComplete)
}

#[test]
fn server_messages_are_understood() {
    let Message::ParameterStatus(got) = read(|out| params::write(out, b"TimeZone", b"UTC")) else { panic!() };
    assert_eq!((got.name().unwrap(), got.value().unwrap()), ("TimeZone", "UTC"));
    let Message::CommandComplete(got) = read(|out| complete::write(out, b"SELECT 1")) else { panic!() };
    assert_eq!(got.tag().unwrap(), "SELECT 1");
    let Message::NotificationResponse(got) = read(|out| notify::write(out, 7, b"c", b"p")) else { panic!() };
    assert_eq!((got.process_id(), got.channel().unwrap(), got.message().unwrap()), (7, "c", "p"));
    let Message::ParameterDescription(got) = read(|out| describe::write(out, &[23, 25])) else { panic!() };
    assert_eq!(got.parameters().collect::<Vec<_>>().unwrap(), [23, 25]);
    for status in [TxStatus::Idle, TxStatus::InTransaction, TxStatus::Failed] {
        let mut out = ours(|out| ready::write(out, status));
        let Ok(Some(Message::ReadyForQuery(got))) = Message::parse(&mut out) else { panic!() };
        assert_eq!(got.status(), status.byte());
    }
}

#[test]
fn rows_are_understood() {
    let columns = [
        Column { name: "n", oid: 20, len: 8, binary: false },
        Column { name: "t", oid: 25, len: -1, binary: false },
    ];
    let Message::RowDescription(got) = read(|out| row::write_description(out, &columns)) else { panic!() };
    let got: Vec<_> = got
        .fields()
        .map(|f| Ok((f.name().to_owned(), f.type_oid(), f.type_size(), f.type_modifier(), f.format())))
        .collect()
        .unwrap();
    assert_eq!(got, [("n".to_owned(), 20, 8, -1, 0), ("t".to_owned(), 25, -1, -1, 0)]);
    let values = [Some(&b"17"[..]), None, Some(b"")];
    let Message::DataRow(got) = read(|out| row::write_row(out, &values)) else { panic!() };
    let ranges: Vec<_> = got.ranges().collect().unwrap();
    let got: Vec<_> = ranges.iter().map(|range| range.clone().map(|r| &got.buffer()[r])).collect();
    assert_eq!(got, values);
}

#[test]
fn errors_are_understood() {
    let (severity, sqlstate) = (Severity::Fatal, SqlState::ADMIN_SHUTDOWN);
    let fields = ErrorFields { severity, sqlstate, message: "m", detail: Some("D."), hint: Some("H.") };
    let mut out = ours(|out| error::write(out, &fields));
    let Ok(Some(Message::ErrorResponse(got))) = Message::parse(&mut out) else { panic!() };
    let got: Vec<_> = got
        .fields()
        .map(|f| Ok((f.type_(), String::from_utf8_lossy(f.value_bytes()).into_owned())))
        .collect()
        .unwrap();
    let expected =
        [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', "57P01"), (b'M', "m"), (b'D', "D."), (b'H', "H.")];
    assert_eq!(got, expected.map(|(code, value)| (code, value.to_owned())));
}

#[test]
fn a_log_in_is_understood() {
    let mut out = ours(auth::write_ok);
    assert!(matches!(Message::parse(&mut out), Ok(Some(Message::AuthenticationOk))));
    let mut out = ours(auth::write_cleartext_password);
    assert!(matches!(Message::parse(&mut out), Ok(Some(Message::AuthenticationCleartextPassword))));
    let mut out = ours(|out| auth::write_md5_password(out, *b"salt"));
    let Ok(Some(Message::AuthenticationMd5Password(got))) = Message::parse(&mut out) else { panic!() };
    assert_eq!(&got.salt(), b"salt");
    let Message::AuthenticationSasl(got) = read(|out| auth::write_sasl(out, &["A", "B"])) else { panic!() };
    assert_eq!(got.mechanisms().collect::<Vec<_>>().unwrap(), ["A", "B"]);
    let Message::AuthenticationSaslContinue(got) = read(|out| auth::write_sasl_continue(out, b"x")) else {
        panic!()
    };
    assert_eq!(got.data(), b"x");
    let Message::AuthenticationSaslFinal(got) = read(|out| auth::write_sasl_final(out, b"y")) else {
        panic!()
    };
    assert_eq!(got.data(), b"y");
    let Message::BackendKeyData(got) = read(|out| key::write(out, 7, &[0, 0, 0, 9])) else { panic!() };
    assert_eq!((got.process_id(), got.secret_key()), (7, 9));
}

#[test]
fn what_is_new_in_protocol_3_2_is_understood() {
    let PgWireBackendMessage::BackendKeyData(got) = read_new(|out| key::write(out, 7, &[5; 32])) else {
        panic!()
    };
    assert_eq!((got.pid, got.secret_key), (7, SecretKey::Bytes(vec![5; 32].into())));
    let names = ["_pq_.a", "_pq_.b"];
    let PgWireBackendMessage::NegotiateProtocolVersion(got) =
        read_new(|out| negotiate::write(out, 2, &names))
    else {
        panic!()
    };
    assert_eq!(
        (got.newest_minor_protocol, got.unsupported_options),
        (196_610, names.map(String::from).to_vec())
    );
}
