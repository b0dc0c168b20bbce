//! Why no server could be lent, or a lent one had to go.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use wire::backend::error::Fields;

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server, or the way to it.
    Server,
    /// A limit that the operator set.
    Limit,
    /// How pgweir is configured.
    Config,
}

/// What the pool looked like when a client gave up waiting: the figures that explain why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// The pool's limit.
    pub size: u32,
    /// Lent to clients.
    pub active: u32,
    /// Open and free.
    pub idle: u32,
    /// Being opened.
    pub opening: u32,
    /// Clients waiting, the one that gave up included.
    pub waiting: u32,
    /// The cap that is full, or else that of its database.
    pub cap: Usage,
}

/// How much of a cap that pools share is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Server connections of all pools under it.
    pub used: u32,
    /// How many there may be.
    pub limit: u32,
    /// What of.
    pub of: &'static str,
}

/// A failure of the pool.
#[derive(Clone, Debug)]
pub enum Error {
    /// The queue was waited in for as long as the client may.
    QueueTimeout {
        /// How long it waited.
        waited: Duration,
        /// What was in its way.
        crowd: Crowd,
        /// Why the last attempt to open a connection failed, if it did.
        last: Option<Box<Error>>,
    },
    /// The server could not be reached.
    Connect {
        /// Where it should be.
        server: String,
        /// What the system said.
        why: String,
    },
    /// The server answered the log-in with an error; its own ErrorResponse.
    Refused {
        /// Where it is.
        server: String,
        /// The SQLSTATE it gave.
        sqlstate: String,
        /// The whole body, to be passed on.
        body: Bytes,
    },
    /// We have nothing to log in with, or not what the server asks for.
    Credentials {
        /// Where it is.
        server: String,
        /// What is missing.
        why: String,
    },
    /// The log-in is to be bound to the server's certificate, and cannot be.
    Unbound {
        /// Where it is.
        server: String,
        /// Why.
        why: String,
    },
    /// The server broke the protocol.
    Protocol {
        /// Where it is.
        server: String,
        /// What was wrong.
        what: wire::Error,
    },
    /// The connection broke.
    Lost {
        /// Where it was.
        server: String,
        /// What the system said; `None` for an orderly end of the stream.
        why: Option<String>,
    },
    /// There are as many connections as there may be, of all pools together.
    AtCap(Usage),
    /// The pool was taken away by a reload; ask for it again.
    Retired,
    /// pgweir is going down.
    ShuttingDown,
}

impl Error {
    /// Who is to blame.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::QueueTimeout { .. } | Self::AtCap(_) | Self::ShuttingDown | Self::Retired => Fault::Limit,
            Self::Connect { .. } | Self::Refused { .. } | Self::Protocol { .. } | Self::Lost { .. } => {
                Fault::Server
            }
            Self::Credentials { .. } | Self::Unbound { .. } => Fault::Config,
        }
    }

    /// Whether waiting longer will not help: everybody who waits may be told at once.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            // 28: log-in refused, 3D000: no such database, 55000: it takes no connections, 42501: not this user's.
            // Another attempt would hear the same.
            Self::Refused { sqlstate, .. } => {
                sqlstate.starts_with("28") || ["3D000", "55000", "42501"].contains(&&**sqlstate)
            }
            Self::Credentials { .. } | Self::Unbound { .. } | Self::Retired | Self::ShuttingDown => true,
            Self::QueueTimeout { .. }
            | Self::AtCap(_)
            | Self::Connect { .. }
            | Self::Protocol { .. }
            | Self::Lost { .. } => false,
        }
    }

    /// The server is there and says that it is starting up, shutting down or recovering (57P03).
    #[must_use]
    pub fn is_starting_up(&self) -> bool {
        matches!(self, Self::Refused { sqlstate, .. } if sqlstate == "57P03")
    }

    /// The server's own error in answer to a log-in or a setting.
    #[must_use]
    pub fn refused(server: String, body: Bytes) -> Self {
        let sqlstate = Fields::new(&body).sqlstate().unwrap_or(*b"XX000");
        let sqlstate = String::from_utf8_lossy(&sqlstate).into_owned();
        Self::Refused { server, sqlstate, body }
    }

    /// The connection to `server` failed in the system.
    #[must_use]
    pub fn lost(server: &str, why: &io::Error) -> Self {
        Self::Lost { server: server.to_owned(), why: Some(why.to_string()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueTimeout { waited, .. } => {
                write!(f, "no server connection became free within {:.1} s", waited.as_secs_f64())
            }
            Self::Connect { server, why } => write!(f, "could not connect to server {server}: {why}"),
            Self::Refused { server, sqlstate, .. } => {
                write!(f, "server {server} refused the connection with SQLSTATE {sqlstate}")
            }
            Self::Credentials { server, why } | Self::Unbound { server, why } => {
                write!(f, "could not log in to server {server}: {why}")
            }
            Self::Protocol { server, what } => write!(f, "server {server} broke the protocol: {what}"),
            Self::Lost { server, why: Some(why) } => write!(f, "lost connection to server {server}: {why}"),
            Self::Lost { server, why: None } => write!(f, "server {server} closed the connection"),
            Self::AtCap(Usage { limit, of, .. }) => write!(f, "all {limit} {of} are in use"),
            Self::Retired => f.write_str("the pool was removed by a reload"),
            Self::ShuttingDown => f.write_str("the connection pooler is shutting down"),
        }
    }
}

impl std::error::Error for Error {}
