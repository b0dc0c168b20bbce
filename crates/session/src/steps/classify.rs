//! Classify: what is this SQL?

use ::classify::Class;
use ::wire::frame::{self, HEADER};
use ::wire::frontend;
use config::{PoolMode, Target};
use telemetry::Event;

use crate::batch::{Judge, Runs};
use crate::error::Error;
use crate::portion;
use crate::refusal::Refusal;
use crate::session::Session;

/// What is known of the request at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Its first statement.
    pub(crate) class: Class,
    /// Where it may run; none where there is nothing to choose.
    pub(crate) runs: Option<Runs>,
}

/// Looks at the request at hand.
///
/// # Errors
/// A statement that the pool's mode does not allow.
pub(crate) fn classify(session: &mut Session) -> Result<Asked, Error> {
    let class = ::classify::classify(first_sql(&session.client.channel.inbox));
    if class.opens_block && session.mode() == PoolMode::Statement {
        return Err(Error::TransactionBlock { open: false });
    }
    Ok(Asked { class, runs: runs(session) })
}

/// Where it may run, if its client's reads may go to replicas.
fn runs(session: &mut Session) -> Option<Runs> {
    let split = session.split.as_mut()?;
    let (hub, rules) = (&session.hub, session.rules.1);
    if split.target() != Target::Split || rules.mode == PoolMode::Session || split.look(hub).is_none() {
        return None;
    }
    let client = &mut session.client;
    let refusal = client.underway.portion.as_mut().and_then(|portion| portion.take_refusal());
    let judge = Judge {
        memo: &hub.memo,
        names: &client.names,
        params: &client.params,
        undecided: split.terms.undecided,
        follows: rules.statements > 0,
    };
    let inbox = &client.channel.inbox;
    match refusal {
        None => return Some(judge.look(inbox)),
        Some(Refusal::Never) => {
            judge.was_refused(inbox);
            hub.events.count(Event::ReplicaRefused);
        }
        Some(Refusal::Now) => hub.events.count(Event::ReplicaLost),
    }
    Some(Runs::Refused(portion::first(inbox)))
}

/// The text of the Query or Parse that begins the inbox, as far as it is there.
pub(crate) fn first_sql(inbox: &[u8]) -> &[u8] {
    let Ok(Some(head)) = frame::head(inbox, frame::LARGEST) else {
        return &[];
    };
    let body = inbox.get(HEADER..head.total().min(inbox.len())).unwrap_or_default();
    match head.tag {
        b'Q' => body,
        b'P' => frontend::parse::Parse::parse(body).map_or(&[], |parse| parse.sql),
        _ => &[],
    }
}
