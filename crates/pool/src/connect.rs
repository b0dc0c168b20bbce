//! Opening a server connection: reach the server, agree on TLS, log in. Closing one politely.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use config::{Host, ServerTlsMode};
use net::channel::Channel;
use net::{Peer, Stream};
use wire::TxStatus;
use wire::replies::Replies;

use crate::error::Error;
use crate::learnt::Welcome;
use crate::left::Left;
use crate::login::{self, LoggedIn};
use crate::params::Params;
use crate::pool::{Places, Pool};
use crate::prepared::Held;
use crate::renew;
use crate::server::{Age, Mixed, Passing, Server, ServerCard};
use crate::target::Target;

/// How long a server may take to close its end; then its place is taken for free.
const CLOSING: Duration = Duration::from_secs(2);
/// So many bytes are taken of a server that is still in the middle of something.
const LAST_WORDS: usize = 64 * 1024;

/// Opens a connection for this pool, registered with this worker's runtime, within `connect_timeout`.
pub(crate) async fn open(pool: &Arc<Pool>, worker: usize, places: Places) -> Result<Box<Server>, Error> {
    let patience = pool.settings().connect_timeout();
    let (stream, logged_in) = in_time(pool, patience, &[]).await?;
    Ok(Box::new(build(pool, worker, places, stream, logged_in)))
}

/// A connection that is logged in, with these start-up parameters beside user and database.
pub(crate) async fn in_time(
    pool: &Pool,
    patience: Duration,
    asked: &[(&str, &str)],
) -> Result<(Stream, LoggedIn), Error> {
    let attempt = renew::log_in(&pool.target, &pool.shared, patience, asked);
    tokio::time::timeout(patience, attempt).await.map_err(|_| Error::Connect {
        server: pool.target.address(),
        why: format!("no log-in within {:.1} s", patience.as_secs_f64()),
    })?
}

/// Protocol 3.2 is asked for first, for its longer cancel keys. A server that takes offence is asked for 3.0.
pub(crate) async fn attempt(
    target: &Target,
    patience: Duration,
    asked: &[(&str, &str)],
) -> Result<(Stream, LoggedIn), Error> {
    match login::log_in(reach(target, patience).await?, target, 2, asked).await {
        Err(Error::Refused { sqlstate, .. }) if sqlstate == "0A000" => {
            login::log_in(reach(target, patience).await?, target, 0, asked).await
        }
        Err(Error::Refused { sqlstate, .. })
            if target.tls_mode == ServerTlsMode::Allow && sqlstate == "28000" =>
        {
            // with "allow" TLS is for servers that insist on it
            let stream = secure(target, dial(target, patience).await?).await?;
            login::log_in(stream, target, 2, asked).await
        }
        other => other,
    }
}

/// A connection to the server, with TLS if that is what the mode and the server want, before any log-in.
pub(crate) async fn reach(target: &Target, patience: Duration) -> Result<Stream, Error> {
    let stream = dial(target, patience).await?;
    match (target.tls_mode, &target.host) {
        (ServerTlsMode::Disable | ServerTlsMode::Allow, _) | (_, Host::Unix(_)) => Ok(stream),
        (
            ServerTlsMode::Prefer
            | ServerTlsMode::Require
            | ServerTlsMode::VerifyCa
            | ServerTlsMode::VerifyFull,
            Host::Tcp(_),
        ) => secure(target, stream).await,
    }
}

async fn dial(target: &Target, patience: Duration) -> Result<Stream, Error> {
    let failed = |why: std::io::Error| Error::Connect { server: target.address(), why: why.to_string() };
    net::connect(&target.host, target.port, patience).await.map_err(failed)
}

async fn secure(target: &Target, mut stream: Stream) -> Result<Stream, Error> {
    let address = target.address();
    let failed = |why: String| Error::Connect { server: address.clone(), why };
    let lost = |error: std::io::Error| Error::lost(&address, &error);
    let mut packet = BytesMut::new();
    wire::startup::write_ssl_request(&mut packet);
    stream.write_all(&packet).await.map_err(lost)?;
    packet.clear();
    stream.read_more(&mut packet).await.map_err(lost)?;
    match (&packet[..], &target.host) {
        (b"S", Host::Tcp(name)) => {
            let secured = target.tls.connect(stream, name).await;
            secured.map_err(|error| failed(format!("TLS handshake: {error}")))
        }
        (b"N", _) if target.tls_mode == ServerTlsMode::Prefer => Ok(stream),
        (b"N", _) => Err(failed("the server does not offer TLS, which server_tls.mode asks for".into())),
        (b"", _) => Err(Error::Lost { server: address, why: None }),
        // bytes behind the S were sent by somebody who does not hold the server's key
        _ => Err(failed("unexpected bytes in answer to the request for TLS".into())),
    }
}

fn build(pool: &Arc<Pool>, worker: usize, places: Places, stream: Stream, logged_in: LoggedIn) -> Server {
    let LoggedIn { pid, secret, reported } = logged_in;
    let movable = reported.iter().filter(|(name, _)| Params::is_movable(name));
    let base = Arc::new(Params::reported(movable.map(|(name, value)| (name.as_str(), value.as_str()))));
    pool.learnt.learn_welcome(Welcome { reported, base: Arc::clone(&base) });
    let params = pool.learnt.welcome().filter(|w| w.base == base).map_or(base, |w| Arc::clone(&w.base));
    let card = card(pool, &stream, pid, secret);
    let now = Instant::now();
    Server {
        channel: Channel::new(stream),
        replies: Replies::default(),
        status: TxStatus::Idle,
        held: Held::default(),
        params,
        passing: Passing::default(),
        mixed: Mixed::default(),
        left: Left::default(),
        card,
        age: Age { released: now, expires: expiry(pool, now), generation: 0, home: worker },
        places,
    }
}

/// The card of a new connection, on the pool's roster.
pub(crate) fn card(pool: &Pool, stream: &Stream, pid: u32, secret: Bytes) -> Arc<ServerCard> {
    let card = Arc::new(ServerCard {
        id: pool.shared.server_number(),
        pid,
        secret,
        tls: stream.tls().map(|tls| format!("{}/{}", tls.version, tls.cipher)).unwrap_or_default(),
        ends: (stream.peer(), stream.local().unwrap_or(Peer::Unix)),
        since: SystemTime::now(),
        client: AtomicU64::new(0),
        cancels: AtomicU32::new(0),
        quiet: tokio::sync::Notify::new(),
        prepared: AtomicU32::new(0),
        leaving: AtomicBool::new(false),
    });
    pool.enrol(&card);
    card
}

/// Lifetimes end up to a quarter early, each at its own time, so that connections opened together are not
/// closed together.
fn expiry(pool: &Pool, now: Instant) -> Option<Instant> {
    let lifetime = pool.settings().max_lifetime();
    let early = lifetime * u32::from(pool.shared.jitter()) / 1024;
    (!lifetime.is_zero()).then(|| now + lifetime.saturating_sub(early))
}

/// Tells the server that nothing more will come, if that can be said at once, and closes. Its places are free when it
/// has closed its end: until then the server counts the connection too. A worker, on whose runtime this has to be, is
/// named where others may have the places without waiting for the next look at the pools.
pub(crate) fn farewell(server: Box<Server>, worker: Option<usize>) {
    let Server { mut channel, passing, places, card, .. } = *server;
    if !channel.is_congested() && passing.outbound == 0 {
        let mut cx = Context::from_waker(Waker::noop());
        let sent = channel.send(&mut cx, b"X\0\0\0\x04");
        if let (Ok(()), Poll::Ready(Ok(())) | Poll::Pending) = (sent, channel.poll_drain(&mut cx)) {
            tracing::debug!(server = card.id, "closed server connection");
        }
    }
    // outside of a runtime, at the very end, nobody waits for a place
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            let _over = tokio::time::timeout(CLOSING, until_closed(channel.stream)).await;
            places.give_back(worker);
        });
    }
}

/// Waits until the server has closed its end, or says too much instead.
async fn until_closed(mut stream: Stream) -> std::io::Result<()> {
    stream.shutdown().await?;
    let (mut last_words, mut heard) = (BytesMut::new(), 0);
    while heard < LAST_WORDS {
        match stream.read_more(&mut last_words).await? {
            0 => break,
            n => heard += n,
        }
        last_words.clear();
    }
    Ok(())
}
