//! The one place where a failure becomes an SQLSTATE and words for the client.
//!
//! | failure | severity | afterwards |
//! |---|---|---|
//! | a request that got no server | ERROR | the session goes on |
//! | log-in, protocol, a lost server, shutdown | FATAL | the connection is closed |
//! | the client has gone | – | there is nobody to tell |
//!
//! DETAIL carries the figures and the client's number, which is in every line of the log; HINT what to do.

mod limit;
mod refusal;

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pool::Pool;
use pool::error::Error as PoolError;
use pool::left::Pins;
use wire::backend::error::{ErrorFields, Severity, write, write_as};
use wire::sqlstate::SqlState;

pub use limit::Limit;
pub use no_server::NoPrimary;
use no_server::no_server;
pub use refusal::{Refusal, Visit, Whole};

/// The routine of PostgreSQL's that refuses to run a statement whose result has changed. Drivers prepare it again when
/// they see this.
pub(crate) const REVALIDATE: &str = "RevalidateCachedQuery";

/// Why a request, or a whole session, came to an end.
#[derive(Debug)]
pub enum Error {
    /// The client's connection broke; `None` for an orderly end of the stream.
    ClientLost(Option<io::Error>),
    /// The client broke the protocol.
    Protocol(wire::Error),
    /// A message that has no place here.
    UnexpectedMessage(u8),
    /// No server could be had.
    Pool(PoolError),
    /// The server was lost with a request under way; true: it said why, and the client has heard it.
    ServerLost {
        /// The pool's error.
        error: PoolError,
        /// The server's own FATAL error has reached the client.
        told: bool,
    },
    /// The server that the client has was the primary and is not any more: nothing that it says counts.
    Demoted {
        /// Where it is.
        server: String,
    },
    /// None of the servers takes writes, and none did for as long as the client may wait.
    NoPrimary(NoPrimary),
    /// The request could not even be written to the server: another one may take it.
    NothingSent(PoolError),
    /// The server has refused the client's settings, and so the request behind them.
    Settings(PoolError),
    /// `pool.state` is `reject`, and this would keep a server between transactions.
    Keeps {
        /// What it would be kept for.
        pins: Pins,
        /// It was noticed only when it was there.
        fatal: bool,
    },
    /// So many servers of the pool are kept by their clients already, by their limit; why this one was to be, too.
    TooManyPinned {
        /// The limit.
        limit: u32,
        /// What the client has left on its server.
        pins: Pins,
    },
    /// A transaction that has no server has failed, and this does not end it.
    Aborted,
    /// The server has not begun the transaction that the client was told is begun; what was sent behind that may have run
    /// by itself.
    Unbegun(String),
    /// A limit in time was passed.
    Timeout(Limit, Duration),
    /// An administrator closed the session.
    Killed,
    /// pgweir is going down.
    ShuttingDown,
    /// Cancelled by the client while it waited.
    Cancelled,
    /// A transaction block in statement mode.
    TransactionBlock {
        /// It was noticed only when it was open.
        open: bool,
    },
    /// A statement is not what the client was told when it was described.
    Changed,
    /// A LISTEN was held back for so long, and nobody listens for the client yet; why, if that is known.
    Unheard(Duration, Option<PoolError>),
    /// There is no replica that may answer; each, and why it may not.
    NoReplica(String),
    /// A setting of pgweir's own, a value that it cannot have, and those that it can.
    OwnSetting(&'static str, String, &'static str),
    /// A setting of pgweir's own in a text that does other things too.
    OwnMisplaced(&'static str),
    /// It is not known, for so long, where the session's last write is.
    NoToken(Duration),
    /// The log-in was refused.
    Login(Refusal),
}

/// What a client is told.
struct Report {
    fatal: bool,
    sqlstate: SqlState,
    message: String,
    detail: String,
    hint: &'static str,
}

impl Error {
    pub(crate) fn protocol(what: wire::Error) -> Self {
        Self::Protocol(what)
    }

    pub(crate) fn unexpected_message(tag: u8) -> Self {
        Self::UnexpectedMessage(tag)
    }

    pub(crate) fn client_lost(error: io::Error) -> Self {
        Self::ClientLost(Some(error))
    }

    pub(crate) fn server_lost(pool: &Pool, error: &io::Error) -> Self {
        Self::ServerLost { error: PoolError::lost(&pool.target.address(), error), told: false }
    }

    pub(crate) fn demoted(pool: &Pool) -> Self {
        Self::Demoted { server: pool.target.address() }
    }

    pub(crate) fn server_protocol(pool: &Pool, what: wire::Error) -> Self {
        let error = PoolError::Protocol { server: pool.target.address(), what };
        Self::ServerLost { error, told: false }
    }

    /// Whether the session can go on after the request at hand has been refused.
    #[must_use]
    pub fn is_survivable(&self) -> bool {
        match self {
            Self::Pool(error) => !matches!(error, PoolError::ShuttingDown),
            Self::TransactionBlock { open } => !open,
            Self::NothingSent(_) | Self::Settings(_) | Self::Keeps { fatal: false, .. } | Self::Cancelled => {
                true
            }
            Self::Unheard(..) | Self::Changed | Self::NoReplica(_) | Self::NoPrimary(_) => true,
            Self::OwnSetting(..) | Self::OwnMisplaced(_) | Self::NoToken(_) | Self::Aborted => true,
            Self::ClientLost(_)
            | Self::Protocol(_)
            | Self::UnexpectedMessage(_)
            | Self::ServerLost { .. }
            | Self::Demoted { .. }
            | Self::Unbegun(_)
            | Self::Timeout(..)
            | Self::TooManyPinned { .. }
            | Self::Keeps { fatal: true, .. }
            | Self::Killed
            | Self::ShuttingDown
            | Self::Login(_) => false,
        }
    }

    /// What the client is sent about a request that is refused.
    pub fn respond(&self, out: &mut BytesMut, client: u64) {
        self.tell(out, client, false);
    }

    /// What the client is sent before its connection is closed; nothing if it has been told already.
    pub fn respond_fatal(&self, out: &mut BytesMut, client: u64) {
        self.tell(out, client, true);
    }

    fn tell(&self, out: &mut BytesMut, client: u64, fatal: bool) {
        if let Self::Pool(PoolError::Refused { body, .. })
        | Self::Settings(PoolError::Refused { body, .. })
        | Self::NothingSent(PoolError::Refused { body, .. }) = self
        {
            return pass_on(out, body);
        }
        let Some(report) = self.report() else { return };
        let detail = if report.detail.is_empty() {
            format!("Client {client}.")
        } else {
            format!("Client {client}: {}.", report.detail)
        };
        let severity = if report.fatal || fatal { Severity::Fatal } else { Severity::Error };
        let fields = ErrorFields {
            severity,
            sqlstate: report.sqlstate,
            message: &report.message,
            detail: Some(&detail),
            hint: (!report.hint.is_empty()).then_some(report.hint),
        };
        if matches!(self, Self::Changed) {
            write_as(out, &fields, REVALIDATE);
        } else {
            write(out, &fields);
        }
    }

    fn report(&self) -> Option<Report> {
        let report = match self {
            Self::ClientLost(_) | Self::ServerLost { told: true, .. } => return None,
            Self::Protocol(what @ wire::Error::BadLength { tag, len, limit })
                if len > limit && !matches!(tag, 0 | b'p') =>
            {
                Report {
                    hint: "Send less at once, or raise listen.max_message.",
                    ..fatal(SqlState::PROGRAM_LIMIT_EXCEEDED, what.to_string())
                }
            }
            Self::Protocol(what) => fatal(SqlState::PROTOCOL_VIOLATION, what.to_string()),
            Self::UnexpectedMessage(tag) => {
                fatal(SqlState::PROTOCOL_VIOLATION, format!("invalid frontend message type {tag}"))
            }
            Self::Pool(error) | Self::NothingSent(error) | Self::Settings(error) => no_server(error),
            Self::Keeps { pins: Pins::CHANNEL, fatal } => Report {
                fatal: *fatal,
                hint: "Set pool.listen to \"share\", or use mode = \"session\" for this database or user.",
                ..error(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "cannot execute LISTEN through this pool".to_owned(),
                    "pool.listen is reject",
                )
            },
            Self::Keeps { pins, fatal } => Report {
                fatal: *fatal,
                hint: "Use what ends with its transaction (pg_advisory_xact_lock, ON COMMIT DROP, a cursor without HOLD), \
                       pool.state = \"track\", or mode = \"session\".",
                ..error(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "the server connection would have to stay with this client after its transaction"
                        .to_owned(),
                    &format!("pool.state is reject, and the cause is: {pins}"),
                )
            },
            Self::TooManyPinned { limit, pins } => too_many_pinned(*limit, *pins),
            Self::ServerLost { error, .. } => Report {
                hint: "The transaction was rolled back unless it was being committed; check before repeating it.",
                ..fatal(SqlState::CONNECTION_FAILURE, error.to_string())
            },
            Self::Demoted { server } => no_server::demoted(server),
            Self::NoPrimary(why) => no_server::no_primary(why),
            Self::Aborted => aborted(),
            Self::Unbegun(error) => no_server::unbegun(error),
            Self::Timeout(limit, after) => limit::report(*limit, *after),
            Self::Killed => fatal(
                SqlState::ADMIN_SHUTDOWN,
                "terminating connection due to administrator command".to_owned(),
            ),
            Self::ShuttingDown => Report {
                hint: "Connect again; another instance may take over.",
                ..fatal(SqlState::ADMIN_SHUTDOWN, "the connection pooler is shutting down".to_owned())
            },
            Self::Cancelled => error(
                SqlState::QUERY_CANCELED,
                "canceling statement due to user request".to_owned(),
                "It was waiting for a server connection",
            ),
            Self::TransactionBlock { open } => Report {
                fatal: *open,
                hint: "Use mode = \"transaction\" for this database or user.",
                ..error(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "transaction blocks are not allowed in statement pooling mode".to_owned(),
                    "",
                )
            },
            Self::Changed => changed(),
            Self::Unheard(after, trouble) => no_server::unheard(*after, trouble.as_ref()),
            Self::NoReplica(each) => no_server::no_replica(each),
            Self::NoToken(after) => no_server::no_token(*after),
            Self::OwnSetting(name, value, allowed) => own_setting(name, value, allowed),
            Self::OwnMisplaced(name) => own_misplaced(name),
            Self::Login(refusal) => refusal::report(refusal),
        };
        Some(report)
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

fn fatal(sqlstate: SqlState, message: String) -> Report {
    Report { fatal: true, sqlstate, message, detail: String::new(), hint: "" }
}

fn error(sqlstate: SqlState, message: String, detail: &str) -> Report {
    Report { fatal: false, sqlstate, message, detail: detail.to_owned(), hint: "" }
}

fn too_many_pinned(limit: u32, pins: Pins) -> Report {
    Report {
        detail: format!("{limit} server connections are kept already; this one would be for: {pins}"),
        hint: "Drop, close or unlock sooner what keeps a server connection, or raise pool.max_pinned.",
        ..fatal(
            SqlState::CONFIGURATION_LIMIT_EXCEEDED,
            "too many clients keep a server connection to themselves".to_owned(),
        )
    }
}

fn aborted() -> Report {
    let message = "current transaction is aborted, commands ignored until end of transaction block";
    error(SqlState::IN_FAILED_SQL_TRANSACTION, message.to_owned(), "")
}

fn own_setting(name: &str, value: &str, allowed: &'static str) -> Report {
    let message = format!("invalid value for parameter \"{name}\": \"{value}\"");
    Report { hint: allowed, ..error(SqlState::INVALID_PARAMETER_VALUE, message, "") }
}

fn own_misplaced(name: &str) -> Report {
    Report {
        hint: "Send SET, RESET and SHOW of it as requests of their own.",
        ..error(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot change \"{name}\" together with other things"),
            "it is a setting of the connection pooler, and reaches no server",
        )
    }
}

fn changed() -> Report {
    Report {
        hint: "Prepare the statement again.",
        ..error(
            SqlState::FEATURE_NOT_SUPPORTED,
            "cached plan must not change result type".to_owned(),
            "its columns, or its parameters, have other names or types than when it was described",
        )
    }
}

/// The server's own error, in its own words.
fn pass_on(out: &mut BytesMut, body: &Bytes) {
    use bytes::BufMut;
    if let Ok(length) = u32::try_from(body.len() + 4) {
        out.put_u8(b'E');
        out.put_u32(length);
        out.put_slice(body);
    }
}

#[cfg(test)]
mod docs;
mod no_server;
