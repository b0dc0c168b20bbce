//! What all pools of the process have in common: counters of events, numbers for servers, and the caps on
//! connections to one server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use telemetry::{Events, Timings};
use tokio::sync::Notify;

use crate::alarm::Alarms;
use crate::cap::{Cap, Limit, Scope};
use crate::names::Addresses;
use crate::notify::Exchange;
use crate::pool::Key;
use crate::target::Target;

/// Common to all pools.
#[derive(Debug)]
pub struct Shared {
    /// Worker threads.
    pub workers: usize,
    /// Rare events.
    pub events: Arc<Events>,
    /// How long queries, transactions and waits take.
    pub timings: Timings,
    /// Told when a secret was read again.
    pub(crate) renewed: Notify,
    /// What names of servers stand for.
    pub(crate) addresses: Addresses,
    /// Who listens for clients, by target.
    pub(crate) exchange: Exchange,
    /// Who is told when something speaks against a server.
    pub(crate) alarms: Alarms,
    /// The last number that was given to a prepared statement.
    pub(crate) statements: Arc<AtomicU64>,
    last_server: AtomicU64,
    caps: Mutex<HashMap<(Scope, String), Arc<Cap>>>,
}

impl Shared {
    /// For a process with so many workers.
    #[must_use]
    pub fn new(workers: usize, events: Arc<Events>) -> Arc<Self> {
        let timings = Timings::new(workers);
        let (renewed, last_server) = (Notify::new(), AtomicU64::new(0));
        let exchange = Exchange::default();
        let (addresses, alarms) = (Addresses::default(), Alarms::default());
        let (statements, caps) = (Arc::default(), Mutex::default());
        Arc::new(Self {
            workers,
            events,
            timings,
            renewed,
            addresses,
            exchange,
            alarms,
            statements,
            last_server,
            caps,
        })
    }

    pub(crate) fn server_number(&self) -> u64 {
        self.last_server.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The caps on what such a pool opens, shared with other pools; those that fewer share come first.
    pub(crate) fn caps(&self, key: &Key, target: &Target) -> Vec<(Arc<Cap>, Limit)> {
        let mut caps = self.locked();
        // caps of pools that are gone go with the next pool that comes
        caps.retain(|_, cap| Arc::strong_count(cap) > 1);
        let host = target.address();
        let database = format!("{host}/{}", target.dbname);
        let mut all: Vec<(Scope, String, Limit)> = vec![(Scope::User, key.user.clone(), |to| to.user)];
        if target.user != key.user {
            all.push((Scope::User, target.user.clone(), |to| to.server_user));
        }
        all.push((Scope::Name, key.database.clone(), |to| to.database));
        all.push((Scope::Database, database, |to| to.database));
        all.push((Scope::Host, host, |to| to.host));
        let cap = |(scope, name, limit_of)| {
            (Arc::clone(caps.entry((scope, name)).or_insert_with(|| Cap::new(scope))), limit_of)
        };
        all.into_iter().map(cap).collect()
    }

    /// Looks after the caps that somebody finds full. Must be called on a worker's runtime.
    pub(crate) fn divide_caps(&self, worker: usize, now: Instant) {
        let caps: Vec<Arc<Cap>> = self.locked().values().cloned().collect();
        for cap in caps {
            cap.divide(worker, now);
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<(Scope, String), Arc<Cap>>> {
        self.caps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that differs from call to call, to spread things that would happen at once.
    #[must_use]
    pub fn jitter(&self) -> u8 {
        use std::hash::{BuildHasher, RandomState};
        // the standard library's hasher is keyed from the system's random source
        let [first, ..] = RandomState::new().hash_one(0u8).to_ne_bytes();
        first
    }
}
