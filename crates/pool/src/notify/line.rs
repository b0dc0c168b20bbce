//! The task with the connection that listens: opens it, tells the server what is wanted, passes on what comes,
//! and opens it again when it is lost.
//!
//! | while | it waits for | at the most |
//! |---|---|---|
//! | connecting | the log-in | `pool.connect_timeout`, then 1, 2, 4 s until the next attempt |
//! | asking | the server's answer | ten seconds; then the connection counts as lost |
//! | listening | notifications, or something to ask | half a minute; then the server is asked for a sign of life |
//! | unused | somebody who listens | half a minute; then the connection is closed and the task ends |

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use telemetry::Event;
use tokio::time::{Instant, sleep_until, timeout};
use wire::backend::error::Fields;
use wire::backend::notify::Notification;
use wire::frontend::query;
use wire::{Error as WireError, frame};

use super::{Switchboard, lock};
use crate::connect;
use crate::error::Error;
use crate::server::Server;
use crate::state::{STARTING_UP, back_off};

/// The longest message that a listening connection has a reason to send.
const LONGEST: u32 = 64 * 1024;
/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// After so long without a question the server is asked for a sign of life.
const QUIET: Duration = Duration::from_secs(30);
/// How long the connection is kept that nobody uses.
const LINGER: Duration = Duration::from_secs(30);
/// How often a pool without a connection is looked at again.
const AGAIN: Duration = Duration::from_millis(250);

/// What the server is asked first: who we are, the encoding, and none of the limits that end an idle session.
const LIMITS: &str = "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings \
                      WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', \
                      'idle_in_transaction_session_timeout', 'idle_session_timeout')";

/// What was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing that is not answered.
    Nothing,
    /// Settings, or for a sign of life: an error is no answer to that.
    Plain,
    /// What the board wants.
    Batch,
}

/// Why a connection was given up.
enum Ended {
    /// Nobody needs it.
    Unused,
    /// It is to be opened anew.
    Renewed,
    Lost(Error),
}

/// A connection at work.
struct Line<'a> {
    switchboard: &'a Switchboard,
    server: Box<Server>,
    asked: Asked,
    /// The error that answered it.
    failed: Option<Bytes>,
    /// Until when the server has to answer, or is left in peace.
    until: Instant,
    unused_since: Option<Instant>,
    /// Everything that was wanted has been listened to at least once.
    settled: bool,
}

/// Listens for as long as anybody wants that.
pub(super) async fn run(switchboard: Arc<Switchboard>) {
    let mut failures = 0;
    loop {
        if lock(&switchboard.board).rest() {
            return;
        }
        let error = match open(&switchboard).await {
            Ok(Some(server)) => {
                lock(&switchboard.state).trouble = None;
                let (ended, settled) = Line::new(&switchboard, server).work().await;
                lock(&switchboard.board).lost(switchboard.host.shared.exchange.loss());
                failures = if settled { 0 } else { failures };
                match ended {
                    Ended::Unused | Ended::Renewed => continue,
                    Ended::Lost(error) => {
                        switchboard.host.shared.events.count(Event::ListenerLost);
                        tracing::warn!(
                            database = switchboard.host.target.dbname,
                            "the connection that listens for clients is lost: {error}"
                        );
                        if settled {
                            // it had been well: again at once
                            continue;
                        }
                        error
                    }
                }
            }
            Ok(None) => {
                wait(&switchboard, AGAIN).await;
                continue;
            }
            Err(error) => {
                switchboard.host.shared.events.count(Event::ServerConnectFailed);
                tracing::warn!(
                    database = switchboard.host.target.dbname,
                    "no connection to listen for clients: {error}"
                );
                error
            }
        };
        let step = if error.is_starting_up() { STARTING_UP } else { back_off(failures) };
        failures += 1;
        lock(&switchboard.state).trouble = Some(error);
        wait(&switchboard, step + step * u32::from(switchboard.host.shared.jitter()) / 512).await;
    }
}

/// Waits that long, or until nobody wants anything any more.
async fn wait(switchboard: &Switchboard, pause: Duration) {
    let unused = async {
        while !lock(&switchboard.board).is_unused() {
            switchboard.work.notified().await;
        }
    };
    // over either way
    let _elapsed = timeout(pause, unused).await;
}

/// A connection; none while the pool is paused, and none to a server that is the primary no more.
async fn open(switchboard: &Switchboard) -> Result<Option<Box<Server>>, Error> {
    let host = &switchboard.host;
    lock(&switchboard.state).renew = false;
    if host.look(|state| state.paused) || host.is_demoted() {
        return Ok(None);
    }
    // counted as all are, but there is no waiting for it: those who have the others may be waiting for this one
    let server = connect::open(host, 0, host.take_anyway()).await?;
    server.card.set_listening();
    host.shared.events.count(Event::ServerConnected);
    Ok(Some(server))
}

impl<'a> Line<'a> {
    fn new(switchboard: &'a Switchboard, mut server: Box<Server>) -> Self {
        // it moves with nobody and its statements are our own: no queue of replies is kept
        let encoding: String =
            switchboard.encoding.chars().filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect();
        let mut sql = "SET application_name = 'pgweir: LISTEN'; ".to_owned();
        if !encoding.is_empty() {
            sql.push_str(&format!("SET client_encoding = '{encoding}'; "));
        }
        sql.push_str(LIMITS);
        let told = query::write(server.channel.queue(), sql.as_bytes());
        debug_assert!(told.is_ok(), "a short text without zero bytes fits");
        let until = Instant::now() + ANSWER;
        Self {
            switchboard,
            server,
            asked: Asked::Plain,
            failed: None,
            until,
            unused_since: None,
            settled: false,
        }
    }

    /// Until it ends; whether it had been of use.
    async fn work(mut self) -> (Ended, bool) {
        let ended = loop {
            match self.turn().await {
                Ok(None) => {}
                Ok(Some(ended)) => break ended,
                Err(error) => break Ended::Lost(error),
            }
        };
        let settled = self.settled;
        if !matches!(ended, Ended::Lost(_)) {
            connect::farewell(self.server, None);
        }
        (ended, settled)
    }

    /// Asks what there is to ask, then waits for something to happen.
    async fn turn(&mut self) -> Result<Option<Ended>, Error> {
        if self.asked == Asked::Nothing
            && let Some(ended) = self.next()
        {
            return Ok(Some(ended));
        }
        let channel = &mut self.server.channel;
        let traffic = poll_fn(|cx| {
            if let std::task::Poll::Ready(Err(error)) = channel.poll_drain(cx) {
                return std::task::Poll::Ready(Err(error));
            }
            channel.poll_fill(cx)
        });
        let deadline = self.unused_since.map_or(self.until, |since| self.until.min(since + LINGER));
        tokio::select! {
            read = traffic => match read {
                Ok(0) => return Err(self.lost(None)),
                Ok(_) => self.take_all()?,
                Err(error) => return Err(self.lost(Some(error.to_string()))),
            },
            () = self.switchboard.work.notified() => {}
            () = sleep_until(deadline) => {
                if self.asked != Asked::Nothing && Instant::now() >= self.until {
                    return Err(self.lost(Some("no answer in time".to_owned())));
                }
            }
        }
        Ok(None)
    }

    /// Nothing is under way: what comes next.
    fn next(&mut self) -> Option<Ended> {
        if lock(&self.switchboard.state).renew {
            return Some(Ended::Renewed);
        }
        let now = Instant::now();
        let mut board = lock(&self.switchboard.board);
        let batch = board.next_batch();
        self.unused_since = board.is_unused().then(|| self.unused_since.unwrap_or(now));
        drop(board);
        if let Some(sql) = batch {
            self.ask(Asked::Batch, &sql);
        } else if self.unused_since.is_some_and(|since| now >= since + LINGER) {
            return Some(Ended::Unused);
        } else if now >= self.until {
            self.ask(Asked::Plain, b"");
        }
        None
    }

    fn ask(&mut self, asked: Asked, sql: &[u8]) {
        // names are without zero bytes, and a batch is far below the limit of a message
        let told = query::write(self.server.channel.queue(), sql);
        debug_assert!(told.is_ok(), "{told:?}");
        self.asked = asked;
        self.until = Instant::now() + ANSWER;
    }

    /// Takes every message that is there.
    fn take_all(&mut self) -> Result<(), Error> {
        loop {
            let inbox = &mut self.server.channel.inbox;
            let head = match frame::head(inbox, LONGEST) {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(()),
                Err(what) => return Err(self.protocol(what)),
            };
            if inbox.len() < head.total() {
                inbox.reserve(head.total() - inbox.len());
                return Ok(());
            }
            let inbox = &self.server.channel.inbox;
            let message = inbox.get(..head.total()).unwrap_or_default();
            let body = message.get(frame::HEADER..).unwrap_or_default();
            match head.tag {
                b'A' => {
                    // a copy of its own, so that what waits for a slow client holds no buffer
                    let whole = Bytes::copy_from_slice(message);
                    let notification = Notification::parse(body).map_err(|what| self.protocol(what))?;
                    self.deliver(notification.channel, &whole);
                }
                b'E' if Fields::new(body).is_fatal() || self.asked == Asked::Nothing => {
                    return Err(Error::refused(self.address(), Bytes::copy_from_slice(body)));
                }
                b'E' => self.failed = Some(Bytes::copy_from_slice(body)),
                b'Z' => self.answered()?,
                b'N' | b'S' | b'T' | b'D' | b'C' | b'I' => {}
                got => {
                    return Err(self.protocol(WireError::Unexpected { expected: "A E N S T D C I Z", got }));
                }
            }
            self.server.channel.consume(head.total());
        }
    }

    fn deliver(&self, channel: &[u8], message: &Bytes) {
        let gone = lock(&self.switchboard.board).deliver(channel, message);
        self.switchboard.host.shared.events.add(Event::NotificationLost, gone);
    }

    /// The server has done what it was asked, or not.
    fn answered(&mut self) -> Result<(), Error> {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        self.until = Instant::now() + QUIET;
        let failed = self.failed.take();
        match (asked, failed) {
            (Asked::Batch, Some(body)) => {
                tracing::info!("a LISTEN was refused: {}", Fields::new(&body).text(b'M', 200));
                lock(&self.switchboard.board).refused();
            }
            (Asked::Batch, None) => {
                self.settled = true;
                lock(&self.switchboard.board).confirmed();
            }
            (Asked::Plain, Some(body)) => return Err(Error::refused(self.address(), body)),
            (Asked::Plain, None) => {}
            (Asked::Nothing, _) => {
                return Err(self.protocol(WireError::Unexpected { expected: "nothing but A N S", got: b'Z' }));
            }
        }
        Ok(())
    }

    fn address(&self) -> String {
        self.switchboard.host.target.address()
    }

    fn lost(&self, why: Option<String>) -> Error {
        Error::Lost { server: self.address(), why }
    }

    fn protocol(&self, what: WireError) -> Error {
        Error::Protocol { server: self.address(), what }
    }
}
