//! `wire::Error`: what can be wrong with bytes of the protocol.
//!
//! The texts are PostgreSQL-like (lower case, no full stop) and never carry a secret or unescaped bytes of
//! the peer. Which side is at fault is known to the caller, who knows whose bytes it handed in.

use std::fmt;

use crate::auth::ScramError;

/// A breach of the protocol, or a message that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The message ends before its last field does.
    TooShort,
    /// The message goes on after its last field.
    Trailing {
        /// How many bytes are left over.
        left: usize,
    },
    /// The length word of a message is below the minimum or above the limit.
    BadLength {
        /// The message's tag; 0 for the untagged messages of start-up.
        tag: u8,
        /// The length it announces.
        len: u32,
        /// The most that is allowed here.
        limit: u32,
    },
    /// A message that we were about to write would not fit its 32-bit length word.
    TooLong {
        /// The message's tag; 0 for the untagged messages of start-up.
        tag: u8,
    },
    /// A string has no terminating zero byte.
    Unterminated,
    /// A string that we were about to write has a zero byte inside.
    EmbeddedNul,
    /// Text that has to be UTF-8 is not.
    NotUtf8 {
        /// Which field.
        what: &'static str,
    },
    /// A tag or code byte is none of those allowed here.
    Unexpected {
        /// What would have been right.
        expected: &'static str,
        /// What came.
        got: u8,
    },
    /// A number is outside what is allowed.
    BadValue {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: i64,
    },
    /// The `options` start-up value does not have the form of command-line settings.
    BadOption {
        /// The word that was not understood, shortened and without control characters.
        word: String,
    },
    /// A stored password is in none of PostgreSQL's formats.
    BadSecret {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A SCRAM exchange went wrong.
    Scram(ScramError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => f.write_str("insufficient data left in message"),
            Self::Trailing { left } => write!(f, "invalid message format: {left} bytes after the last field"),
            Self::BadLength { tag: 0, len, limit } => {
                write!(f, "invalid length of startup packet: {len}, at most {limit} allowed")
            }
            Self::BadLength { tag, len, limit } => {
                write!(f, "invalid length of message \"{}\": {len}, ", tag.escape_ascii())?;
                write!(f, "at least 4 and at most {limit} allowed")
            }
            Self::TooLong { tag } => {
                write!(f, "message \"{}\" exceeds the maximum message length", tag.escape_ascii())
            }
            Self::Unterminated => f.write_str("invalid string in message: no terminator"),
            Self::EmbeddedNul => f.write_str("invalid string: zero byte inside"),
            Self::NotUtf8 { what } => write!(f, "invalid byte sequence for encoding \"UTF8\" in {what}"),
            Self::Unexpected { expected, got } => {
                write!(f, "unexpected byte \"{}\", expected {expected}", got.escape_ascii())
            }
            Self::BadValue { what, value } => write!(f, "invalid {what}: {value}"),
            Self::BadOption { word } => {
                write!(f, "invalid command-line argument for server process: {word}")
            }
            Self::BadSecret { why } => write!(f, "invalid stored password: {why}"),
            Self::Scram(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<ScramError> for Error {
    fn from(error: ScramError) -> Self {
        Self::Scram(error)
    }
}
