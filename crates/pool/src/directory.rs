//! All pools, by database and user; opened when first asked for, and what a reload changes in them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use config::{Config, Database, ServerTls};
use wire::auth::Secret;

use crate::pool::{Key, Pool};
use crate::shared::Shared;
use crate::target::{Credentials, Target};

/// The pools of the process.
#[derive(Debug)]
pub struct Directory {
    shared: Arc<Shared>,
    config: RwLock<Arc<Config>>,
    pools: RwLock<HashMap<Key, Arc<Pool>>>,
    connectors: Mutex<Vec<(ServerTls, Arc<net::Connector>)>>,
}

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

impl Directory {
    /// No pools yet.
    #[must_use]
    pub fn new(config: Arc<Config>, shared: Arc<Shared>) -> Self {
        let (config, pools, connectors) = (RwLock::new(config), RwLock::default(), Mutex::default());
        Self { shared, config, pools, connectors }
    }

    /// The pool for a database, by the name a client asks for, and the user it logged in as.
    ///
    /// # Errors
    /// There is no such database, or the configuration of it does not hold.
    pub fn open(&self, database: &str, user: &str) -> Result<Arc<Pool>, NoPool> {
        let key = Key { database: database.to_owned(), user: user.to_owned() };
        let found = self.pools.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(pool) = found {
            return Ok(pool);
        }
        let config = self.config();
        let entry = config.database(database).ok_or(NoPool::NoSuchDatabase)?;
        let target = self.target(&config, entry, &key)?;
        let settings = config.pool_settings(entry, user);
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        // another client may have been faster
        let pool = pools
            .entry(key.clone())
            .or_insert_with(|| Pool::new(key, target, settings, Arc::clone(&self.shared)));
        Ok(Arc::clone(pool))
    }

    /// All pools, in the order of their names.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Pool>> {
        let mut all: Vec<_> =
            self.pools.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_unstable_by(|a, b| (&a.key.database, &a.key.user).cmp(&(&b.key.database, &b.key.user)));
        all
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a new configuration. Pools whose server or log-in is another one now are retired, the others get
    /// their new limits; a pool that nothing changed for is not touched.
    pub fn reload(&self, config: Arc<Config>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&config);
        for pool in self.all() {
            let entry = config.database(&pool.key.database);
            let target = entry.and_then(|entry| self.target(&config, entry, &pool.key).ok());
            match (entry, target) {
                (Some(entry), Some(target)) if pool.target.same_as(&target) => {
                    pool.set_settings(config.pool_settings(entry, &pool.key.user));
                }
                (_, _) => self.remove(&pool),
            }
        }
    }

    /// Keeps the pools in order: closes what is due, opens what is wanted, forgets pools nobody uses.
    /// Must be called on a worker's runtime.
    pub fn tend(&self, worker: usize) {
        let now = Instant::now();
        for pool in self.all() {
            pool.sweep(now);
            pool.kick(worker, false);
            if pool.settings().min_size > 0 {
                pool.fill(worker);
            }
        }
    }

    /// Reads TLS files towards servers again where they have changed; what could not be used, by file.
    pub fn refresh_tls(&self) -> Vec<String> {
        let connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = connectors.iter().filter(|(_, connector)| connector.changed());
        changed.filter_map(|(_, connector)| connector.reload().err().map(|error| error.to_string())).collect()
    }

    fn remove(&self, pool: &Arc<Pool>) {
        self.pools.write().unwrap_or_else(PoisonError::into_inner).remove(&pool.key);
        pool.retire();
        let clients = pool.clients().load(Ordering::Relaxed);
        tracing::info!(database = pool.key.database, user = pool.key.user, clients, "pool removed by reload");
    }

    fn target(&self, config: &Config, entry: &Database, key: &Key) -> Result<Target, NoPool> {
        let server = entry.servers.first().ok_or(NoPool::NoSuchDatabase)?;
        let user = entry.user.as_ref().unwrap_or(&key.user);
        // the password beside the server's user, else the one the user logs in with
        let stored = entry.password.as_ref().or_else(|| config.users.get(user)?.password.as_ref());
        let secret = stored.map(|stored| Secret::parse(stored.expose())).transpose();
        let secret = secret.map_err(|why| NoPool::Secret(format!("password of user \"{user}\": {why}")))?;
        let wildcard = entry.name == "*";
        let own_name = if wildcard { &key.database } else { &entry.name };
        Ok(Target {
            host: server.host.clone(),
            port: server.port,
            dbname: entry.dbname.as_ref().unwrap_or(own_name).clone(),
            user: user.clone(),
            credentials: Credentials::new(secret),
            tls_mode: entry.server_tls.mode,
            tls: self.connector(&entry.server_tls)?,
        })
    }

    /// One connector for all databases with the same TLS settings, so that they share sessions and files.
    fn connector(&self, settings: &ServerTls) -> Result<Arc<net::Connector>, NoPool> {
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = connectors.iter().find(|(known, _)| known == settings) {
            return Ok(Arc::clone(known));
        }
        let made = net::Connector::new(settings).map_err(|error| NoPool::Tls(error.to_string()))?;
        let made = Arc::new(made);
        connectors.push((settings.clone(), Arc::clone(&made)));
        Ok(made)
    }
}
