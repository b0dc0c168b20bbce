//! The path of one request, step by step. Each step is one call and one file in `steps`.

use crate::error::Error;
use crate::relay::Ended;
use crate::session::Session;
use crate::steps;

/// Serves a client that is logged in until it goes.
///
/// # Errors
/// Why the session ended, if the client did not just say goodbye.
pub(crate) async fn serve(session: &mut Session) -> Result<(), Error> {
    // bytes → frames: the first message of a request is here
    while let Some(began) = steps::wire::request(session).await? {
        match answer(session, began).await {
            Ok(Ended::Free) => {}
            Ok(Ended::Goodbye) => return Ok(()),
            Err(refused) if refused.is_survivable() => steps::wire::refuse(session, &refused),
            Err(fatal) => return Err(fatal),
        }
    }
    Ok(())
}

async fn answer(session: &mut Session, began: steps::wire::Began) -> Result<Ended, Error> {
    // what is this SQL?
    let class = steps::classify::classify(session)?;
    // have we the answer?
    if steps::cache::answer(session, class) {
        return Ok(Ended::Free);
    }
    // who may answer?
    let choice = steps::route::choose(session, class);
    // borrow a server; a second one if the first is found dead before it has taken a byte
    let mut checkout = steps::pool::checkout(session, choice, began).await?;
    match steps::relay::relay(session, checkout, began).await {
        Err(Error::NothingSent(_)) => {
            checkout = steps::pool::checkout(session, choice, began).await?;
            steps::relay::relay(session, checkout, began).await
        }
        ended => ended,
    }
}
