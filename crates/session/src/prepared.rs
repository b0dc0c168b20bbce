//! The client's prepared statements: its own names, whatever server it is lent.
//!
//! A name stands for a text and its types. Before a message that uses one goes to a server, the statement is
//! prepared there if it is not yet; before a message that uses the unnamed statement, the server's unnamed
//! statement is made this client's if another has replaced it. Every error comes from the server itself, so
//! that the transaction and the rest of the batch end as they would without us.
//! What is under way is read from the queue of replies: changes that are not confirmed count within their own
//! batch, as the server skips the batch if one of them fails. Beyond the Sync one has to wait for the answer.

mod meant;
mod told;

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use pool::Server;
use pool::prepared::shape::Shape;
use pool::prepared::{About, Alias, Catalog, Effect, PREFIX, Statement};
use wire::frontend::{Kind, bind, close, describe, parse};
use wire::replies::{Action, Request};

use crate::defines;
use crate::instead::Instead;
use crate::listening::Gate;
use crate::names::{Known, Names};
use crate::rules::Rules;
use crate::traces;
use meant::Use;

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

/// A message cannot go on before others have been answered.
pub(crate) struct Stalled;

/// A text that was looked at.
#[derive(Default)]
pub(crate) struct Read {
    /// What goes to the server in its place.
    pub(crate) sql: Option<Vec<u8>>,
    /// What it does.
    pub(crate) about: About,
}

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
    /// What would keep a server between transactions may be refused.
    rules: Rules,
    /// Where a LISTEN is held back.
    pub(crate) gate: Gate<'a>,
    /// What goes to the server in the place of the client's message.
    pub(crate) out: Instead<'a>,
    /// What the client has sent behind the message at hand, as far as it is here.
    pub(crate) behind: &'a [u8],
    /// Statements made under a shared name, for the statistics.
    pub(crate) made: u64,
}

impl<'a> Desk<'a> {
    /// Where the client of these names meets this server.
    pub(crate) fn new(
        names: &'a Names,
        server: &'a mut Server,
        out: Instead<'a>,
        gate: Gate<'a>,
        rules: Rules,
    ) -> Self {
        let catalog = &gate.pool.statements;
        Self { names, catalog, server, limit: rules.statements, rules, gate, out, behind: &[], made: 0 }
    }
}

impl Desk<'_> {
    /// Parse.
    pub(crate) fn parse(&mut self, message: &parse::Parse<'_>) -> Passage {
        if self.rules.rejects
            && let Some(effects) = traces::effects(message.sql, true, self.server)
        {
            let pins = traces::pins(&effects, message.sql).without(self.rules.allows);
            if !pins.is_empty() {
                self.write_parse(b"", b"pgweir", b"\0\0");
                let refused = Effect::Refused { pins, simple: false };
                self.server.replies.push(Request::Parse, Action::Forward, Some(refused));
                return Passage::Rewritten;
            }
        }
        let done =
            if message.name.is_empty() { self.parse_unnamed(message) } else { self.parse_named(message) };
        done.unwrap_or(Passage::Stall)
    }

    /// Bind: `message` is as much of it as holds both names, `length` its length field.
    pub(crate) fn bind(&mut self, message: &bind::Bind<'_>, length: u32) -> Passage {
        let Ok(used) = self.use_statement(message.statement, Some(message.portal)) else {
            return Passage::Stall;
        };
        if matches!(used, Use::Changed) {
            return self.refuse_changed();
        }
        if used.about().is_some_and(|about| !self.gate.admits(&about.tunings)) {
            return Passage::Stall;
        }
        self.server.held.naming.take_if(|(portal, _)| **portal == *message.portal);
        if let Some(about) = used.about() {
            if let Some(naming) = &about.naming {
                let portal = Bytes::copy_from_slice(message.portal);
                self.server.held.naming = Some((portal, Arc::clone(naming)));
            }
            self.server.held.forgetful |= about.forgets;
            if about.redefines {
                traces::note_redefined(self.server, self.catalog);
                if about.defines {
                    traces::note_defined(self.server, self.catalog);
                }
            }
            if about.defines {
                traces::note_end(self.server);
            }
            if let Some(traces) = &about.traces {
                self.server.left.suspect(&traces::bound(traces, message.rest));
            }
        }
        let spoken = self.spoken(message.statement);
        self.server.replies.push(Request::Bind, Action::Forward, spoken);
        let Some(name) = used.name() else {
            return Passage::Verbatim;
        };
        // only the head is written anew: what follows the names may not even be here yet
        let longer = i64::try_from(name.len()).unwrap_or(i64::MAX)
            - i64::try_from(message.statement.len()).unwrap_or(i64::MAX);
        let Ok(length) = u32::try_from(i64::from(length) + longer) else {
            return Passage::Verbatim;
        };
        let [a, b, c, d] = length.to_be_bytes();
        let out = self.out.buffer();
        out.extend_from_slice(&[b'B', a, b, c, d]);
        out.extend_from_slice(message.portal);
        out.put_u8(0);
        out.extend_from_slice(name.as_bytes());
        out.put_u8(0);
        out.extend_from_slice(message.rest);
        Passage::Rewritten
    }

    /// Describe.
    pub(crate) fn describe(&mut self, message: &describe::Describe<'_>) -> Passage {
        let (used, told) = match message.kind {
            Kind::Portal => (Use::Nothing, self.told_by_portal(message.name)),
            Kind::Statement => match self.use_statement(message.name, None) {
                Ok(Use::Changed) => return self.refuse_changed(),
                Ok(used) => {
                    let told = used.shared().map(|statement| self.told_of(statement, message.name));
                    (used, told)
                }
                Err(Stalled) => return Passage::Stall,
            },
        };
        self.server.replies.push(Request::Describe, Action::Forward, told);
        let Some(name) = used.name() else { return Passage::Verbatim };
        match describe::write(self.out.buffer(), Kind::Statement, name.as_bytes()) {
            Ok(()) => Passage::Rewritten,
            Err(_) => Passage::Verbatim,
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

    fn parse_unnamed(&mut self, message: &parse::Parse<'_>) -> Result<Passage, Stalled> {
        // drivers repeat themselves: the text is copied only when it is another one
        let same = self.names.unnamed_like(message.sql, message.types);
        let statement = match same {
            Some(same) => same,
            None => {
                let read = self.read(message.sql)?;
                Statement::unnamed(read.sql.as_deref().unwrap_or(message.sql), message.types, read.about)
            }
        };
        self.ensure_all(&statement.about)?;
        let renamed = statement.about.naming.is_some();
        if renamed {
            self.write_parse(b"", &statement.sql, &statement.types);
        }
        self.server.replies.push(Request::Parse, Action::Forward, Some(Effect::Unnamed(statement)));
        Ok(if renamed { Passage::Rewritten } else { Passage::Verbatim })
    }

    /// What a text does beyond its transaction; with the server's names in it, if there are names in it.
    fn read(&mut self, sql: &[u8]) -> Result<Read, Stalled> {
        let mut read = match traces::effects(sql, true, self.server) {
            None => Read::default(),
            Some(effects) if effects.names.is_empty() => {
                Read { sql: None, about: traces::about_of(&effects) }
            }
            Some(effects) => self.rename(sql, &effects)?,
        };
        read.about.redefines = classify::words::redefines(sql);
        read.about.defines = defines::defines(sql) || defines::ends(sql);
        Ok(read)
    }

    fn parse_named(&mut self, message: &parse::Parse<'_>) -> Result<Passage, Stalled> {
        let (name, sql, types) = (message.name, message.sql, message.types);
        match self.names.named(self.server, name) {
            Known::Unsure => return Err(Stalled),
            Known::Yes(taken, _) => {
                // the server itself says that the name is taken, or what else is wrong, and ends the batch
                self.ensure(&taken)?;
                self.write_parse(taken.name.as_bytes(), sql, types);
                let spoken = self.spoken(name);
                self.server.replies.push(Request::Parse, Action::Forward, spoken);
                return Ok(Passage::Rewritten);
            }
            Known::No => {}
        }
        let read = self.read(sql)?;
        let sql = read.sql.as_deref().unwrap_or(sql);
        let statement = self.catalog.intern(sql, types, || read.about.clone());
        self.ensure_all(&statement.about)?;
        let name = Bytes::copy_from_slice(name);
        if self.holds(&statement)?.is_some() {
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
            self.close_outdated(&statement)?;
            self.write_parse(statement.name.as_bytes(), sql, types);
            self.server.replies.push(
                Request::Parse,
                Action::Forward,
                Some(Effect::Named(Box::new(Alias { name, statement }))),
            );
        }
        Ok(Passage::Rewritten)
    }

    /// Makes sure that the server knows the statement of this name, and that it is what the client was told; `portal`:
    /// which it is to be bound to.
    fn use_statement(&mut self, name: &[u8], portal: Option<&[u8]>) -> Result<Use, Stalled> {
        if name.is_empty() {
            return self.use_unnamed().map(Use::Unnamed);
        }
        match self.names.named(self.server, name) {
            Known::Unsure => Err(Stalled),
            Known::Yes(statement, told) => self.use_as_told(statement, told, (name, portal)),
            // the server says that there is no such statement; our own names are out of the client's reach
            Known::No if name.starts_with(PREFIX.as_bytes()) => {
                Ok(Use::Unreachable(format!("_{}", String::from_utf8_lossy(name))))
            }
            Known::No => Ok(Use::Nothing),
        }
    }

    /// What tells which name is meant if the server complains, where that is not plain from its own name.
    fn spoken(&self, name: &[u8]) -> Option<Effect> {
        let plain =
            name.is_empty() || !self.names.is_aliased() && self.server.replies.pending().next().is_none();
        (!plain).then(|| Effect::Spoken(Box::new(Bytes::copy_from_slice(name))))
    }

    fn use_unnamed(&mut self) -> Result<Option<Arc<Statement>>, Stalled> {
        let there = self.server_unnamed();
        match (self.names.unnamed(self.server), there) {
            (Known::Unsure, _) | (_, Known::Unsure) => Err(Stalled),
            (Known::No, Known::No) => Ok(None),
            (Known::Yes(mine, _), Known::Yes(there, _)) if Arc::ptr_eq(&mine, &there) => Ok(Some(mine)),
            (Known::Yes(mine, _), Known::Yes(..) | Known::No) => {
                self.ensure_all(&mine.about)?;
                self.write_parse(b"", &mine.sql, &mine.types);
                let replayed = Effect::Replayed(Arc::clone(&mine));
                self.server.replies.push(Request::Parse, Action::Discard, Some(replayed));
                Ok(Some(mine))
            }
            (Known::No, Known::Yes(..)) => {
                close::write(self.out.buffer(), Kind::Statement, b"").map_err(|_| Stalled)?;
                self.server.replies.push(Request::Close, Action::Discard, Some(Effect::NoUnnamed));
                Ok(None)
            }
        }
    }

    fn server_unnamed(&self) -> Known {
        for (syncs, effect) in self.server.replies.pending() {
            if let Effect::Unnamed(s) | Effect::Replayed(s) = effect {
                return Known::pending(syncs, Some(s));
            } else if let Effect::Checked(alias) = effect {
                return Known::pending(syncs, Some(&alias.statement));
            } else if matches!(
                effect,
                Effect::NoUnnamed | Effect::Doubt { simple: true } | Effect::Names { simple: true, .. }
            ) {
                return Known::pending(syncs, None);
            }
        }
        Known::settled(self.server.held.unnamed())
    }

    /// What is known of the statement, if the server holds it.
    fn holds(&mut self, statement: &Statement) -> Result<Option<Shape>, Stalled> {
        for (syncs, effect) in self.server.replies.pending() {
            let made = matches!(effect, Effect::Shared(s) if s.id == statement.id)
                || matches!(effect, Effect::Named(alias) if alias.statement.id == statement.id);
            if matches!(effect, Effect::Doubt { .. } | Effect::Names { .. }) {
                return Err(Stalled);
            } else if made || matches!(effect, Effect::Evicted(s) if s.id == statement.id) {
                return if syncs > 0 { Err(Stalled) } else { Ok(made.then_some(Shape::UNKNOWN)) };
            }
        }
        Ok(self.server.held.touch(statement))
    }

    pub(crate) fn ensure(&mut self, statement: &Arc<Statement>) -> Result<(), Stalled> {
        if self.holds(statement)?.is_some() { Ok(()) } else { self.make(statement, Shape::UNKNOWN) }
    }

    /// Prepares it for a client that was told this.
    fn make(&mut self, statement: &Arc<Statement>, told: Shape) -> Result<(), Stalled> {
        if self.is_being_told(statement) {
            return Err(Stalled);
        }
        self.make_room()?;
        self.close_outdated(statement)?;
        self.ensure_all(&statement.about)?;
        if statement.by_sql {
            return self.prepare_by_sql(statement);
        }
        self.write_parse(statement.name.as_bytes(), &statement.sql, &statement.types_told(told));
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
            close::write(self.out.buffer(), Kind::Statement, oldest.name.as_bytes()).map_err(|_| Stalled)?;
            self.server.replies.push(Request::Close, Action::Discard, Some(Effect::Evicted(oldest)));
        }
        Ok(())
    }

    fn write_parse(&mut self, name: &[u8], sql: &[u8], types: &[u8]) {
        self.made += u64::from(!name.is_empty());
        // a message that is too long for its length field came to us in one that was not
        let written = parse::write(self.out.buffer(), name, sql, types);
        debug_assert!(written.is_ok(), "a Parse that fitted before fits again");
    }
}
