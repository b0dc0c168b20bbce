//! Replica: borrow a server that only reads, or the primary in its place, and see what has become of that.

use std::sync::Arc;
use std::time::Duration;

use ::pool::error::Error as PoolError;
use ::pool::{Checkout, Pool, Seat};
use telemetry::{Event, Timing};

use crate::error::Error;
use crate::portion::Open;
use crate::session::Session;
use crate::steps;
use crate::steps::route::Way;
use crate::steps::wire::Began;

/// How long a read waits for a connection to a replica before the primary has to do.
const QUICKLY: Duration = Duration::from_millis(250);

/// A connection to this replica that is free.
pub(crate) fn at_once(session: &mut Session, replica: usize, began: Began) -> Option<Checkout> {
    let pool = session.split.as_mut()?.pool(&session.hub.directory, &session.pool, replica)?;
    let checkout = pool.try_checkout(session.worker, session.client.card.id, began.0)?;
    pool.shared.timings.worker(session.worker).record(Timing::Wait, 0);
    Some(checkout)
}

/// One that has to be waited for; if the primary may have the request as well, not for long.
///
/// # Errors
/// There is none, or the client went away or cancelled.
pub(crate) async fn borrow(
    session: &mut Session,
    replica: usize,
    way: Way,
    began: Began,
) -> Result<Checkout, Error> {
    loop {
        let split = session.split.as_mut();
        let pool = split.and_then(|split| split.pool(&session.hub.directory, &session.pool, replica));
        let Some(pool) = pool.filter(|pool| !way.spare || is_quick(pool)) else {
            return instead(session, way, began).await;
        };
        let got = steps::queue::wait(session, &pool, way.spare.then_some(QUICKLY), began).await;
        let Some(split) = &mut session.split else { return steps::pool::borrow(session, began).await };
        match got {
            Ok(Some(checkout)) => return Ok(checkout),
            Ok(None) => {}
            Err(Error::Pool(PoolError::Retired)) => split.forget_pool(replica),
            Err(Error::Pool(error)) => {
                if !way.spare {
                    return Err(Error::Pool(error));
                }
                return instead(session, way, began).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The primary.
async fn instead(session: &mut Session, way: Way, began: Began) -> Result<Checkout, Error> {
    if !way.spare {
        return Err(Error::NoReplica("it is not there any more".to_owned()));
    }
    steps::pool::borrow(session, began).await
}

/// Whether a connection to it may be had soon.
fn is_quick(pool: &Pool) -> bool {
    let size = pool.settings().size;
    pool.look(|state| {
        let waiting = u32::try_from(state.waiting.len()).unwrap_or(u32::MAX);
        !state.paused && !state.backs_off(std::time::Instant::now()) && waiting < size
    })
}

/// The request goes to a server of this pool.
pub(crate) fn begin(session: &mut Session, way: Way, pool: &Arc<Pool>) {
    let Some(split) = &mut session.split else { return };
    let (mut why, mut open, mut writes) = (way.why, way.open, way.writes);
    let mut keeps = false;
    match pool.key.seat {
        Seat::Replica(server) => {
            split.begin(server);
            // whatever it is, it does not write there
            writes = false;
            session.client.card.reads_from(pool);
            keeps = way.spare && matches!(open, Open::Bytes(_));
        }
        Seat::Primary if way.replica.is_some() => {
            why = Some(Event::RoutedBusy);
            if open == Open::Request {
                (open, writes) = (Open::All, true);
            }
        }
        Seat::Primary => {}
    }
    if writes {
        split.may_write();
    }
    session.client.underway.start(open, keeps);
    if let Some(why) = why {
        session.hub.events.count(why);
    }
}

/// The server is lost or of no use; true: what it has not answered will be run elsewhere.
pub(crate) fn runs_again(session: &mut Session) -> bool {
    let Some(names) = session.client.underway.lost() else { return false };
    for name in names {
        session.client.names.undo(&name);
    }
    true
}

/// Whether what only reads was to run on this server, which others go on with.
pub(crate) fn is_visited(session: &Session) -> bool {
    session
        .split
        .as_ref()
        .is_some_and(|split| split.busy.is_some() && split.target() == config::Target::Split)
}
