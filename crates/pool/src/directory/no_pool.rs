//! Why there is no pool.

use std::fmt;

/// Why there is no pool for a database and user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPool {
    /// The configuration has no such database.
    NoSuchDatabase,
    /// Its TLS files cannot be used.
    Tls(String),
    /// The stored password of the user cannot be read.
    Secret(String),
}

impl fmt::Display for NoPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchDatabase => f.write_str("no such database"),
            Self::Tls(why) | Self::Secret(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for NoPool {}
