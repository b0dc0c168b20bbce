//! Route: who may answer?

use std::time::Duration;

use ::route::choose::Intent;
use ::route::{Choice, Why, choose as pick};
use config::{PoolMode, Target, WritesSeen};
use telemetry::Event;
use tokio::time::{Instant, sleep};

use crate::batch::{Reason, Runs};
use crate::card::Order;
use crate::error::Error;
use crate::portion::Open;
use crate::reasons;
use crate::session::Session;
use crate::split::Split;
use crate::steps;
use crate::steps::classify::Asked;

/// How often a read that waits for a replica looks whether that has come far enough.
const GLANCE: Duration = Duration::from_millis(2);

/// The server for a request, and what of the inbox is for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// The replica; none: the primary.
    pub(crate) replica: Option<usize>,
    /// What may be sent before the server is free again.
    pub(crate) open: Open,
    /// It may write, for all that is known.
    pub(crate) writes: bool,
    /// The primary may have it in the place of the replica.
    pub(crate) spare: bool,
    /// Why it goes there; none where there is one server.
    pub(crate) why: Option<Event>,
}

impl Way {
    /// The one way where there is one server.
    const ONLY: Self = Self { replica: None, open: Open::All, writes: true, spare: false, why: None };

    fn primary(why: Event) -> Self {
        Self { why: Some(why), ..Self::ONLY }
    }
}

/// Chooses the server for a request that may run there.
///
/// # Errors
/// There is none that may answer, or the client went away or cancelled.
pub(crate) async fn choose(session: &mut Session, asked: Asked) -> Result<Way, Error> {
    let asked = match session.client.underway.wanted() {
        Some(wanted) => steps::begin::steered(session, &wanted, asked),
        None => asked,
    };
    let Some(split) = &mut session.split else { return Ok(Way::ONLY) };
    let whole = session.rules.1.mode == PoolMode::Session;
    let target = asked.target.unwrap_or(Target::Primary);
    let hub = &session.hub;
    let application = match split.terms.writes_seen {
        WritesSeen::ApplicationName => session.client.params.get("application_name").unwrap_or_default(),
        WritesSeen::Own | WritesSeen::User => "",
    };
    split.sees(hub, &session.pool.key.user, application);
    if split.look(hub).is_none() {
        return Ok(Way::primary(Event::RoutedNoReplica));
    }
    let (open, writes) = match asked.runs {
        _ if target == Target::Primary => return Ok(Way::primary(Event::RoutedAsked)),
        _ if target == Target::Replica => (Open::All, false),
        _ if whole => return Ok(Way::primary(Event::RoutedSession)),
        Some(Runs::Reads(length)) => (Open::Bytes(length), false),
        Some(Runs::Guessed(length)) => (Open::Bytes(length), true),
        Some(Runs::Opens(_)) => (Open::Request, false),
        Some(Runs::Nothing(length)) => {
            let way = Way::primary(Event::RoutedEmpty);
            return Ok(Way { open: Open::Bytes(length), writes: false, ..way });
        }
        Some(Runs::Refused(length)) => {
            let way = Way::primary(Event::RoutedRefused);
            return Ok(Way { open: Open::Bytes(length), ..way });
        }
        Some(Runs::Primary(reason)) => return Ok(Way::primary(reasons::event(reason))),
        None => return Ok(Way::primary(reasons::event(Reason::Unfinished))),
    };
    let mut choice = chosen(split, hub, target);
    if choice == Choice::Primary(Why::OwnWrites) && !split.terms.wait.is_zero() {
        choice = Box::pin(wait(session, target)).await?;
    }
    let way = Way { open, writes, ..Way::ONLY };
    match choice {
        Choice::Replica(replica) => {
            let why = Some(if target == Target::Replica { Event::RoutedAsked } else { Event::RoutedReplica });
            Ok(Way { replica: Some(replica), spare: target == Target::Split, why, ..way })
        }
        Choice::Primary(why) => {
            let opens = open == Open::Request;
            // what a transaction does that only reads is not followed on the primary
            let open = if opens { Open::All } else { open };
            Ok(Way { open, writes: writes || opens, why: Some(reasons::why(why)), ..way })
        }
        Choice::Nobody(why) => Err(nobody(session, why)),
    }
}

fn chosen(split: &mut Split, hub: &crate::hub::Hub, target: Target) -> Choice {
    let floor = split.floor();
    let Some((board, view)) = split.look(hub) else { return Choice::Primary(Why::NoReplica) };
    pick(view, &board.loads, Intent { reads: true, target, floor })
}

/// Waits for a replica that has what the client has written, for as long as that may take.
async fn wait(session: &mut Session, target: Target) -> Result<Choice, Error> {
    let until = session.split.as_ref().map(|split| Instant::now() + split.terms.wait);
    loop {
        let Some(split) = &mut session.split else { return Ok(Choice::Primary(Why::OwnWrites)) };
        let choice = chosen(split, &session.hub, target);
        if choice != Choice::Primary(Why::OwnWrites) || until.is_none_or(|until| Instant::now() >= until) {
            return Ok(choice);
        }
        let card = &session.client.card;
        if card.ordered(Order::Kill) {
            return Err(Error::Killed);
        }
        sleep(GLANCE).await;
    }
}

fn nobody(session: &mut Session, why: Why) -> Error {
    session.hub.events.count(Event::RoutedNobody);
    let Some((_, view)) = session.split.as_mut().and_then(|split| split.look(&session.hub)) else {
        return Error::NoReplica(String::new());
    };
    let each = view.members.iter().map(|member| {
        let fit = if why == Why::OwnWrites && member.fit == ::route::view::Fitness::Fit {
            "has not what this session has written"
        } else {
            member.fit.as_str()
        };
        format!("{}: {fit}", member.name)
    });
    Error::NoReplica(each.collect::<Vec<_>>().join(", "))
}
