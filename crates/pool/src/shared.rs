//! What all pools of the process have in common: counters of events, numbers for servers, and the caps on
//! connections to one database of one server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use telemetry::{Events, Timings};
use tokio::sync::Notify;

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
    last_server: AtomicU64,
    caps: Mutex<HashMap<String, Arc<Cap>>>,
}

impl Shared {
    /// For a process with so many workers.
    #[must_use]
    pub fn new(workers: usize, events: Arc<Events>) -> Arc<Self> {
        let timings = Timings::new(workers);
        let (renewed, last_server) = (Notify::new(), AtomicU64::new(0));
        Arc::new(Self { workers, events, timings, renewed, last_server, caps: Mutex::default() })
    }

    pub(crate) fn server_number(&self) -> u64 {
        self.last_server.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The cap on connections to the target's database, shared with the pools of other users.
    pub(crate) fn cap(&self, target: &Target) -> Arc<Cap> {
        let mut caps = self.caps.lock().unwrap_or_else(PoisonError::into_inner);
        // caps of pools that are gone go with the next pool that comes
        caps.retain(|_, cap| Arc::strong_count(cap) > 1);
        Arc::clone(caps.entry(format!("{}/{}", target.address(), target.dbname)).or_default())
    }

    /// A number that differs from call to call, to spread things that would happen at once.
    pub(crate) fn jitter(&self) -> u8 {
        use std::hash::{BuildHasher, RandomState};
        // the standard library's hasher is keyed from the system's random source
        let [first, ..] = RandomState::new().hash_one(0u8).to_ne_bytes();
        first
    }
}

/// Counts connections against a limit.
#[derive(Debug, Default)]
pub struct Cap {
    used: AtomicU32,
}

impl Cap {
    /// One more, if fewer than `limit` are taken (0: no limit).
    pub(crate) fn take(self: &Arc<Self>, limit: u32) -> Option<Slot> {
        let limit = if limit == 0 { u32::MAX } else { limit };
        let more = |used: u32| (used < limit).then_some(used.saturating_add(1));
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Slot { cap: Arc::clone(self) })
    }

    /// How many are taken.
    pub(crate) fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }
}

/// One connection's place under a cap, free again when dropped.
#[derive(Debug)]
pub struct Slot {
    cap: Arc<Cap>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.cap.used.fetch_sub(1, Ordering::Relaxed);
    }
}
