//! Where the servers of a pool are, and what to log in with.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

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
    stored: RwLock<Stored>,
    shown: Mutex<Shown>,
}

/// Where the password is from.
#[derive(Clone, PartialEq, Eq)]
enum Stored {
    Nowhere,
    /// The configuration has it, or says where it is read from.
    Own(config::Secret),
    Found(Found),
}

/// What the log-ins of clients have shown of the password, besides the stored secret.
#[derive(Clone, Default)]
struct Shown {
    /// The secret that it was shown for; with another one it is worth nothing.
    of: Option<Secret>,
    keys: Option<Keys>,
    plain: Option<Arc<str>>,
}

/// The secret of a user that was looked up on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
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
            && *self.credentials.stored() == *other.credentials.stored()
            && self.settings == other.settings
            && self.tls_mode == other.tls_mode
            && Arc::ptr_eq(&self.tls, &other.tls)
    }
}

impl Credentials {
    /// With this password or stored secret of the configuration, if any.
    #[must_use]
    pub fn new(secret: Option<config::Secret>) -> Self {
        Self::with(secret.map_or(Stored::Nowhere, Stored::Own))
    }

    /// With a secret that was looked up.
    #[must_use]
    pub fn found(found: Found) -> Self {
        Self::with(Stored::Found(found))
    }

    fn with(stored: Stored) -> Self {
        Self { stored: RwLock::new(stored), shown: Mutex::default() }
    }

    /// The password, or its stored form, as it is now. None if there is none that can be read.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        match &*self.stored() {
            Stored::Nowhere => None,
            Stored::Own(own) => Secret::parse(&own.expose()).ok(),
            Stored::Found(found) => Some(found.secret.clone()),
        }
    }

    /// The secret of the configuration, if it may change.
    #[must_use]
    pub fn changing(&self) -> Option<config::Secret> {
        match &*self.stored() {
            Stored::Own(own) if own.is_changing() => Some(own.clone()),
            Stored::Nowhere | Stored::Own(_) | Stored::Found(_) => None,
        }
    }

    /// The looked-up secret, if it is one.
    #[must_use]
    pub fn as_found(&self) -> Option<Found> {
        match &*self.stored() {
            Stored::Found(found) => Some(found.clone()),
            Stored::Nowhere | Stored::Own(_) => None,
        }
    }

    /// Whether these were looked up before the secret became what `found` is.
    #[must_use]
    pub fn is_outdated_by(&self, found: &Found) -> bool {
        match &*self.stored() {
            Stored::Nowhere => true,
            Stored::Own(_) => false,
            Stored::Found(own) => own.generation < found.generation && own.secret != found.secret,
        }
    }

    /// Takes the place of credentials that are the same; what may change is read from the same place then.
    pub fn adopt(&self, same: &Self) {
        let stored = same.stored().clone();
        *self.stored.write().unwrap_or_else(PoisonError::into_inner) = stored;
    }

    /// Keeps the keys that a client's own SCRAM log-in has shown, or that were made of the password.
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
        let known = other.shown().clone();
        let mut shown = self.shown();
        if shown.of == known.of {
            shown.keys = shown.keys.take().or(known.keys);
            shown.plain = shown.plain.take().or(known.plain);
        }
    }

    /// A server has refused a log-in: keys that were made of a password may be of the one before, with the salt of the
    /// one after.
    pub fn forget_made_keys(&self) {
        if self.plain().is_some() {
            self.shown().keys = None;
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
        match self.secret() {
            Some(Secret::Plain(plain)) => Some(plain.into()),
            Some(Secret::Md5(_) | Secret::Scram(_)) | None => self.shown().plain.clone(),
        }
    }

    fn stored(&self) -> RwLockReadGuard<'_, Stored> {
        self.stored.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was shown of the secret as it is now. What it guards is whole between any two statements.
    fn shown(&self) -> MutexGuard<'_, Shown> {
        let now = self.secret();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.of != now {
            *shown = Shown { of: now, ..Shown::default() };
        }
        shown
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
