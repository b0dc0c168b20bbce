//! From the client to the server: cuts messages, notes the replies they will have, passes them on.
//!
//! A run of messages that need no change is written from where it was read. A message longer than a block
//! passes in pieces; a shorter one is sent only when it is whole, so that a client that goes away leaves no
//! half of it behind.

use std::io;
use std::mem::take;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use classify::Effects;
use net::buffers::BLOCK;
use pool::left::Pins;
use pool::prepared::Effect;
use pool::{Pool, Server};
use wire::frame::{self, HEADER, Head};
use wire::frontend::{bind, close, describe, execute, parse};
use wire::replies::{Action, Request, SETTLE};

use crate::client::Client;
use crate::error::Error;
use crate::instead::Instead;
use crate::listening::Gate;
use crate::prepared::{Desk, Passage};
use crate::rules::Rules;
use crate::traces;

/// Flush, which makes the server answer what it has been asked so far.
const FLUSH: &[u8] = b"H\0\0\0\x04";

/// The longest Query whose text is read for what it leaves behind in the session. A longer one passes in pieces, and
/// may leave anything.
const LONGEST_READ: usize = 8 * BLOCK;

/// A query that every server refuses to parse.
const NONSENSE_QUERY: &[u8] = b"Q\0\0\0\x0bpgweir\0";

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
    /// What goes out in place of what came in; a run that needs no change is copied here only when something
    /// before it was changed.
    out: BytesMut,
    /// Start of the run of messages that go out unchanged.
    start: usize,
    /// Where the next message begins.
    at: usize,
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
    let out = server.channel.take_queue();
    let done = Forwarded::default();
    let mut pass = Pass { client, server, pool, rules, out, start: 0, at: 0, done };
    let walked = pass.walk();
    let (start, end, done, out) = (pass.start, pass.at, pass.done, take(&mut pass.out));
    let sent = send(cx, client, server, out, start..end);
    client.channel.consume(end);
    walked?;
    sent.map_err(|error| Error::server_lost(pool, &error))?;
    Ok(Forwarded { taken: end, ..done })
}

fn send(
    cx: &mut Context<'_>,
    client: &Client,
    server: &mut Server,
    out: BytesMut,
    run: std::ops::Range<usize>,
) -> io::Result<()> {
    let run = client.channel.inbox.get(run).unwrap_or_default();
    if out.is_empty() {
        // the usual case: nothing was changed, nothing waits
        return if run.is_empty() { Ok(()) } else { server.channel.send(cx, run) };
    }
    server.channel.put_queue(out);
    server.channel.queue().extend_from_slice(run);
    match server.channel.poll_drain(cx) {
        Poll::Ready(sent) => sent,
        Poll::Pending => Ok(()),
    }
}

impl Pass<'_> {
    fn walk(&mut self) -> Result<(), Error> {
        loop {
            let there = self.client.channel.inbox.len() - self.at;
            if self.server.passing.outbound > 0 {
                let piece = self.server.passing.outbound.min(there);
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
            let rest = self.client.channel.inbox.get(self.at..).unwrap_or_default();
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

    /// A simple query drops the unnamed statement; some make the server forget the others too.
    fn query(&mut self, have: usize, whole: bool) -> Passage {
        self.server.note_mixed();
        let mut doubt = false;
        let sql = self.client.channel.inbox.get(self.at + HEADER..self.at + have).unwrap_or_default();
        if self.rules.follows && !(whole && traces::is_plain(sql, self.server)) {
            traces::note_definitions(sql, self.server, &self.pool.statements);
            doubt = !whole;
            if let Some(effects) = traces::effects(sql, whole, self.server) {
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
        let body = self.client.channel.inbox.get(self.at + HEADER..self.at + have).unwrap_or_default();
        let here = execute::Execute::parse(body).is_ok_and(|execute| *execute.portal == **portal);
        if here && !naming.steps.is_empty() {
            let steps = Box::new(naming.steps.clone());
            return Some(Effect::Names { steps, simple: false });
        }
        doubt.then_some(Effect::Doubt { simple: false })
    }

    /// The server is made to refuse a statement that is not allowed, so that transaction and batch end as they should;
    /// the client is told our reason.
    fn refuse_query(&mut self, pins: Pins) -> Passage {
        self.put_in(NONSENSE_QUERY);
        let passage = self.asks(Request::Query, Some(Effect::Refused { pins, simple: true }));
        if passage == Passage::Verbatim { Passage::Rewritten } else { passage }
    }

    /// A simple query with names of prepared statements in it.
    fn query_with_names(&mut self, sql: &[u8], effects: &Effects) -> Passage {
        let run = self.client.channel.inbox.get(self.start..self.at).unwrap_or_default();
        let (names, params) = (&self.client.names, &self.client.params);
        let gate = Gate::new(&mut self.client.listening, self.pool, params, self.rules.shares);
        let mut desk = Desk::new(names, self.server, Instead::of(&mut self.out, run), gate, self.rules);
        let passage = desk.query(sql, effects).unwrap_or(Passage::Stall);
        self.done.made += desk.made;
        if desk.out.is_used() {
            self.start = self.at;
        }
        passage
    }

    fn asks(&mut self, request: Request, effect: Option<Effect>) -> Passage {
        if matches!(request, Request::Query | Request::FunctionCall | Request::Sync) {
            self.server.left.follow();
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
        let run = self.client.channel.inbox.get(self.start..self.at).unwrap_or_default();
        let body = self.client.channel.inbox.get(self.at + HEADER..self.at + have).unwrap_or_default();
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
        let mut desk = Desk::new(names, self.server, Instead::of(&mut self.out, run), gate, self.rules);
        desk.behind = self.client.channel.inbox.get(self.at + head.total()..).unwrap_or_default();
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
            self.start = self.at;
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
        if !forward {
            let run = self.client.channel.inbox.get(self.start..self.at).unwrap_or_default();
            self.out.extend_from_slice(run);
            self.start = self.at + n;
        }
        self.at += n;
    }

    /// What is under way is to be answered soon, even if the client has not asked for that yet.
    fn stall(&mut self) {
        self.done.stalled = true;
        if !self.client.stalled {
            self.put_in(FLUSH);
        }
    }

    /// A message of our own, behind the run before it.
    fn put_in(&mut self, message: &[u8]) {
        let run = self.client.channel.inbox.get(self.start..self.at).unwrap_or_default();
        self.out.extend_from_slice(run);
        self.out.extend_from_slice(message);
        self.start = self.at;
    }
}
