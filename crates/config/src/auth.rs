//! `[auth]`: how clients prove who they are.

use std::path::PathBuf;
use std::time::Duration;

use crate::Secret;
use crate::amount::{ONE_DAY, ONE_MS, Time};
use crate::choice::{choice, one_of};
use crate::form::{Folder, Statement, Text};
use crate::key::{Check, Maybe, key, optional, required, section};
use crate::secret::SecretText;

section! {
    /// How clients log in.
    pub struct Auth {
        /// What every client is asked for.
        pub method: AuthMethod = key("auth.method", one_of(), AuthMethod::ScramSha256),
        /// A list of users and their secrets in PgBouncer's format, besides those of `[[user]]`: one user per
        /// line, name and secret each in double quotes. The secret is plain text, `md5…` or a SCRAM secret.
        pub file: Option<PathBuf> = optional("auth.file", Folder, r#""userlist.txt""#),
        /// Where the secrets of users are looked up who have none in the configuration.
        pub query: Option<AuthQuery> = Maybe("auth.query"),
    }
}

impl Check for Auth {}

section! {
    /// Where the secrets of users are looked up who have none in the configuration.
    pub struct AuthQuery {
        /// The user who asks. It needs the right to run `sql`, and nothing else.
        pub user: String = required("auth.query.user", Text, r#""pgweir_auth""#),
        /// Its password; if absent, the one that the configuration has for the user of this name.
        pub password: Option<Secret> = optional("auth.query.password", SecretText, r#""secret""#),
        /// The `[[database]]` whose server is asked.
        pub database: String = required("auth.query.database", Text, r#""app""#),
        /// What is asked: a statement with the user's name as `$1`, bound, never put into the text. It gives one
        /// row with the name and the secret, and in a third column, if there is one, until when the secret is
        /// valid (`timestamptz`). No row, several rows, another name, no secret: there is no such user. Names
        /// of the schema have to be written out, for the search path is empty.
        pub sql: String = key("auth.query.sql", Statement, DEFAULT_SQL.into()),
        /// How long an answer may take, connecting included. A client that waits for it for longer is refused.
        pub timeout: Duration = key("auth.query.timeout", Time(ONE_MS, ONE_DAY), Duration::from_secs(5)),
        /// How long an answer may serve again while the server cannot be asked. While it can, every log-in asks.
        pub ttl: Duration = key("auth.query.ttl", Time(Duration::ZERO, ONE_DAY), Duration::from_secs(30)),
    }
}

/// For a superuser, or whoever may read `pg_authid`.
const DEFAULT_SQL: &str = "SELECT rolname, CASE WHEN rolvaliduntil < pg_catalog.now() THEN NULL ELSE rolpassword END, \
     rolvaliduntil FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin";

impl Check for AuthQuery {}

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
