//! Why a client does not get in, and what it is told: PostgreSQL's own words where it has some.
//!
//! What only the log may know, such as the name in a certificate, is in the refusal and not in what is told.

use std::net::IpAddr;
use std::time::Duration;

use wire::auth::ScramError;
use wire::proxy::Malformed;
use wire::sqlstate::SqlState;

use super::{Report, fatal};

/// Why a log-in was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No user name.
    NoUser,
    /// Wrong password, unknown user, or no password to check against; which of them only the log says.
    Password {
        /// The name that was given.
        user: String,
        /// What the log may say.
        why: &'static str,
    },
    /// Channel binding found somebody between the client and us.
    Binding {
        /// The client was not told that it could bind; otherwise it saw another certificate.
        downgrade: bool,
    },
    /// The user's secret could not be looked up; why, only the log says.
    Lookup {
        /// The name that was given.
        user: String,
        /// How long it waited for the answer.
        waited: Duration,
    },
    /// No line of `auth.hba` is for this client.
    NoEntry(Visit),
    /// The line of `auth.hba` for this client says `reject`.
    Rejected(Visit),
    /// No certificate where one is asked for, or one whose time is over.
    NoCertificate,
    /// The certificate names somebody else, or nobody.
    Certificate {
        /// The user that was claimed.
        user: String,
        /// Whom it names; for the log.
        known: Option<String>,
    },
    /// The user of the operating system is somebody else, or has no name.
    Peer {
        /// The user that was claimed.
        user: String,
        /// Who it is; for the log.
        known: Option<String>,
    },
    /// Something else than a header of the PROXY protocol where there must be one.
    Header(Malformed),
    /// Somebody who may not send such headers, and must, like everybody.
    HeaderSender(IpAddr),
    /// An administrator from afar whom nothing was asked.
    UnprovenAdmin(String),
    /// There is no such database in the configuration.
    Database(String),
    /// The console is not for this user.
    NoConsole(String),
    /// `listen.tls.mode` asks for TLS.
    TlsRequired,
    /// Bytes came in clear behind a request for encryption.
    UnencryptedData,
    /// TLS without the protocol name that direct negotiation asks for, or a handshake that failed.
    Tls(String),
    /// A protocol that nobody speaks any more, or not yet.
    Version(u16, u16),
    /// A replication connection to the console.
    Replication,
    /// `listen.login_timeout` is over.
    Late,
    /// `max_clients` are there.
    TooManyClients {
        /// Where the limit is set.
        of: Whole,
        /// The limit.
        limit: u32,
        /// How many are there.
        present: u64,
    },
}

/// A client that the rules turn away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Its address; `[local]` on a Unix socket.
    pub host: String,
    /// The user it claims to be.
    pub user: String,
    /// The database it asks for; none for physical replication.
    pub database: Option<String>,
    /// Whether TLS carries its bytes.
    pub encrypted: bool,
}

impl Visit {
    fn told(&self, rejected: bool) -> String {
        let Self { host, user, database, encrypted } = self;
        let encryption = if *encrypted { "SSL encryption" } else { "no encryption" };
        let what = match (rejected, database) {
            (false, Some(_)) => "no pg_hba.conf entry for host",
            (false, None) => "no pg_hba.conf entry for replication connection from host",
            (true, Some(_)) => "pg_hba.conf rejects connection for host",
            (true, None) => "pg_hba.conf rejects replication connection for host",
        };
        let database = database.as_ref().map(|name| format!(", database \"{name}\"")).unwrap_or_default();
        format!("{what} \"{host}\", user \"{user}\"{database}, {encryption}")
    }
}

/// What channel binding is there to find out.
const IN_BETWEEN: &str = "Look for what ends TLS between the client and pgweir; if that is meant to be there, \
    connect with channel_binding=disable.";

/// What the client is told.
pub(super) fn report(refusal: &Refusal) -> Report {
    let unauthorised = |message: &str| fatal(SqlState::INVALID_AUTHORIZATION, message.to_owned());
    match refusal {
        Refusal::NoUser => unauthorised("no PostgreSQL user name specified in startup packet"),
        Refusal::Password { user, .. } => {
            fatal(SqlState::INVALID_PASSWORD, format!("password authentication failed for user \"{user}\""))
        }
        Refusal::Binding { downgrade } => binding(*downgrade),
        Refusal::Lookup { user, waited } => Report {
            detail: format!("asked for {:.1} s", waited.as_secs_f64()),
            hint: "Try again later; the log of pgweir says what is wrong with auth.query.",
            ..fatal(
                SqlState::CANNOT_CONNECT_NOW,
                format!("could not look up the password of user \"{user}\""),
            )
        },
        Refusal::NoEntry(visit) => unauthorised(&visit.told(false)),
        Refusal::Rejected(visit) => unauthorised(&visit.told(true)),
        Refusal::NoCertificate => unauthorised("connection requires a valid client certificate"),
        Refusal::Certificate { user, .. } => {
            unauthorised(&format!("certificate authentication failed for user \"{user}\""))
        }
        Refusal::Peer { user, .. } => {
            unauthorised(&format!("Peer authentication failed for user \"{user}\""))
        }
        Refusal::Header(what) => Report {
            hint: "listen.proxy_protocol is on: connect to what sends the headers.",
            ..fatal(SqlState::PROTOCOL_VIOLATION, format!("invalid PROXY protocol header: {what}"))
        },
        Refusal::HeaderSender(address) => Report {
            hint: "Connect to what sends PROXY protocol headers, or add the address to listen.proxy_from.",
            ..unauthorised(&format!("host \"{address}\" may not connect directly"))
        },
        Refusal::UnprovenAdmin(user) => Report {
            hint: "Log in with a password or a certificate, or from the machine pgweir runs on.",
            ..unauthorised(&format!(
                "administrator \"{user}\" may not use the console from afar without authentication"
            ))
        },
        Refusal::Database(name) => Report {
            hint: "Name it in a [[database]] of the configuration, or add one with name = \"*\".",
            ..fatal(SqlState::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"))
        },
        Refusal::NoConsole(user) => Report {
            hint: "Add the user to admin.users or admin.stats_users.",
            ..fatal(SqlState::INSUFFICIENT_PRIVILEGE, format!("user \"{user}\" may not use the console"))
        },
        Refusal::TlsRequired => {
            Report { hint: "Connect with sslmode=require.", ..unauthorised("TLS is required") }
        }
        Refusal::UnencryptedData => fatal(
            SqlState::PROTOCOL_VIOLATION,
            "received unencrypted data after a request for encryption".to_owned(),
        ),
        Refusal::Tls(why) => fatal(SqlState::FEATURE_NOT_SUPPORTED, why.clone()),
        Refusal::Version(major, minor) => fatal(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("unsupported frontend protocol {major}.{minor}: pgweir supports 3.0 to 3.2"),
        ),
        Refusal::Replication => Report {
            hint: "Ask for a database of the configuration.",
            ..fatal(SqlState::FEATURE_NOT_SUPPORTED, "the console has no replication".to_owned())
        },
        Refusal::Late => Report {
            hint: "Answer the request for a password sooner, or raise listen.login_timeout.",
            ..fatal(SqlState::QUERY_CANCELED, "canceling authentication due to timeout".to_owned())
        },
        Refusal::TooManyClients { of, limit, present } => too_many(of, *limit, *present),
    }
}

fn too_many(of: &Whole, limit: u32, present: u64) -> Report {
    let (message, hint) = match of {
        Whole::Proxy => ("sorry, too many clients already".to_owned(), "Raise pool.max_clients."),
        Whole::Database(name) => {
            let hint = "Raise max_clients in the pool of this [[database]].";
            (format!("too many connections for database \"{name}\""), hint)
        }
        Whole::User(name) => {
            (format!("too many connections for role \"{name}\""), "Raise max_clients of this [[user]].")
        }
    };
    let detail = format!("{present} clients are there, the limit is {limit}");
    Report { detail, hint, ..fatal(SqlState::TOO_MANY_CONNECTIONS, message) }
}

/// What a limit on clients is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// All clients.
    Proxy,
    /// Those of this database, whatever their user.
    Database(String),
    /// Those of this user, whatever their database.
    User(String),
}

fn binding(downgrade: bool) -> Report {
    let (error, detail) = if downgrade {
        (ScramError::Downgrade, "channel binding was offered, and the client did not see the offer")
    } else {
        (ScramError::OtherEndPoint, "the client saw another certificate than the one that pgweir has shown")
    };
    Report {
        detail: detail.to_owned(),
        hint: IN_BETWEEN,
        ..fatal(SqlState::INVALID_AUTHORIZATION, error.to_string())
    }
}
