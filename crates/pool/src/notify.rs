//! LISTEN without a server connection of one's own: one connection listens for all clients of a server, a
//! database and a user there, and passes on what comes to whoever subscribes to its channel.
//!
//! - [`Switchboard`]: where clients subscribe; one for each target and client encoding, there for as long as
//!   somebody uses it
//! - [`mailbox`]: what one client has still to be told
//! - `board`: who listens to what, and what the server is to be told; `line`: the task with the connection
//!
//! The order of notifications is the server's; after a lost connection everything is listened to again, and
//! whoever had been listening is told.

mod board;
mod line;
pub mod mailbox;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

pub use board::Standing;
pub use mailbox::{Mail, Mailbox};

use crate::error::Error;
use crate::pool::Pool;
use board::Board;

/// The name of a channel.
pub type Name = Arc<[u8]>;

/// PostgreSQL cuts names at this length.
const LONGEST_NAME: usize = 63;

/// Where clients of one target subscribe.
#[derive(Debug)]
pub struct Switchboard {
    /// The pool it was opened by: its server, its log-in, its settings.
    host: Arc<Pool>,
    /// Notifications are in this encoding; empty: the server's.
    encoding: String,
    board: Mutex<Board>,
    /// There is something to do for the task.
    work: Notify,
    state: Mutex<Connection>,
}

/// What is to be known of the connection.
#[derive(Debug, Default)]
struct Connection {
    /// It is to be opened anew.
    renew: bool,
    /// Why there is none.
    trouble: Option<Error>,
}

/// What a statement changes in what a client listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tuning {
    /// LISTEN.
    Listen(Box<[u8]>),
    /// UNLISTEN.
    Unlisten(Box<[u8]>),
    /// UNLISTEN *.
    UnlistenAll,
}

/// A place among those who listen to a channel, given up when dropped.
#[derive(Debug)]
pub struct Subscription {
    switchboard: Arc<Switchboard>,
    channel: Name,
    number: u64,
}

/// All switchboards of the process. It keeps none alive.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    switchboards: Mutex<Vec<Weak<Switchboard>>>,
    losses: AtomicU64,
}

impl Pool {
    /// Subscribes to a channel; what comes on it goes to the mailbox from the moment on at which the
    /// [`Standing`] is live. Must be called on a worker's runtime.
    #[must_use]
    pub fn subscribe(
        self: &Arc<Self>,
        encoding: Option<&str>,
        channel: &[u8],
        mailbox: &Arc<Mailbox>,
    ) -> Subscription {
        self.seat(encoding, cut(channel).into(), mailbox, false)
    }

    /// The same for a client that listens already through another pool, whose subscription this is: it is told
    /// that it may have missed something.
    #[must_use]
    pub fn take_over(self: &Arc<Self>, old: &Subscription, mailbox: &Arc<Mailbox>) -> Subscription {
        self.seat(Some(&old.switchboard.encoding), Arc::clone(&old.channel), mailbox, true)
    }

    fn seat(
        self: &Arc<Self>,
        encoding: Option<&str>,
        channel: Name,
        mailbox: &Arc<Mailbox>,
        promised: bool,
    ) -> Subscription {
        let switchboard = self.shared.exchange.switchboard(self, encoding.unwrap_or_default());
        let mut board = lock(&switchboard.board);
        let number = board.subscribe(&channel, mailbox, promised);
        if board.start() {
            tokio::spawn(line::run(Arc::clone(&switchboard)));
        }
        drop(board);
        switchboard.work.notify_one();
        Subscription { switchboard, channel, number }
    }
}

impl Subscription {
    /// The channel.
    #[must_use]
    pub fn channel(&self) -> &Name {
        &self.channel
    }

    /// How far it has come. The mailbox wakes its client when this becomes live or refused.
    #[must_use]
    pub fn standing(&self) -> Standing {
        lock(&self.switchboard.board).standing(&self.channel).unwrap_or(Standing::Wanted)
    }

    /// Why there is no connection that listens, if that is known.
    #[must_use]
    pub fn trouble(&self) -> Option<Error> {
        lock(&self.switchboard.state).trouble.clone()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if lock(&self.switchboard.board).unsubscribe(&self.channel, self.number) {
            self.switchboard.work.notify_one();
        }
    }
}

impl Exchange {
    /// A number for a loss of a connection, so that each is told once to whoever it concerns.
    fn loss(&self) -> u64 {
        self.losses.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The switchboard for this pool's target, a new one if there is none.
    fn switchboard(&self, pool: &Arc<Pool>, encoding: &str) -> Arc<Switchboard> {
        let mut all = lock(&self.switchboards);
        all.retain(|known| known.strong_count() > 0);
        let fits =
            |known: &Arc<Switchboard>| known.encoding == encoding && known.host.target.same_as(&pool.target);
        if let Some(known) = all.iter().filter_map(Weak::upgrade).find(fits) {
            return known;
        }
        let new = Arc::new(Switchboard {
            host: Arc::clone(pool),
            encoding: encoding.to_owned(),
            board: Mutex::new(Board::new(self.loss())),
            work: Notify::new(),
            state: Mutex::default(),
        });
        all.push(Arc::downgrade(&new));
        new
    }

    /// The pool is gone: those who subscribed through it go on to the one in its place. Who came through
    /// another pool of the same target looks, and stays.
    pub(crate) fn uproot(&self, pool: &Pool) {
        for switchboard in self.of(pool) {
            lock(&switchboard.board).uproot();
            switchboard.work.notify_one();
        }
    }

    /// The connections of this pool's target are to be opened anew, or closed if it is paused.
    pub(crate) fn renew(&self, pool: &Pool) {
        for switchboard in self.of(pool) {
            lock(&switchboard.state).renew = true;
            switchboard.work.notify_one();
        }
    }

    fn of(&self, pool: &Pool) -> Vec<Arc<Switchboard>> {
        let all: Vec<_> = lock(&self.switchboards).iter().filter_map(Weak::upgrade).collect();
        all.into_iter().filter(|known| known.host.target.same_as(&pool.target)).collect()
    }
}

/// The name that the server makes of it: no longer than it keeps, and no half of a character at the end.
#[must_use]
pub fn cut(name: &[u8]) -> &[u8] {
    let Some(short) = name.get(..LONGEST_NAME).filter(|short| short.len() < name.len()) else { return name };
    let goes_on = |at: usize| name.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (0..=short.len()).rev().find(|at| !goes_on(*at)).unwrap_or_default();
    short.get(..end).unwrap_or_default()
}

/// What these locks guard is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_as_the_server_cuts_them() {
        let long = "x".repeat(70);
        assert_eq!(cut(long.as_bytes()), &long.as_bytes()[..63]);
        assert_eq!(cut(&long.as_bytes()[..63]), &long.as_bytes()[..63]);
        // 32 characters of two bytes each: the 32nd does not fit
        let wide = "ä".repeat(40);
        assert_eq!(cut(wide.as_bytes()), "ä".repeat(31).as_bytes());
        assert_eq!(cut(b""), b"");
    }
}
