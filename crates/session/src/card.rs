//! What others may know of a client, and how they reach it: the console, cancel requests, the shutdown.
//!
//! The session owns its state; this is a card it leaves outside. Orders are flags that the session looks at
//! whenever it is polled, and a waker to have it polled.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};

use net::Peer;
use pool::cancel::Underway;
use pool::left::Pins;
use pool::{Pool, ServerCard};
use telemetry::counters::micros;

/// Locks of the registry: enough that log-ins on different workers seldom meet.
const SHARDS: usize = 16;

/// An order to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Order {
    /// Leave the queue: the client has cancelled.
    Cancel = 1,
    /// Close at the end of the transaction.
    Drain = 2,
    /// Close now.
    Kill = 4,
    /// Go to another worker when no request is at hand.
    Move = 8,
    /// Close: nothing was asked for too long. A request that comes all the same revokes it.
    Idle = 16,
    /// Close if it has a connection to a server that was the primary and is not any more.
    Demoted = 32,
}

/// What a client does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Nothing is asked for.
    Idle,
    /// It waits for a server.
    Waiting,
    /// It has a server.
    Active,
}

/// A client, seen from outside.
#[derive(Debug)]
pub struct ClientCard {
    /// Its number in this process.
    pub id: u64,
    /// The process id it was told, by which its cancel requests name it.
    pub pid: u32,
    secret: Box<[u8]>,
    /// The database, by the name it asked for, and the user.
    pub login: (String, String),
    /// Its application name at log-in.
    pub application: String,
    /// The client's end and ours.
    pub ends: (Peer, Peer),
    /// The client's process on this machine, if it came by the Unix socket; else 0.
    pub process: u32,
    /// TLS version and cipher, empty without TLS.
    pub tls: String,
    /// When it connected.
    pub since: SystemTime,
    /// How many statements it has prepared.
    pub prepared: AtomicU32,
    live: Live,
    inner: Mutex<Inner>,
}

/// What changes with every request, each value by itself: no lock on the path of a request.
#[derive(Debug)]
struct Live {
    orders: AtomicU8,
    /// The number of the server it has; 0: none.
    server: AtomicU64,
    /// When its last request was given a server, in microseconds after `base`; 0: never.
    requested: AtomicU64,
    base: Instant,
    /// Requests are under way on its server.
    busy: AtomicBool,
    /// The worker it lives on.
    worker: AtomicUsize,
    /// Why it keeps its server between transactions.
    pins: AtomicU8,
    /// Since when, as `requested`.
    pinned: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    waker: Option<Waker>,
    pool: Option<Arc<Pool>>,
    replicas: Option<Arc<Pool>>,
    waiting: Option<Instant>,
}

impl ClientCard {
    /// A card for a client that has just logged in.
    #[must_use]
    pub fn new(id: u64, pid: u32, secret: &[u8], who: Identity) -> Self {
        Self {
            id,
            pid,
            secret: secret.into(),
            login: who.login,
            application: who.application,
            ends: who.ends,
            process: who.process,
            tls: who.tls,
            since: SystemTime::now(),
            prepared: AtomicU32::new(0),
            live: Live {
                orders: AtomicU8::new(0),
                server: AtomicU64::new(0),
                requested: AtomicU64::new(0),
                base: Instant::now(),
                busy: AtomicBool::new(false),
                worker: AtomicUsize::new(0),
                pins: AtomicU8::new(0),
                pinned: AtomicU64::new(0),
            },
            inner: Mutex::default(),
        }
    }

    /// Gives an order and sees that it is noticed.
    pub fn order(&self, order: Order) {
        self.live.orders.fetch_or(order as u8, Ordering::Release);
        let waker = self.inner().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether an order was given.
    #[must_use]
    pub fn ordered(&self, order: Order) -> bool {
        self.live.orders.load(Ordering::Acquire) & order as u8 != 0
    }

    /// Whether an order was given; it is not any more.
    #[must_use]
    pub fn take_order(&self, order: Order) -> bool {
        self.ordered(order) && self.live.orders.fetch_and(!(order as u8), Ordering::AcqRel) & order as u8 != 0
    }

    /// How the session is woken.
    pub fn reach_by(&self, waker: &Waker) {
        self.inner().waker = Some(waker.clone());
    }

    /// The session lives on this worker now.
    pub(crate) fn lives_on(&self, worker: usize) {
        self.live.worker.store(worker, Ordering::Relaxed);
    }

    /// The worker it lives on.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.live.worker.load(Ordering::Relaxed)
    }

    /// The client takes its servers from this pool.
    pub fn belongs_to(&self, pool: &Arc<Pool>) {
        self.inner().pool = Some(Arc::clone(pool));
    }

    /// Its server is from this pool, if not from its own.
    pub(crate) fn reads_from(&self, pool: &Arc<Pool>) {
        self.inner().replicas = Some(Arc::clone(pool));
    }

    /// The pool it takes servers from.
    #[must_use]
    pub fn pool(&self) -> Option<Arc<Pool>> {
        self.inner().pool.clone()
    }

    /// The client has this server now, for a request that began then.
    pub fn link(&self, server: &ServerCard, began: Instant) {
        let after = micros(began.saturating_duration_since(self.live.base));
        self.live.requested.store(after.max(1), Ordering::Relaxed);
        // it was about to be told to go because it did nothing
        let _revoked = self.take_order(Order::Idle);
        self.live.server.store(server.id, Ordering::Release);
    }

    /// The client has no server any more. The order of this and of looking for cancels under way decides
    /// whether a cancel of its still counts, see [`ClientCard::to_cancel`].
    pub fn unlink(&self) {
        self.live.busy.store(false, Ordering::Relaxed);
        self.live.server.store(0, Ordering::SeqCst);
    }

    /// Why it keeps its server between transactions.
    #[must_use]
    pub fn pins(&self) -> Pins {
        Pins::from_bits(self.live.pins.load(Ordering::Relaxed))
    }

    /// Since when it keeps a server.
    #[must_use]
    pub fn pinned_since(&self) -> Option<Instant> {
        let after = Duration::from_micros(self.live.pinned.load(Ordering::Relaxed));
        (!self.pins().is_empty()).then(|| self.live.base.checked_add(after)).flatten()
    }

    /// It keeps its server for this, or nothing, from now on.
    pub(crate) fn pin(&self, pins: Pins) {
        if self.pins().is_empty() {
            self.live.pinned.store(micros(self.live.base.elapsed()), Ordering::Relaxed);
        }
        self.live.pins.store(pins.bits(), Ordering::Relaxed);
    }

    /// Whether requests are under way on its server.
    pub fn set_busy(&self, busy: bool) {
        self.live.busy.store(busy, Ordering::Relaxed);
    }

    /// It waits in the queue, since then.
    pub fn begin_waiting(&self, since: Instant) {
        self.inner().waiting = Some(since);
    }

    /// It does not wait any more; whether it was told to give up meanwhile. Such an order ends here, or it
    /// would hit a later request.
    #[must_use]
    pub fn end_waiting(&self) -> bool {
        let mut inner = self.inner();
        inner.waiting = None;
        let orders = self.live.orders.fetch_and(!(Order::Cancel as u8), Ordering::AcqRel);
        orders & Order::Cancel as u8 != 0
    }

    /// Tells it to give up waiting; false if it does not wait.
    #[must_use]
    pub fn cancel_waiting(&self) -> bool {
        let inner = self.inner();
        if inner.waiting.is_none() {
            return false;
        }
        // under the lock, so that it cannot stop waiting before it is told
        self.live.orders.fetch_or(Order::Cancel as u8, Ordering::Release);
        let waker = inner.waker.clone();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// What it does.
    #[must_use]
    pub fn doing(&self) -> (Doing, Option<Instant>, Option<Arc<ServerCard>>) {
        match (self.its_server(), self.inner().waiting) {
            (Some((_, server)), _) => (Doing::Active, None, Some(server)),
            (None, Some(since)) => (Doing::Waiting, Some(since), None),
            (None, None) => (Doing::Idle, None, None),
        }
    }

    fn its_server(&self) -> Option<(Arc<Pool>, Arc<ServerCard>)> {
        let number = Some(self.live.server.load(Ordering::SeqCst)).filter(|number| *number != 0)?;
        let inner = self.inner();
        let pools = [inner.pool.clone(), inner.replicas.clone()];
        drop(inner);
        let found = |pool: Arc<Pool>| pool.server(number).map(|server| (pool, server));
        pools.into_iter().flatten().find_map(found)
    }

    /// When the last request began that was given a server.
    #[must_use]
    pub fn requested(&self) -> Option<Instant> {
        match self.live.requested.load(Ordering::Relaxed) {
            0 => None,
            after => self.live.base.checked_add(Duration::from_micros(after)),
        }
    }

    /// What a cancel request of this client is to stop: its query on this server, from now on counted as
    /// under way, so that the server does not change hands meanwhile.
    ///
    /// The session first takes its server off the card, then looks whether a cancel is under way; here the
    /// cancel is counted first, then the card is looked at again. So either the session sees the cancel and
    /// keeps the server back, or it is seen here that the server is no longer this client's.
    #[must_use]
    pub fn to_cancel(&self) -> Option<(Arc<Pool>, Underway)> {
        let (pool, server) = self.its_server()?;
        let underway = Underway::begin(&server);
        let still =
            self.live.server.load(Ordering::SeqCst) == server.id && self.live.busy.load(Ordering::Relaxed);
        still.then_some((pool, underway))
    }

    /// Whether the key is this client's, compared in constant time.
    #[must_use]
    pub fn has_secret(&self, secret: &[u8]) -> bool {
        let differ = self.secret.iter().zip(secret).fold(0, |sum, (a, b)| sum | (a ^ b));
        self.secret.len() == secret.len() && differ == 0
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who a client is, as shown to administrators.
#[derive(Debug)]
pub struct Identity {
    /// Database and user.
    pub login: (String, String),
    /// The application name.
    pub application: String,
    /// The client's end and ours.
    pub ends: (Peer, Peer),
    /// The client's process, 0 if it is not known.
    pub process: u32,
    /// TLS version and cipher.
    pub tls: String,
}

/// All clients that are logged in, by the process id they were told.
#[derive(Debug, Default)]
pub struct Registry {
    shards: [Mutex<HashMap<u32, Arc<ClientCard>>>; SHARDS],
    count: AtomicU64,
    last_id: AtomicU64,
}

impl Registry {
    /// A number for a client that has just connected.
    pub fn number(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Adds a card; false if its process id is taken.
    pub fn add(&self, card: &Arc<ClientCard>) -> bool {
        let mut shard = self.shard(card.pid);
        if shard.contains_key(&card.pid) {
            return false;
        }
        shard.insert(card.pid, Arc::clone(card));
        self.count.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Removes it.
    pub fn remove(&self, card: &ClientCard) {
        if self.shard(card.pid).remove(&card.pid).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The client a cancel request names.
    #[must_use]
    pub fn find(&self, pid: u32) -> Option<Arc<ClientCard>> {
        self.shard(pid).get(&pid).cloned()
    }

    /// How many clients are logged in.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, by number.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<ClientCard>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.lock().unwrap_or_else(PoisonError::into_inner).values().cloned());
        }
        all.sort_unstable_by_key(|card| card.id);
        all
    }

    fn shard(&self, pid: u32) -> MutexGuard<'_, HashMap<u32, Arc<ClientCard>>> {
        let at = pid as usize % SHARDS;
        // the remainder is always below the number of shards
        let shard = self.shards.get(at).unwrap_or(&self.shards[0]);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
