//! State: what has the transaction that is over left behind on the server, may another client have it?

use std::sync::Arc;

use ::pool::left::{Marks, Name, Pins, Traces};
use ::pool::{Checkout, Params, Pool, in_force, recover};
use ::wire::backend::params;
use config::StatePolicy;
use telemetry::Event;

use crate::card::ClientCard;
use crate::error::Error;
use crate::session::Session;
use crate::steps;

/// A server that is kept, counted for as long as this is there.
pub(crate) struct Pinned {
    pool: Arc<Pool>,
    card: Arc<ClientCard>,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.pool.unpin();
        self.card.pin(Pins::default());
    }
}

/// Finds out what there is to know; true: the server stays with this client.
///
/// # Errors
/// The server is lost, or one more may not be kept.
pub(crate) async fn stays(session: &mut Session, checkout: &mut Checkout) -> Result<bool, Error> {
    let left = &checkout.server().left;
    if !left.is_suspect() && left.pins.is_empty() {
        steps::listen::settle(session, Some(&[]));
        return Ok(false);
    }
    // boxed: it is rare, and would make every client's task larger
    Box::pin(look_after(session, checkout)).await
}

async fn look_after(session: &mut Session, checkout: &mut Checkout) -> Result<bool, Error> {
    let settings = session.pool.settings();
    let client = session.client.card.id;
    let left = &mut checkout.server_mut().left;
    if let Some(suspected) = left.suspected() {
        if settings.session.state == StatePolicy::Pin && !suspected.marks.contains(Marks::DISCARDS_ALL) {
            left.keep(Pins::POLICY);
        } else if let Some(suspected) = left.take_suspected() {
            let lost = |error| Error::ServerLost { error, told: false };
            let shares = session.rules().shares;
            let channels = recover::find_out(checkout, &suspected, client, shares).await.map_err(lost)?;
            if shares {
                steps::listen::settle(session, channels.as_deref());
            }
            go_back_to_startup(session, checkout, &suspected);
        }
    }
    let pins = checkout.server().left.pins;
    if pins.is_empty() {
        session.pinned = None;
        return Ok(false);
    }
    if steps::replica::is_visited(session) {
        // it was to only read: this server would refuse what comes next, so it goes, with what is on it
        session.hub.events.count(Event::ReplicaKept);
        return Ok(false);
    }
    let refused = pins.without(session.rules().allows);
    if session.rules().rejects && !refused.is_empty() {
        return Err(Error::Keeps { pins: refused, fatal: true });
    }
    pin(session, pins, settings.session.max_pinned)?;
    if session.client.amended {
        // there will be no next checkout to do it
        session.client.amended = false;
        let want = Arc::clone(&session.client.params);
        if let Some(sql) = in_force::change(checkout, client, &want) {
            let patience = settings.acquire_timeout();
            let lost = |error| Error::ServerLost { error, told: false };
            in_force::put(checkout, &sql, &want, patience).await.map_err(lost)?;
        }
    }
    Ok(true)
}

fn pin(session: &mut Session, pins: Pins, limit: u32) -> Result<(), Error> {
    let card = &session.client.card;
    let before = card.pins();
    if session.pinned.is_none() {
        if !session.pool.pin(limit) {
            return Err(Error::TooManyPinned { limit, pins });
        }
        session.pinned = Some(Pinned { pool: Arc::clone(&session.pool), card: Arc::clone(card) });
    }
    for (event, pin) in [
        (Event::PinnedTemporary, Pins::TEMPORARY),
        (Event::PinnedCursor, Pins::CURSOR),
        (Event::PinnedLock, Pins::LOCK),
        (Event::PinnedLoad, Pins::LOAD),
        (Event::PinnedHint, Pins::HINT),
        (Event::PinnedSetting, Pins::SETTING),
        (Event::PinnedPolicy, Pins::POLICY),
        (Event::PinnedChannel, Pins::CHANNEL),
    ] {
        if pins.contains(pin) && !before.contains(pin) {
            session.hub.events.count(event);
        }
    }
    if pins != before {
        tracing::debug!(client = card.id, "keeps its server connection: {pins}");
        card.pin(pins);
    }
    Ok(())
}

/// RESET goes back to what a client gave at its start-up, where the server knows of its own defaults only. The
/// client is told what it has not heard from the server.
fn go_back_to_startup(session: &mut Session, checkout: &Checkout, suspected: &Traces) {
    let Some(welcome) = session.pool.learnt.welcome() else { return };
    let all = suspected.marks.has_any(Marks::RESETS_ALL.union(Marks::DISCARDS_ALL));
    let in_force = &checkout.server().params;
    let startup = &session.client.startup;
    let went_back = |name: &str| {
        all || suspected.settings.iter().any(|touched| {
            touched.to_default
                && matches!(&touched.name, Name::Known(known) if known.eq_ignore_ascii_case(name))
        })
    };
    let mut params: Option<Params> = None;
    for (name, value) in startup.iter() {
        let (now, default) = (in_force.get(name), welcome.base.get(name));
        if went_back(name) && now == default && default != Some(value) {
            params.get_or_insert_with(|| Params::clone(in_force)).put(name, value);
            if in_force.is_reported(name) {
                let told = params::write(session.client.channel.queue(), name.as_bytes(), value.as_bytes());
                debug_assert!(told.is_ok(), "the server has taken it once");
            }
        }
    }
    if let Some(params) = params {
        session.client.params = Arc::new(params);
        session.client.amended = true;
    }
}
