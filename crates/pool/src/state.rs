//! What a pool decides, without a socket or a clock: who gets which server, when one more is to be opened,
//! what happens to one that comes back. The owner locks it for a few instructions at a time.
//!
//! | a server is | counted in | leaves by |
//! |---|---|---|
//! | opening | `opening` | [`State::opened`], [`State::open_failed`] |
//! | idle | `shelves` | [`State::take_idle`], [`State::sweep`] |
//! | lent | `lent` | [`State::give_back`], [`State::lost`] |
//!
//! `opening + idle + lent` never passes the limit.

use std::time::{Duration, Instant};

use crate::error::{Crowd, Error, Usage};
use crate::queue::Queue;

/// Back-off after failed attempts to connect: 1 s, 2 s, then 4 s.
const BACK_OFF: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// The same after a server has said that it is starting up.
pub(crate) const STARTING_UP: Duration = Duration::from_millis(250);

/// The same for those who wait, after a server has refused the log-in or has no such database: it is there, and what
/// is missing may be there at any moment.
const REFUSED: Duration = Duration::from_millis(100);

/// How long to wait after so many failed attempts and one more.
pub(crate) fn back_off(failures: usize) -> Duration {
    BACK_OFF.get(failures).or(BACK_OFF.last()).copied().unwrap_or_default()
}

/// The limits of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Server connections at the most.
    pub size: u32,
    /// So many more once somebody has waited for `reserve_after`.
    pub reserve: u32,
    /// Connections being opened at one time.
    pub connecting: u32,
}

impl Limits {
    fn most(self, reserve: bool) -> u32 {
        self.size.saturating_add(if reserve { self.reserve } else { 0 })
    }
}

/// Attempts to connect that have failed, with none in between that has not.
#[derive(Debug, Default)]
struct Failing {
    attempts: usize,
    since: Option<Instant>,
    /// When the next one is due for those who wait.
    not_before: Option<Instant>,
    /// When it is due for connections that are to be kept ready.
    spare_not_before: Option<Instant>,
}

/// Servers of one pool and those who wait for one. `S` is a server, `W` a waiter.
#[derive(Debug)]
pub struct State<S, W> {
    shelves: Vec<Vec<S>>,
    idle: u32,
    lent: u32,
    opening: u32,
    /// Those who wait.
    pub waiting: Queue<W>,
    /// Nothing is lent while the pool is paused.
    pub paused: bool,
    resumed: Option<Instant>,
    /// The pool was removed: what comes back is closed.
    pub retired: bool,
    /// There is no primary since then: nothing is lent, nothing opened.
    pub held: Option<Instant>,
    /// Servers of an older generation are closed when they come back (RECONNECT).
    pub generation: u64,
    failing: Failing,
    /// Why the last attempt to connect failed; cleared by the next that succeeds.
    pub last_error: Option<Error>,
}

impl<S, W> State<S, W> {
    /// An empty pool for this many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            shelves: (0..workers.max(1)).map(|_| Vec::new()).collect(),
            idle: 0,
            lent: 0,
            opening: 0,
            waiting: Queue::new(workers),
            paused: false,
            resumed: None,
            retired: false,
            held: None,
            generation: 0,
            failing: Failing::default(),
            last_error: None,
        }
    }

    /// The server that was used last on this worker, else on any other; it counts as lent.
    pub fn take_idle(&mut self, worker: usize) -> Option<S> {
        if self.idle == 0 || self.is_closed() {
            return None;
        }
        let own = worker % self.shelves.len();
        let server = match self.shelves.get_mut(own).and_then(Vec::pop) {
            Some(server) => server,
            None => self.shelves.iter_mut().find_map(Vec::pop)?,
        };
        self.idle -= 1;
        self.lent += 1;
        Some(server)
    }

    /// A lent server is free again: the waiter that gets it, or the server back if it was shelved (`None`) or
    /// has to be closed (`Some`). A waiter that is not there any more must be reported by asking again.
    pub fn next_waiter(&mut self, worker: usize) -> Option<W> {
        if self.is_closed() {
            return None;
        }
        self.waiting.take(worker)
    }

    /// Nobody is given anything for now.
    fn is_closed(&self) -> bool {
        self.paused || self.retired || self.held.is_some()
    }

    /// Puts a lent server that nobody waits for on its worker's shelf.
    pub fn shelve(&mut self, worker: usize, server: S) {
        let own = worker % self.shelves.len();
        if let Some(shelf) = self.shelves.get_mut(own) {
            shelf.push(server);
            self.idle += 1;
            self.lent = self.lent.saturating_sub(1);
        }
    }

    /// Ends a pause.
    pub fn resume(&mut self, now: Instant) {
        self.paused = false;
        self.resumed = Some(now);
    }

    /// Ends the time without a primary; what has failed meanwhile says nothing about the one that is there now. False:
    /// there was one.
    pub fn release(&mut self) -> bool {
        let held = self.held.take().is_some();
        if held {
            self.failing = Failing::default();
        }
        held
    }

    /// Somebody has waited for as long as it may: until when it may go on. A pause is the operator's doing:
    /// whoever waits through it has all of its patience again afterwards.
    #[must_use]
    pub fn extension(&self, patience: Duration, now: Instant) -> Option<Instant> {
        if self.paused {
            return Some(now + patience);
        }
        self.resumed.map(|resumed| resumed + patience).filter(|until| *until > now)
    }

    /// A lent server is closed.
    pub fn lost(&mut self) {
        self.lent = self.lent.saturating_sub(1);
    }

    /// Takes the servers for which `gone` holds off the shelves; they are not counted any more.
    pub fn sweep(&mut self, mut gone: impl FnMut(&S) -> bool) -> Vec<S> {
        let mut out = Vec::new();
        for shelf in &mut self.shelves {
            out.extend(shelf.extract_if(.., |server| gone(server)));
        }
        self.idle -= u32::try_from(out.len()).unwrap_or(u32::MAX).min(self.idle);
        out
    }

    /// Takes the idle servers for which `wanted` holds off the shelves; they count as lent.
    pub fn borrow_idle(&mut self, wanted: impl FnMut(&S) -> bool) -> Vec<S> {
        let out = self.sweep(wanted);
        self.lent += u32::try_from(out.len()).unwrap_or(u32::MAX);
        out
    }

    /// Whether one more connection should be opened now for those who wait; if so it is counted as opening.
    pub fn may_open(&mut self, limits: Limits, reserve: bool, now: Instant) -> bool {
        let wanted = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX) > self.opening;
        wanted && self.failing.not_before.is_none_or(|at| now >= at) && self.may_open_more(limits, reserve)
    }

    /// How many more connections those who wait would have opened, were there places enough at the server.
    #[must_use]
    pub fn wants(&self, limits: Limits, reserve: bool, now: Instant) -> u32 {
        if self.is_closed() || self.failing.not_before.is_some_and(|at| now < at) {
            return 0;
        }
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let room = limits.most(reserve).saturating_sub(self.total());
        waiting.saturating_sub(self.opening).min(room)
    }

    /// Whether one more connection should be opened to keep `floor` of them.
    pub fn below(&mut self, floor: u32, limits: Limits, now: Instant) -> bool {
        let due = self.failing.spare_not_before.is_none_or(|at| now >= at);
        self.total() < floor && due && self.may_open_more(limits, false)
    }

    fn may_open_more(&mut self, limits: Limits, reserve: bool) -> bool {
        let limit = limits.most(reserve);
        // after a failure one attempt at a time
        let at_once = if self.failing.attempts > 0 { 1 } else { limits.connecting.max(1) };
        let open = !self.is_closed() && self.total() < limit && self.opening < at_once;
        self.opening += u32::from(open);
        open
    }

    /// An attempt has ended well: the new server counts as lent, until it is given to somebody or shelved.
    pub fn opened(&mut self) {
        self.opening = self.opening.saturating_sub(1);
        self.lent += 1;
        self.failing = Failing::default();
        self.last_error = None;
    }

    /// An attempt has failed; the next one is due after the time returned, lengthened by up to a half by
    /// `jitter` (0–255) so that many pools do not come at once. Where those who wait are `told` of it, whoever comes
    /// next is not to wait for that long.
    pub fn open_failed(&mut self, error: Error, now: Instant, jitter: u8, told: bool) -> Duration {
        self.opening = self.opening.saturating_sub(1);
        self.failing.since.get_or_insert(now);
        let step = if error.is_starting_up() {
            // it answers already and will soon do more: no reason to wait longer each time
            self.failing.attempts = self.failing.attempts.max(1);
            STARTING_UP
        } else {
            // attempts that began together fail together, and count as one
            let together = self.failing.spare_not_before.is_some_and(|at| now < at);
            self.failing.attempts = self.failing.attempts.saturating_add(usize::from(!together));
            back_off(self.failing.attempts.saturating_sub(1))
        };
        let jittered = |step: Duration| step + step * u32::from(jitter) / 512;
        let pause = jittered(step);
        self.failing.spare_not_before = Some(now + pause);
        self.failing.not_before = Some(now + if told { jittered(REFUSED) } else { pause });
        self.last_error = Some(error);
        pause
    }

    /// Whether an attempt that fails now is the first, or the first was less than the first back-off ago: those that
    /// began together, no later one.
    #[must_use]
    pub fn would_fail_lately(&self, now: Instant) -> bool {
        self.failing.since.is_none_or(|since| now.saturating_duration_since(since) < BACK_OFF[0])
    }

    /// Attempts have failed, and the next one is not due yet.
    #[must_use]
    pub fn backs_off(&self, now: Instant) -> bool {
        self.failing.not_before.is_some_and(|at| now < at)
    }

    /// An attempt was given up before it began.
    pub fn open_abandoned(&mut self) {
        self.opening = self.opening.saturating_sub(1);
    }

    /// Open and being opened.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.idle + self.lent + self.opening
    }

    /// Lent, idle, opening.
    #[must_use]
    pub fn counts(&self) -> (u32, u32, u32) {
        (self.lent, self.idle, self.opening)
    }

    /// The figures for somebody who gives up waiting.
    #[must_use]
    pub fn crowd(&self, size: u32, cap: Usage) -> Crowd {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        Crowd { size, active: self.lent, idle: self.idle, opening: self.opening, waiting, cap }
    }
}

#[cfg(test)]
mod tests;
