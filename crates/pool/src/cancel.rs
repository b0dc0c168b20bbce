//! Cancel requests to servers.
//!
//! PostgreSQL takes a cancel on a connection of its own, answers nothing, and closes it after the signal was
//! sent. Until that close a cancel may still arrive; so it is counted on the server's card, and a server with
//! a cancel under way is not lent to anybody else. What is cancelled is then the query of the client that
//! asked, or nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use telemetry::Event;

use crate::connect;
use crate::pool::Pool;
use crate::server::ServerCard;

/// How long a server may take to accept a cancel and close the connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Counts a cancel as under way for as long as it lives.
#[derive(Debug)]
pub struct Underway {
    card: Arc<ServerCard>,
}

impl Underway {
    /// From now on the server is kept from being lent.
    #[must_use]
    pub fn begin(card: &Arc<ServerCard>) -> Self {
        card.cancels.fetch_add(1, Ordering::SeqCst);
        Self { card: Arc::clone(card) }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.card.cancels.fetch_sub(1, Ordering::AcqRel);
        self.card.quiet.notify_waiters();
    }
}

/// Asks the server to cancel what it runs on this connection, and waits until it has done so.
pub async fn send(pool: &Arc<Pool>, card: &Arc<ServerCard>) {
    let underway = Underway::begin(card);
    deliver(pool, underway).await;
}

/// The same for a cancel that is counted already.
pub async fn deliver(pool: &Arc<Pool>, underway: Underway) {
    let events = &pool.shared.events;
    if underway.card.secret.is_empty() {
        // a server that gave no key can not be asked
        events.count(Event::CancelIgnored);
        return;
    }
    match tokio::time::timeout(PATIENCE, exchange(pool, &underway.card)).await {
        Ok(Ok(())) => events.count(Event::CancelForwarded),
        Ok(Err(error)) => tracing::warn!(server = pool.target.address(), "could not cancel: {error}"),
        Err(_) => tracing::warn!(server = pool.target.address(), "could not cancel: no answer in time"),
    }
}

async fn exchange(pool: &Arc<Pool>, card: &ServerCard) -> Result<(), crate::Error> {
    let mut stream = connect::reach(&pool.target, PATIENCE).await?;
    let address = pool.target.address();
    let mut packet = BytesMut::new();
    wire::startup::write_cancel(&mut packet, card.pid, &card.secret)
        .map_err(|what| crate::Error::Protocol { server: address.clone(), what })?;
    stream.write_all(&packet).await.map_err(|error| crate::Error::lost(&address, &error))?;
    // the server closes when the signal is sent; whatever it might say before is of no interest
    packet.clear();
    while let Ok(1..) = stream.read_more(&mut packet).await {
        packet.clear();
    }
    Ok(())
}

/// Waits until no cancel is under way to this server.
pub async fn settled(card: &ServerCard) {
    loop {
        let quiet = card.quiet.notified();
        if card.cancels.load(Ordering::SeqCst) == 0 {
            return;
        }
        quiet.await;
    }
}
