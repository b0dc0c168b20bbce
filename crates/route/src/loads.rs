//! How busy servers are, and how fast they have answered: counted by those who use them, read by those who choose.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The weight of the newest answer: 1 in so many.
const SHARE: u64 = 8;

/// One server.
#[derive(Debug, Default)]
struct Load {
    busy: AtomicU32,
    /// Microseconds; what is slower than this counts at once, what is faster little by little.
    latency: AtomicU64,
    good: [AtomicU32; 2],
    bad: [AtomicU32; 2],
}

/// Which side of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// As a replica.
    Read,
    /// As the primary.
    Write,
}

/// The servers of a cluster.
#[derive(Debug)]
pub struct Loads {
    servers: Box<[Load]>,
    turn: AtomicU64,
}

impl Loads {
    /// Nothing is under way on so many servers.
    #[must_use]
    pub fn new(servers: usize) -> Self {
        Self { servers: (0..servers).map(|_| Load::default()).collect(), turn: AtomicU64::new(0) }
    }

    /// A request goes to this server; [`Loads::end`] is to follow.
    pub fn begin(&self, server: usize) {
        if let Some(load) = self.servers.get(server) {
            load.busy.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It is over. `took`: how long the server needed, if it has answered.
    pub fn end(&self, server: usize, took: Option<Duration>) {
        let Some(load) = self.servers.get(server) else { return };
        let fewer = |busy: u32| Some(busy.saturating_sub(1));
        // it always succeeds
        let _before = load.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        let Some(took) = took else { return };
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let before = load.latency.load(Ordering::Relaxed);
        let after = if took >= before { took } else { before - (before - took).div_ceil(SHARE) };
        // one that another has just written is as good
        load.latency.store(after, Ordering::Relaxed);
    }

    /// Requests under way.
    #[must_use]
    pub fn busy(&self, server: usize) -> u32 {
        self.servers.get(server).map_or(0, |load| load.busy.load(Ordering::Relaxed))
    }

    /// How fast it has answered lately, in microseconds.
    #[must_use]
    pub fn latency(&self, server: usize) -> u64 {
        self.servers.get(server).map_or(0, |load| load.latency.load(Ordering::Relaxed))
    }

    /// A connection to it was made and logged in, or was not, or did not answer in time.
    pub fn outcome(&self, server: usize, side: Side, good: bool) {
        self.outcomes(server, side, (u32::from(good), u32::from(!good)));
    }

    /// The same for several: so many successes and failures.
    pub fn outcomes(&self, server: usize, side: Side, (good, bad): (u32, u32)) {
        let Some(load) = self.servers.get(server) else { return };
        for (counts, more) in [(&load.good, good), (&load.bad, bad)] {
            let [read, write] = counts;
            let count = if side == Side::Read { read } else { write };
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Takes what has been told of it: successes and failures.
    #[must_use]
    pub fn take_outcomes(&self, server: usize, side: Side) -> (u32, u32) {
        let Some(load) = self.servers.get(server) else { return (0, 0) };
        let pick = |counts: &[AtomicU32; 2]| {
            let [read, write] = counts;
            (if side == Side::Read { read } else { write }).swap(0, Ordering::Relaxed)
        };
        (pick(&load.good), pick(&load.bad))
    }

    /// A number that is another one for each caller.
    pub(crate) fn turn(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_slow_counts_at_once_and_is_forgotten_slowly() {
        let loads = Loads::new(2);
        let ends_after = |us| {
            loads.begin(0);
            loads.end(0, Some(Duration::from_micros(us)));
        };
        ends_after(100);
        ends_after(900);
        assert_eq!(loads.latency(0), 900);
        ends_after(100);
        assert_eq!(loads.latency(0), 800);
        for _ in 0..100 {
            ends_after(100);
        }
        assert_eq!(loads.latency(0), 100);
        assert_eq!((loads.busy(0), loads.latency(1)), (0, 0));
    }

    #[test]
    fn requests_are_counted_while_they_last() {
        let loads = Loads::new(1);
        loads.begin(0);
        loads.begin(0);
        loads.end(0, None);
        assert_eq!(loads.busy(0), 1);
        loads.end(0, None);
        loads.end(0, None);
        loads.begin(7);
        assert_eq!((loads.busy(0), loads.busy(7)), (0, 0));
    }

    #[test]
    fn outcomes_are_taken_once() {
        let loads = Loads::new(1);
        loads.outcome(0, Side::Read, true);
        loads.outcome(0, Side::Write, false);
        assert_eq!(loads.take_outcomes(0, Side::Read), (1, 0));
        assert_eq!(loads.take_outcomes(0, Side::Write), (0, 1));
        assert_eq!(loads.take_outcomes(0, Side::Write), (0, 0));
    }
}
