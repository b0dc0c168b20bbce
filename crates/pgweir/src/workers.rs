//! Worker threads: each has a runtime of its own, and a client stays on the worker it was given to.
//!
//! No client's request wakes another thread. The first worker is the main thread; it also accepts, and hands
//! every connection to the worker with the fewest.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use net::Incoming;
use session::Hub;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// Connections handed to a worker that it has not taken yet.
const HANDED: usize = 1024;

/// The threads.
pub(crate) struct Workers {
    main: Runtime,
    desk: Desk,
}

/// Where connections are handed out.
#[derive(Clone)]
pub(crate) struct Desk {
    hub: Arc<Hub>,
    lanes: Arc<[Lane]>,
}

struct Lane {
    clients: Arc<AtomicUsize>,
    /// None for the first worker, on which the connections are accepted.
    sender: Option<mpsc::Sender<Incoming>>,
}

impl Workers {
    /// Starts all threads but the first, which is the caller's.
    ///
    /// # Errors
    /// The system gives no thread or no runtime.
    pub(crate) fn start(count: usize, hub: &Arc<Hub>) -> io::Result<Self> {
        let main = runtime()?;
        let mut lanes = vec![Lane { clients: Arc::default(), sender: None }];
        for worker in 1..count {
            let (sender, receiver) = mpsc::channel(HANDED);
            let clients = Arc::<AtomicUsize>::default();
            let (hub, counted) = (Arc::clone(hub), Arc::clone(&clients));
            let runtime = runtime()?;
            thread::Builder::new()
                .name(format!("worker-{worker}"))
                .spawn(move || runtime.block_on(work(hub, receiver, counted, worker)))?;
            lanes.push(Lane { clients, sender: Some(sender) });
        }
        Ok(Self { main, desk: Desk { hub: Arc::clone(hub), lanes: lanes.into() } })
    }

    /// Where connections are handed out.
    pub(crate) fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Runs `task` on the first worker to its end; with it everything ends.
    pub(crate) fn run<T>(self, task: impl Future<Output = T>) -> T {
        self.main.block_on(task)
    }
}

impl Desk {
    /// Client connections that are open, logged in or not.
    pub(crate) fn connections(&self) -> u64 {
        let open: usize = self.lanes.iter().map(|lane| lane.clients.load(Ordering::Relaxed)).sum();
        u64::try_from(open).unwrap_or(u64::MAX)
    }

    /// Gives a connection to the worker with the fewest clients.
    pub(crate) fn hand_out(&self, incoming: Incoming) {
        let fewest = self.lanes.iter().min_by_key(|lane| lane.clients.load(Ordering::Relaxed));
        let Some(lane) = fewest else { return };
        lane.clients.fetch_add(1, Ordering::Relaxed);
        match &lane.sender {
            None => serve(Arc::clone(&self.hub), incoming, Arc::clone(&lane.clients), 0),
            Some(sender) => {
                if sender.try_send(incoming).is_err() {
                    // it has a thousand waiting already: the connection is closed, and the client may try again
                    lane.clients.fetch_sub(1, Ordering::Relaxed);
                    self.hub.events.count(telemetry::Event::ClientsRefused);
                }
            }
        }
    }
}

async fn work(
    hub: Arc<Hub>,
    mut incoming: mpsc::Receiver<Incoming>,
    clients: Arc<AtomicUsize>,
    worker: usize,
) {
    while let Some(connection) = incoming.recv().await {
        serve(Arc::clone(&hub), connection, Arc::clone(&clients), worker);
    }
}

fn serve(hub: Arc<Hub>, incoming: Incoming, clients: Arc<AtomicUsize>, worker: usize) {
    hub.events.count(telemetry::Event::ClientConnected);
    let present = Present(clients);
    tokio::spawn(async move {
        session::run(hub, incoming, worker).await;
        drop(present);
    });
}

/// A client on a worker, counted for as long as its task lives, however that ends.
struct Present(Arc<AtomicUsize>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
