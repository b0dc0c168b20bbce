//! A cap on the connections to one server, to one database of it, of one user or of one name that clients ask for, and
//! the pools that share it.
//!
//! A place is taken before a connection is opened and is free when the server has closed its end. Where there are not
//! enough for all, [`fair`](crate::fair) says who may have how many, who is to close an idle one, and who owes one
//! when it comes back. That is worked out when a pool first finds the cap full, and four times a second as long as
//! somebody does; the path of a checkout looks at one number of its own pool and locks nothing.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use config::CapLimits;

use crate::fair::{self, Claim, Ruling};
use crate::pool::Pool;

/// A pool that finds the cap full has it divided at once, but not more often than this.
const OFTEN: Duration = Duration::from_millis(10);
/// No more time than this counts between two divisions, which are a quarter of a second apart at the most while
/// there is not enough for all.
const LONGEST: u128 = 1_000;

/// Where a pool finds its limit for a cap.
pub(crate) type Limit = fn(&CapLimits) -> u32;

/// What a cap is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// One user, whatever its databases: whom clients log in as, or whom the server sees.
    User,
    /// One name that clients ask for, whatever their users.
    Name,
    /// One database of one server, by whatever names.
    Database,
    /// One server.
    Host,
}

/// Counts connections against a limit, which each pool brings along.
#[derive(Debug)]
pub(crate) struct Cap {
    scope: Scope,
    ledger: Mutex<Ledger>,
    /// Some pool finds it full.
    pressed: AtomicBool,
}

#[derive(Debug, Default)]
struct Ledger {
    /// Places that pools have.
    used: u32,
    /// Places of connections that were not refused one and work for whole targets.
    aside: u32,
    /// The highest limit that a pool brings along; 0 is none.
    limit: u32,
    parts: Vec<(Weak<Pool>, Weak<Member>)>,
    /// When it was divided last, while there is not enough for all.
    divided: Option<Instant>,
}

/// A pool's part in a cap.
#[derive(Debug)]
pub(crate) struct Member {
    cap: Arc<Cap>,
    /// The limit that the pool brings along; 0 is none.
    limit: AtomicU32,
    limit_of: Limit,
    /// Places it has, those of connections that are being closed included.
    held: AtomicU32,
    /// How many it may have while there are not enough for all.
    most: AtomicU32,
    /// How many it can count on here: more of them it need not ask for under its other caps.
    bound: AtomicU32,
    /// How many it is to close when they come back.
    owes: AtomicU32,
    /// It has found the cap full.
    presses: AtomicBool,
    lag: AtomicI64,
}

/// One connection's place under a cap, free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    member: Arc<Member>,
    /// It is none that the pool has for its clients.
    aside: bool,
}

impl Ledger {
    /// What of this limit is left for pools; never nothing, or their clients would wait for ever.
    fn room(&self, limit: u32) -> u32 {
        if limit == 0 { 0 } else { limit.saturating_sub(self.aside).max(1) }
    }

    /// Finds the highest limit of the pools that are there.
    fn measure(&mut self) {
        self.parts.retain(|(pool, _)| pool.strong_count() > 0);
        let members = self.parts.iter().filter_map(|(_, member)| member.upgrade());
        self.limit = members.map(|member| member.limit.load(Ordering::Relaxed)).max().unwrap_or(0);
    }

    /// The pools that are there. The caller drops them without the lock: the last owner of a pool gives places back.
    fn upgraded(&self) -> Vec<(Arc<Pool>, Arc<Member>)> {
        self.parts.iter().filter_map(|(pool, member)| Some((pool.upgrade()?, member.upgrade()?))).collect()
    }
}

impl Scope {
    /// What it is on, for those who are told that it is full.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::User => "connections of this user",
            Self::Name | Self::Database => "connections to this database on the server",
            Self::Host => "connections to this server",
        }
    }
}

impl Cap {
    pub(crate) fn new(scope: Scope) -> Arc<Self> {
        Arc::new(Self { scope, ledger: Mutex::default(), pressed: AtomicBool::new(false) })
    }

    /// A part in it, for a pool that is still to be made.
    pub(crate) fn join(self: &Arc<Self>, limit_of: Limit, limits: &CapLimits) -> Arc<Member> {
        Arc::new(Member {
            cap: Arc::clone(self),
            limit: AtomicU32::new(limit_of(limits)),
            limit_of,
            held: AtomicU32::new(0),
            most: AtomicU32::new(u32::MAX),
            bound: AtomicU32::new(u32::MAX),
            owes: AtomicU32::new(0),
            presses: AtomicBool::new(false),
            lag: AtomicI64::new(0),
        })
    }

    /// Connections that count under it.
    pub(crate) fn used(&self) -> u32 {
        let ledger = self.ledger();
        ledger.used + ledger.aside
    }

    /// What it is on.
    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// Divides it anew if somebody has found it full, or if there are more connections than it allows; and sees
    /// that places are given up. Must be called on a worker's runtime, and without the lock of any pool.
    pub(crate) fn divide(&self, worker: usize, now: Instant) {
        let (parts, limit) = {
            let mut ledger = self.ledger();
            ledger.measure();
            let limit = ledger.room(ledger.limit);
            if limit == 0 || (!self.pressed.load(Ordering::Relaxed) && ledger.used <= limit) {
                return;
            }
            (ledger.upgraded(), limit)
        };
        let claim = |(pool, member): &(Arc<Pool>, Arc<Member>)| {
            let claim = member.claim(pool.claim(now));
            Claim { wants: claim.wants.min(pool.room_elsewhere(self)), ..claim }
        };
        let claims: Vec<Claim> = parts.iter().map(claim).collect();
        let wanted = claims.iter().any(|claim| claim.wants > 0);
        self.pressed.store(wanted, Ordering::Relaxed);
        let rulings = self.rule(limit, &parts, claims, wanted.then_some(now));
        for ((pool, member), ruling) in parts.iter().zip(&rulings) {
            member.most.store(ruling.most.unwrap_or(u32::MAX), Ordering::Relaxed);
            member.bound.store(ruling.bound.unwrap_or(u32::MAX), Ordering::Relaxed);
            member.owes.store(ruling.owes, Ordering::Relaxed);
            pool.evict(ruling.evict, worker);
        }
        serve(&parts, worker);
    }

    /// Brings the lags up to date and decides.
    fn rule(
        &self,
        limit: u32,
        parts: &[(Arc<Pool>, Arc<Member>)],
        mut claims: Vec<Claim>,
        now: Option<Instant>,
    ) -> Vec<Ruling> {
        let before = std::mem::replace(&mut self.ledger().divided, now);
        let since = before.zip(now).map_or(0, |(at, now)| now.saturating_duration_since(at).as_millis());
        let since = u32::try_from(since.min(LONGEST)).unwrap_or(0);
        let shares = fair::divide(limit, &claims);
        for ((claim, ruling), (_, member)) in claims.iter_mut().zip(&shares).zip(parts) {
            claim.lag = claim.lag_after(ruling.share, since);
            member.lag.store(claim.lag, Ordering::Relaxed);
            member.presses.store(claim.wants > 0, Ordering::Relaxed);
        }
        fair::divide(limit, &claims)
    }

    /// A place has become free: whoever lacks most for its weight may open a connection, and if it lacks more,
    /// more is given up. Must be called on a worker's runtime, and without the lock of any pool.
    pub(crate) fn freed(&self, worker: usize) {
        if !self.pressed.load(Ordering::Relaxed) {
            return;
        }
        let now = Instant::now();
        if self.is_due(now) {
            return self.divide(worker, now);
        }
        let parts = self.ledger().upgraded();
        serve(&parts, worker);
    }

    fn is_due(&self, now: Instant) -> bool {
        self.ledger().divided.is_none_or(|at| now >= at + OFTEN)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // plain counts: at worst one is off
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever may have more opens connections, first who lacks most for its weight.
fn serve(parts: &[(Arc<Pool>, Arc<Member>)], worker: usize) {
    let mut needy: Vec<_> = parts
        .iter()
        .filter(|(_, member)| member.presses.load(Ordering::Relaxed))
        .map(|(pool, member)| {
            (u64::from(member.lacks()) * fair::PLACE / u64::from(pool.settings().weight().max(1)), pool)
        })
        .filter(|(lacks, _)| *lacks > 0)
        .collect();
    needy.sort_by_key(|(lacks, _)| Reverse(*lacks));
    for (_, pool) in needy {
        pool.kick(worker, pool.reserve_is_open());
    }
}

impl Member {
    /// The pool is there.
    pub(crate) fn enlist(self: &Arc<Self>, pool: &Arc<Pool>) {
        let mut ledger = self.cap.ledger();
        ledger.parts.push((Arc::downgrade(pool), Arc::downgrade(self)));
        ledger.measure();
    }

    /// The pool has this limit from now on.
    pub(crate) fn set_limit(&self, limits: &CapLimits) {
        self.limit.store((self.limit_of)(limits), Ordering::Relaxed);
        self.cap.ledger().measure();
    }

    /// The limit that holds for this pool, 0 if there is none. A database has one, the highest of its names, each of
    /// which has its own besides.
    fn limit_in(&self, ledger: &Ledger) -> u32 {
        match self.cap.scope {
            Scope::Database => ledger.limit,
            Scope::User | Scope::Name | Scope::Host => self.limit.load(Ordering::Relaxed),
        }
    }

    /// The cap's limit for this pool.
    pub(crate) fn limit(&self) -> u32 {
        self.limit_in(&self.cap.ledger())
    }

    /// How many more connections the pool can count on here.
    pub(crate) fn room(&self) -> u32 {
        if self.limit.load(Ordering::Relaxed) == 0 {
            return u32::MAX;
        }
        self.bound.load(Ordering::Relaxed).saturating_sub(self.held.load(Ordering::Relaxed))
    }

    /// One more place, if there is one and the pool may have it.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Slot> {
        let mut ledger = self.cap.ledger();
        let limit = self.limit_in(&ledger);
        if limit > 0 && (self.lacks() == 0 || ledger.used >= ledger.room(limit)) {
            return None;
        }
        ledger.used += 1;
        self.held.fetch_add(1, Ordering::Relaxed);
        drop(ledger);
        Some(Slot { member: Arc::clone(self), aside: false })
    }

    /// One more place, whether there is one or not. It is not counted as the pool's.
    pub(crate) fn take_anyway(self: &Arc<Self>) -> Slot {
        self.cap.ledger().aside += 1;
        Slot { member: Arc::clone(self), aside: true }
    }

    /// The pool has clients waiting and finds no place. Must be called on a worker's runtime.
    pub(crate) fn press(&self, worker: usize) {
        self.cap.pressed.store(true, Ordering::Relaxed);
        if self.presses.swap(true, Ordering::Relaxed) {
            return;
        }
        let now = Instant::now();
        if self.cap.is_due(now) {
            self.cap.divide(worker, now);
        }
    }

    /// Whether a connection that comes back is to be closed; if so, one less is owed.
    #[inline]
    pub(crate) fn collect(&self) -> bool {
        if self.owes.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let less = |owes: u32| owes.checked_sub(1);
        self.owes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Whether this is a part in that cap.
    pub(crate) fn is_of(&self, cap: &Cap) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.cap), cap)
    }

    /// The cap.
    pub(crate) fn cap(&self) -> &Arc<Cap> {
        &self.cap
    }

    fn claim(&self, of_pool: Claim) -> Claim {
        Claim { lag: self.lag.load(Ordering::Relaxed), ..of_pool }
    }

    fn lacks(&self) -> u32 {
        self.most.load(Ordering::Relaxed).saturating_sub(self.held.load(Ordering::Relaxed))
    }
}

impl Slot {
    /// The cap that the place is under.
    pub(crate) fn cap(&self) -> Arc<Cap> {
        Arc::clone(&self.member.cap)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut ledger = self.member.cap.ledger();
        if self.aside {
            ledger.aside = ledger.aside.saturating_sub(1);
            return;
        }
        ledger.used = ledger.used.saturating_sub(1);
        self.member.held.fetch_sub(1, Ordering::Relaxed);
    }
}
