//! Where the servers of a pool are, and what to log in with.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

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
    keys: Mutex<Option<Keys>>,
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
            && self.tls_mode == other.tls_mode
            && Arc::ptr_eq(&self.tls, &other.tls)
    }
}

impl Credentials {
    /// With this password or stored secret, if any.
    #[must_use]
    pub fn new(secret: Option<Secret>) -> Self {
        Self { secret, keys: Mutex::default() }
    }

    /// Keeps the keys that a client's own SCRAM log-in has shown.
    pub fn learn(&self, keys: Keys) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }

    /// Those keys.
    #[must_use]
    pub fn keys(&self) -> Option<Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
