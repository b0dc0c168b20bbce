//! The pool of one database and user on one server: lends connections, takes them back, lets clients wait.
//!
//! One lock, held for a few instructions, guards the [`State`]; no system call is made under it. Every
//! server that leaves comes back through [`Checkout`], whose `Drop` closes what is not clean, so none is lost.

mod opening;
mod orders;
mod share;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use config::{CapLimits, PoolSettings};
use telemetry::{Event, PoolStats};
use tokio::sync::oneshot;

use crate::checkout::{Checkout, Waiting};
use crate::connect;
use crate::error::{Error, Usage};
use crate::learnt::Learnt;
use crate::prepared::Catalog;
use crate::server::{Server, ServerCard};
use crate::shared::Shared;
use crate::state::State;
use crate::target::Target;
pub(crate) use share::OwnPlaces;
pub use share::Places;
use share::Share;

/// A connection that was free for less than this is lent without asking the kernel whether it still stands.
const FRESH: Duration = Duration::from_millis(2);

/// Who shares a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The database, by the name that clients ask for.
    pub database: String,
    /// The user the client logged in as.
    pub user: String,
    /// Which of the database's servers.
    pub seat: Seat,
}

/// Which of a database's servers a pool has its connections to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Seat {
    /// The one that is the primary.
    Primary,
    /// This one, by its place in the configuration, as a replica.
    Replica(usize),
}

/// What the configuration says of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Its settings.
    pub settings: PoolSettings,
    /// The limits of the caps that it is under.
    pub limits: CapLimits,
    /// Its names are not the configuration's own: clients have made them up, or another server has them.
    pub made_up: bool,
}

/// Somebody waiting for a server.
#[derive(Debug)]
pub struct Waiter {
    pub(crate) sender: oneshot::Sender<Result<Checkout, Error>>,
    pub(crate) since: Instant,
}

/// A pool.
#[derive(Debug)]
pub struct Pool {
    /// Who shares it.
    pub key: Key,
    /// Its counters.
    pub stats: PoolStats,
    /// The statements its servers may hold; one list for all seats of a database and user, as a client has one name for
    /// a statement wherever it runs.
    pub statements: Arc<Catalog>,
    /// Where its servers are and how to log in.
    pub target: Target,
    /// What its servers have told of themselves.
    pub learnt: Learnt,
    /// What it has in common with all pools.
    pub shared: Arc<Shared>,
    share: Share,
    settings: RwLock<PoolSettings>,
    /// Counts the changes of the settings, so that sessions may keep what they have read of them.
    version: AtomicU64,
    state: Mutex<State<Box<Server>, Waiter>>,
    roster: Mutex<HashMap<u64, Weak<ServerCard>>>,
    here: Here,
}

/// Who is here.
#[derive(Debug, Default)]
struct Here {
    /// Clients that are logged in.
    clients: AtomicU64,
    /// Servers that stay with their clients between transactions.
    pinned: AtomicU32,
    /// Nobody may come any more, for all that the configuration says.
    made_up: AtomicBool,
    /// Another server lets this user in.
    vouched: AtomicBool,
    /// Connections that could be made, and that could not, since somebody has asked for that.
    outcomes: [AtomicU32; 2],
    /// Another server is the primary now.
    demoted: AtomicBool,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(
        key: Key,
        target: Target,
        terms: &Terms,
        statements: Arc<Catalog>,
        shared: Arc<Shared>,
    ) -> Arc<Self> {
        let pool = Arc::new(Self {
            share: Share::of(shared.caps(&key, &target), &terms.limits),
            key,
            stats: PoolStats::new(shared.workers),
            statements,
            target,
            settings: RwLock::new(terms.settings),
            version: AtomicU64::new(1),
            state: Mutex::new(State::new(shared.workers)),
            learnt: Learnt::default(),
            roster: Mutex::default(),
            here: Here { made_up: AtomicBool::new(terms.made_up), ..Here::default() },
            shared,
        });
        Share::enlist(&pool);
        pool
    }

    /// A free server, if there is one and nobody was here before. Never waits.
    #[must_use]
    pub fn try_checkout(self: &Arc<Self>, worker: usize, client: u64, now: Instant) -> Option<Checkout> {
        loop {
            let server = self.state().take_idle(worker)?;
            // before it moves to this worker, whose runtime has not seen anything of it
            let fresh = is_fresh(&server, now);
            let mut checkout = Checkout::new(Arc::clone(self), server);
            if checkout.adopt(worker, client) && (fresh || checkout.still_stands()) {
                return Some(checkout);
            }
            self.shared.events.count(Event::ServerRecycled);
            checkout.close();
            self.alarm();
        }
    }

    /// Joins the queue, and opens one more connection if that is allowed.
    #[must_use]
    pub fn wait(self: &Arc<Self>, worker: usize, now: Instant) -> Waiting {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        let doomed = state.retired.then_some(Error::Retired);
        let ticket = state.waiting.push(worker, Waiter { sender, since: now });
        // one may have been shelved since the caller looked; the next in the queue gets it
        let shelved = state.take_idle(worker);
        drop(state);
        if let Some(server) = shelved {
            self.place(server, worker, now);
        }
        if let Some(error) = doomed {
            self.fail_waiting(&error, None);
        }
        self.kick(worker, false);
        Waiting::new(Arc::clone(self), worker, ticket, receiver)
    }

    /// Somebody who waited is gone or was served.
    pub(crate) fn leave(&self, worker: usize, ticket: u64) {
        self.state().waiting.remove(worker, ticket);
    }

    /// A server comes back: to the next who waits, or on the shelf, or closed.
    pub(crate) fn place(self: &Arc<Self>, mut server: Box<Server>, worker: usize, now: Instant) {
        server.age.released = now;
        server.card.client.store(0, Ordering::Relaxed);
        loop {
            let mut state = self.state();
            let leaving = server.card.leaving.load(Ordering::Relaxed);
            let stale = state.paused || state.retired || leaving || server.age.generation < state.generation;
            let event = if stale || server.age.expires.is_some_and(|at| server.age.released >= at) {
                Some(Event::ServerRecycled)
            } else {
                self.share.collect().then_some(Event::ServerCeded)
            };
            if let Some(event) = event {
                state.lost();
                drop(state);
                self.shared.events.count(event);
                connect::farewell(server, Some(worker));
                return self.kick(worker, false);
            }
            let Some(waiter) = state.next_waiter(worker) else {
                return state.shelve(worker, server);
            };
            drop(state);
            match waiter.sender.send(Ok(Checkout::new(Arc::clone(self), server))) {
                Ok(()) => return,
                // it has just given up: on to the next
                Err(Ok(mut refused)) => match refused.take() {
                    Some(back) => server = back,
                    None => return,
                },
                Err(Err(_)) => return,
            }
        }
    }

    /// A lent server was closed.
    pub(crate) fn lost(self: &Arc<Self>, worker: usize) {
        self.state().lost();
        // outside a runtime (at shutdown) there is nobody left to open one for
        if tokio::runtime::Handle::try_current().is_ok() {
            self.kick(worker, false);
        }
    }

    /// Closes idle servers that are due: idle too long, too old, of an old generation, or of a pool that is no more.
    pub fn sweep(&self, now: Instant) {
        let settings = self.settings();
        let (idle, floor) = (settings.idle_timeout(), self.floor());
        let mut state = self.state();
        let (paused, retired, generation) = (state.paused, state.retired, state.generation);
        let mut spare = state.total().saturating_sub(floor);
        let gone = state.sweep(|server| {
            let age = &server.age;
            let leaving = server.card.leaving.load(Ordering::Relaxed);
            if paused
                || retired
                || leaving
                || age.generation < generation
                || age.expires.is_some_and(|at| now >= at)
            {
                return true;
            }
            let unused = !idle.is_zero() && now.saturating_duration_since(age.released) >= idle;
            let close = unused && spare > 0;
            spare -= u32::from(close);
            close
        });
        drop(state);
        for server in gone {
            self.shared.events.count(Event::ServerRecycled);
            connect::farewell(server, None);
        }
    }

    /// Closes idle servers whose connection has ended, and takes in what the others report; so the pool fills
    /// up again before a client finds that out.
    pub fn look_at_stirring(self: &Arc<Self>) {
        let stirring = self.state().borrow_idle(|server| server.channel.stream.is_stirring());
        stirring.into_iter().for_each(|server| self.place_if_it_stands(server));
    }

    /// An idle server that was borrowed goes back where it was, or to who waits, unless its connection has ended.
    fn place_if_it_stands(self: &Arc<Self>, server: Box<Server>) {
        let (home, released) = (server.age.home, server.age.released);
        let mut checkout = Checkout::new(Arc::clone(self), server);
        if !checkout.still_stands() {
            self.shared.events.count(Event::ServerRecycled);
            checkout.close();
            self.alarm();
        } else if let Some(server) = checkout.take() {
            // unused all the time, so it is as old as it was
            self.place(server, home, released);
        }
    }

    /// Gives everybody who waits, or who did at this time, this error.
    pub(crate) fn fail_waiting(&self, error: &Error, since: Option<Instant>) {
        let waiting = self.state().waiting.extract(|waiter| since.is_none_or(|since| waiter.since <= since));
        for waiter in waiting {
            // one that has given up meanwhile does not need it
            let _gone = waiter.sender.send(Err(error.clone()));
        }
    }

    /// Takes new terms; they hold from the next decision on.
    pub fn set_terms(&self, terms: &Terms) {
        self.share.set_limits(&terms.limits);
        self.here.made_up.store(terms.made_up, Ordering::Relaxed);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = terms.settings;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Which settings are in force: the number changes when they do.
    #[must_use]
    pub fn settings_version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> PoolSettings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many connections are kept open without work. For names that may never come again, only while a client is
    /// here: else such pools would stay for ever.
    pub(crate) fn floor(&self) -> u32 {
        let deserted = self.here.clients.load(Ordering::Relaxed) == 0;
        if deserted && self.is_made_up() { 0 } else { self.settings().min_size }
    }

    /// Whether its names are not the configuration's own.
    pub(crate) fn is_made_up(&self) -> bool {
        self.here.made_up.load(Ordering::Relaxed)
    }

    /// Looks at the state under the lock.
    pub fn look<T>(&self, at: impl FnOnce(&State<Box<Server>, Waiter>) -> T) -> T {
        at(&self.state())
    }

    /// The connections under the cap that keeps this pool from opening more, or else to its database.
    #[must_use]
    pub fn tightest_cap(&self) -> Usage {
        self.share.tightest()
    }

    /// How many clients are logged in to this pool.
    #[must_use]
    pub fn clients(&self) -> &AtomicU64 {
        &self.here.clients
    }

    /// One more server stays with its client between transactions; false: `limit` do already (0: no limit).
    #[must_use]
    pub fn pin(&self, limit: u32) -> bool {
        let limit = if limit == 0 { u32::MAX } else { limit };
        let more = |pinned: u32| (pinned < limit).then_some(pinned.saturating_add(1));
        self.here.pinned.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Undoes [`Pool::pin`].
    pub fn unpin(&self) {
        self.here.pinned.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many servers stay with their clients.
    #[must_use]
    pub fn pinned(&self) -> u32 {
        self.here.pinned.load(Ordering::Relaxed)
    }

    /// When the one who waits longest began to.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Instant> {
        self.state().waiting.head().map(|waiter| waiter.since)
    }

    /// The server of this number, if it is still there.
    #[must_use]
    pub fn server(&self, number: u64) -> Option<Arc<ServerCard>> {
        lock(&self.roster).get(&number)?.upgrade()
    }

    /// The servers of this pool.
    #[must_use]
    pub fn roster(&self) -> Vec<Arc<ServerCard>> {
        let mut cards: Vec<_> = lock(&self.roster).values().filter_map(Weak::upgrade).collect();
        cards.sort_unstable_by_key(|card| card.id);
        cards
    }

    pub(crate) fn enrol(&self, card: &Arc<ServerCard>) {
        let mut roster = lock(&self.roster);
        roster.retain(|_, card| card.strong_count() > 0);
        roster.insert(card.id, Arc::downgrade(card));
    }

    fn state(&self) -> MutexGuard<'_, State<Box<Server>, Waiter>> {
        lock(&self.state)
    }
}

/// Free for a moment only, and nothing is known to have happened since.
fn is_fresh(server: &Server, now: Instant) -> bool {
    now < server.age.released + FRESH && !server.channel.stream.is_stirring()
}

/// A panic under one of these locks leaves plain numbers and lists behind, at worst a count that is off by
/// one; refusing service for ever after would be worse.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
