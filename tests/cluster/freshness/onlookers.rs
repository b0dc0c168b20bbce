//! Sessions that only read, while somebody writes the time: how old is what they see, and whom do they see it from?

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use testkit::{Client, Postgres, wait};

use super::MAX_LAG;
use crate::split::scene::Scene;

const READERS: usize = 2;
/// What is known of a lag may be as old as one round of questions, and everybody has work to do.
const OLDEST: Duration = Duration::from_secs(MAX_LAG + 2);

/// Sessions at work.
pub(super) struct Onlookers<'scope> {
    shared: Arc<Shared>,
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// When the number n was acknowledged.
    beats: Mutex<Vec<Instant>>,
    /// How often each port has answered.
    reads: Mutex<HashMap<String, usize>>,
}

impl<'scope> Onlookers<'scope> {
    pub(super) fn start(scene: &Scene, scope: &'scope Scope<'scope, '_>) -> Self {
        let shared = Arc::new(Shared::default());
        shared.beats.lock().unwrap().push(Instant::now());
        let mut threads = Vec::new();
        let (mut writer, at) = (scene.client(), Arc::clone(&shared));
        threads.push(scope.spawn(move || at.beat(&mut writer)));
        for _ in 0..READERS {
            let (mut reader, at) = (scene.client(), Arc::clone(&shared));
            threads.push(scope.spawn(move || at.read(&mut reader)));
        }
        Self { shared, threads }
    }

    pub(super) fn reads_from(&self, server: &Postgres) -> usize {
        self.shared.reads.lock().unwrap().get(&server.port().to_string()).copied().unwrap_or(0)
    }

    /// Waits until it has answered some more.
    #[track_caller]
    pub(super) fn wait_for_reads_from(&self, server: &Postgres) {
        let before = self.reads_from(server);
        wait::until(wait::PATIENCE, &format!("{} is read from", server.port()), || {
            assert!(!self.threads.iter().any(ScopedJoinHandle::is_finished), "one of them has failed");
            self.reads_from(server) >= before + 20
        });
    }

    /// Waits until what this server has is older than so many seconds.
    #[track_caller]
    pub(super) fn wait_until_older(&self, server: &Postgres, seconds: u64) {
        let mut door = server.door().open();
        wait::until(wait::PATIENCE, &format!("its data are {seconds} s old"), || {
            let has = door.rows("SELECT max(n) FROM beats").parse().unwrap();
            self.shared.age(has, Instant::now()) > Duration::from_secs(seconds)
        });
    }

    pub(super) fn stop(mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// Whoever has them work waits for their end, also when it has failed itself.
impl Drop for Onlookers<'_> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn beat(&self, writer: &mut Client) {
        let mut n = 0;
        while !self.stop.load(Ordering::Relaxed) {
            n += 1;
            writer.rows(&format!("INSERT INTO beats SELECT {n} FROM pg_sleep(0.005)"));
            self.beats.lock().unwrap().push(Instant::now());
        }
    }

    fn read(&self, reader: &mut Client) {
        while !self.stop.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let row = reader.rows("SELECT max(n), max(port) FROM beats, here");
            let (n, port) = row.split_once('|').unwrap();
            let age = self.age(n.parse().unwrap(), asked);
            assert!(age <= OLDEST, "what {port} has is {age:?} old");
            *self.reads.lock().unwrap().entry(port.to_owned()).or_default() += 1;
        }
    }

    /// How long ago the first that is missing behind `has` had been acknowledged.
    fn age(&self, has: usize, now: Instant) -> Duration {
        let missing = self.beats.lock().unwrap().get(has + 1).copied();
        missing.map_or(Duration::ZERO, |missing| now.saturating_duration_since(missing))
    }
}
