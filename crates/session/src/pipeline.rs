//! The path of one request, step by step. Each step is one call and one file in `steps`.

use telemetry::Event;

use crate::error::Error;
use crate::relay::Ended;
use crate::session::Session;
use crate::steps;
use crate::steps::wire::Turn;

/// Where a session goes that has not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// The client has said goodbye.
    Gone,
    /// To another worker.
    Moving,
}

/// Serves a client that is logged in until it goes.
///
/// # Errors
/// Why the session ended, if the client did not just say goodbye.
pub(crate) async fn serve(session: &mut Session) -> Result<Left, Error> {
    loop {
        // bytes → frames: the first message of a request is here
        let began = match steps::wire::request(session).await? {
            Turn::Request(began) => began,
            Turn::Goodbye => return Ok(Left::Gone),
            Turn::Move => return Ok(Left::Moving),
        };
        match answer(session, began).await {
            Ok(Answered::Yes) => {}
            Ok(Answered::ClientLeft) => return Ok(Left::Gone),
            Err(refused) if refused.is_survivable() => steps::wire::refuse(session, &refused),
            Err(fatal) => return Err(fatal),
        }
    }
}

/// How a request went that was not refused.
enum Answered {
    Yes,
    ClientLeft,
}

async fn answer(session: &mut Session, began: steps::wire::Began) -> Result<Answered, Error> {
    // what is this SQL?
    let asked = steps::classify::classify(session)?;
    // have we the answer?
    let own = steps::own::answer(session).await? || steps::begin::answer(session, &asked)?;
    if own || steps::cache::answer(session, asked.class) {
        return Ok(Answered::Yes);
    }
    // who may answer?
    let way = steps::route::choose(session, asked).await?;
    // somebody has to listen for a client before its LISTEN may run
    if asked.class.listens {
        steps::listen::before(session, began).await?;
    }
    let mut retried = false;
    loop {
        // borrow a server
        let mut checkout = steps::pool::checkout(session, way, began).await?;
        // move bytes both ways, for as long as the server has to stay with the client
        let ended = steps::relay::relay(session, &mut checkout, began).await;
        match steps::relay::settle(session, checkout, ended) {
            Ok(Ended::Free { .. } | Ended::Elsewhere | Ended::Own) => return Ok(Answered::Yes),
            Ok(Ended::Goodbye) => return Ok(Answered::ClientLeft),
            // the server is found dead before it has taken a byte: another one
            Err(Error::NothingSent(_)) if !retried => retried = true,
            Err(error) => return Err(error),
        }
        session.hub.events.count(Event::RetryOnFreshServer);
    }
}
