//! The client's side of a session: its bytes, its statements, its settings.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use net::buffers::BLOCK;
use net::channel::Channel;
use pool::Params;
use telemetry::Events;

use crate::again::Underway;
use crate::card::ClientCard;
use crate::error::Error;
use crate::listening::Listening;
use crate::names::Names;
use crate::refuse::Refusing;

/// A client that is logged in.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its bytes.
    pub(crate) channel: Channel,
    /// Its prepared statements.
    pub(crate) names: Names,
    /// Its settings, to be in force on any server it is lent.
    pub(crate) params: Arc<Params>,
    /// Those of its start-up message, to which RESET goes back.
    pub(crate) startup: Arc<Params>,
    /// Its settings are not those of the server it has.
    pub(crate) amended: bool,
    /// The longest message it may send.
    pub(crate) longest: u32,
    /// What it has sent that is not answered yet.
    pub(crate) underway: Underway,
    /// It has part of a message whose rest will not come: whatever followed would be taken for that rest.
    pub(crate) torn: bool,
    /// Its query was cancelled because it has passed this limit; the server's error says only that it was.
    pub(crate) overdue: Option<Duration>,
    /// What is left of a request that was refused.
    pub(crate) refusing: Option<Refusing>,
    /// The channels it listens to, if it has ever listened to any.
    pub(crate) listening: Option<Box<Listening>>,
    /// What others know of it.
    pub(crate) card: Arc<ClientCard>,
}

impl Client {
    /// Notices a client that leaves while nothing of it goes on, as long as it does not send more than a
    /// block ahead.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) fn poll_watch(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while self.channel.inbox.len() < BLOCK {
            match self.channel.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Err(Error::ClientLost(None)),
                Poll::Ready(Err(error)) => return Err(Error::client_lost(error)),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Gives the client what has come on its channels, as far as it takes it. For a client that is between two
    /// messages and in no transaction.
    ///
    /// # Errors
    /// The client is gone.
    #[inline]
    pub(crate) fn poll_mail(&mut self, cx: &mut Context<'_>, events: &Events) -> Result<(), Error> {
        // of those who do not listen nothing is asked
        if self.listening.is_none() { Ok(()) } else { self.poll_mailbox(cx, events) }
    }

    fn poll_mailbox(&mut self, cx: &mut Context<'_>, events: &Events) -> Result<(), Error> {
        let Some(listening) = &mut self.listening else { return Ok(()) };
        // before the look: what comes after it wakes the task
        listening.reach_by(cx.waker());
        while listening.has_mail() && !listening.is_tried() {
            // one that takes nothing more keeps it in its mailbox, where there is a limit
            if self.channel.poll_drain(cx).map_err(Error::client_lost)?.is_pending() {
                return Ok(());
            }
            if !listening.deliver(self.channel.queue(), events) {
                break;
            }
        }
        if listening.is_over() {
            self.listening = None;
        }
        Ok(())
    }

    /// Tells others how many statements it has prepared.
    pub(crate) fn note_prepared(&self) {
        let count = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.card.prepared.store(count, Ordering::Relaxed);
    }
}
