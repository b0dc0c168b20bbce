//! Clients that write and clients that read, and when they were answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use testkit::{Client, Connect, Proxy, wait};

/// Of each kind.
const CLIENTS: usize = 4;

/// Clients at work; they end with it.
pub(super) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    reads: AtomicUsize,
    done: Mutex<Vec<Done>>,
}

/// One request.
#[derive(Clone, Copy)]
struct Done {
    writes: bool,
    begun: Instant,
    ended: Instant,
    good: bool,
}

impl Load {
    pub(super) fn start(proxy: &Proxy) -> Self {
        let shared = Arc::new(Shared::default());
        let client = |number: usize| {
            let (shared, connect) = (Arc::clone(&shared), proxy.connect());
            thread::spawn(move || shared.work(&connect, number < CLIENTS))
        };
        let threads = (0..2 * CLIENTS).map(client).collect();
        Self { shared, threads }
    }

    /// Waits until there were so many more reads.
    pub(super) fn wait_for_more(&self, n: usize) {
        let reads = || self.shared.reads.load(Ordering::Relaxed);
        let before = reads();
        wait::until(wait::PATIENCE, "clients are answered", || reads() >= before + n);
    }

    /// How long after this moment a write was acknowledged.
    pub(super) fn first_write_since(&self, since: Instant) -> Duration {
        let acknowledged = |done: &&Done| done.writes && done.good && done.ended >= since;
        wait::until_some(wait::PATIENCE, "a write is acknowledged", || {
            self.shared.done().iter().filter(acknowledged).map(|done| done.ended - since).min()
        })
    }

    /// When the last read began that failed, or took longer than this.
    pub(super) fn last_bad_read(&self, slow: Duration) -> Option<Instant> {
        let bad = |done: &&Done| !done.writes && (!done.good || done.ended - done.begun > slow);
        self.shared.done().iter().filter(bad).map(|done| done.begun).max()
    }

    pub(super) fn stop(self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // one that has failed has said so
            let _ended = thread.join();
        }
    }
}

impl Shared {
    fn work(&self, connect: &Connect, writes: bool) {
        let sql = if writes { "INSERT INTO t VALUES (1)" } else { "SELECT count(*) FROM t WHERE a = 0" };
        let mut client: Option<Client> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let asked = match client.take().map_or_else(|| connect.try_open(), Ok) {
                Ok(mut open) => open.try_rows(sql).map(|_| open),
                Err(error) => Err(error),
            };
            let good = asked.is_ok();
            client = asked.ok();
            self.reads.fetch_add(usize::from(!writes), Ordering::Relaxed);
            self.done().push(Done { writes, begun, ended: Instant::now(), good });
        }
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Vec<Done>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
