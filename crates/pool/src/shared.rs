//! What all pools of the process have in common: counters of events, numbers for servers, and the caps on
//! connections to one server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use telemetry::{Events, Timings};
use tokio::sync::Notify;

use crate::cap::{Cap, Scope};
use crate::notify::Exchange;
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
    /// Who listens for clients, by target.
    pub(crate) exchange: Exchange,
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
        Arc::new(Self { workers, events, timings, renewed, exchange, last_server, caps: Mutex::default() })
    }

    pub(crate) fn server_number(&self) -> u64 {
        self.last_server.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The caps on connections to the target's database and to its server, shared with other pools.
    pub(crate) fn caps(&self, target: &Target) -> [Arc<Cap>; 2] {
        let mut caps = self.locked();
        // caps of pools that are gone go with the next pool that comes
        caps.retain(|_, cap| Arc::strong_count(cap) > 1);
        let host = target.address();
        let database = format!("{host}/{}", target.dbname);
        [(Scope::Database, database), (Scope::Host, host)]
            .map(|(scope, name)| Arc::clone(caps.entry((scope, name)).or_insert_with(|| Cap::new(scope))))
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
    pub(crate) fn jitter(&self) -> u8 {
        use std::hash::{BuildHasher, RandomState};
        // the standard library's hasher is keyed from the system's random source
        let [first, ..] = RandomState::new().hash_one(0u8).to_ne_bytes();
        first
    }
}
