//! The console's end of a connection: whole messages in, answers out, and waiting for something to come true
//! while an eye is kept on the visitor. Never holds more than one message and one answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use net::channel::Channel;
use session::ClientCard;
use session::card::Order;
use session::error::Error;
use wire::frame;

/// The longest message; nothing that is asked here is longer.
const LONGEST: u32 = 64 * 1024;
/// How much of later messages is read while a command waits.
const AHEAD: usize = 64 * 1024;
/// How often a command that waits looks again.
const LOOK: Duration = Duration::from_millis(5);
/// How long last words may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// The connection.
pub(crate) struct Line {
    channel: Channel,
    /// What others know of the visitor, and how they reach it.
    pub(crate) card: Arc<ClientCard>,
    /// Bytes sent so far.
    pub(crate) sent: u64,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// It has come true.
    Done,
    /// It has not, in time.
    TimedOut,
    /// The visitor has cancelled.
    Cancelled,
}

impl Line {
    /// From a visitor that has just logged in.
    pub(crate) fn new(channel: Channel, card: Arc<ClientCard>) -> Self {
        Self { channel, card, sent: 0 }
    }

    /// Where answers are put.
    pub(crate) fn out(&mut self) -> &mut BytesMut {
        self.channel.queue()
    }

    /// Makes sure that orders wake this task.
    pub(crate) async fn listen(&self) {
        poll_fn(|cx| {
            self.card.reach_by(cx.waker());
            Poll::Ready(())
        })
        .await;
    }

    /// The next message: its tag and body. What is to be sent goes first, so that a visitor who does not read
    /// is not read either.
    ///
    /// # Errors
    /// The visitor is gone, breaks the protocol, or was told to go.
    pub(crate) async fn next(&mut self) -> Result<(u8, Bytes), Error> {
        self.flush().await?;
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Sends what is to be sent.
    ///
    /// # Errors
    /// As [`Line::next`].
    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        let length = self.channel.queue().len();
        poll_fn(|cx| {
            self.killed()?;
            self.channel.poll_drain(cx).map_err(|error| Error::ClientLost(Some(error)))
        })
        .await?;
        self.sent = self.sent.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(())
    }

    fn killed(&self) -> Result<(), Error> {
        if self.card.ordered(Order::Kill) { Err(Error::Killed) } else { Ok(()) }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<(u8, Bytes), Error>> {
        self.killed()?;
        loop {
            if let Some(head) = frame::head(&self.channel.inbox, LONGEST).map_err(Error::Protocol)?
                && let Some(body) = frame::body(&self.channel.inbox, head)
            {
                let body = Bytes::copy_from_slice(body);
                self.channel.consume(head.total());
                return Poll::Ready(Ok((head.tag, body)));
            }
            if self.card.ordered(Order::Drain) {
                return Poll::Ready(Err(Error::ShuttingDown));
            }
            match self.channel.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::ClientLost(None))),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::ClientLost(Some(error)))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Waits until `done`, for as long as `patience` allows.
    ///
    /// # Errors
    /// As [`Line::next`].
    pub(crate) async fn wait(
        &mut self,
        patience: Option<Duration>,
        mut done: impl FnMut() -> bool,
    ) -> Result<Waited, Error> {
        let since = Instant::now();
        // known as waiting, so that a cancel request finds it
        self.card.begin_waiting(since);
        let mut look = tokio::time::interval(LOOK);
        let waited = poll_fn(|cx| {
            self.killed()?;
            if self.card.ordered(Order::Cancel) {
                return Poll::Ready(Ok(Waited::Cancelled));
            }
            if self.card.ordered(Order::Drain) {
                return Poll::Ready(Err(Error::ShuttingDown));
            }
            self.poll_left(cx)?;
            while look.poll_tick(cx).is_ready() {
                if done() {
                    return Poll::Ready(Ok(Waited::Done));
                }
                if patience.is_some_and(|patience| since.elapsed() >= patience) {
                    return Poll::Ready(Ok(Waited::TimedOut));
                }
            }
            Poll::Pending
        })
        .await;
        // a cancel request that comes when all is done has come too late
        let _late = self.card.end_waiting();
        waited
    }

    /// Notices a visitor that leaves, as long as it does not send far ahead.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while self.channel.inbox.len() < AHEAD {
            match self.channel.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Err(Error::ClientLost(None)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Err(Error::ClientLost(Some(error))),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Tells the visitor why the connection ends, and ends it in order.
    pub(crate) async fn close(mut self, why: &Error) {
        why.respond_fatal(self.channel.queue(), self.card.id);
        let said = tokio::time::timeout(FAREWELL, async {
            if poll_fn(|cx| self.channel.poll_drain(cx)).await.is_ok() {
                let _closed = self.channel.stream.shutdown().await;
            }
        });
        if said.await.is_err() {
            tracing::debug!(client = self.card.id, "visitor of the console did not take its last words");
        }
    }
}
