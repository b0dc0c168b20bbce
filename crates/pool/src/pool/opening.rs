//! When a pool opens server connections, and an attempt to open one, counted by its pool for as long as it lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use telemetry::Event;

use super::{Pool, Waiter};
use crate::cap::Member;
use crate::connect;
use crate::error::Error;
use crate::server::Server;
use crate::state::{Limits, State};

impl Pool {
    /// Opens connections for those who wait, as many as may be; with `reserve`, from the reserve too.
    /// Must be called on a worker's runtime.
    pub fn kick(self: &Arc<Self>, worker: usize, reserve: bool) {
        let limits = self.limits();
        let found = self.open_while(worker, |state| state.may_open(limits, reserve, Instant::now()));
        if let Err(full) = found {
            if reserve {
                self.open_reserve();
            }
            full.press(worker);
        }
    }

    /// Opens connections until as many are there as are to be kept. Must be called on a worker's runtime.
    pub fn fill(self: &Arc<Self>, worker: usize) {
        let (limits, floor) = (self.limits(), self.floor());
        // for these nobody else has to give anything up
        let _full = self.open_while(worker, |state| state.below(floor, limits, Instant::now()));
    }

    /// Opens as many as may be; the error is the cap that has no place for another.
    fn open_while(
        self: &Arc<Self>,
        worker: usize,
        may: impl Fn(&mut State<Box<Server>, Waiter>) -> bool,
    ) -> Result<(), &Arc<Member>> {
        loop {
            // a statement of its own: the lock must be free again before anything is opened or given up
            let go = may(&mut self.state());
            if !go {
                return Ok(());
            }
            let opening = Opening::begin(self);
            let places = self.share.take()?;
            tokio::spawn(async move {
                let pool = Arc::clone(opening.pool());
                let opened = connect::open(&pool, worker, places).await;
                opening.end(opened);
            });
        }
    }

    /// Connections that could be made, and that could not, since this was last asked for. That somebody is not let in does
    /// not count where nobody of this name ever was: that speaks of the name and not of the server.
    #[must_use]
    pub fn take_outcomes(&self) -> (u32, u32) {
        let [good, bad] = &self.here.outcomes;
        let take = |count: &AtomicU32| {
            if count.load(Ordering::Relaxed) == 0 { 0 } else { count.swap(0, Ordering::Relaxed) }
        };
        (take(good), take(bad))
    }

    /// What is known of the names to another server of the database.
    pub(crate) fn vouched_by(&self, other: &Self) {
        if other.is_known() && !self.is_known() {
            self.here.vouched.store(true, Ordering::Relaxed);
        }
    }

    fn is_known(&self) -> bool {
        self.here.vouched.load(Ordering::Relaxed) || self.learnt.welcome().is_some()
    }

    fn came_to(&self, failed: Option<&Error>) {
        let [good, bad] = &self.here.outcomes;
        match failed {
            None => good.fetch_add(1, Ordering::Relaxed),
            Some(error) if error.is_final() && !self.is_known() => return,
            Some(_) => bad.fetch_add(1, Ordering::Relaxed),
        };
    }

    pub(super) fn limits(&self) -> Limits {
        let settings = self.settings();
        Limits {
            size: settings.size,
            reserve: settings.reserve_size,
            connecting: settings.connect_concurrency,
        }
    }
}

/// An attempt to connect; it is taken off the count whatever becomes of its task.
pub(super) struct Opening {
    pool: Arc<Pool>,
    began: Instant,
    done: bool,
}

impl Opening {
    /// Begins; the pool has counted it.
    pub(super) fn begin(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), began: Instant::now(), done: false }
    }

    /// The pool it is for.
    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Ends with a server, which goes to whoever waits, or with the reason why there is none.
    pub(super) fn end(mut self, opened: Result<Box<Server>, Error>) {
        self.done = true;
        let pool = &self.pool;
        match opened {
            Ok(mut server) => {
                let mut state = pool.state();
                state.opened();
                server.age.generation = state.generation;
                drop(state);
                pool.shared.events.count(Event::ServerConnected);
                pool.came_to(None);
                let home = server.age.home;
                pool.place(server, home, Instant::now());
            }
            Err(error) => {
                pool.shared.events.count(Event::ServerConnectFailed);
                pool.came_to(Some(&error));
                pool.alarm();
                let jitter = pool.shared.jitter();
                let (now, changing) = (Instant::now(), pool.target.credentials.changing().is_some());
                let mut state = pool.state();
                // a password that is being changed is refused for a moment: those who wait may wait for the next attempt
                let told = error.is_final() && !(changing && state.would_fail_lately(now));
                let pause = state.open_failed(error.clone(), now, jitter, told);
                drop(state);
                tracing::warn!(
                    database = pool.key.database,
                    user = pool.key.user,
                    retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    "{error}"
                );
                if told {
                    // who has come since may find what was missing
                    pool.fail_waiting(&error, Some(self.began));
                }
            }
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if !self.done {
            self.pool.state().open_abandoned();
        }
    }
}
