//! Requests that run one text and do nothing else, and what a server would answer to them. They can be answered without
//! one.
//!
//! | protocol | what may be in it |
//! |---|---|
//! | simple | a Query |
//! | extended | Parse of a statement without parameters; Describe of it; Bind of it to the unnamed portal, without parameters; Describe of that; Execute; Sync. Parse may be missing, each of the others but Describe may not |

use bytes::BytesMut;
use wire::TxStatus;
use wire::backend::{complete, one, ready, row};
use wire::frame::{self, HEADER};
use wire::frontend::{Kind, bind, describe, execute, parse};

use crate::names::Names;

/// The longest request that is looked at.
const LONGEST: usize = 4096;
/// ParameterDescription without parameters.
const NO_PARAMETERS: &[u8] = b"t\0\0\0\x06\0\0";
/// The number of the type `text`.
const TEXT: u32 = 25;

/// Such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Single<'a> {
    /// The text.
    pub(crate) sql: &'a [u8],
    /// The name that it is given, with the block of types; `None`: it has one already, or needs none.
    pub(crate) given: Option<(&'a [u8], &'a [u8])>,
    /// It is a simple query.
    pub(crate) simple: bool,
    /// How long it is.
    pub(crate) length: usize,
}

/// Reads what begins the inbox. `follows`: names of statements are followed.
pub(crate) fn read<'a>(inbox: &'a [u8], names: &'a Names, follows: bool) -> Option<Single<'a>> {
    let mut at = 0;
    let (mut given, mut bound, mut run) = (None, None, false);
    loop {
        let rest = inbox.get(at..).filter(|_| at < LONGEST)?;
        let head = frame::head(rest, frame::LARGEST).ok()??;
        let body = rest.get(HEADER..head.total())?;
        let first = at == 0;
        at += head.total();
        // the statement that a name stands for
        let named = |name: &[u8]| match given {
            Some((parsed, _, sql)) if parsed == name => Some(sql),
            Some(_) => None,
            None => names.settled(name).map(|statement| &*statement.sql),
        };
        match head.tag {
            b'Q' if first => {
                return Some(Single { sql: body, given: None, simple: true, length: at });
            }
            b'P' if first && follows => {
                let parse = parse::Parse::parse(body).ok()?;
                let taken = !parse.name.is_empty() && names.settled(parse.name).is_some();
                if taken || parse.types != [0, 0] {
                    return None;
                }
                given = Some((parse.name, parse.types, parse.sql));
            }
            b'B' if bound.is_none() && follows => {
                let bind = bind::Bind::parse(body).ok()?;
                if !bind.portal.is_empty() || !is_without_parameters(bind.rest) {
                    return None;
                }
                bound = Some(named(bind.statement)?);
            }
            b'D' if !run => {
                let describe = describe::Describe::parse(body).ok()?;
                match describe.kind {
                    Kind::Statement => drop(named(describe.name).filter(|_| bound.is_none())?),
                    Kind::Portal => drop(bound.filter(|_| describe.name.is_empty())?),
                }
            }
            b'E' if !run && bound.is_some() => {
                run = execute::Execute::parse(body).ok()?.portal.is_empty();
                if !run {
                    return None;
                }
            }
            b'S' if run && body.is_empty() => {
                let given = given.map(|(name, types, _)| (name, types));
                return Some(Single { sql: bound?, given, simple: false, length: at });
            }
            _ => return None,
        }
    }
}

/// What stands behind the names of a Bind: one format at most for parameters and for results each, and no parameters.
fn is_without_parameters(rest: &[u8]) -> bool {
    fn formats(rest: &[u8]) -> Option<&[u8]> {
        match rest {
            [0, 0, rest @ ..] | [0, 1, 0, 0 | 1, rest @ ..] => Some(rest),
            _ => None,
        }
    }
    let values = formats(rest).and_then(|rest| rest.strip_prefix(&[0, 0]));
    values.and_then(formats).is_some_and(<[u8]>::is_empty)
}

/// Whether a request, all of it, runs one text, once.
pub(crate) fn runs_once(request: &[u8]) -> bool {
    let mut at = 0;
    let (mut parses, mut runs, mut ends) = (0, 0, false);
    while let Ok(Some(head)) = frame::head(request.get(at..).unwrap_or_default(), frame::LARGEST) {
        at += head.total();
        match head.tag {
            b'P' => parses += 1,
            b'E' => runs += 1,
            b'Q' => (runs, ends) = (runs + 1, true),
            b'S' => ends = true,
            _ => {}
        }
    }
    ends && parses <= 1 && runs == 1
}

/// The answer to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    /// What it was: one tag for each statement.
    pub(crate) tags: &'a [&'a str],
    /// A column of text, and its value in the only row.
    pub(crate) row: Option<(&'a str, &'a str)>,
}

/// Writes what a server would say that answers this, and then this status.
///
/// # Errors
/// None: no tag has a zero byte.
pub(crate) fn answer(
    out: &mut BytesMut,
    request: &[u8],
    reply: &Reply<'_>,
    status: TxStatus,
) -> Result<(), wire::Error> {
    let mut at = 0;
    while let Some(head) = frame::head(request.get(at..).unwrap_or_default(), frame::LARGEST)? {
        let kind = request.get(at + HEADER);
        at += head.total();
        match head.tag {
            b'P' => out.extend_from_slice(one::PARSE_COMPLETE),
            b'B' => out.extend_from_slice(one::BIND_COMPLETE),
            b'C' => out.extend_from_slice(one::CLOSE_COMPLETE),
            b'D' => {
                if kind == Some(&b'S') {
                    out.extend_from_slice(NO_PARAMETERS);
                }
                match reply.row {
                    Some((name, _)) => columns(out, name)?,
                    None => out.extend_from_slice(one::NO_DATA),
                }
            }
            b'Q' | b'E' => {
                if let Some((name, value)) = reply.row {
                    if head.tag == b'Q' {
                        columns(out, name)?;
                    }
                    row::write_row(out, &[Some(value.as_bytes())])?;
                }
                for tag in reply.tags {
                    complete::write(out, tag.as_bytes())?;
                }
            }
            _ => {}
        }
        if matches!(head.tag, b'Q' | b'S') {
            ready::write(out, status);
        }
    }
    Ok(())
}

fn columns(out: &mut BytesMut, name: &str) -> Result<(), wire::Error> {
    row::write_description(out, &[row::Column { name, oid: TEXT, len: -1, binary: false }])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARSE: &[u8] = b"P\0\0\0\x0d\0BEGIN\0\0\0";
    const BIND: &[u8] = b"B\0\0\0\x0c\0\0\0\0\0\0\0\0";
    const STATEMENT: &[u8] = b"D\0\0\0\x06S\0";
    const PORTAL: &[u8] = b"D\0\0\0\x06P\0";
    const EXECUTE: &[u8] = b"E\0\0\0\x09\0\0\0\0\0";
    const SYNC: &[u8] = b"S\0\0\0\x04";

    fn known(messages: &[&[u8]]) -> bool {
        let (inbox, names) = (messages.concat(), Names::default());
        let single = read(&inbox, &names, true);
        single.is_some_and(|single| single.sql == b"BEGIN" && single.length == inbox.len())
    }

    #[test]
    fn what_drivers_send() {
        assert!(known(&[PARSE, BIND, EXECUTE, SYNC]));
        assert!(known(&[PARSE, STATEMENT, BIND, PORTAL, EXECUTE, SYNC]));
        for no in [
            &[PARSE, BIND, EXECUTE][..],
            &[PARSE, SYNC],
            &[PARSE, BIND, SYNC],
            &[BIND, EXECUTE, SYNC],
            &[PARSE, BIND, EXECUTE, EXECUTE, SYNC],
            &[PARSE, BIND, BIND, EXECUTE, SYNC],
            &[PARSE, PARSE, BIND, EXECUTE, SYNC],
            &[PARSE, PORTAL, BIND, EXECUTE, SYNC],
            &[PARSE, BIND, EXECUTE, PORTAL, SYNC],
            &[PARSE, BIND, b"H\0\0\0\x04", EXECUTE, SYNC],
        ] {
            assert!(!known(no), "{no:?}");
        }
        let query = b"Q\0\0\0\x0aBEGIN\0".as_slice();
        let (names, both) = (Names::default(), [query, query].concat());
        assert_eq!(read(&both, &names, false).map(|single| single.length), Some(11));
        assert_eq!(read(&query[..7], &names, false), None);
    }

    #[test]
    fn formats_make_no_difference_and_parameters_do() {
        for yes in [&[0, 0, 0, 0, 0, 0][..], &[0, 1, 0, 1, 0, 0, 0, 1, 0, 1]] {
            assert!(is_without_parameters(yes));
        }
        for no in [&[][..], &[0, 0], &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0], &[0, 2, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(!is_without_parameters(no));
        }
    }

    #[test]
    fn each_message_has_its_answer() {
        let request = [PARSE, STATEMENT, BIND, PORTAL, EXECUTE, SYNC].concat();
        let mut out = BytesMut::new();
        let reply = Reply { tags: &["BEGIN"], row: None };
        answer(&mut out, &request, &reply, TxStatus::InTransaction).unwrap();
        assert_eq!(
            &*out,
            b"1\0\0\0\x04t\0\0\0\x06\0\0n\0\0\0\x042\0\0\0\x04n\0\0\0\x04C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T"
        );
    }
}
