//! A connection that asks a server what it is and how far it has come, and does nothing else.
//!
//! It belongs to no pool and to no client. It is kept open between questions, so that its end is noticed when it comes
//! and a question costs one round trip; after a failure the next question opens another one.
//!
//! Everything that is asked for is everybody's to ask on PostgreSQL 13 to 18, unless an administrator has taken that
//! away; what then is missing is left out. Nothing in the texts depends on the search path.

mod checkup;
mod closer;
mod promote;
mod read;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use config::Host;
use net::Stream;
use wire::frontend::query;
use wire::lsn::Lsn;

use crate::error::Error;
use crate::message;
use crate::renew;
use crate::shared::Shared;
use crate::target::Target;
pub use checkup::{Facts, Rights};
pub use closer::{Kept, NoSlot, Setup};
pub use promote::{Outcome, promote};
pub use read::Said;

/// The longest message of an answer; all are far shorter.
const LONGEST: u32 = 64 * 1024;
/// More messages than this no answer has.
const MOST: usize = 100;
/// What these connections are called on the server.
pub const NAME: &str = "pgweir monitor";

/// The questions, but for what the control file has. The first column says whether the server follows another one,
/// and the others go by it, as that may change while they are answered. The timeline of a primary is that of the
/// file it writes to: its control file has the old one for a while after a promotion.
const ABOUT: &str = "SELECT p.r, p.lsn, \
    CASE WHEN p.r THEN NULL ELSE (pg_catalog.pg_walfile_name_offset(p.lsn)).file_offset END, \
    CASE WHEN p.r THEN NULL ELSE (pg_catalog.pg_walfile_name_offset(p.lsn)).file_name END, \
    CASE WHEN p.r THEN pg_catalog.pg_is_wal_replay_paused() END, \
    CASE WHEN p.r THEN (SELECT coalesce(status, 'streaming') FROM pg_catalog.pg_stat_wal_receiver) END, \
    CASE WHEN p.r THEN (SELECT received_tli FROM pg_catalog.pg_stat_wal_receiver) END, \
    CASE WHEN p.r THEN greatest(pg_catalog.pg_last_wal_receive_lsn(), p.lsn) END";
/// What the control file has: the cluster's number, and the timelines of a replica that does not tell which one it
/// receives.
const CONTROL: &str = ", (SELECT system_identifier FROM pg_catalog.pg_control_system()), \
    CASE WHEN p.r THEN greatest((SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()), \
    (SELECT min_recovery_end_timeline FROM pg_catalog.pg_control_recovery())) END";
const OF: &str = " FROM (SELECT s.r, CASE WHEN s.r THEN pg_catalog.pg_last_wal_replay_lsn() \
    ELSE pg_catalog.pg_current_wal_insert_lsn() END AS lsn \
    FROM (SELECT pg_catalog.pg_is_in_recovery() AS r) s) p";
/// How far a primary has come, and where in its file that is.
const WRITTEN: &str = "SELECT p.lsn, (pg_catalog.pg_walfile_name_offset(p.lsn)).file_offset \
    FROM (SELECT pg_catalog.pg_current_wal_insert_lsn() AS lsn) p";
/// How far a replica has come.
const REPLAYED: &str = "SELECT pg_catalog.pg_last_wal_replay_lsn()";

/// Why it has said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What went wrong.
    pub kind: Kind,
    /// In words, for logs.
    pub why: String,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The server could not be reached, or the connection was lost.
    Connect,
    /// It does not let us in.
    Login,
    /// It did not answer in time.
    Late,
    /// It says that it is starting, stopping, or otherwise not ready.
    NotReady,
}

/// Asks one server, over and over.
#[derive(Debug, Default)]
pub struct Asker {
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    stream: Stream,
    inbox: BytesMut,
    server: String,
    host: Host,
    /// The control file is not for us.
    barred: bool,
}

impl Asker {
    /// Everything about the server, within `patience`, connecting included. None if there is no connection and
    /// `target` says that there is nobody to log in as.
    pub async fn ask(
        &mut self,
        target: impl Fn() -> Option<Target>,
        shared: &Arc<Shared>,
        patience: Duration,
    ) -> Option<Result<Said, Failed>> {
        let asked = async {
            let line = self.line.take().filter(|line| !line.has_left(shared));
            if let Some(mut line) = line {
                match line.about().await {
                    Ok(said) => {
                        self.line = Some(line);
                        return Ok(Some(said));
                    }
                    // it may have ended for many reasons that say nothing of the server now
                    Err(Error::Lost { .. }) => {}
                    Err(error) if is_going(&error) => {}
                    Err(other) => return Err(other),
                }
            }
            let Some(target) = target() else { return Ok(None) };
            let mut line = Line::open(&target, shared, patience).await?;
            let said = line.about().await?;
            self.line = Some(line);
            Ok(Some(said))
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(Ok(said)) => said.map(Ok),
            Ok(Err(error)) => Some(Err(Failed::from(&error))),
            Err(_) => Some(Err(late(patience))),
        }
    }

    /// How far the server has come, asked as a primary or as a replica. None where it has replayed nothing. The
    /// connection must be open.
    ///
    /// # Errors
    /// It does not answer as that, or not in time; then the connection is closed.
    pub async fn position(
        &mut self,
        primary: bool,
        shared: &Shared,
        patience: Duration,
    ) -> Result<Option<Lsn>, Failed> {
        // what another server has written is not what was asked for
        let Some(mut line) = self.line.take().filter(|line| !line.has_left(shared)) else {
            return Err(Failed { kind: Kind::Connect, why: "not connected".to_owned() });
        };
        match tokio::time::timeout(patience, line.position(primary)).await {
            Ok(Ok(position)) => {
                self.line = Some(line);
                Ok(position)
            }
            Ok(Err(error)) => Err(Failed::from(&error)),
            Err(_) => Err(late(patience)),
        }
    }

    /// Whether the connection is open, as far as is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.line.is_some()
    }

    /// Takes in what the server says unasked, until the connection ends; for ever if there is none.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn until_lost(&mut self) {
        let Some(line) = &mut self.line else { return std::future::pending().await };
        while let Ok((b'S' | b'N' | b'A', _)) = line.next().await {}
        self.line = None;
    }

    /// Closes the connection: the next question opens another one.
    pub fn close(&mut self) {
        self.line = None;
    }
}

impl Line {
    async fn open(target: &Target, shared: &Arc<Shared>, patience: Duration) -> Result<Self, Error> {
        let (stream, _) = renew::log_in(target, shared, patience, &[]).await?;
        Ok(Self {
            stream,
            inbox: BytesMut::new(),
            server: target.address(),
            host: target.host.clone(),
            barred: false,
        })
    }

    /// Whether the name that it was reached by stands for another server now.
    fn has_left(&self, shared: &Shared) -> bool {
        shared.addresses.have_left(&self.host, self.stream.peer())
    }

    async fn about(&mut self) -> Result<Said, Error> {
        let begun = Instant::now();
        if !self.barred {
            match self.row(&[ABOUT, CONTROL, OF].concat()).await {
                Err(Error::Refused { sqlstate, .. }) if sqlstate == "42501" => self.barred = true,
                other => return self.said(&other?, begun.elapsed()),
            }
        }
        let begun = Instant::now();
        let row = self.row(&[ABOUT, OF].concat()).await?;
        self.said(&row, begun.elapsed())
    }

    async fn position(&mut self, primary: bool) -> Result<Option<Lsn>, Error> {
        let row = self.row(if primary { WRITTEN } else { REPLAYED }).await?;
        read::position(&row).ok_or_else(|| self.wrong())
    }

    fn said(&self, row: &Bytes, took: Duration) -> Result<Said, Error> {
        read::said(row, took).ok_or_else(|| self.wrong())
    }

    /// Runs a statement that returns one row.
    async fn row(&mut self, sql: &str) -> Result<Bytes, Error> {
        let mut out = BytesMut::new();
        query::write(&mut out, sql.as_bytes()).map_err(|what| self.protocol(what))?;
        self.stream.write_all(&out).await.map_err(|error| Error::lost(&self.server, &error))?;
        let (mut row, mut error) = (None, None);
        for _ in 0..MOST {
            let (tag, body) = self.next().await?;
            match tag {
                b'D' => row = Some(body),
                // the last words of a server that goes have no ReadyForQuery behind them
                b'E' => {
                    let said = Error::refused(self.server.clone(), body);
                    // the last words of a server that goes have no ReadyForQuery behind them
                    if is_going(&said) {
                        return Err(said);
                    }
                    error = Some(said);
                }
                b'T' | b'C' | b'S' | b'N' | b'A' => {}
                b'Z' => return error.map_or_else(|| row.ok_or_else(|| self.wrong()), Err),
                got => {
                    let expected = "an answer to a query of one row (T D C E S N A Z)";
                    return Err(self.protocol(wire::Error::Unexpected { expected, got }));
                }
            }
        }
        Err(self.wrong())
    }

    async fn next(&mut self) -> Result<(u8, Bytes), Error> {
        message::next(&mut self.stream, &mut self.inbox, LONGEST, &self.server).await
    }

    fn protocol(&self, what: wire::Error) -> Error {
        Error::Protocol { server: self.server.clone(), what }
    }

    fn wrong(&self) -> Error {
        let why = "it does not say of itself what a PostgreSQL server does".to_owned();
        Error::Connect { server: self.server.clone(), why }
    }
}

impl From<&Error> for Failed {
    fn from(error: &Error) -> Self {
        let kind = match error {
            going if is_going(going) => Kind::NotReady,
            // in the middle of a promotion a function does not answer that has answered before
            Error::Refused { sqlstate, .. } if sqlstate == "55000" => Kind::NotReady,
            Error::Refused { .. } | Error::Credentials { .. } | Error::Unbound { .. } => Kind::Login,
            Error::Connect { .. }
            | Error::Lost { .. }
            | Error::Protocol { .. }
            | Error::QueueTimeout { .. }
            | Error::AtCap(_)
            | Error::Retired
            | Error::ShuttingDown => Kind::Connect,
        };
        Self { kind, why: error.to_string() }
    }
}

/// The server is starting or stopping, or somebody has ended this connection.
fn is_going(error: &Error) -> bool {
    matches!(error, Error::Refused { sqlstate, .. } if sqlstate.starts_with("57P"))
}

fn late(patience: Duration) -> Failed {
    Failed { kind: Kind::Late, why: format!("no answer within {:.1} s", patience.as_secs_f64()) }
}
