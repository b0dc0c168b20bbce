//! Pool: borrow a server, with this client's settings in force on it.

use std::sync::Arc;

use ::pool::Checkout;
use ::pool::error::Error as PoolError;
use telemetry::Timing;

use crate::error::Error;
use crate::session::Session;
use crate::steps;
use crate::steps::route::Way;
use crate::steps::wire::Began;

/// A free server at once, or a place in the queue until one is.
///
/// # Errors
/// Nobody gave a server back in time, the server cannot be reached, or the client went away or cancelled.
pub(crate) async fn checkout(session: &mut Session, way: Way, began: Began) -> Result<Checkout, Error> {
    let mut checkout = match way.replica {
        None => borrow(session, began).await?,
        Some(replica) => match steps::replica::at_once(session, replica, began) {
            Some(checkout) => checkout,
            // boxed: see below
            None => Box::pin(steps::replica::borrow(session, replica, way, began)).await?,
        },
    };
    let server = checkout.server();
    let others = !Arc::ptr_eq(&server.params, &session.client.params) || server.left.stranger.is_some();
    if others || session.client.underway.begun.is_some() {
        checkout = Box::pin(steps::before::put_in_force(session, checkout, began)).await?;
    }
    checkout.pool().stats.slot(session.worker).add_server_assignment_count(1);
    if session.split.is_some() {
        steps::replica::begin(session, way, checkout.pool());
    }
    session.client.card.link(&checkout.server().card, began.0);
    Ok(checkout)
}

/// The same, with whatever settings are in force on the server.
///
/// # Errors
/// As [`checkout`].
pub(crate) async fn borrow(session: &mut Session, began: Began) -> Result<Checkout, Error> {
    if let Some(checkout) = session.pool.try_checkout(session.worker, session.client.card.id, began.0) {
        session.pool.shared.timings.worker(session.worker).record(Timing::Wait, 0);
        return Ok(checkout);
    }
    // boxed, as what follows a checkout is: it is rare, and would make every client's task larger
    Box::pin(queue(session, began)).await
}

async fn queue(session: &mut Session, began: Began) -> Result<Checkout, Error> {
    loop {
        let pool = Arc::clone(&session.pool);
        match steps::queue::wait(session, &pool, None, began).await {
            Err(Error::Pool(PoolError::Retired)) => session.move_to_new_pool()?,
            Err(error) => return Err(error),
            Ok(None) => {}
            Ok(Some(checkout)) => return Ok(checkout),
        }
    }
}
