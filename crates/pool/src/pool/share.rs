//! What a pool has under the caps it shares with others: places, and what it gives up for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use config::CapLimits;
use telemetry::Event;

use super::Pool;
use crate::cap::{Cap, Limit, Member, Scope, Slot};
use crate::connect;
use crate::error::{Error, Usage};
use crate::fair::Claim;

/// A pool's parts in its caps.
#[derive(Debug)]
pub(super) struct Share {
    /// Under the caps of its users, of its database, and of its server: first those that fewer pools share, as it is
    /// the first one found full that is divided.
    members: Box<[Arc<Member>]>,
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
    slots: Box<[Slot]>,
}

impl Share {
    /// Parts in these caps.
    pub(super) fn of(caps: Vec<(Arc<Cap>, Limit)>, limits: &CapLimits) -> Self {
        let members = caps.into_iter().map(|(cap, limit_of)| cap.join(limit_of, limits)).collect();
        Self { members, reserve: AtomicBool::new(false), own: Arc::default() }
    }

    /// The pool that they are of is there.
    pub(super) fn enlist(pool: &Arc<Pool>) {
        for member in &pool.share.members {
            member.enlist(pool);
        }
    }

    /// The pool has these limits from now on.
    pub(super) fn set_limits(&self, limits: &CapLimits) {
        self.members.iter().for_each(|member| member.set_limit(limits));
    }

    /// A place for one more connection under every cap, or the cap that has none.
    pub(super) fn take(&self) -> Result<Places, &Arc<Member>> {
        let slots = self.members.iter().map(|member| member.take().ok_or(member));
        Ok(Places { slots: slots.collect::<Result<_, _>>()? })
    }

    /// Whether a connection that comes back is to be closed for the sake of another pool.
    #[inline]
    pub(super) fn collect(&self) -> bool {
        // one connection makes room under every cap
        self.members.iter().filter(|member| member.collect()).count() > 0
    }

    /// Who is full, or else the cap of its database: how many connections it has, its limit, and what it is on.
    pub(super) fn tightest(&self) -> Usage {
        let usage = |member: &Arc<Member>| Usage {
            used: member.cap().used(),
            limit: member.limit(),
            of: member.cap().scope().words(),
        };
        let full = |usage: &Usage| usage.limit > 0 && usage.used >= usage.limit;
        let database = self.members.iter().find(|member| member.cap().scope() == Scope::Database);
        let full = self.members.iter().map(usage).find(full);
        full.or_else(|| database.map(usage)).unwrap_or_default()
    }
}

impl Places {
    /// The connection is closed. With a worker, on whose runtime this has to be, others may have the places at once.
    pub(crate) fn give_back(self, worker: Option<usize>) {
        let caps: Vec<Arc<Cap>> = self.slots.iter().map(Slot::cap).collect();
        drop(self);
        if let Some(worker) = worker {
            for cap in caps {
                cap.freed(worker);
            }
        }
    }
}

impl Pool {
    /// How many more connections this pool can count on under its other caps.
    pub(crate) fn room_elsewhere(&self, cap: &Cap) -> u32 {
        let others = self.share.members.iter().filter(|member| !member.is_of(cap));
        others.map(|member| member.room()).min().unwrap_or(u32::MAX)
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
        let (weight, pace, floor) = (settings.weight(), settings.connect_concurrency, self.floor());
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

    /// Places for a connection that one client has for itself.
    ///
    /// # Errors
    /// A cap is full, or the pool is not to be used any more.
    pub(crate) fn take_own(&self) -> Result<OwnPlaces, Error> {
        if self.state().retired {
            return Err(Error::Retired);
        }
        let places = self.share.take().map_err(|full| {
            let (used, limit) = (full.cap().used(), full.limit());
            Error::AtCap(Usage { used, limit, of: full.cap().scope().words() })
        })?;
        let count = Arc::clone(&self.share.own);
        count.fetch_add(1, Ordering::Relaxed);
        Ok(OwnPlaces { places, count })
    }

    /// Places for a connection that works for all pools with the same target, whether there are any or not.
    pub(crate) fn take_anyway(&self) -> Places {
        Places { slots: self.share.members.iter().map(Member::take_anyway).collect() }
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
