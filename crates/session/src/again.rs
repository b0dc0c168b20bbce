//! A request that is run again without its client noticing: where a server refuses a prepared statement because tables
//! have changed since, and there was nothing else in the batch and no transaction.
//!
//! What was sent is not copied for this: the block that it was read into is laid aside until the server answers, and
//! then goes back to the worker, or, if the request has to be run again, to the client's inbox, as if it had never been
//! looked at. It is prepared anew then, as every statement that is out of date.

use std::mem::take;

use bytes::BytesMut;
use net::buffers;
use net::channel::Channel;
use pool::Server;
use pool::left::Changing;
use wire::TxStatus;
use wire::frame::{self, HEADER};

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
}

impl Underway {
    /// Whether what the client has sent may have to be sent again, as far as one can tell before it is sent.
    #[inline]
    pub(crate) fn begins(&mut self, inbox: &[u8], server: &Server) -> bool {
        if !self.sent.is_empty() {
            // more is sent behind it
            self.give();
        }
        matches!(inbox, [b'B', ..])
            && !take(&mut self.again)
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

    fn give(&mut self) {
        buffers::give(take(&mut self.sent));
    }

    /// Whether what was laid aside may be run again.
    pub(crate) fn is_repeatable(&self) -> bool {
        is_repeatable(&self.sent)
    }

    /// Puts it back in front of what has come since.
    pub(crate) fn take_back(&mut self, channel: &mut Channel) {
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
