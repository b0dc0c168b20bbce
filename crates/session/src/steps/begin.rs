//! Begin: a transaction is begun without a server; the server is chosen at its first statement.
//!
//! What a text means for such a transaction is decided by [`State`]; here it is read from the client, and the client is
//! told.

use std::task::{Context, Poll};
use std::time::Instant;

use ::classify::{Against, transaction, words};
use ::pool::Pool;
use ::pool::prepared::{About, Alias, Effect, Statement};
use bytes::Bytes;
use config::{PoolMode, Target};
use telemetry::Event;

use crate::batch::{self, Reason, Runs};
use crate::begun::{Answer, State, Wanted};
use crate::card::Order;
use crate::error::Error;
use crate::session::Session;
use crate::single::{self, Reply, Single};
use crate::steps::classify::{Asked, first_sql};

/// Answers the request if it only begins, tunes or ends a transaction that has no server; true if it has.
///
/// # Errors
/// The transaction has failed, and is not ended by this.
pub(crate) fn answer(session: &mut Session, asked: &Asked) -> Result<bool, Error> {
    let state = session.client.underway.state();
    if state == State::None && !may_begin(session, asked) {
        return Ok(false);
    }
    let client = &session.client;
    let follows = session.rules.1.statements > 0;
    let single = single::read(&client.channel.inbox, &client.names, follows);
    let text = single.and_then(|single| transaction::read(single.sql));
    match (text.map(|text| state.on(&text)), single) {
        (Some(Answer::Told(next, tags)), Some(single)) => {
            let (effect, length) = (effect(&single, &session.pool), single.length);
            tell(session, effect, length, next, &tags)?;
            Ok(true)
        }
        (_, _) if state != State::Failed => Ok(false),
        // nothing is left of it but its end, and that a server need not be told
        (_, _) if transaction::ends_first(first_sql(&client.channel.inbox)) => {
            session.client.underway.begun = None;
            Ok(false)
        }
        (_, _) => Err(Error::Aborted),
    }
}

/// Whether the request may begin a transaction for which a server can be chosen later.
fn may_begin(session: &Session, asked: &Asked) -> bool {
    let Some(split) = &session.split else { return false };
    let can = split.terms.virtual_begin
        && asked.runs.is_some()
        && asked.target == Some(Target::Split)
        && session.rules.1.mode == PoolMode::Transaction;
    let (client, class) = (&session.client, asked.class);
    let begins = || {
        class.opens_block
            || words::opens_block(words::first_word(batch::first_text(&client.channel.inbox, &client.names)))
    };
    can && begins()
}

/// What such a request changes in the client's prepared statements.
pub(crate) fn effect(single: &Single<'_>, pool: &Pool) -> Option<Effect> {
    let Some((name, types)) = single.given else {
        return single.simple.then_some(Effect::NoUnnamed);
    };
    if name.is_empty() {
        return Some(Effect::Unnamed(Statement::unnamed(single.sql, types, About::default())));
    }
    let statement = pool.statements.intern(single.sql, types, About::default);
    Some(Effect::Named(Box::new(Alias { name: Bytes::copy_from_slice(name), statement })))
}

fn tell(
    session: &mut Session,
    effect: Option<Effect>,
    length: usize,
    next: State,
    tags: &[&str],
) -> Result<(), Error> {
    let client = &mut session.client;
    let request = client.channel.inbox.split_to(length.min(client.channel.inbox.len()));
    let reply = Reply { tags, row: None };
    single::answer(client.channel.queue(), &request, &reply, next.status()).map_err(Error::protocol)?;
    if let Some(effect) = effect {
        client.names.apply(effect);
        client.note_prepared();
    }
    for _ in tags.iter().filter(|tag| matches!(**tag, "BEGIN" | "START TRANSACTION")) {
        session.hub.events.count(Event::VirtualBegin);
    }
    client.underway.told(next, Instant::now());
    Ok(())
}

/// Where the transaction that was begun goes whole, with this request at its beginning.
pub(crate) fn steered(session: &Session, wanted: &Wanted, asked: Asked) -> Asked {
    let target = session.split.as_ref().map(|split| split.target());
    if target != Some(Target::Split) {
        return Asked { target, ..asked };
    }
    if asked.target == Some(Target::Primary) {
        return asked;
    }
    let client = &session.client;
    let serializable = wanted.modes.isolation.is_none()
        && client.params.get("default_transaction_isolation") == Some("serializable");
    // what is behind the end of it in the same request may be a write
    let ends = words::exits_transaction(first_sql(&client.channel.inbox));
    let runs = match asked.runs {
        Some(Runs::Primary(Reason::Hint)) => Runs::Primary(Reason::Hint),
        _ if wanted.hints.primary => Runs::Primary(Reason::Hint),
        _ if wanted.may_go_to_replica() && !serializable && !ends => Runs::Opens(0),
        // it may well write later
        _ => Runs::Primary(Reason::Against(Against::Transaction)),
    };
    Asked { target, runs: Some(runs), ..asked }
}

/// A client that is silent inside such a transaction: it is bound by the limits on transactions. It is not idle, so it is
/// neither moved nor sent away.
///
/// # Errors
/// A limit was passed.
pub(crate) fn poll_silent<T>(session: &mut Session, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
    let limits = session.rules().limits;
    let _revoked = session.client.card.take_order(Order::Idle);
    let Some(begun) = &mut session.client.underway.begun else { return Poll::Pending };
    let Some((limit, after, at)) = limits.without_server(begun.last, begun.since) else {
        return Poll::Pending;
    };
    if begun.poll_until(cx, at).is_pending() {
        return Poll::Pending;
    }
    session.hub.events.count(Event::TimeLimit);
    Poll::Ready(Err(Error::Timeout(limit, after)))
}
