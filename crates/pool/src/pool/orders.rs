//! What a pool is told to do from outside: pause, close its connections, make room for another.

use std::sync::Arc;
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
}
