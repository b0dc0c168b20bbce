//! What is written is read again, whatever the fields are.

use bytes::BytesMut;
use pgweir_wire::backend::error::{ErrorFields, Fields, Severity};
use pgweir_wire::backend::{complete, key, negotiate, notify, params, row};
use pgweir_wire::frontend::{Kind, bind, close, describe, execute, parse, password, query};
use pgweir_wire::startup::{self, Packet, options};
use pgweir_wire::{Error, SqlState, frame};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// The body of the one message that `write` appends behind what is there already.
fn body(write: impl FnOnce(&mut BytesMut) -> Result<(), Error>) -> Vec<u8> {
    let mut out = BytesMut::from(&b"before"[..]);
    write(&mut out).unwrap();
    let message = out.strip_prefix(b"before").unwrap();
    let head = frame::head(message, frame::LARGEST).unwrap().unwrap();
    assert_eq!(head.total(), message.len());
    frame::body(message, head).unwrap().to_vec()
}

/// Bytes that may stand in a string: any encoding, no zero.
fn string() -> impl Strategy<Value = Vec<u8>> {
    vec(1..=u8::MAX, 0..40)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Statement), Just(Kind::Portal)]
}

proptest! {
    #[test]
    fn of_the_client(a in string(), b in string(), rest in bytes(), kind in kind(), n in any::<i32>()) {
        let got = body(|out| query::write(out, &a));
        prop_assert_eq!(query::Query::parse(&got), Ok(query::Query { sql: &a }));
        let got = body(|out| bind::write(out, &a, &b, &rest));
        prop_assert_eq!(bind::Bind::parse(&got), Ok(bind::Bind { portal: &a, statement: &b, rest: &rest }));
        let got = body(|out| describe::write(out, kind, &a));
        prop_assert_eq!(describe::Describe::parse(&got), Ok(describe::Describe { kind, name: &a }));
        let got = body(|out| close::write(out, kind, &a));
        prop_assert_eq!(close::Close::parse(&got), Ok(close::Close { kind, name: &a }));
        let got = body(|out| execute::write(out, &a, n));
        prop_assert_eq!(execute::Execute::parse(&got), Ok(execute::Execute { portal: &a, max_rows: n }));
        let got = body(|out| password::write(out, &a));
        prop_assert_eq!(password::Password::parse(&got), Ok(password::Password { password: &a }));
    }

    #[test]
    fn of_the_client_with_types(name in string(), sql in string(), oids in vec(any::<u32>(), 0..20)) {
        let mut types = u16::try_from(oids.len()).unwrap().to_be_bytes().to_vec();
        types.extend(oids.iter().flat_map(|oid| oid.to_be_bytes()));
        let got = body(|out| parse::write(out, &name, &sql, &types));
        let expected = parse::Parse { name: &name, sql: &sql, types: &types };
        prop_assert_eq!(parse::Parse::parse(&got), Ok(expected));
    }

    #[test]
    fn of_a_sasl_exchange(mechanism in string(), data in option::of(bytes())) {
        let got = body(|out| password::write_sasl_initial(out, &mechanism, data.as_deref()));
        let expected = password::SaslInitialResponse { mechanism: &mechanism, data: data.as_deref() };
        prop_assert_eq!(password::SaslInitialResponse::parse(&got), Ok(expected));
    }

    #[test]
    fn of_the_server(a in string(), b in string(), pid in any::<u32>(), secret in vec(any::<u8>(), 4..=256)) {
        let got = body(|out| params::write(out, &a, &b));
        prop_assert_eq!(params::parse(&got), Ok((&a[..], &b[..])));
        let got = body(|out| complete::write(out, &a));
        prop_assert_eq!(complete::CommandComplete::parse(&got), Ok(complete::CommandComplete { tag: &a }));
        let got = body(|out| key::write(out, pid, &secret));
        prop_assert_eq!(key::BackendKeyData::parse(&got), Ok(key::BackendKeyData { pid, secret: &secret }));
        let got = body(|out| notify::write(out, pid, &a, &b));
        let expected = notify::Notification { pid, channel: &a, payload: &b };
        prop_assert_eq!(notify::Notification::parse(&got), Ok(expected));
    }

    #[test]
    fn of_rows(values in vec(option::of(bytes()), 0..20)) {
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        let got = body(|out| row::write_row(out, &values));
        prop_assert!(row::DataRow::parse(&got).unwrap().values().eq(values));
    }

    #[test]
    fn of_a_negotiation(minor in any::<u16>(), names in vec("_pq_\\.[a-z]{1,9}", 0..9)) {
        let got = body(|out| negotiate::write(out, minor, &names));
        let view = negotiate::NegotiateProtocolVersion::parse(&got).unwrap();
        prop_assert_eq!(view.minor, minor);
        prop_assert!(view.options().eq(names.iter().map(String::as_bytes)));
    }

    #[test]
    fn of_an_error(
        message in "\\PC{0,60}",
        detail in option::of("\\PC{0,60}"),
        hint in option::of("\\PC{0,60}"),
    ) {
        let (severity, sqlstate) = (Severity::Error, SqlState::SYNTAX_ERROR);
        let (detail, hint) = (detail.as_deref(), hint.as_deref());
        let fields = ErrorFields { severity, sqlstate, message: &message, detail, hint };
        let got = body(|out| {
            pgweir_wire::backend::error::write(out, &fields);
            Ok(())
        });
        let got = Fields::new(&got);
        prop_assert_eq!(got.get(b'M'), Some(message.as_bytes()));
        prop_assert_eq!(got.get(b'D'), detail.map(str::as_bytes));
        prop_assert_eq!(got.get(b'H'), hint.map(str::as_bytes));
    }

    #[test]
    fn of_start_up(minor in any::<u16>(), params in vec(("[a-z_.]{1,9}", "\\PC{0,20}"), 0..9)) {
        let pairs: Vec<_> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut out = BytesMut::new();
        startup::write(&mut out, minor, &pairs).unwrap();
        prop_assert_eq!(startup::cut(&out), Ok(Some(out.len())));
        let Ok(Packet::Startup(got)) = startup::parse(&out) else { panic!("refused") };
        prop_assert_eq!(got.minor, minor);
        for (name, value) in got.params.iter().map(|(name, value)| (name, value.as_str())) {
            let last = pairs.iter().rev().find(|(other, _)| other == name).map(|(_, value)| *value);
            prop_assert_eq!(Some(value), last);
        }
    }

    #[test]
    fn of_a_cancel(pid in any::<u32>(), secret in vec(any::<u8>(), 4..=256)) {
        let mut out = BytesMut::new();
        startup::write_cancel(&mut out, pid, &secret).unwrap();
        prop_assert_eq!(startup::cut(&out), Ok(Some(out.len())));
        let Ok(Packet::Cancel(key)) = startup::parse(&out) else { panic!("refused") };
        prop_assert_eq!((key.pid, &key.secret[..]), (pid, &secret[..]));
    }

    #[test]
    fn of_options(settings in vec(("[a-z_]{1,9}", "[ -~\t\u{e9}]{0,20}", 0usize..3), 0..6)) {
        let mut text = String::new();
        for (name, value, shape) in &settings {
            text.push_str(["-c ", " -c", "\t--"][*shape]);
            text.push_str(&name.replace('_', if *shape == 2 { "-" } else { "_" }));
            text.push('=');
            for c in value.chars() {
                if c.is_ascii_whitespace() || c == '\\' {
                    text.push('\\');
                }
                text.push(c);
            }
            text.push_str("  ");
        }
        let expected: Vec<_> = settings.into_iter().map(|(name, value, _)| (name, value)).collect();
        prop_assert_eq!(options::parse(&text), Ok(expected));
    }
}
