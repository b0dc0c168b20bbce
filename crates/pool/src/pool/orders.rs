//! What a pool is told from outside: to pause, to open its connections anew, to hold everybody back while there is no
//! primary, to end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Pool;
use crate::error::Error;

impl Pool {
    /// Nothing is lent until [`Pool::resume`]; idle servers are closed, lent ones when they come back.
    pub fn pause(&self) {
        self.state().paused = true;
        self.sweep(Instant::now());
        self.shared.exchange.renew(self);
    }

    /// Ends [`Pool::pause`].
    pub fn resume(self: &Arc<Self>, worker: usize) {
        self.state().resume(Instant::now());
        self.kick(worker, false);
    }

    /// Every connection of now is closed as soon as it is free.
    pub fn reconnect(&self) {
        self.state().generation += 1;
        self.sweep(Instant::now());
        self.shared.exchange.renew(self);
    }

    /// The pool is not to be used any more: idle servers are closed, lent ones when they come back, and those
    /// who wait are sent away to ask for the pool that took its place.
    pub fn retire(&self) {
        self.state().retired = true;
        self.sweep(Instant::now());
        self.fail_waiting(&Error::Retired, None);
        self.shared.exchange.uproot(self);
    }

    /// There is no primary since then: nothing is lent and nothing opened until [`Pool::release`]. What is open stays,
    /// for it may be of use again.
    pub(crate) fn hold(&self, since: Instant) {
        self.state().held = Some(since);
    }

    /// There is one again: those who wait get what is left of its connections, and new ones at once.
    pub(crate) fn release(self: &Arc<Self>, worker: usize) {
        let mut state = self.state();
        if !state.release() {
            return;
        }
        let idle = state.borrow_idle(|_| true);
        drop(state);
        idle.into_iter().for_each(|server| self.place_if_it_stands(server));
        self.kick(worker, false);
    }

    /// Since when there is no primary, if there is none.
    #[must_use]
    pub fn held_since(&self) -> Option<Instant> {
        self.state().held
    }

    /// Its server is not the primary any more; nobody listens there either.
    pub(crate) fn demote(&self) {
        self.here.demoted.store(true, Ordering::Release);
        self.shared.exchange.renew(self);
    }

    /// Whether another server is the primary now: no answer of this one counts any more.
    #[must_use]
    pub fn is_demoted(&self) -> bool {
        self.here.demoted.load(Ordering::Acquire)
    }

    /// Something speaks against its server: whoever watches it is to look at once.
    pub fn alarm(&self) {
        self.shared.alarms.ring(&self.target.host, self.target.port);
    }
}
