//! A stream with what was read from it and not used yet, and what is to be written and did not fit.
//!
//! Buffers are borrowed from the worker's blocks for as long as there is something in them, so an idle
//! connection holds none. Bytes that can be written at once are written from where they are, without a copy;
//! only what the socket does not take is kept, and as long as there is any, the caller reads no more for it.

use std::io;
use std::mem::take;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};

use crate::buffers::{self, BLOCK};
use crate::stream::Stream;

/// Reads grow to this many blocks while they come back full.
const MOST_BLOCKS: usize = 4;

/// One side of a session.
#[derive(Debug)]
pub struct Channel {
    /// The connection.
    pub stream: Stream,
    /// Bytes read and not used yet.
    pub inbox: BytesMut,
    outbox: BytesMut,
    unflushed: bool,
    full: bool,
}

impl Channel {
    /// Nothing read, nothing to write.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self { stream, inbox: BytesMut::new(), outbox: BytesMut::new(), unflushed: false, full: false }
    }

    /// Reads what has arrived behind what is in the inbox; 0 is the end of the stream.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.inbox.capacity() == 0 {
            // most looks find nothing: no block is taken for those
            ready!(self.stream.poll_readable(cx));
            self.inbox = buffers::take();
        }
        let most = if self.full { MOST_BLOCKS * BLOCK } else { BLOCK };
        if self.full {
            self.inbox.reserve(most);
        }
        let read = self.stream.poll_read(cx, &mut self.inbox, most);
        match &read {
            Poll::Ready(Ok(n)) => self.full = *n >= BLOCK,
            Poll::Ready(Err(_)) | Poll::Pending => self.rest(),
        }
        read
    }

    /// Bytes at the front of the inbox have been dealt with.
    pub fn consume(&mut self, n: usize) {
        if n >= self.inbox.len() {
            self.inbox.clear();
        } else {
            self.inbox.advance(n);
        }
    }

    /// Writes `bytes` behind everything queued; what the socket does not take now is queued itself.
    ///
    /// # Errors
    /// As the socket says; nothing can be sent any more then.
    pub fn send(&mut self, cx: &mut Context<'_>, mut bytes: &[u8]) -> io::Result<()> {
        if self.outbox.is_empty() {
            if let Poll::Ready(n) = self.stream.poll_write(cx, bytes) {
                bytes = bytes.get(n?..).unwrap_or_default();
            }
            self.unflushed = true;
        }
        if !bytes.is_empty() {
            self.queue().extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Writes bytes that lie in another channel's inbox, as [`Channel::send`] does.
    ///
    /// # Errors
    /// As the socket says.
    pub fn send_from(&mut self, cx: &mut Context<'_>, from: &mut Self, n: usize) -> io::Result<()> {
        let sent = self.send(cx, from.inbox.get(..n).unwrap_or_default());
        from.consume(n);
        sent
    }

    /// The queue, to append to; drained by [`Channel::poll_drain`].
    pub fn queue(&mut self) -> &mut BytesMut {
        if self.outbox.capacity() == 0 {
            self.outbox = buffers::take();
        }
        &mut self.outbox
    }

    /// Takes the queue away, to append to it while the channel is in use otherwise; [`Channel::put_queue`]
    /// brings it back.
    #[must_use]
    pub fn take_queue(&mut self) -> BytesMut {
        take(&mut self.outbox)
    }

    /// The counterpart of [`Channel::take_queue`].
    pub fn put_queue(&mut self, queue: BytesMut) {
        self.outbox = queue;
    }

    /// Writes what is queued; ready when nothing is left.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.outbox.is_empty() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        while !self.outbox.is_empty() {
            let n = ready!(self.stream.poll_write(cx, &self.outbox))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbox.advance(n);
            self.unflushed = true;
        }
        if self.outbox.capacity() > 0 {
            buffers::give(take(&mut self.outbox));
        }
        ready!(self.stream.poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Whether something is queued that the socket did not take.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Gives the inbox's block back if nothing is in it.
    pub fn rest(&mut self) {
        if self.inbox.is_empty() && self.inbox.capacity() > 0 {
            buffers::give(take(&mut self.inbox));
        }
    }
}
