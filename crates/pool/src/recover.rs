//! Working a server connection without a client: putting settings in force, and making a connection clean
//! again whose client has gone. Everything here is bounded in time; what is not clean by then is closed.

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
use crate::error::Error;
use crate::params::Params;
use crate::server::Server;

/// How long a connection may take to become clean after its client has gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a cancelled query may take to end before it is cancelled again.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);
/// A portal that nobody has; the server's log shows the name.
const NO_PORTAL: &[u8] = b"pgweir: the client has gone";

/// Puts the settings of `want` in force. The request that needs them is sent only after that: one that ran
/// under another client's settings could not be called back.
///
/// # Errors
/// What the server said, or that it is lost. The connection must be closed then.
pub async fn put_in_force(
    checkout: &mut Checkout,
    want: &Arc<Params>,
    patience: Duration,
) -> Result<(), Error> {
    let Some(sql) = Params::difference(&checkout.server().params, want) else {
        checkout.server_mut().params = Arc::clone(want);
        return Ok(());
    };
    let address = checkout.pool().target.address();
    let work = run(checkout.server_mut(), &sql);
    match tokio::time::timeout(patience, work).await {
        Err(_) => Err(Error::Lost { server: address, why: Some("no answer to a change of settings".into()) }),
        Ok(Err(failure)) => Err(failure.at(address)),
        Ok(Ok(())) => {
            // what is not reported is taken at its word; what is reported has its canonical spelling by now
            let server = checkout.server_mut();
            let mut params = Params::clone(want);
            for (name, value) in server.params.iter().filter(|(name, _)| want.get(name).is_some()) {
                params.put(name, value);
            }
            server.params = if params == **want { Arc::clone(want) } else { Arc::new(params) };
            Ok(())
        }
    }
}

/// The client is gone: ends what it began and gives the connection back, or closes it. With `reset`, what the
/// client has set on a connection that was its own for the whole session goes too.
pub async fn recover(mut checkout: Checkout, reset: bool) {
    if checkout.server().clean().is_none() {
        checkout.pool().shared.events.count(Event::ClientLostMidQuery);
    }
    let clean = tokio::time::timeout(PATIENCE, async {
        clean_up(&mut checkout).await && (!reset || run(checkout.server_mut(), "DISCARD ALL").await.is_ok())
    });
    let clean = clean.await;
    match (clean, checkout.server().clean()) {
        (Ok(true), Some(clean)) => checkout.give_back(clean, Instant::now()),
        (_, _) => checkout.close(),
    }
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

/// Runs one statement of our own and reads its reply.
async fn run(server: &mut Server, sql: &str) -> Result<(), Failure> {
    query::write(server.channel.queue(), sql.as_bytes()).map_err(Failure::Protocol)?;
    server.replies.push(Request::Query, Action::Discard, Some(crate::prepared::Effect::NoUnnamed));
    finish(server).await
}

/// Reads until nothing is owed any more.
async fn finish(server: &mut Server) -> Result<(), Failure> {
    let mut failed = None;
    poll_fn(|cx| {
        loop {
            let sending = server.channel.poll_drain(cx).map_err(Failure::Io)?;
            read_all(server, &mut failed).map_err(Failure::Protocol)?;
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
fn read_all(server: &mut Server, failed: &mut Option<Bytes>) -> Result<(), wire::Error> {
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
        if seen.deliver == Deliver::Settle {
            server.channel.queue().extend_from_slice(SETTLE);
        }
        server.channel.consume(seen.have);
        server.passing.inbound = seen.total - seen.have;
    }
}

enum Failure {
    Io(std::io::Error),
    End,
    Protocol(wire::Error),
    /// The body of the server's ErrorResponse.
    Said(Bytes),
}

impl Failure {
    fn at(self, server: String) -> Error {
        match self {
            Self::Io(error) => Error::lost(&server, &error),
            Self::End => Error::Lost { server, why: None },
            Self::Protocol(what) => Error::Protocol { server, what },
            Self::Said(body) => Error::refused(server, body),
        }
    }
}
