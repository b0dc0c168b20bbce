//! Own settings: SET, RESET and SHOW of what is pgweir's own is answered here, and reaches no server.
//!
//! They are answered where the request is nothing but that, outside of a transaction, in either protocol.

use std::time::Duration;

use ::route::choose::Floor;
use ::wire::TxStatus;
use ::wire::backend::{complete, one, ready, row};
use ::wire::frame::{self, HEADER};
use ::wire::frontend::{Kind, describe};
use bytes::BytesMut;
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::own_settings::{self, Doing, Name, Value};
use crate::portion;
use crate::session::Session;
use crate::split::Split;
use crate::steps::classify::first_sql;

/// How long SHOW pgweir.token waits until it is known where the session's last write is.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks.
const GLANCE: Duration = Duration::from_millis(2);
/// The number of the type `text`.
const TEXT: u32 = 25;

/// Answers the request if it is about such a setting; true if it has.
///
/// # Errors
/// The value is none that the setting can have.
pub(crate) async fn answer(session: &mut Session) -> Result<bool, Error> {
    let Some(split) = &mut session.split else { return Ok(false) };
    let sql = first_sql(&session.client.channel.inbox);
    if own_settings::resets_all(sql) {
        split.wishes = split.startup;
        return Ok(false);
    }
    let Some(doing) = own_settings::read(sql) else { return Ok(false) };
    let request = portion::first(&session.client.channel.inbox);
    if !is_plain(session.client.channel.inbox.get(..request).unwrap_or_default()) {
        return Ok(false);
    }
    Box::pin(answered(session, doing, request)).await.map(|()| true)
}

async fn answered(session: &mut Session, doing: Doing, request: usize) -> Result<(), Error> {
    let (tag, shown) = match doing {
        Doing::Set(name, text) => {
            let Some(split) = &mut session.split else { return Ok(()) };
            set(split, name, text.as_deref())?;
            ("SET", None)
        }
        Doing::Reset(name) => {
            let Some(split) = &mut session.split else { return Ok(()) };
            set(split, name, None)?;
            ("RESET", None)
        }
        Doing::Show(name) => ("SHOW", Some((name, show(session, name).await?))),
    };
    let channel = &mut session.client.channel;
    let inbox = channel.inbox.split_to(request.min(channel.inbox.len()));
    let written = write(channel.queue(), &inbox, tag, shown.as_ref());
    written.map_err(Error::protocol)
}

/// What a start-up message or a SET asks for; none: what the session began with.
///
/// # Errors
/// It is none that the setting can have.
pub(crate) fn set(split: &mut Split, name: Name, text: Option<&str>) -> Result<(), Error> {
    let value = match text {
        None => None,
        Some(text) => Some(
            name.read(text)
                .ok_or_else(|| Error::OwnSetting(name.as_str(), text.to_owned(), name.allowed()))?,
        ),
    };
    match (name, value) {
        (Name::Target, None) => split.wishes.target = split.startup.target,
        (Name::Consistency, None) => split.wishes.consistency = split.startup.consistency,
        // what was seen cannot be unseen
        (Name::Token, None) => {}
        (_, Some(Value::Target(target))) => split.wishes.target = Some(target),
        (_, Some(Value::Consistency(consistency))) => split.wishes.consistency = Some(consistency),
        (_, Some(Value::Token(floor))) => split.raise(floor),
    }
    Ok(())
}

async fn show(session: &mut Session, name: Name) -> Result<String, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        let Some(split) = &mut session.split else { return Ok(String::new()) };
        // a new view may have come
        let _seen = split.look(&session.hub);
        match name {
            Name::Target => return Ok(split.target().to_string()),
            Name::Consistency => return Ok(split.consistency().to_string()),
            Name::Token => {}
        }
        match split.own_floor() {
            Floor::At(floor) => return Ok(floor.to_string()),
            Floor::None => return Ok("0/0".to_owned()),
            Floor::Unknown if Instant::now() >= until => return Err(Error::NoToken(PATIENCE)),
            Floor::Unknown => sleep(GLANCE).await,
        }
    }
}

/// A simple query, or a batch that parses, runs and closes one statement.
fn is_plain(request: &[u8]) -> bool {
    let mut at = 0;
    let (mut parses, mut runs, mut ends) = (0, 0, false);
    while let Ok(Some(head)) = frame::head(request.get(at..).unwrap_or_default(), frame::LARGEST) {
        at += head.total();
        match head.tag {
            b'P' => parses += 1,
            b'E' => runs += 1,
            b'Q' | b'S' => ends = true,
            _ => {}
        }
    }
    ends && (parses, runs) <= (1, 1) && parses == runs
}

/// The replies to this request.
fn write(
    out: &mut BytesMut,
    request: &[u8],
    tag: &str,
    shown: Option<&(Name, String)>,
) -> Result<(), ::wire::Error> {
    let mut at = 0;
    while let Some(head) = frame::head(request.get(at..).unwrap_or_default(), frame::LARGEST)? {
        let body = request.get(at + HEADER..at + head.total()).unwrap_or_default();
        at += head.total();
        match head.tag {
            b'P' => out.extend_from_slice(one::PARSE_COMPLETE),
            b'B' => out.extend_from_slice(one::BIND_COMPLETE),
            b'C' => out.extend_from_slice(one::CLOSE_COMPLETE),
            b'D' => {
                if matches!(describe::Describe::parse(body)?.kind, Kind::Statement) {
                    // no parameters
                    out.extend_from_slice(b"t\0\0\0\x06\0\0");
                }
                match shown {
                    Some((name, _)) => columns(out, *name)?,
                    None => out.extend_from_slice(one::NO_DATA),
                }
            }
            b'Q' | b'E' => {
                if let Some((name, value)) = shown {
                    if head.tag == b'Q' {
                        columns(out, *name)?;
                    }
                    row::write_row(out, &[Some(value.as_bytes())])?;
                }
                complete::write(out, tag.as_bytes())?;
            }
            _ => {}
        }
        if matches!(head.tag, b'Q' | b'S') {
            ready::write(out, TxStatus::Idle);
        }
    }
    Ok(())
}

fn columns(out: &mut BytesMut, name: Name) -> Result<(), ::wire::Error> {
    row::write_description(out, &[row::Column { name: name.as_str(), oid: TEXT, len: -1, binary: false }])
}
