//! What one client has still to be told, in the order in which it happened, and no more than it may keep us
//! waiting with: above a number and a size the oldest go, and the client is told how many.
//!
//! It is filled by the task of a [`Switchboard`](super::Switchboard), on whatever worker that lives, and emptied
//! by the client's own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;

use super::Name;

/// So many notifications wait for a client.
const MOST: usize = 10_000;
/// So many bytes of them.
const MOST_BYTES: usize = 1024 * 1024;

/// Something for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mail {
    /// A notification.
    Notification {
        /// The channel.
        channel: Name,
        /// The whole message, as the server sent it.
        message: Bytes,
    },
    /// So many notifications did not fit.
    Lost(u64),
    /// The connection that listens was lost and is there again: what was sent meanwhile nobody heard.
    Restored,
}

/// The mailbox of one client.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// There may be something inside, or its pool is gone: one look without a lock for whoever passes by.
    stirred: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Mail>,
    bytes: usize,
    /// Notifications that had to go, all of them before those in the queue.
    lost: u64,
    /// Which loss of the connection the client was told of last.
    told: u64,
    uprooted: bool,
    waker: Option<Waker>,
}

impl Mailbox {
    /// An empty one.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Whether it is worth while to look inside.
    #[inline]
    #[must_use]
    pub fn is_stirred(&self) -> bool {
        self.stirred.load(Ordering::Acquire)
    }

    /// Who is woken when something comes.
    pub fn reach_by(&self, waker: &Waker) {
        let mut inner = self.inner();
        if inner.waker.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            inner.waker = Some(waker.clone());
        }
    }

    /// What comes next for the client.
    pub fn take(&self) -> Option<Mail> {
        let mut inner = self.inner();
        if inner.lost > 0 {
            return Some(Mail::Lost(std::mem::take(&mut inner.lost)));
        }
        let next = inner.queue.pop_front();
        inner.bytes -= next.as_ref().map_or(0, size);
        // under the lock: whoever puts something in afterwards says so again
        self.stirred.store(!inner.queue.is_empty() || inner.uprooted, Ordering::Release);
        next
    }

    /// Whether the pool has been retired through which something here was subscribed to; asked once for each
    /// time.
    #[must_use]
    pub fn take_uprooted(&self) -> bool {
        std::mem::take(&mut self.inner().uprooted)
    }

    /// Drops what has come of a channel.
    pub fn forget(&self, channel: &[u8]) {
        let mut inner = self.inner();
        inner.queue.retain(|mail| mail.channel() != Some(channel));
        inner.bytes = inner.queue.iter().map(size).sum();
    }

    /// Adds a notification; how many had to go for it.
    pub(super) fn put(&self, channel: &Name, message: &Bytes) -> u64 {
        let mut inner = self.inner();
        inner.bytes += message.len();
        inner.queue.push_back(Mail::Notification { channel: Arc::clone(channel), message: message.clone() });
        let gone = inner.shrink();
        self.stir(inner);
        gone
    }

    /// The connection is there again after its `time`th loss; told once, however many channels there are.
    pub(super) fn restored(&self, time: u64) {
        let mut inner = self.inner();
        if inner.told != time {
            inner.told = time;
            inner.queue.push_back(Mail::Restored);
        }
        self.stir(inner);
    }

    /// The pool is no more: the client is to subscribe to what it listens to at the one in its place.
    pub(super) fn uproot(&self) {
        let mut inner = self.inner();
        inner.uprooted = true;
        self.stir(inner);
    }

    /// Has the client's task look around.
    pub(super) fn wake(&self) {
        let waker = self.inner().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn stir(&self, inner: MutexGuard<'_, Inner>) {
        self.stirred.store(true, Ordering::Release);
        let waker = inner.waker.clone();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What it guards is whole between any two statements.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mail {
    fn channel(&self) -> Option<&[u8]> {
        match self {
            Self::Notification { channel, .. } => Some(channel),
            Self::Lost(_) | Self::Restored => None,
        }
    }
}

impl Inner {
    /// Drops the oldest until the rest is allowed.
    fn shrink(&mut self) -> u64 {
        let mut gone = 0;
        while self.queue.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.queue.pop_front() else { break };
            self.bytes -= size(&oldest);
            // word of a loss is covered by word of the greater one
            gone += u64::from(oldest != Mail::Restored);
        }
        self.lost += gone;
        gone
    }
}

fn size(mail: &Mail) -> usize {
    match mail {
        Mail::Notification { message, .. } => message.len(),
        Mail::Lost(_) | Mail::Restored => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbered(n: u32, size: usize) -> Bytes {
        let mut bytes = n.to_be_bytes().to_vec();
        bytes.resize(size.max(4), 0);
        bytes.into()
    }

    fn number(message: &Bytes) -> u32 {
        u32::from_be_bytes(message[..4].try_into().unwrap())
    }

    #[test]
    fn the_loss_of_a_connection_is_told_once_for_each_time() {
        let mailbox = Mailbox::new();
        mailbox.restored(1);
        mailbox.restored(1);
        assert!(mailbox.is_stirred());
        assert_eq!((mailbox.take(), mailbox.take()), (Some(Mail::Restored), None));
        assert!(!mailbox.is_stirred());
        mailbox.restored(2);
        assert_eq!((mailbox.take(), mailbox.take()), (Some(Mail::Restored), None));
    }

    #[test]
    fn a_move_stirs_until_it_is_taken_note_of() {
        let mailbox = Mailbox::new();
        mailbox.uproot();
        assert_eq!(mailbox.take(), None);
        assert!(mailbox.is_stirred());
        assert!(mailbox.take_uprooted() && !mailbox.take_uprooted());
        assert_eq!(mailbox.take(), None);
        assert!(!mailbox.is_stirred());
    }

    proptest! {
        /// Whatever is put in, taken out and forgotten: what comes out is in order, what does not was counted or
        /// forgotten, and there is never more inside than may be.
        #[test]
        fn nothing_is_lost_without_being_counted(
            steps in prop::collection::vec((0u8..20, 0usize..200_000), 0..200),
        ) {
            let mailbox = Mailbox::new();
            let names: [Name; 2] = [Arc::from(*b"a"), Arc::from(*b"b")];
            let (mut put, mut out, mut lost, mut forgotten) = (0u32, 0, 0, 0);
            let mut last = None;
            let mut took = |mail: Option<Mail>| match mail {
                Some(Mail::Notification { message, .. }) => {
                    let in_order = last < Some(number(&message));
                    last = Some(number(&message));
                    out += 1;
                    in_order
                }
                Some(Mail::Lost(n)) => { lost += n; true }
                Some(Mail::Restored) | None => true,
            };
            for (step, size) in steps {
                match step {
                    0..16 => {
                        let message = numbered(put, size);
                        mailbox.put(&names[usize::from(step % 2)], &message);
                        put += 1;
                    }
                    16 => {
                        let before = mailbox.inner().queue.len();
                        mailbox.forget(b"a");
                        forgotten += before - mailbox.inner().queue.len();
                        prop_assert!(mailbox.inner().queue.iter().all(|mail| mail.channel() != Some(b"a")));
                    }
                    _ => prop_assert!(took(mailbox.take())),
                }
                let inner = mailbox.inner();
                prop_assert!(inner.queue.len() <= MOST && inner.bytes <= MOST_BYTES);
                prop_assert_eq!(inner.bytes, inner.queue.iter().map(super::size).sum::<usize>());
            }
            while mailbox.is_stirred() {
                prop_assert!(took(mailbox.take()));
            }
            prop_assert_eq!(mailbox.take(), None);
            prop_assert_eq!(u64::from(put), lost + u64::try_from(out + forgotten).unwrap());
        }
    }
}
