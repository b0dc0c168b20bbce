//! A connection that asks a server for the secrets of users, and does nothing else.
//!
//! It belongs to no pool and to no client: its settings are its own, and nothing that a client says reaches it
//! but the name to be looked up, which is bound as a parameter. What comes back is a secret or nothing; a row
//! that is not exactly what was asked for counts as nothing, never as somebody else's secret.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{BufMut, Bytes, BytesMut};
use net::Stream;
use wire::auth::Secret;
use wire::backend::error::Fields;
use wire::backend::row::DataRow;
use wire::frontend::{bind, execute, parse, sync};

use crate::error::Error;
use crate::message;
use crate::renew;
use crate::shared::Shared;
use crate::target::Target;

/// The longest message of an answer; secrets are far shorter.
const LONGEST: u32 = 256 * 1024;
/// More messages than this no answer has.
const MOST: usize = 1000;
/// The name of the prepared statement.
const STATEMENT: &[u8] = b"pgweir_lookup";
/// One row more than a right answer has tells that there are several.
const ROWS: i32 = 2;
/// From 1970, the system's epoch, to 2000, PostgreSQL's.
const EPOCH: Duration = Duration::from_secs(946_684_800);

/// Whom to ask, and what.
#[derive(Debug)]
pub struct Source {
    /// The server, and the user who asks.
    pub target: Target,
    /// The statement; `$1` is the name.
    pub sql: String,
    /// How long connecting, and each answer, may take.
    pub timeout: Duration,
}

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may log in with this secret, until then.
    Secret(Secret, Option<SystemTime>),
    /// There is no such user, or none that may log in; why, for the log.
    Nobody(&'static str),
}

/// The connection.
#[derive(Debug)]
pub struct Line {
    stream: Stream,
    inbox: BytesMut,
    server: String,
}

impl Source {
    /// Whether both ask the same of the same server.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.sql == other.sql && self.timeout == other.timeout && self.target.same_as(&other.target)
    }

    /// The settings of the connection: whatever the server, the database or the role has set, names without a
    /// schema are found in `pg_catalog` only, and nothing runs for longer than anybody waits.
    #[must_use]
    pub fn settings(timeout: Duration) -> Vec<(&'static str, String)> {
        vec![
            ("client_encoding", "UTF8".to_owned()),
            ("search_path", String::new()),
            ("statement_timeout", timeout.as_millis().max(1).to_string()),
            ("application_name", "pgweir auth.query".to_owned()),
        ]
    }
}

impl Line {
    /// Connects, logs in and has the statement prepared, within the time of the source.
    ///
    /// # Errors
    /// The server cannot be reached, does not let us in, or does not take the statement.
    pub async fn open(source: &Source, shared: &Arc<Shared>) -> Result<Self, Error> {
        within(source, async {
            let (stream, _) = renew::log_in(&source.target, shared, source.timeout, &[]).await?;
            let server = source.target.address();
            let mut line = Self { stream, inbox: BytesMut::new(), server };
            let mut out = BytesMut::new();
            // no types: the server tells the parameter's from the statement
            parse::write(&mut out, STATEMENT, source.sql.as_bytes(), &[0, 0])
                .map_err(|what| line.protocol(what))?;
            out.put_slice(sync::BYTES);
            line.say(&out).await?;
            line.reply().await?.map_err(|body| Error::refused(line.server.clone(), body))?;
            Ok(line)
        })
        .await
    }

    /// What is known of these users, in their order. After an error the connection is of no use any more.
    ///
    /// # Errors
    /// The server does not answer in time, is lost, or fails to run the statement.
    pub async fn ask(&mut self, source: &Source, users: &[String]) -> Result<Vec<Answer>, Error> {
        within(source, async {
            let mut out = BytesMut::new();
            for user in users {
                question(&mut out, user).map_err(|what| self.protocol(what))?;
            }
            self.say(&out).await?;
            let mut answers = Vec::with_capacity(users.len());
            for user in users {
                answers.push(match self.reply().await? {
                    Ok(reply) => reply.answer(user, SystemTime::now()).map_err(|what| self.wrong(what))?,
                    // class 22: the server cannot even store such a name
                    Err(body)
                        if Fields::new(&body).sqlstate().is_some_and(|code| code.starts_with(b"22")) =>
                    {
                        Answer::Nobody("the server takes offence at the name")
                    }
                    Err(body) => return Err(Error::refused(self.server.clone(), body)),
                });
            }
            Ok(answers)
        })
        .await
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(|error| Error::lost(&self.server, &error))
    }

    /// Everything up to the next ReadyForQuery: the rows, or the body of an error.
    async fn reply(&mut self) -> Result<Result<Reply, Bytes>, Error> {
        let (mut reply, mut error) = (Reply::default(), None);
        for _ in 0..MOST {
            let (tag, body) = message::next(&mut self.stream, &mut self.inbox, LONGEST, &self.server).await?;
            match tag {
                b'D' => reply.take(body),
                b'E' => error = Some(body),
                b's' => reply.more = true,
                b'1' | b'2' | b'C' | b'I' | b'S' | b'N' | b'A' => {}
                b'Z' => return Ok(error.map_or(Ok(reply), Err)),
                got => {
                    let expected = "an answer of the auth query (1 2 D C s I E Z)";
                    return Err(self.protocol(wire::Error::Unexpected { expected, got }));
                }
            }
        }
        Err(self.wrong("the answer of the auth query has no end"))
    }

    fn protocol(&self, what: wire::Error) -> Error {
        Error::Protocol { server: self.server.clone(), what }
    }

    fn wrong(&self, why: &str) -> Error {
        Error::Credentials { server: self.server.clone(), why: why.to_owned() }
    }
}

async fn within<T>(source: &Source, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error::Connect {
        server: source.target.address(),
        why: format!("no answer within {:.1} s", source.timeout.as_secs_f64()),
    };
    tokio::time::timeout(source.timeout, work).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

/// One lookup. Each has a Sync of its own, so that one that fails does not take others with it.
fn question(out: &mut BytesMut, user: &str) -> Result<(), wire::Error> {
    let mut values = BytesMut::new();
    values.put_u16(0); // parameters as text
    values.put_u16(1);
    values.put_u32(u32::try_from(user.len()).map_err(|_| wire::Error::TooLong { tag: bind::TAG })?);
    values.put_slice(user.as_bytes());
    values.put_u16(1);
    values.put_u16(1); // columns in binary: of text the same bytes, of a timestamp a number
    bind::write(out, b"", STATEMENT, &values)?;
    execute::write(out, b"", ROWS)?;
    out.put_slice(sync::BYTES);
    Ok(())
}

/// The rows of an answer.
#[derive(Debug, Default)]
struct Reply {
    row: Option<Bytes>,
    /// There were others.
    more: bool,
}

impl Reply {
    fn take(&mut self, row: Bytes) {
        if self.row.is_some() {
            self.more = true;
        } else {
            self.row = Some(row);
        }
    }

    /// What this says of a user, or what is wrong with the statement.
    fn answer(&self, user: &str, now: SystemTime) -> Result<Answer, &'static str> {
        let Some(row) = &self.row else { return Ok(Answer::Nobody("no such user")) };
        if self.more {
            return Ok(Answer::Nobody("auth.query gives several rows"));
        }
        let row = DataRow::parse(row).map_err(|_| "the row of the auth query cannot be read")?;
        if !(2..=3).contains(&row.len()) {
            return Err(
                "auth.query.sql must give two or three columns: name, secret, and until when it is valid",
            );
        }
        let mut values = row.values();
        let (name, secret) = (values.next().flatten(), values.next().flatten());
        if name != Some(user.as_bytes()) {
            return Ok(Answer::Nobody("auth.query gives another user"));
        }
        let until = match values.next().flatten() {
            None => None,
            Some(micros) => {
                let micros = <[u8; 8]>::try_from(micros)
                    .map_err(|_| "the third column of auth.query.sql must be of type timestamptz")?;
                moment(i64::from_be_bytes(micros))
            }
        };
        if until.is_some_and(|until| until <= now) {
            return Ok(Answer::Nobody("the password is not valid any more"));
        }
        let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
            return Ok(Answer::Nobody("auth.query gives no password"));
        };
        let secret = std::str::from_utf8(secret).ok().and_then(|secret| Secret::parse(secret).ok());
        Ok(secret.map_or(Answer::Nobody("the stored password cannot be read"), |secret| {
            Answer::Secret(secret, until)
        }))
    }
}

/// A `timestamptz` as PostgreSQL sends it; none for infinity.
fn moment(micros: i64) -> Option<SystemTime> {
    if micros == i64::MAX {
        return None;
    }
    let epoch = SystemTime::UNIX_EPOCH + EPOCH;
    let away = Duration::from_micros(micros.unsigned_abs());
    let moment = if micros < 0 { epoch.checked_sub(away) } else { epoch.checked_add(away) };
    // what no clock here can show has passed long ago, or never will
    moment.or((micros < 0).then_some(SystemTime::UNIX_EPOCH))
}

#[cfg(test)]
mod tests;
