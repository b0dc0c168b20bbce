//! Any bytes as frames, as start-up packets and as the body of every message.
//!
//! A body that a view takes has to be written again byte by byte: else two readers of the same bytes, we and
//! the server behind us, would not see the same message.

use bytes::{BufMut, BytesMut};

use crate::backend::auth::Authentication;
use crate::backend::error::{self as error_response, ErrorFields, Fields, Severity};
use crate::backend::{auth, complete, key, negotiate, notify, params, ready, row};
use crate::frontend::{bind, close, copy, describe, execute, parse, password, query};
use crate::startup::{self as packets, MAX_PACKET, Packet, options};
use crate::{Error, Head, SqlState, frame as frames};

/// Small enough that a fuzzer finds both sides of it.
const LIMIT: u32 = 600;

/// Frames are cut the same however the bytes arrive, and never reach beyond them.
pub fn frame(data: &[u8]) {
    let Some((&step, stream)) = data.split_first() else { return };
    let whole = heads(stream);
    let mut arrived = Vec::new();
    let mut cut = (0, Vec::new());
    for piece in stream.chunks(usize::from(step).max(1)) {
        arrived.extend_from_slice(piece);
        cut = heads(&arrived);
        assert!(whole.1.starts_with(&cut.1), "a frame is the same as soon as it is there");
    }
    assert_eq!(cut, if stream.is_empty() { (0, Vec::new()) } else { whole });
}

/// The bytes used up by whole frames, and their heads.
fn heads(stream: &[u8]) -> (usize, Vec<Head>) {
    let (mut used, mut heads) = (0usize, Vec::new());
    while let Some(left) = stream.get(used..)
        && let Ok(Some(head)) = frames::head(left, LIMIT)
        && let Some(body) = frames::body(left, head)
    {
        assert!((4..=LIMIT).contains(&head.len));
        assert_eq!(head.total(), body.len().saturating_add(frames::HEADER));
        used = used.saturating_add(head.total());
        heads.push(head);
    }
    assert!(used <= stream.len());
    (used, heads)
}

/// Start-up packets are judged by their first four bytes, and read again when written.
pub fn startup(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        settings(text);
    }
    let cut = packets::cut(data);
    match data.first_chunk::<4>().map(|len| u32::from_be_bytes(*len)) {
        None => assert_eq!(cut, Ok(None)),
        Some(len) => assert_eq!(cut.is_err(), !(8..=MAX_PACKET).contains(&len)),
    }
    let mut out = BytesMut::new();
    match packets::parse(data) {
        Ok(Packet::Ssl) => packets::write_ssl_request(&mut out),
        Ok(Packet::Cancel(key)) => {
            assert_eq!(packets::write_cancel(&mut out, key.pid, &key.secret), Ok(()));
        }
        Ok(Packet::Startup(startup)) => {
            let params: Vec<_> = startup.params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(packets::write(&mut out, startup.minor, &params), Ok(()));
            for (name, value) in params {
                assert_eq!(startup.get(name), Some(value), "names are kept once");
                settings(value);
            }
            let again = packets::parse(&out);
            let expected = packets::Startup { unknown_options: Vec::new(), ..startup };
            assert_eq!(again, Ok(Packet::Startup(expected)));
            return;
        }
        Ok(Packet::GssEnc | Packet::UnsupportedMajor { .. }) | Err(_) => return,
    }
    assert_eq!(out, data);
}

fn settings(text: &str) {
    for (name, _) in options::parse(text).unwrap_or_default() {
        assert!(!name.is_empty() && !name.contains(['=', '-']));
    }
}

/// Every view of a client message: what it takes is written again byte by byte.
pub fn frontend(body: &[u8]) {
    same(body, query::Query::parse(body), |out, q| query::write(out, q.sql));
    same(body, parse::Parse::parse(body), |out, p| parse::write(out, p.name, p.sql, p.types));
    same(body, bind::Bind::parse(body), |out, b| bind::write(out, b.portal, b.statement, b.rest));
    same(body, describe::Describe::parse(body), |out, d| describe::write(out, d.kind, d.name));
    same(body, close::Close::parse(body), |out, c| close::write(out, c.kind, c.name));
    same(body, execute::Execute::parse(body), |out, e| execute::write(out, e.portal, e.max_rows));
    same(body, copy::Fail::parse(body), |out, f| copy::write_fail(out, f.reason));
    same(body, password::Password::parse(body), |out, p| password::write(out, p.password));
    same(body, password::SaslInitialResponse::parse(body), |out, s| {
        password::write_sasl_initial(out, s.mechanism, s.data)
    });
}

/// Every view of a server message: what it takes is written again byte by byte.
pub fn backend(body: &[u8]) {
    same(body, params::parse(body), |out, (name, value)| params::write(out, name, value));
    same(body, key::BackendKeyData::parse(body), |out, k| key::write(out, k.pid, k.secret));
    same(body, complete::CommandComplete::parse(body), |out, c| complete::write(out, c.tag));
    same(body, notify::Notification::parse(body), |out, n| notify::write(out, n.pid, n.channel, n.payload));
    same(body, ready::parse(body), |out, status| {
        ready::write(out, status);
        Ok(())
    });
    same(body, row::DataRow::parse(body), |out, row| {
        let values: Vec<_> = row.values().collect();
        assert_eq!(values.len(), usize::from(row.len()));
        row::write_row(out, &values)
    });
    same(body, row::RowDescription::parse(body), |out, description| {
        let columns: Vec<_> = description.columns().collect();
        let written = description_of(&columns);
        out.put_u8(row::DESCRIPTION);
        out.put_u32(u32::try_from(written.len()).unwrap_or(0).saturating_add(4));
        out.put_slice(&written);
        Ok(())
    });
    negotiation(body);
    if let Ok(request) = Authentication::parse(body) {
        authentication(body, request);
    }
    error(body);
}

/// The body of the RowDescription that has these columns.
fn description_of(columns: &[row::Described<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u16(u16::try_from(columns.len()).unwrap_or(0));
    for column in columns {
        body.put_slice(column.name);
        body.put_u8(0);
        body.put_u32(column.origin.0);
        body.put_u16(column.origin.1);
        body.put_u32(column.oid);
        body.put_i16(column.len);
        body.put_i32(column.modifier);
        body.put_u16(column.format);
    }
    body
}

fn same<T>(body: &[u8], view: Result<T, Error>, write: impl FnOnce(&mut BytesMut, T) -> Result<(), Error>) {
    let Ok(view) = view else { return };
    let mut out = BytesMut::new();
    assert_eq!(write(&mut out, view), Ok(()));
    let head = frames::head(&out, frames::LARGEST).ok().flatten();
    let written = head.and_then(|head| frames::body(&out, head));
    assert_eq!(written, Some(body));
    assert_eq!(head.map(Head::total), Some(out.len()));
}

fn negotiation(body: &[u8]) {
    let Ok(view) = negotiate::NegotiateProtocolVersion::parse(body) else { return };
    assert_eq!(view.options().count(), usize::try_from(view.len()).unwrap_or(0));
    let names: Result<Vec<&str>, _> = view.options().map(std::str::from_utf8).collect();
    // a bare minor version is written in full, and our own names are text
    let (Ok(names), [0, 3, ..]) = (names, body) else { return };
    same(body, Ok(view), |out, view| negotiate::write(out, view.minor, &names));
}

fn authentication(body: &[u8], request: Authentication<'_>) {
    same(body, Ok(request), |out, request| match request {
        Authentication::Ok => {
            auth::write_ok(out);
            Ok(())
        }
        Authentication::CleartextPassword => {
            auth::write_cleartext_password(out);
            Ok(())
        }
        Authentication::Md5Password { salt } => {
            auth::write_md5_password(out, salt);
            Ok(())
        }
        Authentication::SaslContinue(data) => auth::write_sasl_continue(out, data),
        Authentication::SaslFinal(data) => auth::write_sasl_final(out, data),
        Authentication::Sasl(list) => {
            let names: Vec<_> = list.iter().map(String::from_utf8_lossy).collect();
            if names.iter().any(|name| name.contains('\u{fffd}')) {
                return raw(out, body);
            }
            auth::write_sasl(out, &names.iter().map(AsRef::as_ref).collect::<Vec<_>>())
        }
        Authentication::Unsupported(_) => raw(out, body),
    });
}

/// For what we never write: the message as it came.
fn raw(out: &mut BytesMut, body: &[u8]) -> Result<(), Error> {
    crate::write::head(out, auth::TAG, body.len())?;
    out.extend_from_slice(body);
    Ok(())
}

fn error(body: &[u8]) {
    let fields = Fields::new(body);
    let size =
        fields.iter().fold(0usize, |size, (_, value)| size.saturating_add(value.len()).saturating_add(1));
    assert!(size <= body.len(), "fields lie inside the body, one behind the other");
    let text = fields.text(b'M', 200);
    assert!(!text.contains(char::is_control));
    // what a server says, said again by us, stays one field
    let sqlstate = SqlState::INTERNAL_ERROR;
    let lossy = String::from_utf8_lossy(body);
    let ours =
        ErrorFields { severity: Severity::Error, sqlstate, message: &lossy, detail: Some(&text), hint: None };
    let mut out = BytesMut::new();
    error_response::write(&mut out, &ours);
    let head = frames::head(&out, frames::LARGEST).ok().flatten();
    let written = head.and_then(|head| frames::body(&out, head)).map(Fields::new);
    let count = written.map(|fields| fields.iter().count());
    assert_eq!(count, Some(5));
    assert!(written.is_some_and(|fields| sqlstate.is(fields.get(b'C').unwrap_or_default())));
}
