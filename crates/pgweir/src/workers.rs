//! Worker threads: each has a runtime of its own, and a client lives on one of them.
//!
//! No client's request wakes another thread. The first worker is the main thread; it also accepts, and hands
//! every connection to the worker that [`balance`] names. Now and then a client is told to move on: between two
//! requests its session goes, with everything in it, to a worker that has less to do.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use net::Incoming;
use session::card::Order;
use session::{Hub, Moving};
use telemetry::WorkerFigures;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::balance::{self, Load, Meter};

/// Sessions handed to a worker that it has not taken yet.
const HANDED: usize = 1024;
/// A client that has asked for something so lately is part of its worker's load.
const LATELY: Duration = Duration::from_secs(1);

/// The threads.
pub(crate) struct Workers {
    main: Runtime,
    first: mpsc::Receiver<Handed>,
    desk: Desk,
}

/// Where sessions are handed out.
#[derive(Clone)]
pub(crate) struct Desk {
    hub: Arc<Hub>,
    lanes: Arc<[Lane]>,
}

struct Lane {
    clients: AtomicUsize,
    meter: Meter,
    sender: mpsc::Sender<Handed>,
}

/// What a worker is given.
enum Handed {
    New(Incoming),
    Moving(Moving),
}

impl Workers {
    /// Starts all threads but the first, which is the caller's.
    ///
    /// # Errors
    /// The system gives no thread or no runtime.
    pub(crate) fn start(count: usize, hub: &Arc<Hub>) -> io::Result<Self> {
        let main = runtime()?;
        let (mut lanes, mut receivers) = (Vec::new(), Vec::new());
        for _ in 0..count.max(1) {
            let (sender, receiver) = mpsc::channel(HANDED);
            lanes.push(Lane { clients: AtomicUsize::new(0), meter: Meter::default(), sender });
            receivers.push(receiver);
        }
        let desk = Desk { hub: Arc::clone(hub), lanes: lanes.into() };
        let mut receivers = receivers.into_iter();
        let Some(first) = receivers.next() else { return Err(io::ErrorKind::InvalidInput.into()) };
        for (worker, receiver) in (1..).zip(receivers) {
            let (desk, runtime) = (desk.clone(), runtime()?);
            thread::Builder::new()
                .name(format!("worker-{worker}"))
                .spawn(move || runtime.block_on(work(desk, receiver, worker)))?;
        }
        Ok(Self { main, first, desk })
    }

    /// Where sessions are handed out.
    pub(crate) fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Runs `task` on the first worker to its end; with it everything ends.
    pub(crate) fn run<T>(self, task: impl Future<Output = T>) -> T {
        let Self { main, first, desk } = self;
        main.block_on(async move {
            tokio::spawn(work(desk, first, 0));
            task.await
        })
    }
}

impl Desk {
    /// Client connections that are open, logged in or not.
    pub(crate) fn connections(&self) -> u64 {
        let open: usize = self.lanes.iter().map(|lane| lane.clients.load(Ordering::Relaxed)).sum();
        u64::try_from(open).unwrap_or(u64::MAX)
    }

    /// What each worker carries.
    pub(crate) fn figures(&self) -> Vec<WorkerFigures> {
        let lanes = self.lanes.iter().enumerate();
        lanes
            .map(|(worker, lane)| WorkerFigures {
                name: worker.to_string(),
                clients: u64::try_from(lane.clients.load(Ordering::Relaxed)).unwrap_or(u64::MAX),
                cpu: lane.meter.cpu(),
            })
            .collect()
    }

    /// Gives a connection to a worker. Must be called on the first.
    pub(crate) fn hand_out(&self, incoming: Incoming) {
        match balance::place(&self.loads()) {
            0 => serve(self.clone(), Handed::New(incoming), 0),
            worker => {
                let lane = self.lanes.get(worker);
                if lane.is_none_or(|lane| lane.sender.try_send(Handed::New(incoming)).is_err()) {
                    // it has a thousand waiting already: the connection is closed, and the client may try again
                    self.hub.events.count(telemetry::Event::ClientsRefused);
                }
            }
        }
    }

    /// Measures what the workers have to do, and tells clients to move off one that is full.
    pub(crate) fn balance(&self, now: Instant) {
        for lane in self.lanes.iter() {
            lane.meter.measure(now);
        }
        let Some(relief) = balance::relief(&self.loads()) else { return };
        let mut there: Vec<_> =
            self.hub.registry.all().into_iter().filter(|card| card.worker() == relief.from).collect();
        let lately = now.checked_sub(LATELY);
        there.retain(|card| card.requested() > lately);
        let moving = relief.of(there.len());
        tracing::debug!(from = relief.from, moving, "a worker is full: clients move to others");
        for card in there.into_iter().take(moving) {
            card.order(Order::Move);
        }
    }

    /// A session leaves its worker for the one that has least to do.
    fn move_on(&self, moving: Moving, from: usize) {
        let to = balance::least(&self.loads());
        let refused = match self.lanes.get(to) {
            Some(lane) if to != from => lane.sender.try_send(Handed::Moving(moving)).err(),
            Some(_) | None => return serve(self.clone(), Handed::Moving(moving), from),
        };
        if let Some(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) = refused
        {
            serve(self.clone(), back, from);
        }
    }

    fn loads(&self) -> Vec<Load> {
        let lanes = self.lanes.iter();
        lanes
            .map(|lane| Load { share: lane.meter.share(), clients: lane.clients.load(Ordering::Relaxed) })
            .collect()
    }
}

async fn work(desk: Desk, mut handed: mpsc::Receiver<Handed>, worker: usize) {
    if let Some(lane) = desk.lanes.get(worker) {
        lane.meter.begin();
    }
    while let Some(handed) = handed.recv().await {
        serve(desk.clone(), handed, worker);
    }
}

/// Serves a client on the calling worker.
fn serve(desk: Desk, handed: Handed, worker: usize) {
    let present = Present::on(desk, worker);
    tokio::spawn(async move {
        let leaving = match handed {
            Handed::New(incoming) => {
                present.desk.hub.events.count(telemetry::Event::ClientConnected);
                session::run(Arc::clone(&present.desk.hub), incoming, worker).await
            }
            Handed::Moving(moving) => moving.go_on(worker).await,
        };
        if let Some(moving) = leaving {
            present.desk.move_on(moving, worker);
        }
    });
}

/// A client on a worker, counted for as long as its task lives, however that ends.
struct Present {
    desk: Desk,
    worker: usize,
}

impl Present {
    fn on(desk: Desk, worker: usize) -> Self {
        if let Some(lane) = desk.lanes.get(worker) {
            lane.clients.fetch_add(1, Ordering::Relaxed);
        }
        Self { desk, worker }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(lane) = self.desk.lanes.get(self.worker) {
            lane.clients.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
