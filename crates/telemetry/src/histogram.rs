//! How long queries, transactions and waits take, as histograms of two significant digits.
//! Every worker records into its own; a reader merges them. The lock around a worker's histogram is
//! contended only while a reader adds it to its own sum, once per scrape.
//! Measured on 2 cores by `cargo run --release -p pgweir-telemetry --example cost`: one record 5 to 6 ns,
//! merging all three of two workers 10 µs; beside that, one look at the clock is 23 ns.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// From a request sent to a server to the end of its reply.
    Query,
    /// From the lending of a server to the end of the transaction.
    Transaction,
    /// From the wish for a server to its lending.
    Wait,
}

impl Timing {
    /// All of them.
    pub const ALL: &[Timing] = &[Self::Query, Self::Transaction, Self::Wait];
}

/// Longer times than this count as this: one hour, in microseconds.
pub const LONGEST_US: u64 = 3_600_000_000;

/// The histograms of one process: a recorder for each worker and one for anybody.
#[derive(Debug)]
pub struct Timings {
    workers: Box<[Recorder]>,
    shared: Recorder,
}

impl Timings {
    /// Room for `workers` worker threads, numbered from 0; about 80 kB for each.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self { workers: (0..workers).map(|_| Recorder::default()).collect(), shared: Recorder::default() }
    }

    /// The recorder of this worker. Any other number gives one that all such callers share.
    #[inline]
    #[must_use]
    pub fn worker(&self, worker: usize) -> &Recorder {
        self.workers.get(worker).unwrap_or(&self.shared)
    }

    /// Everything recorded so far by all workers.
    #[must_use]
    pub fn read(&self, timing: Timing) -> Distribution {
        let mut sum = Distribution::default();
        for recorder in self.workers.iter().chain([&self.shared]) {
            sum.absorb(&recorder.series(timing));
        }
        sum
    }
}

/// One worker's histograms.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Recorder {
    query: Mutex<Distribution>,
    transaction: Mutex<Distribution>,
    wait: Mutex<Distribution>,
}

impl Recorder {
    /// Records one time in microseconds.
    #[inline]
    pub fn record(&self, timing: Timing, us: u64) {
        self.series(timing).record(us);
    }

    /// A panic while the lock was held leaves numbers, not a broken structure: go on with them.
    fn series(&self, timing: Timing) -> MutexGuard<'_, Distribution> {
        let series = match timing {
            Timing::Query => &self.query,
            Timing::Transaction => &self.transaction,
            Timing::Wait => &self.wait,
        };
        series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of which length, and their sum.
#[derive(Debug, Clone)]
pub struct Distribution {
    histogram: Histogram<u64>,
    sum_us: u64,
}

impl Distribution {
    /// Adds one time in microseconds. The sum takes it whole, the histogram up to [`LONGEST_US`].
    #[inline]
    pub fn record(&mut self, us: u64) {
        self.histogram.saturating_record(us);
        self.sum_us = self.sum_us.saturating_add(us);
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The sum of all, in microseconds, exact.
    #[must_use]
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// How many took no longer than this, to within one percent of the length.
    #[must_use]
    pub fn at_or_below(&self, us: u64) -> u64 {
        self.histogram.count_between(0, us)
    }

    /// The time in microseconds that this share (0 to 1) did not exceed; 0 when nothing was recorded.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> u64 {
        self.histogram.value_at_quantile(share)
    }

    fn absorb(&mut self, other: &Self) {
        // Both have the same bounds, so nothing can be out of range.
        if self.histogram.add(&other.histogram).is_ok() {
            self.sum_us = self.sum_us.saturating_add(other.sum_us);
        }
    }
}

impl Default for Distribution {
    #[expect(clippy::expect_used, reason = "the bounds are constants that the constructor takes")]
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 2).expect("bounds 1 to one hour, 2 digits");
        Self { histogram, sum_us: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_merged_and_kinds_kept_apart() {
        let timings = Timings::new(2);
        for us in 1..=1_000 {
            timings.worker(usize::from(us % 2 == 0)).record(Timing::Query, us);
        }
        timings.worker(99).record(Timing::Query, 5_000_000);
        timings.worker(0).record(Timing::Wait, 7);

        let query = timings.read(Timing::Query);
        assert_eq!(query.count(), 1_001);
        assert_eq!(query.sum_us(), 500_500 + 5_000_000);
        assert_eq!(timings.read(Timing::Wait).sum_us(), 7);
        assert_eq!(timings.read(Timing::Transaction).count(), 0);
    }

    #[test]
    fn quantiles_and_counts_are_right_to_one_percent() {
        let mut all = Distribution::default();
        for us in 1..=100_000 {
            all.record(us);
        }
        for (share, want) in [(0.5, 50_000_f64), (0.99, 99_000.0), (1.0, 100_000.0)] {
            let got = all.quantile_us(share) as f64;
            assert!((got - want).abs() <= want * 0.01, "{share}: {got}");
        }
        for us in [100_u64, 2_500, 50_000] {
            let got = all.at_or_below(us) as f64;
            assert!((got - us as f64).abs() <= us as f64 * 0.01, "{us}: {got}");
        }
    }

    #[test]
    fn nothing_is_too_short_or_too_long() {
        let mut all = Distribution::default();
        assert_eq!(all.quantile_us(0.99), 0);
        all.record(0);
        all.record(u64::MAX);
        all.record(u64::MAX);
        assert_eq!((all.count(), all.sum_us()), (3, u64::MAX));
        assert_eq!(all.at_or_below(0), 1);
        assert!(all.quantile_us(1.0) >= LONGEST_US);
    }

    #[test]
    fn a_poisoned_recorder_goes_on() {
        let timings = std::sync::Arc::new(Timings::new(1));
        let inner = std::sync::Arc::clone(&timings);
        let died = std::thread::spawn(move || {
            let _held = inner.worker(0).series(Timing::Query);
            panic!("while the lock is held");
        });
        assert!(died.join().is_err());
        timings.worker(0).record(Timing::Query, 3);
        assert_eq!(timings.read(Timing::Query).count(), 1);
    }
}
