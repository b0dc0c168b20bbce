//! Counters of one pool, written without locks and without atomic read-modify-write: every worker thread
//! has a slot of its own and is the only one to write there; a reader adds the slots up.
//! Every counter only grows for as long as the pool lives. A sum read while workers write may be ahead
//! in one counter and behind in another by what is just being counted; once they rest it is exact.
//! It measures no time itself and knows nothing of gauges: those are looked at when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Declares each counter once, and from that the slot's cells, its `add_…` methods and the totals.
macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident, $add:ident;)+) => {
        /// The counters of one pool summed over all workers, by PgBouncer's names (times end in their unit).
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct Totals { $($(#[$doc])* pub $field: u64,)+ }

        impl Totals {
            /// What was counted between an earlier look and this one; nothing where `earlier` is ahead.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                Self { $($field: self.$field.saturating_sub(earlier.$field),)+ }
            }
        }

        impl std::ops::AddAssign for Totals {
            fn add_assign(&mut self, other: Self) {
                $(self.$field = self.$field.wrapping_add(other.$field);)+
            }
        }

        #[derive(Debug, Default)]
        struct Cells { $($field: AtomicU64,)+ }

        impl Cells {
            fn read(&self) -> Totals {
                Totals { $($field: self.$field.load(Relaxed),)+ }
            }
        }

        impl Slot {
            $($(#[$doc])* #[inline] pub fn $add(&self, n: u64) { self.add(&self.cells.$field, n); })+
        }
    };
}

counters! {
    /// Times a server was lent to a client of this pool.
    server_assignment_count, add_server_assignment_count;
    /// Transactions ended, single statements outside a block included.
    xact_count, add_xact_count;
    /// Requests answered: one for each simple query and each Sync with something to run before it.
    query_count, add_query_count;
    /// Bytes read from clients.
    bytes_received, add_bytes_received;
    /// Bytes written to clients.
    bytes_sent, add_bytes_sent;
    /// Microseconds a client held a server, from the first request of a transaction to its end.
    xact_time_us, add_xact_time_us;
    /// Microseconds between a request sent to a server and the end of its reply.
    query_time_us, add_query_time_us;
    /// Microseconds clients waited for a server.
    wait_time_us, add_wait_time_us;
    /// Prepared statements that clients made: their Parse messages.
    client_parse_count, add_client_parse_count;
    /// Prepared statements made on servers for them: Parse messages sent to a server.
    server_parse_count, add_server_parse_count;
    /// Prepared statements bound for execution: Bind messages sent to a server.
    bind_count, add_bind_count;
    /// Clients that logged in.
    client_login_count, add_client_login_count;
}

/// The statistics of one (database, user) pool: one slot for each worker and one that anybody may use.
#[derive(Debug)]
pub struct PoolStats {
    slots: Box<[Slot]>,
    shared: Slot,
}

impl PoolStats {
    /// Room for `workers` worker threads, numbered from 0.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        let slots = (0..workers).map(|_| Slot::default()).collect();
        Self { slots, shared: Slot { shared: true, ..Slot::default() } }
    }

    /// The slot of this worker. Only the thread with that number may add to it, or counts are lost.
    /// A number that no worker has gives a slot that any thread may use, at a higher price.
    #[inline]
    #[must_use]
    pub fn slot(&self, worker: usize) -> &Slot {
        self.slots.get(worker).unwrap_or(&self.shared)
    }

    /// The slot that any thread may add to: for what is counted outside the workers.
    #[must_use]
    pub fn shared(&self) -> &Slot {
        &self.shared
    }

    /// Everything counted so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut sum = self.shared.cells.read();
        for slot in &self.slots {
            sum += slot.cells.read();
        }
        sum
    }
}

/// One worker's counters, alone on its cache lines so that no other worker's writes slow them down.
// 128: x86 fetches cache lines in pairs, and some ARM cores have lines of that size.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Slot {
    cells: Cells,
    shared: bool,
}

impl Slot {
    /// With one writer a load and a store lose nothing, and cost a fraction of a locked instruction.
    #[inline]
    fn add(&self, cell: &AtomicU64, n: u64) {
        if self.shared {
            cell.fetch_add(n, Relaxed);
        } else {
            cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
        }
    }
}

/// Microseconds, as the counters take them.
#[inline]
#[must_use]
pub fn micros(time: Duration) -> u64 {
    // not as_micros: that divides 128 bits
    time.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(time.subsec_micros()))
}

impl std::iter::Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn distinct(slot: &Slot) {
        slot.add_server_assignment_count(1);
        slot.add_xact_count(2);
        slot.add_query_count(3);
        slot.add_bytes_received(4);
        slot.add_bytes_sent(5);
        slot.add_xact_time_us(6);
        slot.add_query_time_us(7);
        slot.add_wait_time_us(8);
        slot.add_client_parse_count(9);
        slot.add_server_parse_count(10);
        slot.add_bind_count(11);
        slot.add_client_login_count(12);
    }

    #[test]
    fn every_counter_is_its_own() {
        let stats = PoolStats::new(2);
        distinct(stats.slot(0));
        distinct(stats.slot(1));
        distinct(stats.shared());
        let want = Totals {
            server_assignment_count: 3,
            xact_count: 6,
            query_count: 9,
            bytes_received: 12,
            bytes_sent: 15,
            xact_time_us: 18,
            query_time_us: 21,
            wait_time_us: 24,
            client_parse_count: 27,
            server_parse_count: 30,
            bind_count: 33,
            client_login_count: 36,
        };
        assert_eq!(stats.totals(), want);
        assert_eq!([stats.totals(), stats.totals()].into_iter().sum::<Totals>().query_count, 18);
        assert_eq!(want.since(&want), Totals::default());
        assert_eq!(Totals::default().since(&want), Totals::default());
    }

    #[test]
    fn threads_lose_nothing_while_somebody_reads() {
        let stats = Arc::new(PoolStats::new(2));
        let threads: Vec<_> = [0, 1, 7, 8] // two workers, and two threads that share a slot
            .into_iter()
            .map(|worker| {
                let stats = Arc::clone(&stats);
                std::thread::spawn(move || (0..50_000).for_each(|_| stats.slot(worker).add_query_count(1)))
            })
            .collect();
        let mut seen = 0;
        while seen < 200_000 && threads.iter().any(|thread| !thread.is_finished()) {
            let now = stats.totals().query_count;
            assert!(now >= seen, "went from {seen} back to {now}");
            seen = now;
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(stats.totals().query_count, 200_000);
    }

    #[test]
    fn slots_share_no_cache_line() {
        assert_eq!(size_of::<Slot>() % 128, 0);
        assert!(size_of::<Slot>() <= 128, "{}", size_of::<Slot>());
    }
}
