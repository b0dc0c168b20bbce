//! Relay: move bytes both ways until the server is free again, then give it back or have it cleaned up.

use std::sync::Arc;
use std::time::Instant;

use ::pool::error::Error as PoolError;
use ::pool::left::Changing;
use ::pool::{Checkout, cancel, recover};
use config::PoolMode;
use telemetry::Event;

use crate::error::Error;
use crate::hub::Hub;
use crate::portion::Open;
use crate::relay::{Ended, Relay};
use crate::session::Session;
use crate::split::Split;
use crate::steps;
use crate::steps::wire::Began;

/// Runs the request on this server, and those behind it while the server has to stay with the client; [`settle`] is to
/// follow.
///
/// # Errors
/// The server is lost, the client breaks the protocol, or a limit was passed.
pub(crate) async fn relay(
    session: &mut Session,
    checkout: &mut Checkout,
    began: Began,
) -> Result<Ended, Error> {
    let (rules, worker) = (session.rules(), session.worker);
    let relay = Relay::new(&mut session.client, checkout, rules, worker, began.0);
    let mut ended = to_its_end(relay, session.split.as_deref_mut(), &session.hub).await?;
    while matches!(ended, Ended::Free { .. }) && steps::state::stays(session, checkout).await? {
        let rules = session.rules();
        if let Some(split) = &mut session.split {
            // on the server that it has now everything runs that the client sends
            split.may_write();
            session.client.underway.start(Open::All, false);
        }
        let relay = Relay::new(&mut session.client, checkout, rules, worker, Instant::now());
        ended = to_its_end(relay.kept(), session.split.as_deref_mut(), &session.hub).await?;
    }
    Ok(ended)
}

/// Goes on behind what is answered without the server.
async fn to_its_end(mut relay: Relay<'_>, mut split: Option<&mut Split>, hub: &Hub) -> Result<Ended, Error> {
    loop {
        let ended = (&mut relay).await?;
        if ended != Ended::Own {
            return Ok(ended);
        }
        let (client, status) = relay.pause();
        // boxed: it is rare, and would make every client's task larger
        Box::pin(steps::own::inside(split.as_deref_mut(), hub, client, status)).await?;
    }
}

/// Gives the server back, or has it cleaned up or closed, as the relay's end asks for.
///
/// # Errors
/// Those of the relay.
pub(crate) fn settle(
    session: &mut Session,
    mut checkout: Checkout,
    ended: Result<Ended, Error>,
) -> Result<Ended, Error> {
    session.client.card.unlink();
    session.pinned = None;
    if std::mem::take(&mut checkout.server_mut().left.redefines) {
        checkout.pool().statements.forget_texts();
    }
    session.client.note_prepared();
    let passing = &checkout.server().passing;
    session.client.torn = passing.inbound > 0 && !passing.inbound_drop;
    let lost = matches!(&ended, Err(Error::ServerLost { .. } | Error::Settings(_)) | Ok(Ended::Elsewhere));
    if session.split.is_some() && over(session, &ended, lost) {
        if matches!(ended, Err(Error::ServerLost { .. })) {
            session.hub.events.count(Event::ServerLost);
            checkout.pool().alarm();
        }
        checkout.close();
        return Ok(Ended::Elsewhere);
    }
    session.client.underway.close();
    match &ended {
        Ok(Ended::Free { at }) => {
            // what the request changed, the client carries on to its next server; what else it may have changed was
            // looked at before, with what goes back to the values of its start-up message
            if !session.client.amended && !Arc::ptr_eq(&session.client.params, &checkout.server().params) {
                session.client.params = Arc::clone(&checkout.server().params);
            }
            session.client.amended = false;
            give_back(checkout, *at);
        }
        Err(Error::ServerLost { .. } | Error::NothingSent(_)) => {
            session.hub.events.count(Event::ServerLost);
            checkout.pool().alarm();
            checkout.close();
        }
        // cancelled before it had begun: nobody can tell what became of what was behind it
        Err(Error::Settings(error @ PoolError::Refused { sqlstate, .. }))
            if session.client.underway.begun.is_some() && sqlstate == "57014" =>
        {
            let unbegun = Error::Unbegun(error.to_string());
            checkout.close();
            return Err(unbegun);
        }
        Err(why @ Error::Settings(_)) => {
            // the server would refuse whatever is under way to it
            let server = checkout.server();
            let (ended, left) = (server.left.changing == Changing::Followed, server.passing.outbound);
            steps::wire::refuse_sent(session, why, ended, left);
            checkout.close();
            return Ok(Ended::Free { at: Instant::now() });
        }
        // the server is not to blame: what the client began on it is ended, and another may have it
        Ok(Ended::Goodbye | Ended::Elsewhere | Ended::Own) | Err(_) => {
            let session_mode = session.rules().mode == PoolMode::Session;
            tokio::spawn(recover::recover(checkout, session_mode));
        }
    }
    ended
}

/// The server has done with the request; true: what it has not answered is run elsewhere.
fn over(session: &mut Session, ended: &Result<Ended, Error>, lost: bool) -> bool {
    let elsewhere = lost && steps::replica::runs_again(session);
    session.client.underway.close();
    if let Some(split) = &mut session.split {
        if let (Ok(Ended::Free { at }), Some(busy)) = (ended, &mut split.busy) {
            busy.answered(*at);
        }
        split.over();
    }
    elsewhere
}

/// A server with a cancel under way is kept until the cancel has ended.
fn give_back(mut checkout: Checkout, now: Instant) {
    if !checkout.server().channel.inbox.is_empty() && !checkout.hear_out() {
        return checkout.close();
    }
    if checkout.server().mixed.is_spoilt() {
        checkout.pool().shared.events.count(Event::ServerRecycled);
        return checkout.close();
    }
    match checkout.server().clean() {
        Some(clean) => checkout.give_back(clean, now),
        None => {
            tokio::spawn(async move {
                cancel::settled(&Arc::clone(&checkout.server().card)).await;
                // given back on drop, as nothing else was in the way
                drop(checkout);
            });
        }
    }
}
