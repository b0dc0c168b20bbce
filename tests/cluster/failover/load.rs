//! A mixed load: sessions that write, each row once, and sessions that read; what they were told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use testkit::{Client, Connect, Proxy, messages, wait};

/// Sessions at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What was written and acknowledged.
    pub(crate) acknowledged: Vec<String>,
    /// The SQLSTATEs that each session got, or what else it met.
    pub(crate) errors: Vec<(String, Vec<String>)>,
}

struct Shared {
    stop: AtomicBool,
    done: Vec<AtomicUsize>,
    outcome: Mutex<Outcome>,
}

impl Load {
    /// So many sessions of each kind.
    pub(crate) fn start(proxy: &Proxy, writers: usize, readers: usize) -> Self {
        let done = (0..writers + readers).map(|_| AtomicUsize::new(0)).collect();
        let shared = Arc::new(Shared { stop: AtomicBool::new(false), done, outcome: Mutex::default() });
        let session = |number: usize| {
            let (shared, connect) = (Arc::clone(&shared), proxy.connect());
            thread::spawn(move || work(&shared, &connect, number, number < writers))
        };
        let threads = (0..writers + readers).map(session).collect();
        Self { shared, threads }
    }

    /// Waits until every session has been answered so many times more.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, n: usize) {
        let done = |at: &AtomicUsize| at.load(Ordering::Relaxed);
        let before: Vec<usize> = self.shared.done.iter().map(done).collect();
        wait::until(wait::PATIENCE, "every session is answered", || {
            self.shared.done.iter().zip(&before).all(|(now, before)| done(now) >= before + n)
        });
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Outcome {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        std::mem::take(&mut *self.shared.outcome.lock().unwrap())
    }
}

fn work(shared: &Shared, connect: &Connect, number: usize, writes: bool) {
    let (mut acknowledged, mut errors) = (Vec::new(), Vec::new());
    let mut client = connect.open();
    let mut turn = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        turn += 1;
        let id = format!("{number}-{turn}");
        let insert = format!("INSERT INTO ledger VALUES ('{id}')");
        // in one statement, or in a transaction
        let statements: &[&str] = match (writes, turn % 3) {
            (false, _) => &["SELECT count(*) FROM ledger"],
            (true, 0) => &["BEGIN", &insert, "COMMIT"],
            (true, _) => &[&insert],
        };
        match statements.iter().try_for_each(|sql| ask(&mut client, sql)) {
            Ok(()) => {
                acknowledged.extend(writes.then_some(id));
                shared.done[number].fetch_add(1, Ordering::Relaxed);
            }
            Err(met) => {
                errors.push(met);
                client = connect.open();
            }
        }
    }
    let mut outcome = shared.outcome.lock().unwrap();
    outcome.acknowledged.append(&mut acknowledged);
    outcome.errors.push((format!("session {number}"), errors));
}

/// Asks, and reads the whole answer; or what the client was told, before its connection was closed or not.
fn ask(client: &mut Client, sql: &str) -> Result<(), String> {
    client.try_send(&messages::query(sql)).map_err(|error| error.to_string())?;
    let mut told = Vec::new();
    loop {
        match client.try_read_message() {
            Ok(message) if message.tag == b'Z' => break,
            Ok(message) => told.extend(message.error().filter(|_| message.tag == b'E')),
            Err(error) if told.is_empty() => return Err(error.to_string()),
            Err(_) => break,
        }
    }
    let codes: Vec<&str> = told.iter().map(|error| error.code()).collect();
    if codes.is_empty() { Ok(()) } else { Err(codes.join(" ")) }
}
