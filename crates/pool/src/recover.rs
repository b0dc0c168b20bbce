//! Working a server connection without a client: statements of our own, and making a connection clean again whose
//! client has gone. Everything here is bounded in time; what is not clean by then is closed.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use telemetry::Event;
use wire::TxStatus;
use wire::frontend::{copy, execute, query, sync};
use wire::replies::{Action, Deliver, Request, SETTLE};

use crate::cancel;
use crate::checkout::Checkout;
use crate::enquiry::{Answer, Enquiry};
use crate::error::Error;
use crate::left::{Pins, Traces};
use crate::prepared::Effect;
use crate::server::Server;

/// How long a connection may take to become clean after its client has gone, or to tell of its session.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a cancelled query may take to end before it is cancelled again.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);
/// How often a question about the state of a session is asked that the server refuses to answer.
const TRIES: usize = 3;
/// A portal that nobody has; the server's log shows the name.
const NO_PORTAL: &[u8] = b"pgweir: the client has gone";

/// The client is gone: ends what it began and gives the connection back, or closes it. With `reset`, what the
/// client has set on a connection that was its own for the whole session goes too.
pub async fn recover(mut checkout: Checkout, reset: bool) {
    let server = checkout.server();
    if !server.replies.is_settled() || server.status != TxStatus::Idle {
        checkout.pool().shared.events.count(Event::ClientLostMidQuery);
    }
    let reset = reset || server.left.needs_reset();
    let clean = tokio::time::timeout(PATIENCE, async {
        clean_up(&mut checkout).await && (!reset || discard_all(checkout.server_mut()).await)
    });
    let clean = clean.await;
    checkout.server_mut().left.pending = None;
    match (clean, checkout.server().clean()) {
        (Ok(true), Some(clean)) => checkout.give_back(clean, Instant::now()),
        (_, _) => checkout.close(),
    }
}

/// Makes the session as a new one is.
async fn discard_all(server: &mut Server) -> bool {
    let done = run(server, "DISCARD ALL").await.is_ok();
    if done {
        server.params = Arc::new(server.params.only_reported());
        server.left.was_reset();
    }
    done
}

async fn clean_up(checkout: &mut Checkout) -> bool {
    // half a message can not be taken back
    if checkout.server().passing.outbound > 0 {
        return false;
    }
    if !checkout.server().replies.is_empty() {
        cancel::send(checkout.pool(), &checkout.server().card).await;
    }
    let server = checkout.server_mut();
    if server.replies.in_open_copy() && server.replies.push_copy_end() {
        let told = copy::write_fail(server.channel.queue(), b"client disconnected");
        debug_assert!(told.is_ok(), "a short text fits");
    }
    if !server.replies.is_settled() {
        // a Sync commits, and the client has not asked for that: an error first makes it roll back
        if server.replies.push(Request::Execute, Action::Discard, None) {
            let told = execute::write(server.channel.queue(), NO_PORTAL, 0);
            debug_assert!(told.is_ok(), "a short name fits");
        }
        if server.replies.push(Request::Sync, Action::Discard, None) {
            server.channel.queue().extend_from_slice(sync::BYTES);
        }
    }
    match finish_or_cancel(checkout).await {
        // the error was asked for; a last word before the end leaves replies owed, which is noticed later
        Ok(()) | Err(Failure::Said(_)) => {}
        Err(Failure::Io(_) | Failure::End | Failure::Protocol(_)) => return false,
    }
    let server = checkout.server_mut();
    server.status == TxStatus::Idle || run(server, "ROLLBACK").await.is_ok()
}

/// Reads until nothing is owed; cancels again from time to time, as a cancel that comes before the server has
/// begun the query is lost.
async fn finish_or_cancel(checkout: &mut Checkout) -> Result<(), Failure> {
    loop {
        match tokio::time::timeout(CANCEL_AGAIN, finish(checkout.server_mut())).await {
            Ok(finished) => return finished,
            Err(_) => cancel::send(checkout.pool(), &checkout.server().card).await,
        }
    }
}

/// Finds out what of these traces the client of this number has left behind, now that no transaction is open. Afterwards the settings
/// in force on the server are known, and why it stays with its client, if it does. Given are the channels that it
/// listened to, and with `deafen` does not any more; `None`: that could not be found out.
///
/// # Errors
/// The server is lost.
pub async fn find_out(
    checkout: &mut Checkout,
    suspected: &Traces,
    client: u64,
    deafen: bool,
) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let welcome = checkout.pool().learnt.welcome();
    let address = checkout.pool().target.address();
    let server = checkout.server_mut();
    server.left.note(suspected.marks, client);
    let Some(enquiry) = Enquiry::about(suspected, &server.params, server.left.pins) else {
        return Ok(Some(Vec::new()));
    };
    let (mut sql, utf8) = (enquiry.sql(), server.params.get("client_encoding") == Some("UTF8"));
    let deafen = deafen && enquiry.is_about(Pins::CHANNEL);
    if deafen {
        sql.push_str("UNLISTEN *");
    }
    for _ in 0..TRIES {
        let mut answer = Answer { utf8, ..Answer::default() };
        let mut take = |body: &[u8]| answer.take(body);
        let asked = rows(server, &sql, &mut take);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(())) => {
                let login = welcome.as_ref().and_then(|welcome| welcome.user());
                let (params, pins) =
                    enquiry.resolve(&answer, &server.params, server.left.pins, login.unwrap_or_default());
                if params != *server.params {
                    server.params = Arc::new(params);
                }
                server.left.pins = if deafen { pins.without(Pins::CHANNEL) } else { pins };
                return Ok(Some(answer.channels));
            }
            // a limit of the client's own may have hit our question
            Ok(Err(Failure::Said(_))) => {}
            Ok(Err(failure)) => return Err(failure.at(address)),
            Err(_) => {
                let why = Some("no answer about the state of its session".to_owned());
                return Err(Error::Lost { server: address, why });
            }
        }
    }
    // what is not known is not carried anywhere
    server.left.pins.insert(Pins::SETTING);
    server.left.stranger = Some(client);
    Ok(None)
}

/// Runs statements of our own, in one message, and reads their replies. The caller bounds the time.
pub(crate) async fn run(server: &mut Server, sql: &str) -> Result<(), Failure> {
    rows(server, sql, &mut |_| Ok(())).await
}

/// The same; every row goes to `take`.
pub(crate) async fn rows(
    server: &mut Server,
    sql: &str,
    take: &mut (dyn FnMut(&[u8]) -> Result<(), wire::Error> + Send),
) -> Result<(), Failure> {
    query::write(server.channel.queue(), sql.as_bytes()).map_err(Failure::Protocol)?;
    server.replies.push(Request::Query, Action::Discard, Some(Effect::NoUnnamed));
    finish_with(server, take).await
}

/// Reads until nothing is owed any more.
async fn finish(server: &mut Server) -> Result<(), Failure> {
    finish_with(server, &mut |_| Ok(())).await
}

async fn finish_with(
    server: &mut Server,
    take: &mut (dyn FnMut(&[u8]) -> Result<(), wire::Error> + Send),
) -> Result<(), Failure> {
    let mut failed = None;
    poll_fn(|cx| {
        loop {
            let sending = server.channel.poll_drain(cx).map_err(Failure::Io)?;
            read_all(server, &mut failed, take).map_err(Failure::Protocol)?;
            if sending.is_ready() && server.replies.is_settled() && server.passing.inbound == 0 {
                return Poll::Ready(Ok(()));
            }
            match server.channel.poll_fill(cx) {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(failed.take().map_or(Failure::End, Failure::Said)));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::Io(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await?;
    failed.map_or(Ok(()), |body| Err(Failure::Said(body)))
}

/// Takes everything in the inbox, keeping the first error to answer a request of our own.
fn read_all(
    server: &mut Server,
    failed: &mut Option<Bytes>,
    take: &mut (dyn FnMut(&[u8]) -> Result<(), wire::Error> + Send),
) -> Result<(), wire::Error> {
    loop {
        let pass = server.passing.inbound.min(server.channel.inbox.len());
        server.channel.consume(pass);
        server.passing.inbound -= pass;
        if server.passing.inbound > 0 {
            return Ok(());
        }
        while server.replies.invented().is_some() {}
        let ours = server.replies.head_is_ours();
        let Some(seen) = server.see(0)? else {
            return Ok(());
        };
        if seen.tag == b'E' && (ours || server.replies.is_empty()) && failed.is_none() {
            let body = server.channel.inbox.get(wire::frame::HEADER..seen.have).unwrap_or_default();
            *failed = Some(Bytes::copy_from_slice(body));
        }
        if seen.tag == b'D' && ours {
            // one that is longer than the buffer is none that we have asked for
            let body = server.channel.inbox.get(wire::frame::HEADER..seen.total).unwrap_or_default();
            take(body)?;
        }
        if seen.deliver == Deliver::Settle {
            server.channel.queue().extend_from_slice(SETTLE);
        }
        server.channel.consume(seen.have);
        server.passing.inbound = seen.total - seen.have;
    }
}

/// Why a statement of our own has failed.
pub(crate) enum Failure {
    /// The connection broke.
    Io(std::io::Error),
    /// The server has closed it.
    End,
    /// The server broke the protocol.
    Protocol(wire::Error),
    /// The body of the server's ErrorResponse.
    Said(Bytes),
}

impl Failure {
    /// The same, as an error of the pool.
    pub(crate) fn at(self, server: String) -> Error {
        match self {
            Self::Io(error) => Error::lost(&server, &error),
            Self::End => Error::Lost { server, why: None },
            Self::Protocol(what) => Error::Protocol { server, what },
            Self::Said(body) => Error::refused(server, body),
        }
    }
}
