//! Prepared statements as servers hold them.
//!
//! A client's name means nothing to a server that is lent to many; statements with the same text and the same
//! declared types share one name of ours there. Names are given once per text ([`Catalog`]); each server has
//! its own set of those it holds, limited in number, the one not used for longest being closed first
//! ([`Held`]). The unnamed statement is one slot, and is remembered with its text so that it can be prepared
//! again where another client has overwritten it.
//! What a request will change is an [`Effect`], applied when the server has confirmed it and not before.

mod about;
mod catalog;
pub mod shape;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;

use crate::left::Pins;
use crate::map::Map;
use crate::params::Params;

pub use about::{About, Alias, Judged, Naming, Step};
pub use catalog::Catalog;
use shape::{Described, Found, Shape};

/// The start of every name that we give to a statement on a server.
pub const PREFIX: &str = "__pgweir_";

/// The text and declared parameter types of a prepared statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    /// The number behind the name; 0 for an unnamed statement, which is not shared.
    pub id: u64,
    /// Its name on every server that holds it.
    pub name: String,
    /// The text, as the client sent it.
    pub sql: Bytes,
    /// The type block of the Parse message: a count and that many type oids.
    pub types: Bytes,
    /// What running it does beyond the transaction.
    pub about: About,
    /// `sql` is not the statement itself but the PREPARE that makes it.
    pub by_sql: bool,
    /// How often a server has found what was prepared under the name to be out of date. What was prepared before
    /// the last time, on any server, is prepared anew before it is used.
    edition: Edition,
    /// What servers have found for parameters whose types the Parse left open.
    found: Found,
}

/// A count that makes no difference to what a statement is.
#[derive(Debug, Default)]
struct Edition(AtomicU32);

impl PartialEq for Edition {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Edition {}

impl Statement {
    /// An unnamed statement.
    #[must_use]
    pub fn unnamed(sql: &[u8], types: &[u8], about: About) -> Arc<Self> {
        let (sql, types) = (Bytes::copy_from_slice(sql), Bytes::copy_from_slice(types));
        Arc::new(Self::new(0, String::new(), (sql, types), about))
    }

    fn new(id: u64, name: String, (sql, types): (Bytes, Bytes), about: About) -> Self {
        let (edition, found) = (Edition::default(), Found::default());
        Self { id, name, sql, types, about, by_sql: false, edition, found }
    }

    /// The types that a Parse message has to declare for the parameters to be what a client was told.
    #[must_use]
    pub fn types_told(&self, told: Shape) -> Bytes {
        told.params.and_then(|print| self.found.get(print)).unwrap_or_else(|| self.types.clone())
    }

    fn edition(&self) -> u32 {
        self.edition.0.load(Ordering::Relaxed)
    }

    /// Whether a Parse message with this text and these types prepares the same statement.
    #[must_use]
    pub fn is(&self, sql: &[u8], types: &[u8]) -> bool {
        self.sql == sql && self.types == types
    }
}

/// What a request changes in the statements of the server, of the client, or of both, once it is confirmed.
#[derive(Debug)]
pub enum Effect {
    /// The server holds this statement under its shared name.
    Shared(Arc<Statement>),
    /// So it does, and the client knows it by a name of its own.
    Named(Box<Alias>),
    /// The client knows a statement by a name; on the server its text passed as the unnamed one.
    Checked(Box<Alias>),
    /// The server holds this no longer.
    Evicted(Arc<Statement>),
    /// The client has given this name up.
    Forgotten(Box<Bytes>),
    /// The unnamed statement of both.
    Unnamed(Arc<Statement>),
    /// The unnamed statement of the server.
    Replayed(Arc<Statement>),
    /// Neither has an unnamed statement any more.
    NoUnnamed,
    /// Something runs that may make the server forget every name; a simple query, if so, and that drops the
    /// unnamed statement of both in any case.
    Doubt {
        /// A simple query.
        simple: bool,
    },
    /// Nothing; the request speaks of a statement by this name, for which the client has others too.
    Spoken(Box<Bytes>),
    /// These settings are in force on the server.
    InForce(Arc<Params>),
    /// The transaction has begun that was put in front of a request.
    Begun,
    /// SQL's PREPARE and DEALLOCATE: what is left of them when the text has ended has not run. `simple`: a simple
    /// query, and no unnamed statement is left of it.
    Names {
        /// In order.
        steps: Box<VecDeque<Step>>,
        /// A simple query.
        simple: bool,
    },
    /// The server was sent something that it refuses, in the place of a statement that is not allowed.
    Refused {
        /// Why the statement is not allowed.
        pins: Pins,
        /// A simple query.
        simple: bool,
    },
    /// SQL's DEALLOCATE has taken a statement from the server, and its name from the client.
    Deallocated(Box<Alias>),
    /// The server describes a statement, to the client or to us alone.
    Described(Box<Described>),
    /// The server was sent something that it refuses, in the place of a Bind or Describe of a statement that is not
    /// what the client was told.
    Changed,
}

/// A statement that a server holds.
#[derive(Debug)]
struct Kept {
    statement: Arc<Statement>,
    /// When it was used last.
    used: u64,
    /// The edition that it was prepared in.
    edition: u32,
    /// What the server has said of it. It stays so: where it would be another, the server refuses to run it.
    shape: Shape,
}

/// The statements one server connection holds.
#[derive(Debug, Default)]
pub struct Held {
    named: Map<u64, Kept>,
    unnamed: Option<Arc<Statement>>,
    clock: u64,
    /// The clock when the server was lent.
    lent: u64,
    /// The client has bound a statement to a portal that may forget every name when it runs.
    pub forgetful: bool,
    /// The portal that was bound last to a statement with names in it, and what becomes of them when it runs.
    pub naming: Option<(Bytes, Arc<Naming>)>,
    /// The portal that was bound last, with the client's name and the number of its statement, if the client is about
    /// to be told of its rows by that portal.
    pub bound: Option<Box<(Bytes, Bytes, u64)>>,
    /// The number of the statement that was prepared anew for the message at hand, to compare it with what the client
    /// was told.
    pub renewed: Option<u64>,
}

impl Held {
    /// What is known of it, if the server holds it and it is not out of date; if so, that was a use of it.
    pub fn touch(&mut self, statement: &Statement) -> Option<Shape> {
        self.clock += 1;
        let kept = self.named.get_mut(&statement.id)?;
        kept.used = self.clock;
        (kept.edition == statement.edition()).then_some(kept.shape)
    }

    /// The server is lent to a client.
    pub fn lend(&mut self) {
        self.lent = self.clock;
        (self.bound, self.renewed) = (None, None);
    }

    /// Whether the server holds it, but out of date: it has to be closed before it can be prepared anew.
    #[must_use]
    pub fn is_outdated(&self, statement: &Statement) -> bool {
        self.named.get(&statement.id).is_some_and(|kept| kept.edition != statement.edition())
    }

    /// The server refuses what it has prepared because tables have changed since. It does not say which statement
    /// it means: it is one of those that its client has used. So are they all out of date, on every server.
    pub fn outdate_used(&mut self) {
        for kept in self.named.values().filter(|kept| kept.used > self.lent) {
            if kept.edition == kept.statement.edition() {
                kept.statement.edition.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The server says that it does not hold the statement of this number, which is not for us to judge.
    pub fn outdate_here(&mut self, id: u64) {
        if let Some(kept) = self.named.get_mut(&id) {
            kept.edition = kept.statement.edition().wrapping_sub(1);
        }
    }

    /// The unnamed statement.
    #[must_use]
    pub fn unnamed(&self) -> Option<&Arc<Statement>> {
        self.unnamed.as_ref()
    }

    /// The one to close before another may be added, if `limit` are held.
    #[must_use]
    pub fn oldest_over(&self, limit: usize) -> Option<&Arc<Statement>> {
        if self.named.len() < limit {
            return None;
        }
        self.named.values().min_by_key(|kept| kept.used).map(|kept| &kept.statement)
    }

    /// Follows what the server has confirmed.
    pub fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Shared(statement) => self.add(statement),
            Effect::Named(alias) => self.add(&alias.statement),
            Effect::Evicted(statement) => drop(self.named.remove(&statement.id)),
            Effect::Deallocated(alias) => drop(self.named.remove(&alias.statement.id)),
            Effect::Unnamed(statement) | Effect::Replayed(statement) => {
                self.unnamed = Some(Arc::clone(statement));
            }
            Effect::Checked(alias) => self.unnamed = Some(Arc::clone(&alias.statement)),
            Effect::NoUnnamed
            | Effect::Doubt { simple: true }
            | Effect::Names { simple: true, .. }
            | Effect::Refused { simple: true, .. } => self.unnamed = None,
            Effect::Forgotten(_)
            | Effect::Names { simple: false, .. }
            | Effect::Refused { simple: false, .. }
            | Effect::Doubt { simple: false }
            | Effect::Spoken(_)
            | Effect::Changed
            | Effect::InForce(_)
            | Effect::Begun => {}
            Effect::Described(described) => self.learn(described),
        }
    }

    fn learn(&mut self, described: &Described) {
        let Some(kept) = self.named.get_mut(&described.id) else { return };
        kept.shape.learn(described.shape);
        if let (Some(print), Some(types)) = (described.shape.params, &described.types)
            && *types != kept.statement.types
        {
            kept.statement.found.add(print, types);
        }
    }

    /// Follows a request that has failed: Query, and Parse without a name, drop the unnamed statement before
    /// they look at the text.
    pub fn apply_failed(&mut self, effect: &Effect) {
        match effect {
            Effect::Unnamed(_)
            | Effect::Replayed(_)
            | Effect::Checked(_)
            | Effect::NoUnnamed
            | Effect::Names { simple: true, .. }
            | Effect::Refused { .. }
            | Effect::Doubt { simple: true } => self.unnamed = None,
            Effect::Names { simple: false, .. }
            | Effect::Deallocated(_)
            | Effect::Shared(_)
            | Effect::Named(_)
            | Effect::Evicted(_)
            | Effect::Forgotten(_)
            | Effect::Doubt { simple: false }
            | Effect::Spoken(_)
            | Effect::Described(_)
            | Effect::Changed
            | Effect::InForce(_)
            | Effect::Begun => {}
        }
    }

    fn add(&mut self, statement: &Arc<Statement>) {
        self.clock += 1;
        let (statement, edition) = (Arc::clone(statement), statement.edition());
        let kept = Kept { statement, used: self.clock, edition, shape: Shape::UNKNOWN };
        self.named.insert(kept.statement.id, kept);
    }

    /// DEALLOCATE ALL or DISCARD ALL ran: every name is gone.
    pub fn forget_all(&mut self) {
        self.named.clear();
    }

    /// A simple query of ours has dropped the unnamed statement.
    pub(crate) fn forget_unnamed(&mut self) {
        self.unnamed = None;
    }

    /// How many named statements the server holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }
}

#[cfg(test)]
mod tests;
