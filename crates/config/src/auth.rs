//! `[auth]`: how clients prove who they are.

use std::path::PathBuf;

/// How clients log in.
#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// The method asked of every client.
    pub method: AuthMethod,
    /// The list of users and secrets in PgBouncer's format.
    pub file: Option<PathBuf>,
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// No proof is asked.
    Trust,
    /// The password in clear text.
    Plain,
    /// A salted MD5 hash; SCRAM for users whose stored secret is a SCRAM one.
    Md5,
    /// SCRAM-SHA-256.
    ScramSha256,
}
