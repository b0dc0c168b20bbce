//! Cancel requests of clients.
//!
//! The key has to be that of a client that is logged in. If it waits for a server it leaves the queue; if it
//! has requests under way, its server is asked to cancel; else nothing happens. A wrong key is answered like a
//! right one: by closing the connection in silence.

use std::sync::Arc;

use telemetry::Event;
use wire::startup::CancelKey;

use crate::hub::Hub;

/// Does what a cancel request asks for.
pub(crate) async fn cancel(hub: &Arc<Hub>, key: &CancelKey) {
    let found = hub.registry.find(key.pid).filter(|card| card.has_secret(&key.secret));
    let Some(card) = found else {
        return hub.events.count(Event::CancelIgnored);
    };
    if card.cancel_waiting() {
        return;
    }
    match card.to_cancel() {
        Some((pool, underway)) => pool::cancel::deliver(&pool, underway).await,
        None => hub.events.count(Event::CancelIgnored),
    }
}
