//! What a pool has under the caps it shares with others: places, and what it gives up for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use config::PoolSettings;
use telemetry::Event;

use super::Pool;
use crate::cap::{Cap, Member, Slot};
use crate::connect;
use crate::fair::Claim;

/// A pool's parts in its caps.
#[derive(Debug)]
pub(super) struct Share {
    /// Under the cap of its database, and of its server.
    members: [Arc<Member>; 2],
    /// Somebody has waited for long enough that the reserve is open, and found a cap full.
    reserve: AtomicBool,
    /// Connections that a single client has for itself, beside those of the pool.
    own: Arc<AtomicU32>,
}

/// The places of a connection that one client has for itself.
#[derive(Debug)]
pub(crate) struct OwnPlaces {
    #[expect(dead_code, reason = "held for its Drop")]
    places: Places,
    count: Arc<AtomicU32>,
}

impl Drop for OwnPlaces {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The places of one connection, under each cap.
#[derive(Debug)]
pub struct Places {
    slots: [Slot; 2],
}

impl Share {
    /// Parts in these caps.
    pub(super) fn of(caps: &[Arc<Cap>; 2]) -> Self {
        Self { members: caps.each_ref().map(Cap::join), reserve: AtomicBool::new(false), own: Arc::default() }
    }

    /// The pool that they are of is there.
    pub(super) fn enlist(pool: &Arc<Pool>) {
        for member in &pool.share.members {
            member.cap().enlist(pool);
        }
    }

    /// A place for one more connection under every cap, or the cap that has none.
    pub(super) fn take(&self, settings: &PoolSettings) -> Result<Places, &Arc<Member>> {
        let [database, host] = &self.members;
        let first = database.take(settings).ok_or(database)?;
        let second = host.take(settings).ok_or(host)?;
        Ok(Places { slots: [first, second] })
    }

    /// Whether a connection that comes back is to be closed for the sake of another pool.
    #[inline]
    pub(super) fn collect(&self) -> bool {
        self.members.iter().any(|member| member.collect())
    }

    /// Connections to the same database on the same server, of all pools.
    pub(super) fn at_server(&self) -> u32 {
        let [database, _] = &self.members;
        database.cap().used()
    }
}

impl Places {
    /// The connection is closed. With a worker, on whose runtime this has to be, others may have the places at once.
    pub(crate) fn give_back(self, worker: Option<usize>) {
        let caps = self.slots.each_ref().map(Slot::cap);
        drop(self);
        if let Some(worker) = worker {
            for cap in caps {
                cap.freed(worker);
            }
        }
    }
}

impl Pool {
    /// This pool's part in a cap.
    pub(crate) fn member_of(&self, cap: &Cap) -> Option<&Arc<Member>> {
        self.share.members.iter().find(|member| member.is_of(cap))
    }

    /// What this pool has and wants.
    pub(crate) fn claim(&self, now: Instant) -> Claim {
        let settings = self.settings();
        let state = self.state();
        if state.waiting.is_empty() {
            self.share.reserve.store(false, Ordering::Relaxed);
        }
        let wants = state.wants(self.limits(), self.reserve_is_open(), now);
        let (_, idle, _) = state.counts();
        let (weight, pace, floor) = (settings.weight(), settings.connect_concurrency, settings.min_size);
        Claim {
            weight,
            total: state.total() + self.share.own.load(Ordering::Relaxed),
            idle,
            wants,
            pace,
            floor,
            lag: 0,
        }
    }

    /// Places for a connection that one client has for itself, if there are any.
    pub(crate) fn take_own(&self, settings: &PoolSettings) -> Option<OwnPlaces> {
        let places = self.share.take(settings).ok()?;
        let count = Arc::clone(&self.share.own);
        count.fetch_add(1, Ordering::Relaxed);
        Some(OwnPlaces { places, count })
    }

    /// Places for a connection that works for all pools with the same target, whether there are any or not.
    pub(crate) fn take_anyway(&self) -> Places {
        Places { slots: self.share.members.each_ref().map(Member::take_anyway) }
    }

    /// Closes this many idle servers, those used longest ago, so that another pool may open as many.
    pub(crate) fn evict(&self, count: u32, worker: usize) {
        let mut left = count;
        let gone = match count {
            0 => return,
            _ => self.state().sweep(|_| {
                let close = left > 0;
                left -= u32::from(close);
                close
            }),
        };
        for server in gone {
            self.shared.events.count(Event::ServerEvicted);
            connect::farewell(server, Some(worker));
        }
    }

    /// The reserve is wanted as well.
    pub(super) fn open_reserve(&self) {
        self.share.reserve.store(true, Ordering::Relaxed);
    }

    /// Whether the reserve is wanted.
    pub(crate) fn reserve_is_open(&self) -> bool {
        self.share.reserve.load(Ordering::Relaxed)
    }
}
