//! Where the servers of a pool are, and what to log in with.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use config::{ChannelBinding, Host, ServerTlsMode};
use wire::auth::Secret;
use wire::auth::scram_client::Keys;

/// A server, a database on it, a user, and how to get in.
#[derive(Debug)]
pub struct Target {
    /// The server's name, address or socket directory.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// The database, by its name on the server.
    pub dbname: String,
    /// The user to log in as.
    pub user: String,
    /// What to log in with.
    pub credentials: Credentials,
    /// Settings that are asked for with the log-in.
    pub settings: Vec<(&'static str, String)>,
    /// Whether TLS is asked for.
    pub tls_mode: ServerTlsMode,
    /// Whether a SCRAM log-in is bound to the server's certificate.
    pub channel_binding: ChannelBinding,
    /// How TLS is spoken.
    pub tls: Arc<net::Connector>,
}

/// A password, or what stands in its place.
pub struct Credentials {
    /// The password, or its stored form.
    pub secret: Option<Secret>,
    /// Which generation of a looked-up secret it is; none if it is the configuration's.
    generation: Option<u64>,
    shown: Mutex<Shown>,
}

/// What the log-ins of clients have shown of the password, besides the stored secret.
#[derive(Clone, Default)]
struct Shown {
    keys: Option<Keys>,
    plain: Option<Arc<str>>,
}

/// The secret of a user that was looked up on a server.
#[derive(Clone, Debug)]
pub struct Found {
    /// The password, or its stored form.
    pub secret: Secret,
    /// Grows with every change of it: of two that differ, the one with the higher number is the newer one.
    pub generation: u64,
}

impl Target {
    /// The server in short: `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.host {
            Host::Tcp(name) => format!("{name}:{}", self.port),
            Host::Unix(dir) => format!("{}:{}", dir.display(), self.port),
        }
    }

    /// Whether a pool for `other` could serve in this one's place.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.host == other.host
            && self.port == other.port
            && self.dbname == other.dbname
            && self.user == other.user
            && self.credentials.secret == other.credentials.secret
            && self.settings == other.settings
            && self.tls_mode == other.tls_mode
            && Arc::ptr_eq(&self.tls, &other.tls)
    }
}

impl Credentials {
    /// With this password or stored secret, if any.
    #[must_use]
    pub fn new(secret: Option<Secret>) -> Self {
        Self { secret, generation: None, shown: Mutex::default() }
    }

    /// With a secret that was looked up.
    #[must_use]
    pub fn found(found: Found) -> Self {
        Self { secret: Some(found.secret), generation: Some(found.generation), shown: Mutex::default() }
    }

    /// The looked-up secret, if it is one.
    #[must_use]
    pub fn as_found(&self) -> Option<Found> {
        Some(Found { secret: self.secret.clone()?, generation: self.generation? })
    }

    /// Whether these were looked up before the secret became what `found` is.
    #[must_use]
    pub fn is_outdated_by(&self, found: &Found) -> bool {
        match (&self.secret, self.generation) {
            (None, _) => true,
            (Some(secret), Some(generation)) => generation < found.generation && *secret != found.secret,
            (Some(_), None) => false,
        }
    }

    /// Keeps the keys that a client's own SCRAM log-in has shown.
    pub fn learn(&self, keys: Keys) {
        self.shown().keys = Some(keys);
    }

    /// Keeps the password that a client has shown in clear text, and that fits the secret.
    pub fn learn_plain(&self, password: &str) {
        let mut shown = self.shown();
        if shown.plain.as_deref() != Some(password) {
            shown.plain = Some(password.into());
        }
    }

    /// Takes over what is known of the same secret from the pool that had it before.
    pub fn learn_from(&self, other: &Self) {
        if self.secret == other.secret {
            let known = other.shown().clone();
            let mut shown = self.shown();
            shown.keys = shown.keys.take().or(known.keys);
            shown.plain = shown.plain.take().or(known.plain);
        }
    }

    /// Those keys.
    #[must_use]
    pub fn keys(&self) -> Option<Keys> {
        self.shown().keys.clone()
    }

    /// The password itself, where it is known: it is what is stored, or a client has shown it.
    #[must_use]
    pub fn plain(&self) -> Option<Arc<str>> {
        match &self.secret {
            Some(Secret::Plain(plain)) => Some(plain.as_str().into()),
            Some(Secret::Md5(_) | Secret::Scram(_)) | None => self.shown().plain.clone(),
        }
    }

    /// What it guards is whole between any two statements.
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
