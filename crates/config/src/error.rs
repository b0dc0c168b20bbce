//! What can be wrong with a configuration, and how it is said.
//!
//! Every phrase stands here, so that all of them tell first what is wrong and then what is allowed.
//! None of them repeats the value of a secret.

use std::fmt::{self, Write};
use std::path::PathBuf;

/// One mistake and where it is; shown as `FILE:LINE:COL: key: what is wrong, what is allowed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file it is in: the configuration file or the one named by `auth.file`.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub col: usize,
    /// The key with its section, such as `pool.size`; `syntax` where no key can be made out.
    pub key: String,
    /// What is wrong and what is allowed, on one line.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, col, key, message } = self;
        // the name of a file, which the message may repeat, can have line breaks in it
        let said = format!("{}:{line}:{col}: {key}: {message}", file.display());
        said.chars()
            .try_for_each(|c| if c.is_control() { c.escape_default().fmt(f) } else { f.write_char(c) })
    }
}

impl std::error::Error for Mistake {}

/// The kinds of mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The text is not TOML.
    Syntax(String),
    /// A key or a table that stands twice. Only the parser can see it; the text around it is right.
    Duplicate,
    /// A file cannot be used; the reason is the operating system's.
    Unreadable { path: PathBuf, reason: String },
    /// There is no such key.
    Unknown { near: Option<&'static str>, allowed: Vec<&'static str> },
    /// The key or the value is described, but no code stands behind it yet.
    Later { what: String, remedy: String },
    /// A value of another TOML type.
    Type { got: &'static str, want: String },
    /// A value of the right type that is not allowed.
    Value { got: String, want: String },
    /// A key without which there is no sense in the rest.
    Missing { want: String },
    /// A name that was already used.
    Twice { what: String, first: String },
    /// `${NAME}` names a variable that is not set, or is not closed.
    Variable(String),
    /// Two keys that exclude each other, or one that needs another.
    Conflict(String),
}

impl Error {
    /// Whether this only says that something is not there, which a broken line elsewhere may explain.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => write!(f, "not valid TOML: {message}"),
            Self::Duplicate => f.write_str("is set twice, keep one of them"),
            Self::Unreadable { path, reason } => {
                write!(f, "cannot read {}: {reason}", quoted(&path.to_string_lossy()))
            }
            Self::Unknown { near: Some(near), .. } => write!(f, "unknown key, did you mean \"{near}\"?"),
            Self::Unknown { near: None, allowed } => {
                write!(f, "unknown key, allowed here: {}", allowed.join(", "))
            }
            Self::Later { what, remedy } => {
                write!(f, "{what} is not supported yet by this version, {remedy}")
            }
            Self::Type { got, want } => write!(f, "is {got}, must be {want}"),
            Self::Value { got, want } => write!(f, "is {got}, must be {want}"),
            Self::Missing { want } => write!(f, "is missing, must be {want}"),
            Self::Twice { what, first } => {
                write!(f, "{what} is already defined at {first}, keep one of them")
            }
            Self::Variable(message) | Self::Conflict(message) => f.write_str(message),
        }
    }
}

/// Text of the user's as it may stand in a message: quoted, on one line, not too long. It ends before a line break
/// or a quote: behind one there may be a password, where a quote is missing or is one too many.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let end = text.find(['\n', '\r', '"']).or_else(|| Some(text.char_indices().nth(MOST)?.0));
    let (shown, rest) = text.split_at(end.unwrap_or(text.len()));
    let more = if rest.is_empty() { "" } else { "…" };
    let shown: String = shown.chars().take(MOST).flat_map(char::escape_debug).collect();
    format!("\"{shown}{more}\"")
}
