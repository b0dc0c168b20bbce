//! A connection that reads what a database's catalogue says of everything in it that is not PostgreSQL's own, once, and
//! is closed then.
//!
//! It belongs to no pool and to no client. First it asks for a print of it all, which is another one when anything has
//! changed, and for nothing else where it is the same; both in one snapshot. Everything is bounded: what the server may
//! take for it, how long that may take in all, how many rows there may be and how many bytes.

mod sql;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use net::Stream;
use wire::backend::row::DataRow;
use wire::frontend::{query, terminate};

use crate::error::Error;
use crate::message;
use crate::probe;
use crate::renew;
use crate::shared::Shared;
use crate::target::Target;

/// How long it may take in all, connecting included.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How long one of the statements may take, which the server sees to.
const STATEMENT: Duration = Duration::from_secs(10);
/// How long a lock may be waited for: a view's text needs one on whatever it is over.
const LOCK: Duration = Duration::from_secs(1);
/// The longest message of an answer: a name, and a text of at most so many bytes.
const LONGEST: u32 = 256 * 1024;
/// The most rows.
const ROWS: usize = 200_000;
/// The most bytes of all of them.
const BYTES: usize = 32 << 20;
/// The most messages of an answer that are no rows.
const ASIDES: usize = 1000;
/// What bodies of functions are since this version.
const PARSED_BODIES: u32 = 14;

/// What stands between names that are one value; a name has none.
const BETWEEN: char = '\u{1f}';
/// A text that nobody takes for harmless, in the place of one that could not be read.
const UNREAD: &str = "\"";

/// Reads in one snapshot, and writes nothing.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const COMMIT: &str = "COMMIT";

/// What one row says. Names are without schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// Of a function, procedure or aggregate.
    Function(Box<Function>),
    /// Of a view, with its definition; of a table with a policy, with its condition as a SELECT.
    Filtered(String, String),
    /// Of a table that no replica can read.
    Unlogged(String),
    /// Of a sequence.
    Sequence(String),
    /// Of an operator, and of the function behind it.
    Operator(String, String),
    /// Of a type; perhaps another type that it is made of; perhaps a condition as a SELECT.
    Type(String, Option<String>, Option<String>),
    /// Of a cast from a type, none if it is PostgreSQL's own, to another by a function.
    Cast(String, String, String),
}

/// A function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The language it is written in.
    pub language: String,
    /// It says itself that it is volatile, or it is too long to be read.
    pub volatile: bool,
    /// It can be called with one argument.
    pub takes_one: bool,
    /// What it does.
    pub body: String,
    /// What stands for arguments that a call leaves out, as a SELECT.
    pub defaults: String,
    /// The functions that an aggregate is made of.
    pub calls: Vec<String>,
    /// The types of its arguments and its result that are not PostgreSQL's own.
    pub types: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// What was known.
    Same,
    /// All of it, and its print.
    Rows(Vec<Row>, Bytes),
    /// More than is read.
    TooMuch,
}

/// The settings of such a connection: whatever the server, the database or the role has set, names without a schema are
/// found in `pg_catalog` only, and nothing runs or waits for long.
#[must_use]
pub(crate) fn settings() -> Vec<(&'static str, String)> {
    let millis = |time: Duration| time.as_millis().to_string();
    vec![
        ("application_name", probe::NAME.to_owned()),
        ("client_encoding", "UTF8".to_owned()),
        ("search_path", String::new()),
        ("standard_conforming_strings", "on".to_owned()),
        ("quote_all_identifiers", "off".to_owned()),
        ("statement_timeout", millis(STATEMENT)),
        ("lock_timeout", millis(LOCK)),
        ("jit", "off".to_owned()),
    ]
}

/// Reads it all, unless its print is this one.
///
/// # Errors
/// The server cannot be reached, does not let us in, or does not answer as it should, or in time.
pub async fn look(target: &Target, shared: &Arc<Shared>, known: Option<&Bytes>) -> Result<Found, Error> {
    let looked = tokio::time::timeout(PATIENCE, async {
        let (stream, welcome) = renew::log_in(target, shared, PATIENCE, &[]).await?;
        let mut line = Line { stream, inbox: BytesMut::new(), server: target.address(), rows: 0, bytes: 0 };
        let found = line.look(version(&welcome.reported), known).await;
        // what it answers to that nobody has to wait for
        let _left = line.stream.write_all(terminate::BYTES).await;
        found
    });
    looked.await.unwrap_or_else(|_| {
        let why = format!("no answer within {:.1} s", PATIENCE.as_secs_f64());
        Err(Error::Connect { server: target.address(), why })
    })
}

/// The first number of the server's version.
fn version(reported: &[(String, String)]) -> u32 {
    let version = reported.iter().find(|(name, _)| name == "server_version").map(|(_, value)| &**value);
    let digits = version.unwrap_or_default().split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(PARSED_BODIES)
}

struct Line {
    stream: Stream,
    inbox: BytesMut,
    server: String,
    rows: usize,
    bytes: usize,
}

impl Line {
    async fn look(&mut self, version: u32, known: Option<&Bytes>) -> Result<Found, Error> {
        let mut print = None;
        self.ask(BEGIN, |_| true).await?;
        self.ask(sql::PRINT, |body| {
            print = DataRow::parse(body)
                .ok()
                .and_then(|row| row.values().next().flatten().map(Bytes::copy_from_slice));
            true
        })
        .await?;
        let Some(print) = print else { return Err(self.wrong()) };
        if known == Some(&print) {
            return Ok(Found::Same);
        }
        let mut rows = Vec::new();
        let modern = version >= PARSED_BODIES;
        let functions = if modern { sql::FUNCTIONS } else { sql::FUNCTIONS_OF_13 };
        let multiranges = modern.then_some(sql::MULTIRANGES);
        let questions = [functions, sql::RELATIONS, sql::OPERATORS, sql::TYPES, sql::CASTS];
        for sql in questions.into_iter().chain(multiranges) {
            let mut bad = false;
            let all = self.ask(sql, |body| match read(body) {
                Some(row) => {
                    rows.push(row);
                    true
                }
                None => {
                    bad = true;
                    false
                }
            });
            match all.await? {
                true => {}
                false if bad => return Err(self.wrong()),
                false => return Ok(Found::TooMuch),
            }
        }
        self.ask(COMMIT, |_| true).await?;
        Ok(Found::Rows(rows, print))
    }

    /// Runs a statement; false: `take` wants no more of its rows, or they are too many, and the connection is of no use.
    async fn ask(&mut self, sql: &str, mut take: impl FnMut(&Bytes) -> bool) -> Result<bool, Error> {
        let mut out = BytesMut::new();
        query::write(&mut out, sql.as_bytes()).map_err(|what| self.protocol(what))?;
        self.stream.write_all(&out).await.map_err(|error| Error::lost(&self.server, &error))?;
        let mut asides = 0;
        loop {
            let (tag, body) = message::next(&mut self.stream, &mut self.inbox, LONGEST, &self.server).await?;
            match tag {
                b'D' => {
                    (self.rows, self.bytes) = (self.rows + 1, self.bytes + body.len());
                    if self.rows > ROWS || self.bytes > BYTES || !take(&body) {
                        return Ok(false);
                    }
                }
                // nothing behind it is of any use
                b'E' => return Err(Error::refused(self.server.clone(), body)),
                b'T' | b'C' | b'S' | b'N' | b'A' if asides < ASIDES => asides += 1,
                b'Z' => return Ok(true),
                got => {
                    let expected = "an answer to a question about the catalogue (T D C E S N A Z)";
                    return Err(self.protocol(wire::Error::Unexpected { expected, got }));
                }
            }
        }
    }

    fn protocol(&self, what: wire::Error) -> Error {
        Error::Protocol { server: self.server.clone(), what }
    }

    fn wrong(&self) -> Error {
        let why = "its catalogue does not say what that of PostgreSQL does".to_owned();
        Error::Connect { server: self.server.clone(), why }
    }
}

/// Reads a row.
fn read(body: &Bytes) -> Option<Row> {
    let row = DataRow::parse(body).ok()?;
    let mut values = row.values();
    let kind = values.next()??;
    // where the database has no encoding, a name may be no text: it is none then that anybody asks for
    let mut next =
        || values.next().map(|value| value.map(|value| String::from_utf8_lossy(value).into_owned()));
    let name = next()??;
    Some(match kind {
        b"f" | b"v" => Row::Function(Box::new(Function {
            name,
            volatile: kind == b"v",
            language: next()??,
            body: next()?.unwrap_or_default(),
            takes_one: next()?? == "t",
            defaults: next()?.unwrap_or_default(),
            calls: names(next()?),
            types: names(next()?),
        })),
        b"w" | b"p" => Row::Filtered(name, next()?.unwrap_or_else(|| UNREAD.to_owned())),
        b"u" => Row::Unlogged(name),
        b"s" => Row::Sequence(name),
        b"o" => Row::Operator(name, next()??),
        b"t" => Row::Type(name, next()?, next()?),
        b"c" => Row::Cast(name, next()??, next()??),
        _ => return None,
    })
}

fn names(value: Option<String>) -> Vec<String> {
    value.map(|value| value.split(BETWEEN).map(str::to_owned).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::backend::row;
    use wire::frame;

    use super::*;

    fn row(values: &[Option<&str>]) -> Bytes {
        let values: Vec<_> = values.iter().map(|value| value.map(str::as_bytes)).collect();
        let mut out = BytesMut::new();
        row::write_row(&mut out, &values).unwrap();
        out.split_off(frame::HEADER).freeze()
    }

    #[test]
    fn rows_are_read() {
        let found = read(&row(&[
            Some("f"),
            Some("now2"),
            Some("sql"),
            Some("SELECT 1"),
            Some("t"),
            None,
            Some("a\u{1f}b"),
            None,
        ]));
        let Some(Row::Function(found)) = found else { panic!("{found:?}") };
        assert_eq!((&*found.name, &*found.language, &*found.body), ("now2", "sql", "SELECT 1"));
        assert!(!found.volatile && found.takes_one && found.types.is_empty());
        assert_eq!(found.calls, ["a", "b"]);
        assert_eq!(read(&row(&[Some("u"), Some("t"), None])), Some(Row::Unlogged("t".to_owned())));
        let view = Row::Filtered("v".to_owned(), "\"".to_owned());
        assert_eq!(read(&row(&[Some("w"), Some("v"), None])), Some(view), "it went while it was read");
        for wrong in [
            &[Some("f"), Some("a"), None][..],
            &[Some("x"), Some("a"), None, None],
            &[Some("w"), Some("a")],
            &[Some("o"), Some("a"), None],
            &[Some("u"), None, None],
            &[None, Some("a"), None, None],
            &[],
        ] {
            assert_eq!(read(&row(wrong)), None);
        }
    }

    #[test]
    fn versions_are_read() {
        let of = |version: &str| {
            self::version(&[
                ("a".to_owned(), "9".to_owned()),
                ("server_version".to_owned(), version.to_owned()),
            ])
        };
        assert_eq!((of("13.4"), of("18beta1"), of("15.20 (Debian)"), of("x")), (13, 18, 15, PARSED_BODIES));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&Bytes::from(bytes));
        }
    }
}
