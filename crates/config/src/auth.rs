//! `[auth]`: how clients prove who they are.

use std::path::PathBuf;

use crate::choice::{choice, one_of};
use crate::form::Folder;
use crate::key::{Check, key, optional, section};

section! {
    /// How clients log in.
    pub struct Auth {
        /// What every client is asked for.
        pub method: AuthMethod = key("auth.method", one_of(), AuthMethod::ScramSha256),
        /// A list of users and their secrets in PgBouncer's format, besides those of `[[user]]`: one user per
        /// line, name and secret each in double quotes. The secret is plain text, `md5…` or a SCRAM secret.
        pub file: Option<PathBuf> = optional("auth.file", Folder, r#""userlist.txt""#),
    }
}

impl Check for Auth {}

choice! {
    /// A way to log in.
    pub enum AuthMethod {
        /// Nothing; whoever comes is who they say.
        Trust = "trust",
        /// The password in clear text.
        Plain = "plain",
        /// A salted MD5 hash; SCRAM-SHA-256 from users whose stored secret is a SCRAM one.
        Md5 = "md5",
        /// SCRAM-SHA-256: the password never travels.
        ScramSha256 = "scram-sha-256",
    }
    later "cert", "hba";
}
