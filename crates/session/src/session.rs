//! One client, from accept to close.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use config::PoolMode;
use net::channel::Channel;
use net::{Incoming, Stream};
use pool::Pool;
use pool::own::Own;
use telemetry::Event;
use tokio::time::Instant;

use crate::cancel;
use crate::card::ClientCard;
use crate::client::Client;
use crate::error::{Error, Refusal};
use crate::handshake::{self, Arrival, Recipient};
use crate::hub::Hub;
use crate::pipeline::{self, Left};
use crate::replication;
use crate::rules::Rules;
use crate::split::Split;
use crate::steps::state::Pinned;
use crate::welcome;

/// How long a client may take to accept the last words.
const FAREWELL: Duration = Duration::from_secs(5);

/// A session of a client that is logged in.
pub(crate) struct Session {
    /// What it shares with others.
    pub(crate) hub: Arc<Hub>,
    /// Its side.
    pub(crate) client: Client,
    /// The pool it takes servers from.
    pub(crate) pool: Arc<Pool>,
    /// The worker it lives on.
    pub(crate) worker: usize,
    /// What was read of the pool's settings, and which version of them.
    pub(crate) rules: (u64, Rules),
    /// It keeps a server between transactions.
    pub(crate) pinned: Option<Pinned>,
    /// The servers of its database, if there are several.
    pub(crate) split: Option<Box<Split>>,
}

/// A session that is to go on on another worker.
pub struct Moving(Box<Session>);

impl Moving {
    /// Goes on on this worker; as [`run`].
    pub async fn go_on(self, worker: usize) -> Option<Moving> {
        let mut session = self.0;
        session.worker = worker;
        match session.client.channel.stream.rehome() {
            Ok(()) => serve(session).await,
            Err(error) => {
                tracing::warn!(client = session.client.card.id, "connection lost between workers: {error}");
                None
            }
        }
    }
}

/// Serves a connection that was just accepted, on this worker, to its end or until it moves on.
pub async fn run(hub: Arc<Hub>, incoming: Incoming, worker: usize) -> Option<Moving> {
    let number = hub.registry.number();
    let stream = match incoming.register() {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(client = number, "connection gone before it was served: {error}");
            return None;
        }
    };
    // boxed: the log-in is large and short, the session small and long
    match Box::pin(arrive(&hub, stream, number, worker)).await {
        Some(Arrived::Session(session)) => serve(session).await,
        Some(Arrived::Replication(session, own)) => {
            Box::pin(replicate(session, own)).await;
            None
        }
        Some(Arrived::Console(visitor)) => {
            let _registered = Registered { hub: &hub, card: Arc::clone(&visitor.card) };
            hub.console.serve(&hub, *visitor).await;
            None
        }
        None => None,
    }
}

/// A visitor of the console, in the registry for as long as it is served, however that ends.
struct Registered<'a> {
    hub: &'a Hub,
    card: Arc<ClientCard>,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.hub.registry.remove(&self.card);
    }
}

enum Arrived {
    Session(Box<Session>),
    Replication(Box<Session>, Box<Own>),
    Console(Box<crate::hub::Visitor>),
}

/// Handshake, log-in, and the first words of the session, each within the time for all of it.
async fn arrive(hub: &Arc<Hub>, stream: Stream, number: u64, worker: usize) -> Option<Arrived> {
    let deadline = Instant::now() + hub.directory.config().listen.login_timeout;
    let failed = match handshake::shake(hub, stream, number, worker, deadline).await {
        Ok(Arrival::Gone) => return None,
        Ok(Arrival::Cancel(key, channel)) => {
            cancel::cancel(hub, &key).await;
            // not before: the client may send its next query now, and that must not be hit
            drop(channel);
            return None;
        }
        Ok(Arrival::Console(visitor)) => return Some(Arrived::Console(Box::new(visitor))),
        Ok(Arrival::Client(guest)) => match welcome::welcome(hub, *guest, worker, deadline).await {
            Ok((session, None)) => return Some(Arrived::Session(session)),
            Ok((session, Some(own))) => return Some(Arrived::Replication(session, own)),
            Err(failed) => failed,
        },
        Err(failed) => failed,
    };
    log_in_failed(hub, number, &failed.error);
    match failed.to {
        Some(Recipient::Channel(mut channel)) => last_words(&mut channel, Some(&failed.error), number).await,
        Some(Recipient::Session(mut session)) => {
            last_words(&mut session.client.channel, Some(&failed.error), number).await;
        }
        None => {}
    }
    None
}

async fn serve(mut session: Box<Session>) -> Option<Moving> {
    be_reached(&session).await;
    match pipeline::serve(&mut session).await {
        Ok(Left::Moving) => Some(Moving(session)),
        Ok(Left::Gone) => close(session, Ok(())).await,
        Err(error) => close(session, Err(error)).await,
    }
}

/// Serves a client with a server connection of its own.
async fn replicate(mut session: Box<Session>, own: Box<Own>) {
    be_reached(&session).await;
    let ended = replication::serve(&mut session, own).await;
    close(session, ended).await;
}

async fn be_reached(session: &Session) {
    session.client.card.lives_on(session.worker);
    std::future::poll_fn(|cx| {
        session.client.card.reach_by(cx.waker());
        std::task::Poll::Ready(())
    })
    .await;
}

async fn close(mut session: Box<Session>, ended: Result<(), Error>) -> Option<Moving> {
    let id = session.client.card.id;
    match &ended {
        Ok(()) | Err(Error::ClientLost(None)) => tracing::debug!(client = id, "client left"),
        Err(error @ (Error::Protocol(_) | Error::UnexpectedMessage(_))) => {
            session.hub.events.count(Event::ProtocolErrorClient);
            tracing::warn!(client = id, "closing client: {error:?}");
        }
        Err(error) => tracing::info!(client = id, "closing client: {error:?}"),
    }
    if let Err(error) = &ended {
        // words in the middle of a message would be read as data
        let words = (!session.client.torn).then_some(error);
        last_words(&mut session.client.channel, words, id).await;
    }
    None
}

impl Session {
    /// When servers are free again.
    pub(crate) fn mode(&self) -> PoolMode {
        self.pool.settings().mode
    }

    /// What holds for a request that begins now.
    pub(crate) fn rules(&mut self) -> Rules {
        let version = self.pool.settings_version();
        if self.rules.0 != version {
            self.rules = (version, Rules::of(&self.pool.settings()));
            self.split = Split::again(self.split.take(), &self.hub, &self.pool);
            self.client.underway.follow(self.split.is_some());
        }
        self.rules.1
    }

    /// The pool was retired by a reload: on to the one in its place.
    ///
    /// # Errors
    /// There is none any more.
    pub(crate) fn move_to_new_pool(&mut self) -> Result<(), Error> {
        let (key, credentials) = (&self.pool.key, &self.pool.target.credentials);
        let new = self.hub.directory.open_with(&key.database, &key.user, credentials.as_found());
        let new = new.map_err(|_| Error::Pool(pool::Error::ShuttingDown))?;
        new.target.credentials.learn_from(credentials);
        self.pool.clients().fetch_sub(1, Ordering::Relaxed);
        new.clients().fetch_add(1, Ordering::Relaxed);
        self.client.card.belongs_to(&new);
        if let Some(listening) = &mut self.client.listening {
            listening.move_to(&new);
        }
        self.pool = new;
        self.rules = (0, self.rules.1);
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.hub.registry.remove(&self.client.card);
        self.pool.clients().fetch_sub(1, Ordering::Relaxed);
    }
}

fn log_in_failed(hub: &Hub, number: u64, error: &Error) {
    if matches!(error, Error::ClientLost(_)) {
        // a port scan, a health probe: not worth a line
        return tracing::debug!(client = number, "client left during log-in: {error:?}");
    }
    let breach = matches!(error, Error::Protocol(_) | Error::UnexpectedMessage(_));
    let late = matches!(error, Error::Login(Refusal::Late));
    hub.events.count(match (breach, late) {
        (true, _) => Event::ProtocolErrorClient,
        (false, true) => Event::LoginTimeout,
        (false, false) => Event::LoginFailed,
    });
    tracing::info!(client = number, "log-in failed: {error:?}");
}

/// Tells the client why, then closes in order, so that it reads the reason before the end.
async fn last_words(channel: &mut Channel, error: Option<&Error>, number: u64) {
    if let Some(error) = error {
        error.respond_fatal(channel.queue(), number);
    }
    let said = tokio::time::timeout(FAREWELL, async {
        let sent = std::future::poll_fn(|cx| channel.poll_drain(cx)).await;
        if sent.is_ok() {
            let _closed = channel.stream.shutdown().await;
        }
    });
    if said.await.is_err() {
        tracing::debug!(client = number, "client did not take its last words");
    }
}
