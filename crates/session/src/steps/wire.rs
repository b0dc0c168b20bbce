//! Bytes to frames: waits for the first message of a request, and answers what needs no server.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use ::wire::backend::ready;
use ::wire::frame;
use net::buffers::BLOCK;
use telemetry::Event;

use crate::batch;
use crate::card::Order;
use crate::error::{Error, Limit};
use crate::refuse;
use crate::session::Session;
use crate::steps::{begin, listen};

/// When a request began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began(pub(crate) Instant);

/// What comes after a wait for a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    /// A request is at hand.
    Request(Began),
    /// The client has said goodbye.
    Goodbye,
    /// The session is to go on on another worker.
    Move,
}

/// Waits for a request.
///
/// An idle client holds no buffer and no timer here: its task sleeps until its socket or an order wakes it.
///
/// # Errors
/// The client is gone or breaks the protocol, or it was told to go.
pub(crate) async fn request(session: &mut Session) -> Result<Turn, Error> {
    poll_fn(|cx| poll_request(session, cx)).await
}

/// Says why the request at hand is refused; the session goes on behind it.
pub(crate) fn refuse(session: &mut Session, why: &Error) {
    tracing::info!(client = session.client.card.id, "request refused: {why:?}");
    session.hub.events.count(Event::RequestFailed);
    listen::settle(session, Some(&[]));
    refuse::refuse(&mut session.client, why);
}

/// The same for a request that has been sent, see [`refuse::refuse_sent`].
pub(crate) fn refuse_sent(session: &mut Session, why: &Error, ended: bool, left: usize) {
    tracing::info!(client = session.client.card.id, "request refused: {why:?}");
    session.hub.events.count(Event::RequestFailed);
    refuse::refuse_sent(&mut session.client, why, ended, left);
}

fn poll_request(session: &mut Session, cx: &mut Context<'_>) -> Poll<Result<Turn, Error>> {
    loop {
        if session.client.listening.is_some() {
            listen::follow_pool(session);
        }
        let client = &mut session.client;
        if client.card.ordered(Order::Kill) {
            return Poll::Ready(Err(Error::Killed));
        }
        if client.underway.begun.is_none() {
            client.poll_mail(cx, &session.hub.events)?;
        }
        if refuse::drop_request(client)? {
            match next(session)? {
                Next::Request => return Poll::Ready(Ok(Turn::Request(Began(Instant::now())))),
                Next::Goodbye => return Poll::Ready(Ok(Turn::Goodbye)),
                Next::Incomplete => {}
            }
        }
        let client = &mut session.client;
        let drained = client.channel.poll_drain(cx).map_err(Error::client_lost)?;
        if drained.is_pending() && !client.channel.inbox.is_empty() {
            return told(session, cx);
        }
        match client.channel.poll_fill(cx) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::ClientLost(None))),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::client_lost(error))),
            // only now is it known that it has not sent a request already
            Poll::Pending => return told(session, cx),
        }
    }
}

/// Between requests is where a session may be ended, or moved.
fn told(session: &mut Session, cx: &mut Context<'_>) -> Poll<Result<Turn, Error>> {
    if session.client.underway.begun.is_some() {
        return begin::poll_silent(session, cx);
    }
    let client = &session.client;
    if client.card.ordered(Order::Drain) && client.refusing.is_none() {
        return Poll::Ready(Err(Error::ShuttingDown));
    }
    if client.card.take_order(Order::Move) {
        return Poll::Ready(Ok(Turn::Move));
    }
    if client.card.take_order(Order::Idle) {
        session.hub.events.count(Event::TimeLimit);
        let limit = session.pool.settings().idle_client_timeout();
        return Poll::Ready(Err(Error::Timeout(Limit::IdleClient, limit)));
    }
    Poll::Pending
}

enum Next {
    /// A message that needs a server begins the inbox.
    Request,
    Goodbye,
    Incomplete,
}

/// Deals with messages that need no server: nothing is open, so a Sync has nothing to end, a Flush nothing to
/// push out, and COPY data comes too late for a COPY that has failed.
fn next(session: &mut Session) -> Result<Next, Error> {
    let client = &mut session.client;
    loop {
        let head = frame::head(&client.channel.inbox, client.longest).map_err(Error::protocol)?;
        let Some(head) = head else {
            return Ok(Next::Incomplete);
        };
        match head.tag {
            // a client that never sends the rest must not hold a server meanwhile; what is long enough to
            // pass in pieces need not be whole
            b'Q' | b'P' | b'B' | b'D' | b'C' | b'E' | b'F' => {
                let enough = client.channel.inbox.len() >= head.total().min(BLOCK);
                // where there are several servers, one can be chosen only for what is all here
                let enough = enough
                    && !(client.underway.portion.is_some() && batch::is_to_come(&client.channel.inbox));
                return Ok(if enough { Next::Request } else { Next::Incomplete });
            }
            b'X' => return Ok(Next::Goodbye),
            b'S' if head.len == 4 => {
                client.channel.consume(head.total());
                ready::write(client.channel.queue(), client.underway.state().status());
            }
            b'H' if head.len == 4 => client.channel.consume(head.total()),
            b'd' | b'c' | b'f' => refuse::skip(client, head),
            got => return Err(Error::unexpected_message(got)),
        }
        if client.refusing.is_some() {
            return Ok(Next::Incomplete);
        }
    }
}
