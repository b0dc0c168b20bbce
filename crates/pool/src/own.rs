//! A server connection for one client alone, as replication needs it: opened for it, closed with it, never lent to
//! anybody else. It has its place under the caps of its pool, and is on the roster of its pool, so that its client's
//! cancel requests find it and the console shows it; the size of the pool does not limit it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use net::channel::Channel;
use telemetry::Event;

use crate::connect;
use crate::error::Error;
use crate::pool::{OwnPlaces, Pool};
use crate::server::ServerCard;

/// A connection of one client's own, logged in.
#[derive(Debug)]
pub struct Own {
    /// Its bytes.
    pub channel: Channel,
    /// What others may know of it.
    pub card: Arc<ServerCard>,
    /// The parameters that it reported.
    pub reported: Vec<(String, String)>,
    #[expect(dead_code, reason = "held for its Drop")]
    places: OwnPlaces,
}

impl Own {
    /// Opens one for this client, with its start-up parameters, within `connect_timeout`.
    ///
    /// # Errors
    /// The server cannot be reached or refuses the log-in, or has as many connections as it may have.
    pub async fn open(pool: &Pool, client: u64, asked: &[(&str, &str)]) -> Result<Self, Error> {
        let settings = pool.settings();
        let places = pool.take_own()?;
        let opened = connect::in_time(pool, settings.connect_timeout(), asked).await;
        let (stream, said) = opened.inspect_err(|_| pool.shared.events.count(Event::ServerConnectFailed))?;
        pool.shared.events.count(Event::ServerConnected);
        let card = connect::card(pool, &stream, said.pid, said.secret);
        card.client.store(client, Ordering::Relaxed);
        Ok(Self { channel: Channel::new(stream), card, reported: said.reported, places })
    }
}
