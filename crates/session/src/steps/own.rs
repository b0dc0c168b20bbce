//! Own settings: SET, RESET and SHOW of what is pgweir's own is answered here, and reaches no server.
//!
//! | such a request | is answered |
//! |---|---|
//! | of a client without a server | before one is looked for |
//! | of a client that has one | when what it has sent before is answered; the server stays as it is |
//! | in a transaction that has failed, or with a value that means nothing | with an error, and the transaction has failed |
//!
//! A request is one if it is nothing but that, in either protocol.

use std::time::Duration;

use ::route::choose::Floor;
use ::wire::TxStatus;
use net::channel::Channel;
use tokio::time::{Instant, sleep};

use crate::batch;
use crate::begun::State;
use crate::client::Client;
use crate::error::Error;
use crate::hub::Hub;
use crate::own_settings::{self, Doing, Name, Value};
use crate::portion;
use crate::session::Session;
use crate::single::{self, Reply};
use crate::split::Split;
use crate::steps::begin;

/// How long SHOW pgweir.token waits until it is known where the session's last write is.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks.
const GLANCE: Duration = Duration::from_millis(2);

/// Answers the request if it is about such a setting; true if it has.
///
/// # Errors
/// The value is none that the setting can have.
pub(crate) async fn answer(session: &mut Session) -> Result<bool, Error> {
    let Some(split) = &mut session.split else { return Ok(false) };
    let client = &mut session.client;
    let sql = batch::first_text(&client.channel.inbox, &client.names);
    if own_settings::resets_all(sql) {
        split.wishes = split.startup;
        return Ok(false);
    }
    let Some(doing) = own_settings::read(sql) else { return Ok(false) };
    let request = portion::first(&client.channel.inbox);
    if !single::runs_once(client.channel.inbox.get(..request).unwrap_or_default()) {
        return Ok(false);
    }
    if client.underway.state() == State::Failed {
        return Err(Error::Aborted);
    }
    let status = client.underway.state().status();
    let follows = session.rules.1.statements > 0;
    let given = follows.then(|| single::read(&client.channel.inbox, &client.names, true)).flatten();
    let given = given.and_then(|single| begin::effect(&single, &session.pool));
    Box::pin(answered(split, &session.hub, &mut client.channel, doing, status)).await?;
    if let Some(effect) = given {
        client.names.apply(effect);
        client.note_prepared();
    }
    Ok(true)
}

/// Answers one that its client has sent while it has a server, with this status.
///
/// # Errors
/// It cannot be answered.
pub(crate) async fn inside(
    split: Option<&mut Split>,
    hub: &Hub,
    client: &mut Client,
    status: TxStatus,
) -> Result<(), Error> {
    let sql = batch::first_text(&client.channel.inbox, &client.names);
    let (Some(split), Some(doing)) = (split, own_settings::read(sql)) else {
        return Err(Error::unexpected_message(b'Q'));
    };
    match answered(split, hub, &mut client.channel, doing, status).await {
        Err(error) if error.is_survivable() => {
            let request = portion::first(&client.channel.inbox);
            client.channel.consume(request);
            error.respond(client.channel.queue(), client.card.id);
            ::wire::backend::ready::write(client.channel.queue(), status);
            Ok(())
        }
        other => other,
    }
}

async fn answered(
    split: &mut Split,
    hub: &Hub,
    channel: &mut Channel,
    doing: Doing,
    status: TxStatus,
) -> Result<(), Error> {
    let mut shown = None;
    let tag = match doing {
        Doing::Set(name, text) => {
            set(split, name, text.as_deref())?;
            "SET"
        }
        Doing::Reset(name) => {
            set(split, name, None)?;
            "RESET"
        }
        Doing::Show(name) => {
            shown = Some((name.as_str(), show(split, hub, name).await?));
            "SHOW"
        }
    };
    let request = portion::first(&channel.inbox).min(channel.inbox.len());
    let request = channel.inbox.split_to(request);
    let row = shown.as_ref().map(|(name, value)| (*name, value.as_str()));
    single::answer(channel.queue(), &request, &Reply { tags: &[tag], row }, status).map_err(Error::protocol)
}

/// What a start-up message or a SET asks for; none: what the session began with.
///
/// # Errors
/// It is none that the setting can have.
pub(crate) fn set(split: &mut Split, name: Name, text: Option<&str>) -> Result<(), Error> {
    let value = match text {
        None => None,
        Some(text) => Some(understood(name, text)?),
    };
    match (name, value) {
        (Name::Target, None) => split.wishes.target = split.startup.target,
        (Name::Consistency, None) => split.wishes.consistency = split.startup.consistency,
        // what was seen cannot be unseen
        (Name::Token, None) => {}
        (_, Some(Value::Target(target))) => split.wishes.target = Some(target),
        (_, Some(Value::Consistency(consistency))) => split.wishes.consistency = Some(consistency),
        (_, Some(Value::Token(floor))) => split.raise(floor),
    }
    Ok(())
}

/// What a value means.
///
/// # Errors
/// It is none that the setting can have.
pub(crate) fn understood(name: Name, text: &str) -> Result<Value, Error> {
    name.read(text).ok_or_else(|| Error::OwnSetting(name.as_str(), text.to_owned(), name.allowed()))
}

async fn show(split: &mut Split, hub: &Hub, name: Name) -> Result<String, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        // a new view may have come
        let _seen = split.look(hub);
        match name {
            Name::Target => return Ok(split.target().to_string()),
            Name::Consistency => return Ok(split.consistency().to_string()),
            Name::Token => {}
        }
        match split.own_floor() {
            Floor::At(floor) => return Ok(floor.to_string()),
            Floor::None => return Ok("0/0".to_owned()),
            Floor::Unknown if Instant::now() >= until => return Err(Error::NoToken(PATIENCE)),
            Floor::Unknown => sleep(GLANCE).await,
        }
    }
}
