//! Which worker a client belongs on: on as few as carry the load.
//!
//! A worker that has more to do at a time sleeps and wakes less often, and servers need not change hands
//! between threads, so the same work costs less CPU on one worker than on two (docs/performance.md). Only when
//! one comes near to what a core can do does another take clients from it.
//!
//! What a worker has to do is the CPU time of its thread, as the kernel counts it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The part of a core, in thousandths, up to which a worker gets new clients while others have none.
const ROOM: u64 = 500;
/// From here on a worker is full, and clients move off it.
const FULL: u64 = 600;
/// They move only to one that has so much less to do.
const GAP: u64 = 200;
/// Measured over no less than this.
const PERIOD: Duration = Duration::from_millis(200);

/// What a worker carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// The part of a core that it used lately, in thousandths; `None` where the kernel does not tell.
    pub(crate) share: Option<u64>,
    /// Clients, idle ones included.
    pub(crate) clients: usize,
}

/// Clients are to move off a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relief {
    /// The one that is full.
    pub(crate) from: usize,
    /// Which part of its load is to go, in thousandths.
    part: u64,
}

impl Relief {
    /// How many of so many busy clients that is; one alone cannot be divided.
    pub(crate) fn of(self, busy: usize) -> usize {
        if busy < 2 { 0 } else { (busy * usize::try_from(self.part).unwrap_or(0)).div_ceil(1000) }
    }
}

/// The worker for a new client: the first that has room, else the one with the least to do. Where nothing can
/// be measured, the one with the fewest clients.
pub(crate) fn place(loads: &[Load]) -> usize {
    let roomy = |load: &Load| load.share.is_some_and(|share| share < ROOM);
    loads.iter().position(roomy).unwrap_or_else(|| least(loads))
}

/// The worker with the least to do.
pub(crate) fn least(loads: &[Load]) -> usize {
    let by = |(_, load): &(usize, &Load)| (load.share.unwrap_or(0), load.clients);
    loads.iter().enumerate().min_by_key(by).map_or(0, |(at, _)| at)
}

/// Whether a worker needs relief: half of what it has to do more than the one with the least goes there.
pub(crate) fn relief(loads: &[Load]) -> Option<Relief> {
    let share = |load: &Load| load.share.unwrap_or(0);
    let (from, most) = loads.iter().map(share).enumerate().max_by_key(|(_, share)| *share)?;
    let gap = most.saturating_sub(loads.iter().map(share).min()?);
    (most >= FULL && gap >= GAP).then(|| Relief { from, part: gap * 500 / most })
}

/// Measures the CPU time of a worker's thread.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Where the kernel tells it; set by the thread itself.
    file: OnceLock<PathBuf>,
    last: Mutex<Option<(Instant, Duration)>>,
    /// Thousandths of a core, and one more; 0: not measured.
    share: AtomicU64,
}

impl Meter {
    /// The calling thread is the one to measure.
    pub(crate) fn begin(&self) {
        if let Ok(thread) = fs::read_link("/proc/thread-self") {
            let _again = self.file.set(PathBuf::from("/proc").join(thread).join("schedstat"));
            self.measure(Instant::now());
            // it has done nothing yet
            self.share.store(u64::from(self.cpu().is_some()), Ordering::Relaxed);
        }
    }

    /// The CPU time of the thread since it began.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let text = fs::read_to_string(self.file.get()?).ok()?;
        text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    }

    /// Looks again, unless it has just been done.
    pub(crate) fn measure(&self, now: Instant) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|(at, _)| now.saturating_duration_since(at) < PERIOD) {
            return;
        }
        let Some(cpu) = self.cpu() else { return };
        if let Some((at, before)) = last.replace((now, cpu)) {
            let wall = now.saturating_duration_since(at).as_micros().max(1);
            let share = cpu.saturating_sub(before).as_micros() * 1000 / wall;
            self.share.store(u64::try_from(share).unwrap_or(u64::MAX).saturating_add(1), Ordering::Relaxed);
        }
    }

    /// The part of a core used in the last period, in thousandths.
    pub(crate) fn share(&self) -> Option<u64> {
        self.share.load(Ordering::Relaxed).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(shares: &[u64]) -> Vec<Load> {
        shares.iter().map(|share| Load { share: Some(*share), clients: 1 }).collect()
    }

    #[test]
    fn clients_come_together_until_a_worker_has_enough_to_do() {
        assert_eq!(place(&loads(&[0, 0, 0])), 0);
        assert_eq!(place(&loads(&[499, 0, 0])), 0);
        assert_eq!(place(&loads(&[500, 0, 0])), 1);
        assert_eq!(place(&loads(&[700, 550, 520])), 2);
    }

    #[test]
    fn where_nothing_is_measured_the_fewest_clients_count() {
        let load = |clients| Load { share: None, clients };
        let loads = [load(3), load(1), load(2)];
        assert_eq!((place(&loads), relief(&loads)), (1, None));
    }

    #[test]
    fn a_full_worker_gives_up_half_of_what_it_has_too_much() {
        assert_eq!(relief(&loads(&[599, 0])), None);
        assert_eq!(relief(&loads(&[900, 701])), None, "the other is no better off");
        let relief = relief(&loads(&[100, 800, 400])).unwrap();
        assert_eq!((relief.from, relief.part), (1, 437));
        assert_eq!((relief.of(16), relief.of(2), relief.of(1), relief.of(0)), (7, 1, 0, 0));
    }

    #[test]
    fn a_thread_that_works_is_seen_to() {
        let meter = Meter::default();
        assert_eq!(meter.share(), None);
        meter.begin();
        assert_eq!(meter.share(), Some(0));
        let (start, before) = (Instant::now(), meter.cpu().unwrap());
        while meter.cpu().unwrap() < before + Duration::from_millis(50) {}
        meter.measure(start + PERIOD);
        assert!(meter.share().unwrap() >= 100, "{meter:?}");
    }
}
