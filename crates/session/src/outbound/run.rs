//! What goes out for what came in: runs of messages that need no change stay where they were read, and are copied only
//! when something before them was changed.

use std::io;
use std::task::{Context, Poll};

use bytes::BytesMut;
use net::channel::Channel;
use wire::frame::HEADER;

/// The bytes of one pass over an inbox.
pub(super) struct Run {
    /// What goes out ahead of the run.
    out: BytesMut,
    /// Where the run of messages that go out unchanged begins.
    start: usize,
    /// Where the next message begins.
    at: usize,
}

impl Run {
    /// Nothing yet, behind what waits to be sent.
    pub(super) fn behind(out: BytesMut) -> Self {
        Self { out, start: 0, at: 0 }
    }

    /// Where the next message begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The body of the next message, of which so much is there.
    pub(super) fn body<'a>(&self, inbox: &'a [u8], have: usize) -> &'a [u8] {
        inbox.get(self.at + HEADER..self.at + have).unwrap_or_default()
    }

    /// What goes out ahead of the run, and the run.
    pub(super) fn parts<'a>(&mut self, inbox: &'a [u8]) -> (&mut BytesMut, &'a [u8]) {
        (&mut self.out, inbox.get(self.start..self.at).unwrap_or_default())
    }

    /// The next `n` bytes go out.
    pub(super) fn pass(&mut self, n: usize) {
        self.at += n;
    }

    /// They do not.
    pub(super) fn leave_out(&mut self, inbox: &[u8], n: usize) {
        self.put_in(inbox, &[]);
        self.at += n;
        self.start = self.at;
    }

    /// A message of our own, behind the run before it.
    pub(super) fn put_in(&mut self, inbox: &[u8], message: &[u8]) {
        let (out, run) = self.parts(inbox);
        out.extend_from_slice(run);
        out.extend_from_slice(message);
        self.was_replaced();
    }

    /// The run is in what goes out ahead, with something behind it.
    pub(super) fn was_replaced(&mut self) {
        self.start = self.at;
    }

    /// Sends all of it, or queues what is not taken at once.
    pub(super) fn send(self, cx: &mut Context<'_>, inbox: &[u8], channel: &mut Channel) -> io::Result<()> {
        let Self { out, start, at } = self;
        let run = inbox.get(start..at).unwrap_or_default();
        if out.is_empty() {
            // the usual case: nothing was changed, nothing waits
            return if run.is_empty() { Ok(()) } else { channel.send(cx, run) };
        }
        channel.put_queue(out);
        channel.queue().extend_from_slice(run);
        match channel.poll_drain(cx) {
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }
}
