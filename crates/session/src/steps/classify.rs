//! Classify: what is this SQL?

use std::cell::Cell;

use ::classify::{Class, Lexis};
use ::route::rules::{self, Caller};
use ::wire::frame::{self, HEADER};
use ::wire::frontend;
use config::{PoolMode, Target};
use telemetry::Event;

use crate::batch::{self, Judge, Reason, Runs};
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
    /// Which servers may answer; none where there is one.
    pub(crate) target: Option<Target>,
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
    let target = target(session);
    Ok(Asked { class, runs: runs(session, target), target })
}

/// Which servers may answer: as the session has asked for, else as the first rule says that fits, else as its database has
/// it.
fn target(session: &Session) -> Option<Target> {
    let split = session.split.as_ref()?;
    let rules = split.rules();
    if rules.is_empty() || split.wishes.target.is_some() {
        return Some(split.target());
    }
    let (client, key) = (&session.client, &session.pool.key);
    let sql = batch::first_text(&client.channel.inbox, &client.names);
    let application = client.params.get("application_name").unwrap_or_default();
    let caller = Caller { user: &key.user, database: &key.database, application };
    let lexis = Lexis { backslashes: client.params.has_backslashes() };
    match rules::target(rules, caller, &First { sql, lexis }) {
        None => Some(split.target()),
        // a comment in the statement beats a rule; where the whole request is judged, it is heard there
        Some(Target::Replica) if split.meanings.memo.verdict(sql, true, lexis).hints.primary => {
            Some(Target::Primary)
        }
        Some(target) => Some(split.bounded(target)),
    }
}

/// The first statement of a request, for rules.
struct First<'a> {
    sql: &'a [u8],
    lexis: Lexis,
}

impl rules::Statement for First<'_> {
    fn text(&self) -> &[u8] {
        self.sql
    }

    fn tables(&self) -> Vec<String> {
        let found = ::classify::tables(self.sql, self.lexis);
        found.reads.into_iter().chain(found.writes).collect()
    }

    fn digest(&self) -> u64 {
        ::classify::digest(self.sql, self.lexis)
    }
}

/// Where it may run, if its client's reads may go to replicas.
fn runs(session: &mut Session, target: Option<Target>) -> Option<Runs> {
    let split = session.split.as_mut()?;
    let (hub, rules) = (&session.hub, session.rules.1);
    if target != Some(Target::Split) || rules.mode == PoolMode::Session || split.look(hub).is_none() {
        return None;
    }
    let client = &mut session.client;
    let refusal = client.underway.portion.as_mut().and_then(|portion| portion.take_refusal());
    let judge = Judge {
        memo: &split.meanings.memo,
        stamp: split.meanings.stamp(),
        names: &client.names,
        params: &client.params,
        undecided: split.terms.undecided,
        follows: rules.statements > 0,
        guessed: Cell::default(),
    };
    let inbox = &client.channel.inbox;
    match refusal {
        None if split.meanings.definitions.is_in_doubt() => return Some(Runs::Primary(Reason::Catalogue)),
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
