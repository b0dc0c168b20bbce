//! A lent server, and the wait for one. Both clean up after themselves when they are dropped: a checkout that
//! is not clean closes its connection, a waiter leaves the queue.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use net::Look;
use tokio::sync::oneshot;
use wire::frame;

use crate::connect;
use crate::error::Error;
use crate::pool::Pool;
use crate::server::{Clean, Mixed, Server};

/// Reports of an idle server are short; one with a longer message is not worth keeping.
const IDLE_MESSAGE: u32 = 4096;
/// So many reads of reports before a server is lent.
const MOST_REPORTS: u32 = 16;

/// A server that is lent to a client.
#[derive(Debug)]
pub struct Checkout {
    pool: Arc<Pool>,
    server: Option<Box<Server>>,
}

impl Checkout {
    pub(crate) fn new(pool: Arc<Pool>, server: Box<Server>) -> Self {
        Self { pool, server: Some(server) }
    }

    /// The pool it is from.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The server.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the server leaves only with the checkout itself")]
    pub fn server(&self) -> &Server {
        self.server.as_deref().expect("a checkout has its server until it ends")
    }

    /// The server.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the server leaves only with the checkout itself")]
    pub fn server_mut(&mut self) -> &mut Server {
        self.server.as_deref_mut().expect("a checkout has its server until it ends")
    }

    /// The pool and the server.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the server leaves only with the checkout itself")]
    pub fn parts(&mut self) -> (&Arc<Pool>, &mut Server) {
        (&self.pool, self.server.as_deref_mut().expect("a checkout has its server until it ends"))
    }

    /// The next client may have it, from `now` on.
    pub fn give_back(mut self, _proof: Clean, now: Instant) {
        if let Some(server) = self.server.take() {
            let home = server.age.home;
            self.pool.place(server, home, now);
        }
    }

    /// The connection is of no use any more.
    pub fn close(mut self) {
        self.end();
    }

    /// Makes the server this client's, on this worker. False: the socket could not be moved.
    pub fn adopt(&mut self, worker: usize, client: u64) -> bool {
        let server = self.server_mut();
        server.card.client.store(client, Ordering::Relaxed);
        // portals end with their transaction
        server.held.forgetful = false;
        server.held.lend();
        server.held.naming = None;
        server.mixed = Mixed::No;
        if server.age.home == worker {
            return true;
        }
        server.age.home = worker;
        server.channel.stream.rehome().is_ok()
    }

    /// Asks the kernel whether the connection still stands, and takes in what the server said while idle.
    pub(crate) fn still_stands(&mut self) -> bool {
        let server = self.server_mut();
        // its last words may be a notice, so what it said is no sign of life; one that never stops is no use
        for _ in 0..MOST_REPORTS {
            match server.channel.stream.look() {
                Look::Nothing => return true,
                Look::Bytes if take_in(server) => {}
                Look::Bytes | Look::Closed | Look::Failed(_) => return false,
            }
        }
        false
    }

    /// Takes in what the server has said behind its last reply; false if that means that it goes away.
    pub fn hear_out(&mut self) -> bool {
        absorb(self.server_mut())
    }

    pub(crate) fn take(&mut self) -> Option<Box<Server>> {
        self.server.take()
    }

    fn end(&mut self) {
        if let Some(server) = self.server.take() {
            let home = server.age.home;
            connect::farewell(server, Some(home));
            self.pool.lost(home);
        }
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        match self.server.as_deref().and_then(Server::clean) {
            Some(_proof) => {
                if let Some(server) = self.server.take() {
                    let home = server.age.home;
                    self.pool.place(server, home, Instant::now());
                }
            }
            None => self.end(),
        }
    }
}

/// A server may report changed parameters and notices at any time; anything else means that it is going away.
fn take_in(server: &mut Server) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    matches!(server.channel.poll_fill(&mut cx), Poll::Ready(Ok(1..))) && absorb(server)
}

/// Takes what is in the inbox, if it is what an idle server may say.
fn absorb(server: &mut Server) -> bool {
    loop {
        let Ok(head) = frame::head(&server.channel.inbox, IDLE_MESSAGE) else { return false };
        let Some(head) = head else { break };
        let Some(body) = frame::body(&server.channel.inbox, head) else { break };
        match head.tag {
            b'S' => {
                let Ok((name, value)) = wire::backend::params::parse(body) else { return false };
                let name = String::from_utf8_lossy(name).into_owned();
                let value = String::from_utf8_lossy(value).into_owned();
                server.parameter(&name, &value);
            }
            b'N' | b'A' => {}
            _ => return false,
        }
        server.channel.consume(head.total());
    }
    server.channel.inbox.is_empty()
}

/// A client's place in the queue.
#[derive(Debug)]
pub struct Waiting {
    pool: Arc<Pool>,
    worker: usize,
    ticket: u64,
    receiver: oneshot::Receiver<Result<Checkout, Error>>,
}

impl Waiting {
    pub(crate) fn new(
        pool: Arc<Pool>,
        worker: usize,
        ticket: u64,
        receiver: oneshot::Receiver<Result<Checkout, Error>>,
    ) -> Self {
        Self { pool, worker, ticket, receiver }
    }
}

impl Future for Waiting {
    type Output = Result<Checkout, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx).map(|sent| sent.unwrap_or(Err(Error::ShuttingDown)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pool.leave(self.worker, self.ticket);
    }
}
