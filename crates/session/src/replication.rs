//! Replication connections: a client that asks for one in its start-up message gets a server connection of its own,
//! opened for it with its start-up parameters and closed with it.
//!
//! What the two say to each other passes as it is: commands of replication, SQL, COPY in both directions at once.
//! Only the heads of the server's messages are looked at, so that words of ours never come in the middle of one.
//! No limits in time hold here but that on the log-in; nothing is kept for a side that does not take what it was given.
//!
//! | ends when | the client |
//! |---|---|
//! | it leaves | is gone |
//! | the server ends the connection | has the server's own error, or 08006 |
//! | an administrator kills it, its server is the primary no more, or pgweir goes down while it streams or is idle | is told 57P01 |

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use config::PoolMode;
use pool::Pool;
use pool::own::Own;
use telemetry::Event;
use wire::backend::{key, params, ready};
use wire::startup::Startup;
use wire::{TxStatus, frame};

use crate::announce;
use crate::card::Order;
use crate::client::Client;
use crate::error::Error;
use crate::session::Session;

/// What a start-up message names that is put in anew.
const OURS: [&str; 2] = ["user", "database"];
/// The longest message PostgreSQL can send.
const LARGEST: u32 = 0x7fff_ffff;
/// Terminate.
const GOODBYE: &[u8] = b"X\0\0\0\x04";

/// Whether a client asks for replication.
pub(crate) fn is_asked_for(startup: &Startup) -> bool {
    let off = |value: &str| ["false", "off", "no", "0"].iter().any(|off| value.eq_ignore_ascii_case(off));
    startup.get("replication").is_some_and(|value| !off(value))
}

/// Whether it is physical replication, which is for no database: to access rules a thing of its own.
pub(crate) fn is_physical(startup: &Startup) -> bool {
    is_asked_for(startup) && startup.get("replication") != Some("database")
}

/// Opens the client's server connection, and greets the client as that server has greeted us.
///
/// # Errors
/// There is no server connection to be had.
pub(crate) async fn open(session: &mut Session, startup: &Startup, secret: &[u8]) -> Result<Box<Own>, Error> {
    let asked = startup.params.iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
    let asked: Vec<_> = asked.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let own = Own::open(&session.pool, session.client.card.id, &asked).await?;
    let announce = session.hub.directory.config().listen.announce;
    let client = &mut session.client;
    let out = client.channel.queue();
    for (name, value) in &own.reported {
        params::write(out, name.as_bytes(), value.as_bytes()).map_err(Error::protocol)?;
    }
    if announce {
        announce::write(out, PoolMode::Session).map_err(Error::protocol)?;
    }
    key::write(out, client.card.pid, secret).map_err(Error::protocol)?;
    ready::write(out, TxStatus::Idle);
    Ok(Box::new(own))
}

/// Serves the client until one side ends it.
///
/// # Errors
/// Why it ended, if the client did not just leave.
pub(crate) async fn serve(session: &mut Session, own: Box<Own>) -> Result<(), Error> {
    let card = Arc::clone(&session.client.card);
    card.link(&own.card, Instant::now());
    // its server runs nobody else's query: a cancel is welcome at any time
    card.set_busy(true);
    let pool = Arc::clone(&session.pool);
    tracing::info!(client = card.id, server = own.card.id, "replication connection");
    let (client, worker) = (&mut session.client, session.worker);
    let mut tunnel = Tunnel { client, own, pool, worker, left: 0, doing: Doing::Idle, said_goodbye: false };
    let ended = (&mut tunnel).await;
    tunnel.client.torn = tunnel.left > 0;
    let goodbye = tunnel.said_goodbye;
    card.unlink();
    let lost = matches!(ended, Error::ServerLost { .. });
    if matches!(ended, Error::ClientLost(None)) || (lost && goodbye) {
        return Ok(());
    }
    if lost {
        session.hub.events.count(Event::ServerLost);
    }
    Err(ended)
}

/// What the server does, as far as one can tell from what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It has said that it is ready, and was asked nothing since.
    Idle,
    /// It was asked something.
    Busy,
    /// It streams, which has no end of its own.
    Streaming,
    /// It has said why it goes.
    Failed,
}

/// Moves bytes both ways until one side ends it; never ends well.
struct Tunnel<'a> {
    client: &'a mut Client,
    own: Box<Own>,
    pool: Arc<Pool>,
    worker: usize,
    /// How much of the server's message is still to pass.
    left: usize,
    doing: Doing,
    said_goodbye: bool,
}

impl Tunnel<'_> {
    fn check_orders(&self) -> Result<(), Error> {
        if self.client.card.ordered(Order::Kill) {
            return Err(Error::Killed);
        }
        if self.client.card.take_order(Order::Demoted) && self.pool.is_demoted() {
            return Err(Error::demoted(&self.pool));
        }
        let rests = self.left == 0 && matches!(self.doing, Doing::Idle | Doing::Streaming);
        if rests && self.client.card.ordered(Order::Drain) { Err(Error::ShuttingDown) } else { Ok(()) }
    }

    /// Towards the server; false if nothing moved.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let lost = |error: &std::io::Error| Error::server_lost(&self.pool, error);
        if self.own.channel.poll_drain(cx).map_err(|error| lost(&error))?.is_pending() {
            return Ok(false);
        }
        let channel = &mut self.client.channel;
        // what came with the last message of the log-in is here already
        if channel.inbox.is_empty() {
            match channel.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Err(Error::ClientLost(None)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Err(Error::client_lost(error)),
                Poll::Pending => return Ok(false),
            }
        }
        self.said_goodbye = channel.inbox.ends_with(GOODBYE);
        if self.doing == Doing::Idle {
            self.doing = Doing::Busy;
        }
        let n = channel.inbox.len();
        self.pool.stats.slot(self.worker).add_bytes_received(n as u64);
        self.own.channel.send_from(cx, channel, n).map_err(|error| lost(&error))?;
        Ok(true)
    }

    /// Towards the client; false if nothing moved.
    fn poll_server(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        if self.client.channel.poll_drain(cx).map_err(Error::client_lost)?.is_pending() {
            return Ok(false);
        }
        match self.own.channel.poll_fill(cx) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => return Err(self.lost(None)),
            Poll::Ready(Err(error)) => return Err(self.lost(Some(&error))),
            Poll::Ready(Ok(_)) => {}
        }
        let n = self.walk().map_err(|what| Error::server_protocol(&self.pool, what))?;
        self.pool.stats.slot(self.worker).add_bytes_sent(n as u64);
        self.client.channel.send_from(cx, &mut self.own.channel, n).map_err(Error::client_lost)?;
        Ok(true)
    }

    /// How much of what the server has said may pass: all but a head that is not whole.
    fn walk(&mut self) -> Result<usize, wire::Error> {
        let mut at = 0;
        loop {
            let rest = self.own.channel.inbox.get(at..).unwrap_or_default();
            let piece = self.left.min(rest.len());
            (at, self.left) = (at + piece, self.left - piece);
            if self.left > 0 {
                return Ok(at);
            }
            let rest = self.own.channel.inbox.get(at..).unwrap_or_default();
            let Some(head) = frame::head(rest, LARGEST)? else { return Ok(at) };
            self.left = head.total();
            match head.tag {
                b'Z' => {
                    self.doing = Doing::Idle;
                    self.pool.stats.slot(self.worker).add_query_count(1);
                }
                b'W' => self.doing = Doing::Streaming,
                b'c' => self.doing = Doing::Busy,
                b'E' => self.doing = Doing::Failed,
                _ => {}
            }
        }
    }

    fn lost(&self, error: Option<&std::io::Error>) -> Error {
        let (server, why) = (self.pool.target.address(), error.map(ToString::to_string));
        Error::ServerLost { error: pool::Error::Lost { server, why }, told: self.doing == Doing::Failed }
    }
}

impl Future for &mut Tunnel<'_> {
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let tunnel = &mut **self;
        loop {
            let moved = tunnel.check_orders().and_then(|()| {
                let sent = tunnel.poll_server(cx)?;
                Ok(tunnel.poll_client(cx)? || sent)
            });
            match moved {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(error) => return Poll::Ready(error),
            }
        }
    }
}
