//! A request that is run again without its client noticing: where a server refuses a prepared statement because tables
//! have changed since, and there was nothing else in the batch and no transaction.
//!
//! What was sent is not copied for this: the block that it was read into is laid aside until the server answers, and
//! then goes back to the worker, or, if the request has to be run again, to the client's inbox, as if it had never been
//! looked at. It is prepared anew then, as every statement that is out of date.

use std::mem::take;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use net::buffers;
use net::channel::Channel;
use pool::Server;
use pool::left::Changing;
use pool::prepared::Effect;
use wire::TxStatus;
use wire::frame::{self, HEADER};

use crate::begun::{Begun, State, Wanted};
use crate::error::Error;
use crate::portion::{Open, Portion};
use crate::refusal::Refusal;

/// The longest request that is laid aside.
const LONGEST: usize = 16 * 1024;

/// What is to be known of what a client has sent while it is under way.
#[derive(Debug, Default)]
pub(crate) struct Underway {
    /// A message waits until others are answered, and the server was told to answer them.
    pub(crate) stalled: bool,
    /// A request that was sent, as long as nothing was answered; empty if it is none that could be run again.
    sent: BytesMut,
    /// The request in the inbox was run before.
    again: bool,
    /// What of the inbox is for the server at hand, where there are several.
    pub(crate) portion: Option<Box<Portion>>,
    /// Why requests are refused that a server was made to refuse, in order; where there are several.
    pub(crate) reasons: Vec<Error>,
    /// A transaction that no server knows of yet, where there are several.
    pub(crate) begun: Option<Box<Begun>>,
    /// The transaction that begins on the server at hand had begun for the client so long before.
    pub(crate) ahead: Duration,
}

impl Underway {
    /// There are several servers, or there is one.
    pub(crate) fn follow(&mut self, several: bool) {
        match &self.portion {
            None if several => self.portion = Some(Box::default()),
            // what is under way ends as it was begun
            Some(portion) if !several && portion.is_idle() => self.portion = None,
            Some(_) | None => {}
        }
    }

    /// A server is about to be sent this much of the inbox; kept: it may have to be run elsewhere.
    pub(crate) fn start(&mut self, open: Open, keeps: bool) {
        if let Some(portion) = &mut self.portion {
            portion.begin(open, keeps);
            portion.repeated = keeps && take(&mut self.again);
        }
    }

    /// Where the part of the inbox ends that may go out, given how much is there.
    #[inline]
    pub(crate) fn end(&self, there: usize) -> usize {
        self.portion.as_ref().map_or(there, |portion| portion.end(there))
    }

    /// How a transaction stands that no server knows of yet.
    pub(crate) fn state(&self) -> State {
        self.begun.as_ref().map_or(State::None, |begun| begun.state)
    }

    /// What a server is to be told of such a transaction.
    pub(crate) fn wanted(&self) -> Option<Wanted> {
        self.state().wanted()
    }

    /// The client was told that it stands like this.
    pub(crate) fn told(&mut self, state: State, now: Instant) {
        match (&mut self.begun, state) {
            (begun, State::None) => *begun = None,
            (Some(begun), state) => begun.answered(state, now),
            (begun, state) => *begun = Some(Begun::new(state, now)),
        }
    }

    /// A request was refused, and the transaction with it.
    pub(crate) fn refused_all(&mut self) {
        if let Some(begun) = &mut self.begun {
            begun.answered(begun.state.refused(), Instant::now());
        }
    }

    /// A server is about to be told of the transaction, for a request that began at this time.
    pub(crate) fn sends(&mut self, now: Instant) {
        if let Some(begun) = &mut self.begun {
            begun.state = begun.state.sent();
            self.ahead = begun.lasts(now);
        }
    }

    /// The transaction has begun on the server.
    pub(crate) fn has_begun(&mut self) {
        self.begun = None;
    }

    /// Nothing more may go out for now.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.portion.as_ref().is_some_and(|portion| portion.is_spent())
    }

    /// So much has gone out: how much of it is to be taken from the inbox now.
    #[inline]
    pub(crate) fn passed(&mut self, taken: usize) -> usize {
        self.portion.as_mut().map_or(taken, |portion| portion.passed(taken))
    }

    /// What is sent stays in the inbox.
    #[inline]
    pub(crate) fn keeps(&self) -> bool {
        self.portion.as_ref().is_some_and(|portion| portion.keeps())
    }

    /// A whole request has gone out.
    #[inline]
    pub(crate) fn request_ends(&mut self) {
        if let Some(portion) = &mut self.portion {
            portion.request_ends();
        }
    }

    /// The next request of a transaction may go out.
    pub(crate) fn go_on(&mut self) {
        if let Some(portion) = &mut self.portion {
            portion.go_on();
        }
    }

    /// Why the request is refused whose turn it is.
    pub(crate) fn reason(&mut self) -> Error {
        if self.reasons.is_empty() { Error::Aborted } else { self.reasons.remove(0) }
    }

    /// The server is free, or gone: what is still in the inbox is looked at anew.
    #[inline]
    pub(crate) fn close(&mut self) {
        self.reasons.clear();
        if let Some(portion) = &mut self.portion {
            portion.close();
        }
    }

    /// Whether what is sent can be run elsewhere.
    pub(crate) fn may_run_elsewhere(&self) -> bool {
        self.portion.as_ref().is_some_and(|portion| portion.may_run_elsewhere())
    }

    /// Whether what the client has sent may have to be sent again, as far as one can tell before it is sent.
    #[inline]
    pub(crate) fn begins(&mut self, inbox: &[u8], server: &Server) -> bool {
        if !self.sent.is_empty() {
            // more is sent behind it
            self.give();
        }
        matches!(inbox, [b'B', ..])
            && !take(&mut self.again)
            && self.begun.is_none()
            && server.status == TxStatus::Idle
            && !server.replies.is_unsynced()
            && (server.replies.is_empty() || server.left.changing != Changing::No)
            && inbox.len() <= LONGEST
    }

    /// Lays aside what was sent: all of the inbox.
    pub(crate) fn lay_aside(&mut self, channel: &mut Channel) {
        self.sent = take(&mut channel.inbox);
    }

    /// The server has answered.
    #[inline]
    pub(crate) fn answered(&mut self, server: &Server) {
        if !self.sent.is_empty() && !server.replies.head_is_ours() {
            self.give();
        }
    }

    /// So many of the requests that are kept are over for the client; `more`: it was told something of the next.
    pub(crate) fn answered_in_part(&mut self, channel: &mut Channel, over: u64, more: bool) {
        if let Some(portion) = &mut self.portion {
            portion.answered(channel, over, more);
        }
    }

    /// The request that is being answered is over.
    pub(crate) fn over(&mut self) {
        if let Some(portion) = &mut self.portion {
            portion.over();
        }
    }

    /// A request has changed this for its client.
    #[inline]
    pub(crate) fn notes(&mut self, effect: &Effect) {
        if matches!(effect, Effect::InForce(_) | Effect::Begun) {
            return self.has_begun();
        }
        if let (Some(portion), Effect::Named(alias) | Effect::Checked(alias)) = (&mut self.portion, effect) {
            portion.names(&alias.name);
        }
    }

    /// The server has not run the request: the names that do not count.
    pub(crate) fn refused(&mut self, why: Refusal) -> Vec<Bytes> {
        self.portion.as_mut().map(|portion| portion.refused(why)).unwrap_or_default()
    }

    /// The server is lost: whether what it has not answered can be run elsewhere, which it will be then.
    pub(crate) fn lost(&mut self) -> Option<Vec<Bytes>> {
        let portion = self.portion.as_mut()?;
        let refused = portion.is_refused();
        (refused || portion.may_run_elsewhere())
            .then(|| if refused { Vec::new() } else { portion.refused(Refusal::Now) })
    }

    fn give(&mut self) {
        buffers::give(take(&mut self.sent));
    }

    /// Whether what was laid aside, or kept in the inbox, may be run again.
    pub(crate) fn is_repeatable(&self, inbox: &[u8]) -> bool {
        match &self.portion {
            Some(portion) if portion.keeps() => !portion.repeated && is_repeatable(portion.kept(inbox)),
            Some(_) | None => is_repeatable(&self.sent),
        }
    }

    /// Puts it back in front of what has come since.
    pub(crate) fn take_back(&mut self, channel: &mut Channel) {
        if let Some(portion) = self.portion.as_mut().filter(|portion| portion.keeps()) {
            portion.give_up();
            self.again = true;
            return;
        }
        let mut sent = take(&mut self.sent);
        sent.extend_from_slice(&channel.inbox);
        channel.inbox = sent;
        self.again = true;
    }
}

/// Whether these messages do nothing but run one statement: then its refusal is the first thing that the server says to
/// them. To a Describe of a statement it says something else before.
fn is_repeatable(mut sent: &[u8]) -> bool {
    let mut tags = [0; 4];
    for tag in &mut tags {
        let Ok(Some(head)) = frame::head(sent, frame::LARGEST) else { break };
        let Some(rest) = sent.get(head.total()..) else { return false };
        *tag = match (head.tag, sent.get(HEADER)) {
            (b'D', Some(b'P')) => b'p',
            (tag, _) => tag,
        };
        sent = rest;
    }
    sent.is_empty() && matches!(&tags, b"BpES" | b"BES\0" | b"BpS\0" | b"BS\0\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_and_nothing_else_is_repeatable() {
        let bind: &[u8] = b"B\0\0\0\x0c\0s\0\0\0\0\0\0";
        let portal: &[u8] = b"D\0\0\0\x06P\0";
        let statement: &[u8] = b"D\0\0\0\x07Ss\0";
        let execute: &[u8] = b"E\0\0\0\x09\0\0\0\0\0";
        let sync: &[u8] = b"S\0\0\0\x04";
        for yes in [&[bind, portal, execute, sync][..], &[bind, execute, sync], &[bind, sync]] {
            assert!(is_repeatable(&yes.concat()));
        }
        for no in [
            &[bind, execute][..],
            &[statement, sync],
            &[bind, execute, sync, sync],
            &[bind, execute, bind, execute, sync],
            &[bind, statement, execute, sync],
            &[bind, portal, execute, sync, sync],
            &[statement, bind, execute, sync],
            &[execute, sync],
            &[bind, execute, b"S\0\0\0"],
            &[],
        ] {
            assert!(!is_repeatable(&no.concat()), "{no:?}");
        }
    }
}
