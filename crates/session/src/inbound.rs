//! From the server to the client: matches messages with what is owed, passes them on, follows what they change.
//!
//! A run of messages for the client is written from where it was read; nothing is copied unless something in
//! between has to be left out or put in.

mod elsewhere;

use std::ops::ControlFlow;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use net::buffers;
use pool::inbound::Seen;
use pool::left::Changing;
use pool::prepared::Effect;
use pool::{Pool, Seat, Server};
use wire::TxStatus;
use wire::backend::error::Fields;
use wire::backend::notify::TAG as NOTIFICATION;
use wire::backend::{one, ready};
use wire::frame::HEADER;
use wire::replies::{Deliver, Request, SETTLE};
use wire::sqlstate::SqlState;

use crate::client::Client;
use crate::error::{Error, Limit};
use crate::rename::{self, Suspect};
use crate::rules::Rules;

/// The bytes of a message's length, which count themselves.
const LENGTH_WORD: usize = 4;

/// Errors of a server that is no primary, or goes away, or has just come.
const ALARMING: [SqlState; 4] = [
    SqlState::READ_ONLY_SQL_TRANSACTION,
    SqlState::ADMIN_SHUTDOWN,
    SqlState::CRASH_SHUTDOWN,
    SqlState::CANNOT_CONNECT_NOW,
];

/// What came of the server's bytes.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// Bytes taken from the server.
    pub(crate) taken: usize,
    /// ReadyForQuery that the client got.
    pub(crate) ready: u64,
    /// Those of them that ended a transaction.
    pub(crate) ended: u64,
    /// Errors that the client got.
    pub(crate) errors: u64,
    /// One of them is the last that the server says.
    pub(crate) fatal: bool,
    /// An error among them speaks against the server, or against its being the primary.
    pub(crate) alarming: bool,
    /// The error by which the server has refused the client's settings: the request behind them has not run.
    pub(crate) refused: Option<Bytes>,
    /// What is not answered is to be run elsewhere, and the server would go on with it.
    pub(crate) elsewhere: bool,
}

struct Pass<'a> {
    client: &'a mut Client,
    server: &'a mut Server,
    /// The server goes to others as soon as it is free: what it says after that is not for this client.
    shared: bool,
    /// Who listens for the client tells it of notifications, not the server that it has for now.
    deaf: bool,
    out: BytesMut,
    start: usize,
    at: usize,
    /// How much goes out up to the end of the last request that is over, where what is sent may have to be run
    /// elsewhere.
    over: Option<usize>,
    /// The server is a replica.
    replica: bool,
    done: Delivered,
}

/// Passes on what the server has said, as far as it is there.
///
/// # Errors
/// A breach of the protocol by the server, or the client is gone.
pub(crate) fn deliver(
    cx: &mut Context<'_>,
    client: &mut Client,
    server: &mut Server,
    pool: &Pool,
    rules: Rules,
) -> Result<Delivered, Error> {
    let out = client.channel.take_queue();
    let (shared, deaf) = (rules.follows, rules.shares);
    let over = client.underway.keeps().then_some(out.len());
    let (replica, done) = (pool.key.seat != Seat::Primary, Delivered::default());
    let mut pass = Pass { client, server, shared, deaf, out, start: 0, at: 0, over, replica, done };
    let walked = pass.walk();
    let more = pass.over.is_some_and(|over| pass.length() > over);
    let (start, end, out) = (pass.start, pass.at, std::mem::take(&mut pass.out));
    let done = std::mem::take(&mut pass.done);
    let run = server.channel.inbox.get(start..end).unwrap_or_default();
    let sent = if out.is_empty() {
        if run.is_empty() { Ok(()) } else { client.channel.send(cx, run) }
    } else {
        client.channel.put_queue(out);
        client.channel.queue().extend_from_slice(run);
        match client.channel.poll_drain(cx) {
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    };
    server.channel.consume(end);
    if over.is_some() {
        client.underway.answered_in_part(&mut client.channel, done.ready, more);
    } else {
        client.underway.answered(server);
    }
    walked.map_err(|what| Error::server_protocol(pool, what))?;
    sent.map_err(Error::client_lost)?;
    Ok(Delivered { taken: end, ..done })
}

impl Pass<'_> {
    fn walk(&mut self) -> Result<(), wire::Error> {
        self.invented();
        loop {
            let there = self.server.channel.inbox.len() - self.at;
            if self.server.passing.inbound > 0 {
                let piece = self.server.passing.inbound.min(there);
                self.server.passing.inbound -= piece;
                self.step(piece, !self.server.passing.inbound_drop);
                if self.server.passing.inbound > 0 {
                    return Ok(());
                }
                self.invented();
                continue;
            }
            let free = self.plain();
            if free || self.at == self.server.channel.inbox.len() || self.message()?.is_break() {
                return Ok(());
            }
        }
    }

    /// Steps over whole messages that only pass, as most do; true: the server is free with the last of them.
    fn plain(&mut self) -> bool {
        if self.client.listening.as_ref().is_some_and(|listening| listening.is_leaving()) {
            return false;
        }
        let server = &mut *self.server;
        let inbox: &[u8] = &server.channel.inbox;
        while let Some([tag, a, b, c, d, body @ ..]) = inbox.get(self.at..) {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            if length < LENGTH_WORD || body.len() + LENGTH_WORD < length {
                return false;
            }
            let status = match (*tag, body) {
                // DISCARD ALL and DEALLOCATE ALL are more than they seem
                (b'C', [b'D', ..]) => return false,
                (NOTIFICATION, _) if self.deaf => return false,
                (b'Z', [status, ..]) if length == LENGTH_WORD + 1 => match TxStatus::try_from(*status) {
                    Ok(status) => Some(status),
                    Err(_) => return false,
                },
                (b'Z', _) => return false,
                (_, _) => None,
            };
            if !server.replies.pass(*tag) {
                return false;
            }
            self.at += length + 1;
            if let Some(status) = status {
                server.status = status;
                server.mixed.on_ready(status);
                self.done.ready += 1;
                if self.over.is_some() {
                    self.over = Some(self.out.len() + self.at - self.start);
                    self.client.underway.over();
                }
                if status == TxStatus::Idle {
                    self.done.ended += 1;
                    server.left.on_ready(status, server.replies.is_settled());
                    if self.shared && server.replies.is_settled() {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// One message; break: it is not there yet.
    fn message(&mut self) -> Result<ControlFlow<()>, wire::Error> {
        let Some(seen) = self.server.see(self.at)? else {
            return Ok(ControlFlow::Break(()));
        };
        if seen.tag == b'E' && self.server.left.changing != Changing::No {
            let body =
                self.server.channel.inbox.get(self.at + HEADER..self.at + seen.have).unwrap_or_default();
            self.done.refused = Some(Bytes::copy_from_slice(body));
            return Ok(ControlFlow::Break(()));
        }
        if let Some(effect) = &seen.failed {
            self.client.names.apply_failed(effect);
        }
        match seen.tag {
            b'Z' if seen.deliver == Deliver::Forward => {
                self.done.ready += 1;
                self.done.ended += u64::from(self.server.status == TxStatus::Idle);
            }
            b'E' if seen.deliver != Deliver::Discard => {
                if let Some(flow) = self.error(&seen) {
                    return Ok(flow);
                }
            }
            b'N' if self.takes_leave(&seen) => return Ok(ControlFlow::Break(())),
            _ => {}
        }
        let body = self.server.channel.inbox.get(self.at + HEADER..self.at + seen.have).unwrap_or_default();
        if let Some(listening) = self.client.listening.as_mut().filter(|listening| listening.is_leaving()) {
            match (seen.tag, body) {
                // whether it had anything to do with the UNLISTEN nobody can tell: in doubt it is no more
                (b'E', _) | (b'C', b"ROLLBACK\0") => listening.stay(),
                (b'Z', b"I") => listening.leave(),
                (_, _) => {}
            }
        }
        if seen.forgot_all {
            self.client.names.forget_all();
        }
        if let Some(effect) = seen.effect {
            self.client.underway.notes(&effect);
            self.client.names.apply(effect);
        }
        self.server.passing.inbound = seen.total - seen.have;
        let forward = matches!(seen.deliver, Deliver::Forward | Deliver::Settle)
            && !(self.deaf && seen.tag == NOTIFICATION);
        self.server.passing.inbound_drop = !forward;
        match seen.deliver {
            Deliver::Forward | Deliver::Discard => {}
            // between two messages, not inside one
            Deliver::Settle if self.server.passing.outbound > 0 => self.server.passing.settle = true,
            Deliver::Settle => self.server.channel.queue().extend_from_slice(SETTLE),
            Deliver::Ready(n) => {
                self.cut();
                for _ in 0..n {
                    ready::write(&mut self.out, self.server.status);
                    self.done.ready += 1;
                    self.done.ended += u64::from(self.server.status == TxStatus::Idle);
                }
            }
        }
        self.step(seen.have, forward);
        if seen.tag == b'Z' && forward && self.over.is_some() {
            self.over = Some(self.length());
            self.client.underway.over();
        }
        if self.server.passing.inbound == 0 {
            self.invented();
        }
        let free = self.shared
            && seen.tag == b'Z'
            && self.server.status == TxStatus::Idle
            && self.server.replies.is_settled();
        Ok(if free { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// An error about a statement that is out of date, or gone; true: the request that met it is run again, and the client
    /// is told nothing.
    fn suspects(&mut self, seen: &Seen) -> bool {
        let body = self.server.channel.inbox.get(self.at + HEADER..self.at + seen.have);
        let Some(suspect) = body.and_then(rename::suspect) else { return false };
        suspect.note(&mut self.server.held);
        let again = suspect == Suspect::Used
            && seen.have == seen.total
            && self.client.underway.is_repeatable(&self.client.channel.inbox)
            && self.server.replies.hush_last();
        if again {
            self.done.errors -= 1;
            self.client.underway.take_back(&mut self.client.channel);
            self.step(seen.have, false);
        }
        again
    }

    /// An error that we have provoked is told in our own words.
    fn refused(&mut self, seen: &Seen) -> bool {
        let changed = self.says(seen, SqlState::UNDEFINED_COLUMN);
        let answered = self.server.replies.head_effect();
        let why = match seen.failed.as_ref().or(answered.as_deref()) {
            Some(Effect::Refused { pins, .. }) if pins.is_empty() => self.client.underway.reason(),
            Some(Effect::Refused { pins, .. }) => Error::Keeps { pins: *pins, fatal: false },
            // any other error, in a failed transaction say, is what the client's own message would have met
            Some(Effect::Changed) if changed => Error::Changed,
            Some(_) | None => return false,
        };
        self.cut();
        why.respond(&mut self.out, self.client.card.id);
        self.step(seen.have, false);
        true
    }

    /// Replies that the server was not asked for, now that it is their turn.
    fn invented(&mut self) {
        if self.server.passing.inbound > 0 {
            return;
        }
        while let Some((request, effect)) = self.server.replies.invented() {
            debug_assert_eq!(request, Request::Close, "the only one that cannot fail");
            self.cut();
            self.out.extend_from_slice(one::CLOSE_COMPLETE);
            if let Some(effect) = effect {
                self.server.apply(&effect);
                self.client.names.apply(effect);
            }
        }
    }

    /// A query that we have cancelled for its time: why, in the place of the server's "user request".
    fn overdue(&mut self, seen: &Seen) -> bool {
        let Some(after) = self.client.overdue.filter(|_| seen.deliver == Deliver::Forward) else {
            return false;
        };
        if !self.says(seen, SqlState::QUERY_CANCELED) {
            return false;
        }
        self.client.overdue = None;
        self.cut();
        Error::Timeout(Limit::Query, after).respond(&mut self.out, self.client.card.id);
        self.step(seen.have, false);
        true
    }

    /// Whether the server goes away behind an error.
    fn is_fatal(&self, seen: &Seen) -> bool {
        let body = self.server.channel.inbox.get(self.at + HEADER..self.at + seen.have).unwrap_or_default();
        Fields::new(body).is_fatal()
    }

    /// Whether an error has this code.
    fn says(&self, seen: &Seen, code: SqlState) -> bool {
        let body = self.server.channel.inbox.get(self.at + HEADER..self.at + seen.have).unwrap_or_default();
        Fields::new(body).sqlstate().is_some_and(|said| code.is(&said))
    }

    /// An error that speaks of a statement by our name for it is told with the client's.
    fn renamed(&mut self, have: usize, failed: Option<&Effect>) -> bool {
        let body = self.server.channel.inbox.get(self.at + HEADER..self.at + have).unwrap_or_default();
        let spoken = match failed {
            Some(Effect::Spoken(name)) => Some(&***name),
            _ => None,
        };
        let Some(told) = rename::error(body, spoken, &self.client.names) else {
            return false;
        };
        self.cut();
        self.out.extend_from_slice(&told);
        self.step(have, false);
        true
    }

    /// What comes now is put behind the run before it.
    fn cut(&mut self) {
        let run = self.server.channel.inbox.get(self.start..self.at).unwrap_or_default();
        if self.out.capacity() == 0 {
            self.out = buffers::take();
        }
        self.out.extend_from_slice(run);
        self.start = self.at;
    }

    fn step(&mut self, n: usize, forward: bool) {
        if !forward {
            self.cut();
            self.start = self.at + n;
        }
        self.at += n;
    }
}
