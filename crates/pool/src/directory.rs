//! All pools, by database and user; opened when first asked for, and what a reload changes in them.

mod asking;
mod no_pool;
mod reign;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use config::{Config, Database, ServerTls};
use telemetry::Timings;
use telemetry::counters::Totals;
use wire::auth::Secret;

pub use no_pool::NoPool;

use crate::holds::Holds;
use crate::past::Past;
use crate::pool::{Key, Pool, Seat, Terms};
use crate::prepared::Catalog;
use crate::primaries::Primaries;
use crate::renew;
use crate::shared::Shared;
use crate::target::{Credentials, Found, Target};

/// The pools of the process.
#[derive(Debug)]
pub struct Directory {
    shared: Arc<Shared>,
    config: RwLock<Arc<Config>>,
    pools: RwLock<HashMap<Key, Arc<Pool>>>,
    primaries: Primaries,
    connectors: Mutex<Vec<(ServerTls, Arc<net::Connector>)>>,
    holds: Mutex<Holds>,
    /// Locked before `pools` where both are.
    past: Mutex<Past>,
}

/// Every pool that counts: those in use, those a reload has removed while somebody uses them, and what those
/// had counted that are gone.
#[derive(Debug)]
pub struct Roll {
    /// In the order of their names.
    pub pools: Vec<Arc<Pool>>,
    /// Removed and still in use.
    pub leaving: Vec<Arc<Pool>>,
    /// Counted by pools that are gone.
    pub gone: Vec<(Key, Totals)>,
}

impl Directory {
    /// No pools yet.
    #[must_use]
    pub fn new(config: Arc<Config>, shared: Arc<Shared>) -> Self {
        Self {
            shared,
            config: RwLock::new(config),
            pools: RwLock::default(),
            primaries: Primaries::default(),
            connectors: Mutex::default(),
            holds: Mutex::default(),
            past: Mutex::default(),
        }
    }

    /// The pool for a database, by the name a client asks for, and the user it logged in as.
    ///
    /// # Errors
    /// There is no such database, or the configuration of it does not hold.
    pub fn open(&self, database: &str, user: &str) -> Result<Arc<Pool>, NoPool> {
        self.open_with(database, user, None)
    }

    /// The same for a user whose secret was looked up. A pool whose servers have logged in with an older secret
    /// is retired: nobody is lent one of them any more.
    ///
    /// # Errors
    /// As [`Directory::open`].
    pub fn open_with(&self, database: &str, user: &str, found: Option<Found>) -> Result<Arc<Pool>, NoPool> {
        let (database, user) = (database.to_owned(), user.to_owned());
        self.open_at(Key { database, user, seat: Seat::Primary }, found)
    }

    /// The pool with connections to this server of the database, for those who have `pool` for the primary.
    ///
    /// # Errors
    /// As [`Directory::open`]; and there is no such server.
    pub fn open_replica(&self, pool: &Pool, server: usize) -> Result<Arc<Pool>, NoPool> {
        let key = Key { seat: Seat::Replica(server), ..pool.key.clone() };
        let opened = self.open_at(key, pool.target.credentials.as_found())?;
        opened.target.credentials.learn_from(&pool.target.credentials);
        opened.vouched_by(pool);
        Ok(opened)
    }

    fn open_at(&self, key: Key, found: Option<Found>) -> Result<Arc<Pool>, NoPool> {
        let serves = |pool: &Arc<Pool>| {
            let own = pool.target.user == pool.key.user;
            found.as_ref().is_none_or(|found| !own || !pool.target.credentials.is_outdated_by(found))
        };
        let there = self.pools.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(pool) = there.filter(serves) {
            return Ok(pool);
        }
        let config = self.config();
        let entry = config.database(&key.database).ok_or(NoPool::NoSuchDatabase)?;
        let target = self.target(&config, entry, &key, found.clone())?;
        let terms = terms(&config, entry, &key);
        let mut past = lock(&self.past);
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        // another server may have become the primary meanwhile; from here on whoever says so finds this pool
        let at = entry.servers.get(self.seat(entry, &key)).ok_or(NoPool::NoSuchDatabase)?;
        let target = Target { host: at.host.clone(), port: at.port, ..target };
        // another client may have been faster
        if let Some(pool) = pools.get(&key).filter(|pool| serves(pool)) {
            return Ok(Arc::clone(pool));
        }
        let seats = (0..entry.servers.len()).map(Seat::Replica).chain([Seat::Primary]);
        let beside = seats.filter_map(|seat| pools.get(&Key { seat, ..key.clone() })).next();
        let statements = beside.map_or_else(
            || Arc::new(Catalog::new(Arc::clone(&self.shared.statements))),
            |pool| Arc::clone(&pool.statements),
        );
        let pool = Pool::new(key.clone(), target, &terms, statements, Arc::clone(&self.shared));
        // whoever pauses notes it before it looks at the pools, so none slips through
        if lock(&self.holds).holds(&key.database) {
            pool.pause();
        }
        if let Some(since) = self.primaries.vacant(entry).filter(|_| key.seat == Seat::Primary) {
            pool.hold(since);
        }
        let old = pools.insert(key, Arc::clone(&pool));
        old.iter().for_each(|old| past.add(Arc::clone(old)));
        drop((pools, past));
        if let Some(old) = old {
            old.retire();
            let Key { database, user, .. } = &old.key;
            tracing::info!(
                database,
                user,
                "the user's secret has changed: a new pool takes the place of the old"
            );
        }
        Ok(pool)
    }

    /// All pools, in the order of their names.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Pool>> {
        let mut all: Vec<_> =
            self.pools.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let name = |pool: &Arc<Pool>| (pool.key.database.clone(), pool.key.user.clone(), pool.key.seat);
        all.sort_by_cached_key(name);
        all
    }

    /// Every pool that counts, at one moment.
    #[must_use]
    pub fn roll(&self) -> Roll {
        let past = lock(&self.past);
        Roll { pools: self.all(), leaving: past.leaving().to_vec(), gone: past.gone() }
    }

    /// Clients that are logged in to pools of this kind, those a reload has removed included.
    #[must_use]
    pub fn clients(&self, of: impl Fn(&Key) -> bool) -> u64 {
        let past = lock(&self.past);
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        let pools = pools.values().chain(past.leaving()).filter(|pool| of(&pool.key));
        pools.map(|pool| pool.clients().load(Ordering::Relaxed)).sum()
    }

    /// How long queries, transactions and waits take, over all pools.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.shared.timings
    }

    /// What is paused.
    #[must_use]
    pub fn holds(&self) -> Holds {
        lock(&self.holds).clone()
    }

    /// Nothing is lent of this database, or of any, until [`Directory::resume`]; whoever asks waits. Server
    /// connections are closed as soon as they are free.
    pub fn pause(&self, database: Option<&str>) {
        lock(&self.holds).set(database);
        for pool in self.all().iter().filter(|pool| is_of(pool, database)) {
            pool.pause();
        }
    }

    /// Undoes [`Directory::pause`]; false if that had not been done. Must be called on a worker's runtime.
    pub fn resume(&self, database: Option<&str>, worker: usize) -> bool {
        let mut holds = lock(&self.holds);
        let released = holds.release(database);
        let still = holds.clone();
        drop(holds);
        for pool in self.all().iter().filter(|pool| released && is_of(pool, database)) {
            if !still.holds(&pool.key.database) {
                pool.resume(worker);
            }
        }
        released
    }

    /// Every server connection of this database, or of all, is closed as soon as it is free.
    pub fn reconnect(&self, database: Option<&str>) {
        for pool in self.all().iter().filter(|pool| is_of(pool, database)) {
            pool.reconnect();
        }
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a new configuration. Pools whose server or log-in is another one now are retired, the others get
    /// their new limits; a pool that nothing changed for is not touched. Must be called on a worker's runtime.
    pub fn reload(&self, config: Arc<Config>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&config);
        self.primaries.retain(&config);
        for pool in self.all() {
            let entry = config.database(&pool.key.database);
            let found = pool.target.credentials.as_found().filter(|_| config.auth.query.is_some());
            let target = entry.and_then(|entry| self.target(&config, entry, &pool.key, found).ok());
            match (entry, target) {
                (Some(entry), Some(target)) if pool.target.same_as(&target) => {
                    pool.target.credentials.adopt(&target.credentials);
                    pool.set_terms(&terms(&config, entry, &pool.key));
                    if self.primaries.vacant(entry).is_none() {
                        pool.release(0);
                    }
                }
                (_, _) => self.remove(&pool, "removed by reload"),
            }
        }
    }

    /// Keeps the pools in order: closes what is due, opens what is wanted, forgets pools nobody uses.
    /// Must be called on a worker's runtime.
    pub fn tend(&self, worker: usize) {
        let now = Instant::now();
        // before the pools take what is free, in the order of their names
        self.shared.divide_caps(worker, now);
        for pool in self.all() {
            pool.look_at_stirring();
            pool.sweep(now);
            pool.kick(worker, false);
            if pool.floor() > 0 {
                pool.fill(worker);
            }
        }
        lock(&self.past).settle();
        self.forget_unused();
        renew::renew_early(self.config().changing(), &self.shared, now);
    }

    /// Forgets pools that nobody and nothing is in, if their names are none of the configuration's but made up
    /// by clients: of those there is no end.
    fn forget_unused(&self) {
        let empty = |pool: &Arc<Pool>| Arc::strong_count(pool) == 1 && pool.look(|state| state.total() == 0);
        let mut past = lock(&self.past);
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        // nobody can come to hold one while the map is locked
        for (_, pool) in pools.extract_if(|_, pool| pool.is_made_up() && empty(pool)) {
            past.keep(&pool);
        }
    }

    /// Has a secret of the configuration read again if that is due, and waits for it, but not for long.
    pub async fn renew(&self, secret: &config::Secret) {
        renew::renew(secret, &self.shared).await;
    }

    /// What all pools have in common.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Reads TLS files towards servers again where they have changed; what could not be used, by file.
    pub fn refresh_tls(&self) -> Vec<String> {
        let connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = connectors.iter().filter(|(_, connector)| connector.changed());
        changed.filter_map(|(_, connector)| connector.reload().err().map(|error| error.to_string())).collect()
    }

    fn remove(&self, pool: &Arc<Pool>, why: &str) {
        let mut past = lock(&self.past);
        self.pools.write().unwrap_or_else(PoisonError::into_inner).remove(&pool.key);
        past.add(Arc::clone(pool));
        drop(past);
        pool.retire();
        let clients = pool.clients().load(Ordering::Relaxed);
        tracing::info!(database = pool.key.database, user = pool.key.user, clients, "pool retired: {why}");
    }

    fn target(
        &self,
        config: &Config,
        entry: &Database,
        key: &Key,
        found: Option<Found>,
    ) -> Result<Target, NoPool> {
        let server = entry.servers.get(self.seat(entry, key)).ok_or(NoPool::NoSuchDatabase)?;
        let user = entry.user.as_ref().unwrap_or(&key.user);
        // the password beside the server's user, else the one the user logs in with
        let stored = entry.password.as_ref().or_else(|| config.users.get(user)?.password.as_ref());
        let found = found.filter(|_| stored.is_none() && *user == key.user);
        let credentials = match (stored, found) {
            (_, Some(found)) => Credentials::found(found),
            (stored, None) => Credentials::new(usable(stored, user)?),
        };
        let wildcard = entry.name == "*";
        let own_name = if wildcard { &key.database } else { &entry.name };
        Ok(Target {
            host: server.host.clone(),
            port: server.port,
            dbname: entry.dbname.as_ref().unwrap_or(own_name).clone(),
            user: user.clone(),
            credentials,
            settings: Vec::new(),
            tls_mode: entry.server_tls.mode,
            channel_binding: entry.server_tls.channel_binding,
            tls: self.connector(&entry.server_tls)?,
        })
    }

    /// Which of the servers it is.
    fn seat(&self, entry: &Database, key: &Key) -> usize {
        match key.seat {
            Seat::Primary => self.primaries.of(entry),
            Seat::Replica(at) => at,
        }
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

/// The secret, if there is one, as it stands in the configuration; one that is nothing but broken is refused.
fn usable(stored: Option<&config::Secret>, user: &str) -> Result<Option<config::Secret>, NoPool> {
    let broken = stored.and_then(|stored| Secret::parse(&stored.expose()).err());
    match broken {
        Some(why) => Err(NoPool::Secret(format!("password of user \"{user}\": {why}"))),
        None => Ok(stored.cloned()),
    }
}

/// What the configuration says of the pool of these names.
fn terms(config: &Config, entry: &Database, key: &Key) -> Terms {
    Terms {
        settings: config.pool_settings(entry, &key.user),
        limits: config.cap_limits(entry, &key.user),
        made_up: config.users.get(&key.user).is_none() || entry.name == "*",
    }
}

fn is_of(pool: &Pool, database: Option<&str>) -> bool {
    database.is_none_or(|name| pool.key.database == name)
}

/// What these locks guard is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
