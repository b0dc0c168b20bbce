//! Before: what a server is sent ahead of a request, the client's settings and the BEGIN that the client was told has
//! happened.

use std::sync::Arc;

use ::pool::error::Error as PoolError;
use ::pool::prepared::Effect;
use ::pool::{Checkout, in_force};

use crate::error::Error;
use crate::session::Session;
use crate::steps;
use crate::steps::wire::Began;

/// So many servers are given up on which another client's limit stops our own statements.
const TRIES: u32 = 3;

/// Has the client's settings in force, and its transaction begun, before its request runs: with the request if that is
/// safe, else before it.
///
/// # Errors
/// The server refuses them, or no other server could be had.
pub(crate) async fn put_in_force(
    session: &mut Session,
    mut checkout: Checkout,
    began: Began,
) -> Result<Checkout, Error> {
    let want = Arc::clone(&session.client.params);
    let begin = session.client.underway.wanted().map(|wanted| wanted.begin());
    let mut tries = 0;
    loop {
        let before = in_force::may_go_before(&checkout.server().params);
        let change = in_force::change(&mut checkout, session.client.card.id, &want);
        let effect = match &change {
            Some(_) => Effect::InForce(Arc::clone(&want)),
            None => Effect::Begun,
        };
        let parts: Vec<String> = change.into_iter().chain(begin.clone()).collect();
        if parts.is_empty() {
            return Ok(checkout);
        }
        // the client's transaction begins behind ours, and in a text of its own statements all the same: if ours fails,
        // what follows is refused
        let sql = parts.join(";");
        session.client.underway.sends(began.0);
        let inbox = &session.client.channel.inbox;
        if before && !::classify::words::exits_transaction(steps::classify::first_sql(inbox)) {
            in_force::put_before(&mut checkout, &sql, effect).map_err(Error::protocol)?;
            return Ok(checkout);
        }
        let patience = session.pool.settings().acquire_timeout();
        match in_force::put(&mut checkout, &sql, &want, patience).await {
            Ok(()) => {
                session.client.underway.has_begun();
                return Ok(checkout);
            }
            // a limit that another client has set: on another server there is none, or a new one is opened
            Err(PoolError::Refused { sqlstate, .. }) if sqlstate == "57014" && tries < TRIES => {
                tries += 1;
                checkout.close();
                checkout = steps::pool::borrow(session, began).await?;
            }
            Err(error) => {
                checkout.close();
                return Err(error.into());
            }
        }
    }
}
