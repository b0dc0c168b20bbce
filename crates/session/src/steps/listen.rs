//! Listen: somebody listens for the client before its LISTEN runs, and what that has brought about is seen to
//! afterwards.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use ::pool::notify::Tuning;

use crate::card::Order;
use crate::error::Error;
use crate::listening::{Gate, encoding};
use crate::session::Session;
use crate::steps::classify::first_sql;
use crate::steps::wire::Began;
use crate::traces;

/// Waits without a server until somebody listens to what the request at hand is going to. A LISTEN that comes later,
/// with a transaction under way or after other statements, is held back where it is sent.
///
/// # Errors
/// Nobody does in time, or the client went away or cancelled.
pub(crate) async fn before(session: &mut Session, began: Began) -> Result<(), Error> {
    let shares = session.rules().shares;
    let client = &mut session.client;
    let effects = traces::effects_with(first_sql(&client.channel.inbox), true, &client.params, false);
    let mut tunings = effects.map(|effects| traces::tunings(&effects)).unwrap_or_default();
    tunings.retain(|tuning| matches!(tuning, Tuning::Listen(_)));
    if Gate::new(&mut client.listening, &session.pool, &client.params, shares).admits(&tunings) {
        return Ok(());
    }
    session.client.card.begin_waiting(began.0);
    let waited = Box::pin(wait(session)).await;
    let cancelled = session.client.card.end_waiting();
    if waited.is_err() || cancelled {
        settle(session, Some(&[]));
    }
    if cancelled { Err(Error::Cancelled) } else { waited }
}

async fn wait(session: &mut Session) -> Result<(), Error> {
    let patience = session.rules().patience;
    poll_fn(|cx| {
        let client = &mut session.client;
        if client.card.ordered(Order::Kill) {
            return Poll::Ready(Err(Error::Killed));
        }
        if client.card.ordered(Order::Cancel) {
            return Poll::Ready(Err(Error::Cancelled));
        }
        client.poll_watch(cx)?;
        let Some(listening) = &mut client.listening else { return Poll::Ready(Ok(())) };
        ready!(listening.poll_ready(cx, patience));
        match listening.trouble() {
            Some(trouble) => Poll::Ready(Err(Error::Unheard(patience, trouble))),
            None => Poll::Ready(Ok(())),
        }
    })
    .await
}

/// The transaction is over, and its server was found listening to these channels; `None`: nobody knows to which.
pub(crate) fn settle(session: &mut Session, channels: Option<&[Vec<u8>]>) {
    let client = &mut session.client;
    if client.listening.is_none() && channels.is_some_and(<[_]>::is_empty) {
        return;
    }
    let listening = client.listening.get_or_insert_default();
    match channels {
        Some(channels) => listening.settle(&session.pool, encoding(&client.params), channels),
        None => listening.settle_in_doubt(),
    }
}

/// Goes on with the pool in the place of one that was retired, if the client listens to something through that.
pub(crate) fn follow_pool(session: &mut Session) {
    let uprooted = session.client.listening.as_ref().is_some_and(|listening| listening.take_uprooted());
    if uprooted && session.pool.look(|state| state.retired) {
        let old = Arc::clone(&session.pool);
        if session.move_to_new_pool().is_err() {
            // it hears of that with its next request
            tracing::debug!(database = old.key.database, "no pool to listen through any more");
        }
    }
}
