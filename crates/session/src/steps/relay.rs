//! Relay: move bytes both ways until the server is free again, then give it back or have it cleaned up.

use ::pool::{Checkout, cancel, recover};
use config::PoolMode;
use telemetry::Event;

use crate::error::Error;
use crate::relay::{Ended, Relay, Rules, micros};
use crate::session::Session;
use crate::steps::wire::Began;

/// Runs the request on this server.
///
/// # Errors
/// What broke, on either side.
pub(crate) async fn relay(
    session: &mut Session,
    mut checkout: Checkout,
    began: Began,
) -> Result<Ended, Error> {
    let settings = session.pool.settings();
    let rules = Rules {
        mode: settings.mode,
        statements: match settings.mode {
            // a server of its own keeps the client's own names
            PoolMode::Session => 0,
            PoolMode::Transaction | PoolMode::Statement => settings.prepared_statements as usize,
        },
        query: settings.query_timeout(),
        idle: settings.idle_in_transaction_timeout(),
    };
    let ended = Relay::new(&mut session.client, &mut checkout, rules, session.worker, began.0).await;
    session.client.card.unlink();
    let slot = session.pool.stats.slot(session.worker);
    slot.add_xact_count(1);
    slot.add_xact_time_us(micros(began.0.elapsed()));
    match &ended {
        Ok(Ended::Free) => {
            // what the request changed, the client carries on to its next server
            session.client.params = std::sync::Arc::clone(&checkout.server().params);
            give_back(checkout);
        }
        Err(Error::ServerLost { .. } | Error::NothingSent(_)) => {
            session.hub.events.count(Event::ServerLost);
            checkout.close();
        }
        // the server is not to blame: what the client began on it is ended, and another may have it
        Ok(Ended::Goodbye) | Err(_) => {
            tokio::spawn(recover::recover(checkout, settings.mode == PoolMode::Session));
        }
    }
    ended
}

/// A server with a cancel under way is kept until the cancel has ended.
fn give_back(checkout: Checkout) {
    match checkout.server().clean() {
        Some(clean) => checkout.give_back(clean),
        None => {
            tokio::spawn(async move {
                cancel::settled(&std::sync::Arc::clone(&checkout.server().card)).await;
                // given back on drop, as nothing else was in the way
                drop(checkout);
            });
        }
    }
}
