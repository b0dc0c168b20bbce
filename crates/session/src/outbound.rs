//! From the client to the server: cuts messages, notes the replies they will have, passes them on.
//!
//! A run of messages that need no change is written from where it was read ([`run`]). A message longer than a block
//! passes in pieces; a shorter one is sent only when it is whole, so that a client that goes away leaves no
//! half of it behind.

mod own;
mod run;

use std::mem::take;
use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use classify::Effects;
use net::buffers::BLOCK;
use pool::left::Changing;
use pool::prepared::Effect;
use pool::{Pool, Server};
use wire::frame::{self, Head};
use wire::frontend::{bind, close, describe, execute, parse};
use wire::replies::{Action, Request, SETTLE};

use crate::client::Client;
use crate::error::Error;
use crate::instead::Instead;
use crate::listening::Gate;
use crate::prepared::{Desk, Passage};
use crate::rules::Rules;
use crate::traces;
use run::Run;

/// Flush, which makes the server answer what it has been asked so far.
const FLUSH: &[u8] = b"H\0\0\0\x04";

/// The longest Query whose text is read for what it leaves behind in the session. A longer one passes in pieces, and
/// may leave anything.
const LONGEST_READ: usize = 8 * BLOCK;

/// So many replies may be owed to a client; a longer pipeline goes on when some of them have come. Bounds what is
/// remembered of it.
const MOST_OWED: usize = 1024;

/// What was made of the client's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// Bytes taken from the client.
    pub(crate) taken: usize,
    /// Bytes it sent that go on only after others have been answered.
    pub(crate) stalled: bool,
    /// A LISTEN waits until somebody listens for the client.
    pub(crate) held: bool,
    /// What comes next is not for a server.
    pub(crate) own: bool,
    /// The client said goodbye.
    pub(crate) terminated: bool,
    /// Parse and Bind messages with a name, for the statistics.
    pub(crate) parses: u64,
    /// As above.
    pub(crate) binds: u64,
    /// Statements made on the server under a shared name.
    pub(crate) made: u64,
}

/// One pass over what the client has sent.
struct Pass<'a> {
    client: &'a mut Client,
    server: &'a mut Server,
    pool: &'a Arc<Pool>,
    rules: Rules,
    /// What goes out.
    run: Run,
    done: Forwarded,
}

/// Passes on what the client has sent, as far as it is there.
///
/// # Errors
/// A breach of the protocol by the client, or the connection to the server is lost.
pub(crate) fn forward(
    cx: &mut Context<'_>,
    client: &mut Client,
    server: &mut Server,
    pool: &Arc<Pool>,
    rules: Rules,
) -> Result<Forwarded, Error> {
    let keeps = client.underway.keeps();
    let first = !keeps && client.underway.begins(&client.channel.inbox, server);
    let run = Run::behind(server.channel.take_queue());
    let mut pass = Pass { client, server, pool, rules, run, done: Forwarded::default() };
    let walked = pass.walk();
    let Pass { run, done, .. } = pass;
    let taken = run.at();
    let sent = run.send(cx, &client.channel.inbox, &mut server.channel);
    if sent.is_err() {
        // another server may get it
    } else if first && taken == client.channel.inbox.len() && !server.replies.is_unsynced() {
        client.underway.passed(taken);
        client.underway.lay_aside(&mut client.channel);
    } else {
        let gone = client.underway.passed(taken);
        client.channel.consume(gone);
    }
    walked?;
    sent.map_err(|error| Error::server_lost(pool, &error))?;
    Ok(Forwarded { taken, ..done })
}

impl Pass<'_> {
    fn walk(&mut self) -> Result<(), Error> {
        loop {
            let all = self.client.channel.inbox.len();
            if self.server.passing.outbound > 0 {
                let piece = self.server.passing.outbound.min(all - self.run.at());
                self.server.passing.outbound -= piece;
                self.pass_or_drop(piece, !self.server.passing.outbound_drop);
                if self.server.passing.outbound > 0 {
                    return Ok(());
                }
                if take(&mut self.server.passing.settle) {
                    self.put_in(SETTLE);
                    return Ok(());
                }
                continue;
            }
            let end = self.client.underway.end(all);
            let rest = self.client.channel.inbox.get(self.run.at()..end).unwrap_or_default();
            let Some(head) = frame::head(rest, self.client.longest).map_err(Error::protocol)? else {
                return Ok(());
            };
            let have = rest.len().min(head.total());
            // only long messages that need not be whole pass in pieces
            let whole_needed = match head.tag {
                b'P' | b'D' | b'C' | b'E' => true,
                b'Q' => head.total() <= LONGEST_READ,
                _ => head.total() <= BLOCK,
            };
            if have < head.total() && (whole_needed || have < BLOCK) {
                self.client.channel.inbox.reserve((head.total() - have).min(4 * BLOCK));
                return Ok(());
            }
            if !self.message(head, have)? {
                return Ok(());
            }
        }
    }

    /// One message; false: it has to wait, or the client has said goodbye.
    fn message(&mut self, head: Head, have: usize) -> Result<bool, Error> {
        if self.server.replies.is_skipping() && !matches!(head.tag, b'S' | b'X') {
            self.step(head, have, Passage::Dropped);
            return Ok(true);
        }
        if matches!(head.tag, b'Q' | b'F' | b'E' | b'P' | b'B' | b'D' | b'C') && self.has_to_wait_its_turn() {
            self.done.stalled = true;
            return Ok(false);
        }
        if matches!(head.tag, b'Q' | b'P' | b'B') && self.is_own() {
            return Ok(!self.done.own && !self.done.stalled);
        }
        let passage = match head.tag {
            b'Q' | b'F' | b'E' | b'P' | b'B' | b'D' | b'C' | b'S' if !self.server.left.may_follow() => {
                Passage::Stall
            }
            b'Q' | b'F' | b'E' | b'P' | b'B' | b'D' | b'C' if self.server.replies.is_doubtful() => {
                Passage::Stall
            }
            // Syncs inside an open COPY, which the server does not answer, are not owed one by one: what ends the
            // COPY may be behind any number of them
            b'Q' | b'F' | b'E' | b'P' | b'B' | b'D' | b'C' | b'S'
                if self.server.replies.len() >= MOST_OWED =>
            {
                Passage::Stall
            }
            b'Q' => self.query(have, have == head.total()),
            b'F' => {
                self.server.note_mixed();
                self.asks(Request::FunctionCall, None)
            }
            b'E' => {
                let effect = self.executes(have);
                self.asks(Request::Execute, effect)
            }
            b'S' => self.asks(Request::Sync, None),
            b'H' => Passage::Verbatim,
            b'P' | b'B' | b'D' | b'C' => self.statement(head, have),
            b'd' if self.server.replies.takes_copy_data() => Passage::Verbatim,
            b'c' | b'f' if self.server.replies.push_copy_end() => Passage::Verbatim,
            // data of a COPY that has failed meanwhile: the server would drop it
            b'd' | b'c' | b'f' => Passage::Dropped,
            b'X' => {
                self.done.terminated = true;
                return Ok(false);
            }
            got => return Err(Error::unexpected_message(got)),
        };
        if self.done.held {
            return Ok(false);
        }
        if passage == Passage::Stall {
            self.stall();
            return Ok(false);
        }
        self.step(head, have, passage);
        Ok(true)
    }

    /// Where the time of queries is limited a request is not sent before the one ahead of it has ended: a cancel of ours
    /// would hit whatever runs when it arrives. Settings of ours may be ahead of it.
    fn has_to_wait_its_turn(&self) -> bool {
        let replies = &self.server.replies;
        self.rules.limits.has_query()
            && !replies.is_empty()
            && !replies.is_unsynced()
            && self.server.left.changing != Changing::Sent
    }

    /// A simple query drops the unnamed statement; some make the server forget the others too.
    fn query(&mut self, have: usize, whole: bool) -> Passage {
        self.server.note_mixed();
        let mut doubt = false;
        let sql = self.run.body(&self.client.channel.inbox, have);
        let plain = whole && self.server.left.pending.is_none() && traces::is_plain(sql, self.server);
        if self.rules.follows && !plain {
            traces::note_definitions(sql, self.server, &self.pool.statements);
            doubt = !whole;
            if let Some(effects) = traces::effects(sql, whole, self.server) {
                if let Some(name) = self.misplaced(&effects) {
                    return self.refuse_own(Error::OwnMisplaced(name));
                }
                let pins = self.rules.refuses(|| traces::pins(&effects, sql));
                if !pins.is_empty() {
                    return self.refuse_query(pins);
                }
                let (params, shares) = (&self.client.params, self.rules.shares);
                let mut gate = Gate::new(&mut self.client.listening, self.pool, params, shares);
                if !gate.admits(&traces::tunings(&effects)) {
                    self.done.held = true;
                    return Passage::Stall;
                }
                if whole && self.rules.statements > 0 && !effects.names.is_empty() {
                    let sql = Bytes::copy_from_slice(sql);
                    return self.query_with_names(&sql, &effects);
                }
                doubt |= traces::forgets(&effects);
                if let Some(traces) = traces::traces(&effects) {
                    self.server.left.suspect(&traces);
                }
            }
        }
        doubt &= self.rules.statements > 0;
        let effect = if doubt {
            Some(Effect::Doubt { simple: true })
        } else if self.client.names.has_unnamed()
            || self.server.held.unnamed().is_some()
            || self.server.replies.has_pending()
        {
            Some(Effect::NoUnnamed)
        } else {
            // the usual case of a client that never speaks the extended protocol
            None
        };
        self.asks(Request::Query, effect)
    }

    /// What an Execute may change.
    fn executes(&self, have: usize) -> Option<Effect> {
        let held = &self.server.held;
        let doubt = held.forgetful;
        let Some((portal, naming)) = &held.naming else {
            return doubt.then_some(Effect::Doubt { simple: false });
        };
        let body = self.run.body(&self.client.channel.inbox, have);
        let here = execute::Execute::parse(body).is_ok_and(|execute| *execute.portal == **portal);
        if here && !naming.steps.is_empty() {
            let steps = Box::new(naming.steps.clone());
            return Some(Effect::Names { steps, simple: false });
        }
        doubt.then_some(Effect::Doubt { simple: false })
    }

    /// A simple query with names of prepared statements in it.
    fn query_with_names(&mut self, sql: &[u8], effects: &Effects) -> Passage {
        let (out, run) = self.run.parts(&self.client.channel.inbox);
        let (names, params) = (&self.client.names, &self.client.params);
        let gate = Gate::new(&mut self.client.listening, self.pool, params, self.rules.shares);
        let mut desk = Desk::new(names, self.server, Instead::of(out, run), gate, self.rules);
        let passage = desk.query(sql, effects).unwrap_or(Passage::Stall);
        if passage != Passage::Stall {
            self.client.underway.request_ends();
        }
        self.done.made += desk.made;
        if desk.out.is_used() {
            self.run.was_replaced();
        }
        passage
    }

    fn asks(&mut self, request: Request, effect: Option<Effect>) -> Passage {
        if matches!(request, Request::Query | Request::FunctionCall | Request::Sync) {
            self.server.left.follow();
            self.client.underway.request_ends();
        }
        if self.server.replies.push(request, Action::Forward, effect) {
            Passage::Verbatim
        } else {
            Passage::Dropped
        }
    }

    /// Parse, Bind, Describe and Close go by statements. One that cannot be read goes as it is: the server
    /// says what is wrong with it as it would say to the client itself.
    fn statement(&mut self, head: Head, have: usize) -> Passage {
        let body = self.run.body(&self.client.channel.inbox, have);
        let request = match head.tag {
            b'P' => Request::Parse,
            b'B' => Request::Bind,
            b'D' => Request::Describe,
            _ => Request::Close,
        };
        let (names, params) = (&self.client.names, &self.client.params);
        let mut gate = Gate::new(&mut self.client.listening, self.pool, params, self.rules.shares);
        if self.rules.statements == 0 {
            if self.rules.follows && head.tag == b'P' {
                // when it will run is not followed
                let sql = parse::Parse::parse(body).map_or(&b""[..], |parse| parse.sql);
                traces::note_definitions(sql, self.server, &self.pool.statements);
                let about = traces::about(sql, self.server);
                if !gate.admits(&about.tunings) {
                    self.done.held = true;
                    return Passage::Stall;
                }
                if let Some(traces) = about.traces {
                    self.server.left.suspect(&traces);
                }
            }
            return self.asks(request, None);
        }
        let behind = self.client.channel.inbox.get(self.run.at() + head.total()..).unwrap_or_default();
        let (out, run) = self.run.parts(&self.client.channel.inbox);
        let mut desk = Desk::new(names, self.server, Instead::of(out, run), gate, self.rules);
        desk.behind = behind;
        let passage = match head.tag {
            b'P' => parse::Parse::parse(body).map(|m| {
                self.done.parses += u64::from(!m.name.is_empty());
                desk.parse(&m)
            }),
            b'B' => bind::Bind::parse(body).map(|m| {
                self.done.binds += u64::from(!m.statement.is_empty());
                desk.bind(&m, head.len)
            }),
            b'D' => describe::Describe::parse(body).map(|m| desk.describe(&m)),
            _ => close::Close::parse(body).map(|m| desk.close(&m)),
        };
        (self.done.made, self.done.held) = (self.done.made + desk.made, desk.gate.held);
        if desk.out.is_used() {
            // with what was written, the run before this message is in the queue
            self.run.was_replaced();
        }
        passage.unwrap_or_else(|_| {
            self.server.replies.push(request, Action::Forward, None);
            Passage::Verbatim
        })
    }

    /// Moves on behind this message.
    fn step(&mut self, head: Head, have: usize, passage: Passage) {
        let forward = passage == Passage::Verbatim;
        self.server.passing.outbound = head.total() - have;
        self.server.passing.outbound_drop = passage == Passage::Dropped;
        self.pass_or_drop(have, forward);
    }

    fn pass_or_drop(&mut self, n: usize, forward: bool) {
        if forward {
            self.run.pass(n);
        } else {
            self.run.leave_out(&self.client.channel.inbox, n);
        }
    }

    /// What is under way is to be answered soon, even if the client has not asked for that yet.
    fn stall(&mut self) {
        self.done.stalled = true;
        if !self.client.underway.stalled {
            self.put_in(FLUSH);
        }
    }

    fn put_in(&mut self, message: &[u8]) {
        self.run.put_in(&self.client.channel.inbox, message);
    }
}
