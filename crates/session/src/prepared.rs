//! The client's prepared statements: its own names, whatever server it is lent.
//!
//! A name stands for a text and its types. Before a message that uses one goes to a server, the statement is
//! prepared there if it is not yet; before a message that uses the unnamed statement, the server's unnamed
//! statement is made this client's if another has replaced it. Every error comes from the server itself, so
//! that the transaction and the rest of the batch end as they would without us.
//! What is under way is read from the queue of replies: changes that are not confirmed count within their own
//! batch, as the server skips the batch if one of them fails. Beyond the Sync one has to wait for the answer.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use pool::Server;
use pool::map::Map;
use pool::prepared::{Alias, Catalog, Effect, PREFIX, Statement};
use wire::frontend::{Kind, close, describe, parse};
use wire::replies::{Action, Request};

/// How a message of the client goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// As it is.
    Verbatim,
    /// In another form, which was written out.
    Rewritten,
    /// Not at all.
    Dropped,
    /// Not now: first what is under way has to be answered.
    Stall,
}

/// The statements a client has prepared.
#[derive(Debug, Default)]
pub(crate) struct Names {
    unnamed: Option<Arc<Statement>>,
    named: Map<Bytes, Arc<Statement>>,
    /// Two names may stand for the same statement.
    aliased: bool,
}

/// What a name stands for, as far as one can tell while requests are under way.
enum Known {
    Yes(Arc<Statement>),
    No,
    /// It depends on a batch that is not answered yet.
    Unsure,
}

/// The statement a message means, under another name on the server than with the client.
enum Use {
    Shared(Arc<Statement>),
    /// A name that only looks like one of ours.
    Unreachable(String),
}

impl Use {
    fn name(&self) -> &str {
        match self {
            Self::Shared(statement) => &statement.name,
            Self::Unreachable(name) => name,
        }
    }
}

/// A message cannot go on before others have been answered.
struct Stalled;

/// Where statements of a client meet a server.
pub(crate) struct Desk<'a> {
    /// The client's.
    pub(crate) names: &'a Names,
    /// The pool's.
    pub(crate) catalog: &'a Catalog,
    /// The server.
    pub(crate) server: &'a mut Server,
    /// How many statements it may hold.
    pub(crate) limit: usize,
    /// What goes to the server in the place of the client's message.
    pub(crate) out: &'a mut BytesMut,
    /// Statements made under a shared name, for the statistics.
    pub(crate) made: u64,
}

impl Names {
    /// Follows what the server has confirmed.
    pub(crate) fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Named(alias) | Effect::Checked(alias) => {
                self.aliased |= self.named.values().any(|known| Arc::ptr_eq(known, &alias.statement));
                self.named.insert(alias.name, alias.statement);
            }
            Effect::Forgotten(name) => drop(self.named.remove(&*name)),
            Effect::Unnamed(statement) => self.unnamed = Some(statement),
            Effect::NoUnnamed | Effect::Doubt { simple: true } => self.unnamed = None,
            Effect::Shared(_)
            | Effect::Evicted(_)
            | Effect::Replayed(_)
            | Effect::Doubt { simple: false }
            | Effect::Spoken(_) => {}
        }
    }

    /// Follows a request that has failed: Query, and Parse without a name, drop the unnamed statement anyway.
    pub(crate) fn apply_failed(&mut self, effect: &Effect) {
        if matches!(effect, Effect::Unnamed(_) | Effect::NoUnnamed | Effect::Doubt { simple: true }) {
            self.unnamed = None;
        }
    }

    /// DEALLOCATE ALL or DISCARD ALL ran.
    pub(crate) fn forget_all(&mut self) {
        self.named.clear();
        self.aliased = false;
    }

    /// How many names are known.
    pub(crate) fn len(&self) -> usize {
        self.named.len()
    }

    /// The client's name of a statement, given the name it has on servers.
    pub(crate) fn by_server_name(&self, server_name: &[u8]) -> Option<&Bytes> {
        self.named.iter().find(|(_, s)| s.name.as_bytes() == server_name).map(|(name, _)| name)
    }

    fn named(&self, server: &Server, name: &[u8]) -> Known {
        for (syncs, effect) in server.replies.pending() {
            if let Effect::Named(alias) | Effect::Checked(alias) = effect
                && *alias.name == *name
            {
                return Known::pending(syncs, Some(&alias.statement));
            } else if matches!(effect, Effect::Forgotten(n) if ***n == *name) {
                return Known::pending(syncs, None);
            } else if matches!(effect, Effect::Doubt { .. }) {
                return Known::Unsure;
            }
        }
        Known::settled(self.named.get(name))
    }

    fn unnamed(&self, server: &Server) -> Known {
        for (syncs, effect) in server.replies.pending() {
            if let Effect::Unnamed(statement) = effect {
                return Known::pending(syncs, Some(statement));
            } else if matches!(effect, Effect::NoUnnamed | Effect::Doubt { simple: true }) {
                return Known::pending(syncs, None);
            }
        }
        Known::settled(self.unnamed.as_ref())
    }
}

impl Known {
    fn pending(syncs: usize, found: Option<&Arc<Statement>>) -> Self {
        if syncs > 0 { Self::Unsure } else { Self::settled(found) }
    }

    fn settled(found: Option<&Arc<Statement>>) -> Self {
        found.map_or(Self::No, |statement| Self::Yes(Arc::clone(statement)))
    }
}

impl Desk<'_> {
    /// Parse.
    pub(crate) fn parse(&mut self, message: &parse::Parse<'_>) -> Passage {
        let done =
            if message.name.is_empty() { Ok(self.parse_unnamed(message)) } else { self.parse_named(message) };
        done.unwrap_or(Passage::Stall)
    }

    /// Bind: `message` is as much of it as holds both names, `length` its length field.
    pub(crate) fn bind(&mut self, message: &wire::frontend::bind::Bind<'_>, length: u32) -> Passage {
        let Ok(name) = self.use_statement(message.statement) else {
            return Passage::Stall;
        };
        self.server.held.forgetful |= self.forgets(message.statement);
        let spoken = self.spoken(message.statement);
        self.server.replies.push(Request::Bind, Action::Forward, spoken);
        let Some(name) = name.as_ref().map(Use::name) else {
            return Passage::Verbatim;
        };
        // only the head is written anew: what follows the names may not even be here yet
        let longer = i64::try_from(name.len()).unwrap_or(i64::MAX)
            - i64::try_from(message.statement.len()).unwrap_or(i64::MAX);
        let Ok(length) = u32::try_from(i64::from(length) + longer) else {
            return Passage::Verbatim;
        };
        self.out.put_u8(b'B');
        self.out.put_u32(length);
        self.out.put_slice(message.portal);
        self.out.put_u8(0);
        self.out.put_slice(name.as_bytes());
        self.out.put_u8(0);
        self.out.put_slice(message.rest);
        Passage::Rewritten
    }

    /// Describe.
    pub(crate) fn describe(&mut self, message: &describe::Describe<'_>) -> Passage {
        let name = match message.kind {
            Kind::Portal => None,
            Kind::Statement => match self.use_statement(message.name) {
                Ok(name) => name,
                Err(Stalled) => return Passage::Stall,
            },
        };
        self.server.replies.push(Request::Describe, Action::Forward, None);
        match name {
            Some(name) if describe::write(self.out, Kind::Statement, name.name().as_bytes()).is_ok() => {
                Passage::Rewritten
            }
            Some(_) | None => Passage::Verbatim,
        }
    }

    /// Close. A shared statement stays on the server for others; only the client's name goes.
    pub(crate) fn close(&mut self, message: &close::Close<'_>) -> Passage {
        match message.kind {
            Kind::Portal => {
                self.server.replies.push(Request::Close, Action::Forward, None);
                Passage::Verbatim
            }
            Kind::Statement if message.name.is_empty() => {
                self.server.replies.push(Request::Close, Action::Forward, Some(Effect::NoUnnamed));
                Passage::Verbatim
            }
            Kind::Statement => {
                let gone = Effect::Forgotten(Box::new(Bytes::copy_from_slice(message.name)));
                self.server.replies.push(Request::Close, Action::Invent, Some(gone));
                Passage::Dropped
            }
        }
    }

    fn parse_unnamed(&mut self, message: &parse::Parse<'_>) -> Passage {
        // drivers repeat themselves: the text is copied only when it is another one
        let same = self.names.unnamed.as_ref().filter(|known| known.is(message.sql, message.types));
        let statement = same.map_or_else(|| Statement::unnamed(message.sql, message.types), Arc::clone);
        self.server.replies.push(Request::Parse, Action::Forward, Some(Effect::Unnamed(statement)));
        Passage::Verbatim
    }

    fn parse_named(&mut self, message: &parse::Parse<'_>) -> Result<Passage, Stalled> {
        let (name, sql, types) = (message.name, message.sql, message.types);
        match self.names.named(self.server, name) {
            Known::Unsure => return Err(Stalled),
            Known::Yes(taken) => {
                // the server itself says that the name is taken, or what else is wrong, and ends the batch
                self.ensure(&taken)?;
                self.write_parse(taken.name.as_bytes(), sql, types);
                let spoken = self.spoken(name);
                self.server.replies.push(Request::Parse, Action::Forward, spoken);
                return Ok(Passage::Rewritten);
            }
            Known::No => {}
        }
        let statement = self.catalog.intern(sql, types);
        let name = Bytes::copy_from_slice(name);
        if self.holds(&statement)? {
            // it is there under its shared name; as the unnamed one the server checks it again, in the state
            // that this client's transaction is in
            self.write_parse(b"", sql, types);
            self.server.replies.push(
                Request::Parse,
                Action::Forward,
                Some(Effect::Checked(Box::new(Alias { name, statement }))),
            );
        } else {
            self.make_room()?;
            self.write_parse(statement.name.as_bytes(), sql, types);
            self.server.replies.push(
                Request::Parse,
                Action::Forward,
                Some(Effect::Named(Box::new(Alias { name, statement }))),
            );
        }
        Ok(Passage::Rewritten)
    }

    /// Makes sure that the server knows the statement of this name; the name it has there, if it is another.
    fn use_statement(&mut self, name: &[u8]) -> Result<Option<Use>, Stalled> {
        if name.is_empty() {
            self.use_unnamed()?;
            return Ok(None);
        }
        match self.names.named(self.server, name) {
            Known::Unsure => Err(Stalled),
            Known::Yes(statement) => {
                self.ensure(&statement)?;
                Ok(Some(Use::Shared(statement)))
            }
            // the server says that there is no such statement; our own names are out of the client's reach
            Known::No => Ok(name.starts_with(PREFIX.as_bytes()).then(|| {
                let name = String::from_utf8_lossy(name);
                Use::Unreachable(format!("_{name}"))
            })),
        }
    }

    /// What tells which name is meant if the server complains, where that is not plain from its own name.
    fn spoken(&self, name: &[u8]) -> Option<Effect> {
        let plain = name.is_empty() || !self.names.aliased && self.server.replies.pending().next().is_none();
        (!plain).then(|| Effect::Spoken(Box::new(Bytes::copy_from_slice(name))))
    }

    /// Whether the statement of this name may forget all others when it runs.
    fn forgets(&self, name: &[u8]) -> bool {
        let known = if name.is_empty() {
            self.names.unnamed(self.server)
        } else {
            self.names.named(self.server, name)
        };
        matches!(known, Known::Yes(statement) if statement.forgets)
    }

    fn use_unnamed(&mut self) -> Result<(), Stalled> {
        let there = self.server_unnamed();
        match (self.names.unnamed(self.server), there) {
            (Known::Unsure, _) | (_, Known::Unsure) => Err(Stalled),
            (Known::No, Known::No) => Ok(()),
            (Known::Yes(mine), Known::Yes(there)) if Arc::ptr_eq(&mine, &there) => Ok(()),
            (Known::Yes(mine), Known::Yes(_) | Known::No) => {
                self.write_parse(b"", &mine.sql, &mine.types);
                self.server.replies.push(Request::Parse, Action::Discard, Some(Effect::Replayed(mine)));
                Ok(())
            }
            (Known::No, Known::Yes(_)) => {
                close::write(self.out, Kind::Statement, b"").map_err(|_| Stalled)?;
                self.server.replies.push(Request::Close, Action::Discard, Some(Effect::NoUnnamed));
                Ok(())
            }
        }
    }

    fn server_unnamed(&self) -> Known {
        for (syncs, effect) in self.server.replies.pending() {
            if let Effect::Unnamed(s) | Effect::Replayed(s) = effect {
                return Known::pending(syncs, Some(s));
            } else if let Effect::Checked(alias) = effect {
                return Known::pending(syncs, Some(&alias.statement));
            } else if matches!(effect, Effect::NoUnnamed | Effect::Doubt { simple: true }) {
                return Known::pending(syncs, None);
            }
        }
        Known::settled(self.server.held.unnamed())
    }

    fn holds(&mut self, statement: &Statement) -> Result<bool, Stalled> {
        for (syncs, effect) in self.server.replies.pending() {
            let made = matches!(effect, Effect::Shared(s) if s.id == statement.id)
                || matches!(effect, Effect::Named(alias) if alias.statement.id == statement.id);
            if matches!(effect, Effect::Doubt { .. }) {
                return Err(Stalled);
            } else if made || matches!(effect, Effect::Evicted(s) if s.id == statement.id) {
                return if syncs > 0 { Err(Stalled) } else { Ok(made) };
            }
        }
        Ok(self.server.held.touch(statement))
    }

    fn ensure(&mut self, statement: &Arc<Statement>) -> Result<(), Stalled> {
        if self.holds(statement)? {
            return Ok(());
        }
        self.make_room()?;
        self.write_parse(statement.name.as_bytes(), &statement.sql, &statement.types);
        let effect = Effect::Shared(Arc::clone(statement));
        self.server.replies.push(Request::Parse, Action::Discard, Some(effect));
        Ok(())
    }

    /// Closes the statement not used for longest if the server holds as many as it may. Which one that is can
    /// be told only when no other change is under way.
    fn make_room(&mut self) -> Result<(), Stalled> {
        let moving =
            |effect: &Effect| matches!(effect, Effect::Shared(_) | Effect::Named(_) | Effect::Evicted(_));
        let under_way = self.server.replies.pending().filter(|(_, effect)| moving(effect)).count();
        if self.server.held.len() + under_way < self.limit {
            return Ok(());
        }
        if under_way > 0 {
            return Err(Stalled);
        }
        if let Some(oldest) = self.server.held.oldest_over(self.limit).map(Arc::clone) {
            close::write(self.out, Kind::Statement, oldest.name.as_bytes()).map_err(|_| Stalled)?;
            self.server.replies.push(Request::Close, Action::Discard, Some(Effect::Evicted(oldest)));
        }
        Ok(())
    }

    fn write_parse(&mut self, name: &[u8], sql: &[u8], types: &[u8]) {
        self.made += u64::from(!name.is_empty());
        // a message that is too long for its length field came to us in one that was not
        let written = parse::write(self.out, name, sql, types);
        debug_assert!(written.is_ok(), "a Parse that fitted before fits again");
    }
}
