//! What can go wrong when a test talks to a server and wants to know how.

use std::{fmt, io};

/// Why a raw client did not get what it waited for.
#[derive(Debug)]
pub enum Error {
    /// The peer ended the stream where a message was due.
    Closed,
    /// Nothing came before the deadline.
    TimedOut,
    /// The peer reset the connection, or the system refused something.
    Io(io::Error),
    /// The server answered with an ErrorResponse.
    Server(ServerError),
    /// The peer broke the protocol; what was wrong.
    Protocol(&'static str),
}

/// The fields of an ErrorResponse or NoticeResponse, in the order they came.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError(pub Vec<(u8, String)>);

impl ServerError {
    /// Reads the fields of a message body; a broken body gives the fields before the break.
    #[must_use]
    pub fn parse(body: &[u8]) -> Self {
        let mut fields = Vec::new();
        for field in body.split(|&b| b == 0) {
            let Some((&code, text)) = field.split_first() else { break };
            fields.push((code, String::from_utf8_lossy(text).into_owned()));
        }
        Self(fields)
    }

    /// One field, by its code letter; empty if absent.
    #[must_use]
    pub fn field(&self, code: u8) -> &str {
        self.0.iter().find(|(c, _)| *c == code).map_or("", |(_, text)| text.as_str())
    }

    /// The SQLSTATE.
    #[must_use]
    pub fn code(&self) -> &str {
        self.field(b'C')
    }

    /// The primary message.
    #[must_use]
    pub fn message(&self) -> &str {
        self.field(b'M')
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.field(b'S'), self.code(), self.message())?;
        for (name, code) in [("detail", b'D'), ("hint", b'H')] {
            if !self.field(code).is_empty() {
                write!(f, " ({name}: {})", self.field(code))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the peer closed the connection"),
            Self::TimedOut => f.write_str("nothing came before the deadline"),
            Self::Io(error) => write!(f, "input/output: {error}"),
            Self::Server(error) => write!(f, "the server answered {error}"),
            Self::Protocol(what) => write!(f, "breach of protocol: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Closed | Self::TimedOut | Self::Server(_) | Self::Protocol(_) => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        if matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            Self::TimedOut
        } else if kind == io::ErrorKind::UnexpectedEof {
            Self::Closed
        } else {
            Self::Io(error)
        }
    }
}
