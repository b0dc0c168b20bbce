//! `[auth]`: how clients prove who they are.

use std::path::PathBuf;
use std::time::Duration;

use crate::Secret;
use crate::amount::{ONE_DAY, ONE_MS, Time};
use crate::choice::{choice, one_of};
use crate::error::Error;
use crate::file::Table;
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
        /// Who may come in, from where and how, in the format of PostgreSQL's `pg_hba.conf`; for the method
        /// `hba`. The first line that matches decides. What of that format is supported stands in access.md.
        pub hba: Option<PathBuf> = optional("auth.hba", Folder, r#""pg_hba.conf""#),
        /// The maps that lines of `auth.hba` name, in the format of PostgreSQL's `pg_ident.conf`.
        pub ident: Option<PathBuf> = optional("auth.ident", Folder, r#""pg_ident.conf""#),
        /// Where the secrets of users are looked up who have none in the configuration.
        pub query: Option<AuthQuery> = Maybe("auth.query"),
    }
}

impl Check for Auth {
    fn check(section: Option<&Self>, table: &Table<'_>) {
        let Some(section) = section else { return };
        let by_rules = section.method == AuthMethod::Hba;
        if by_rules && !table.has("hba") {
            let message = "method \"hba\" needs \"hba\", set it or choose another method";
            table.mistake("method", Error::Conflict(message.into()));
        }
        for name in ["hba", "ident"] {
            if !by_rules && table.has(name) {
                let message = "does nothing unless method is \"hba\", set that or remove this";
                table.mistake(name, Error::Conflict(message.into()));
            }
        }
    }
}

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
        /// A certificate signed by `listen.tls.client_ca`, whose common name is the user.
        Cert = "cert",
        /// What the first matching line of the file named by `auth.hba` says.
        Hba = "hba",
    }
}
