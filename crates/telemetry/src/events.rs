//! Counts of what happens rarely: failures, refusals, cancels, reloads. One number for each kind of event
//! in the whole process, added to from any thread. Nothing here is on the path of a query that goes well.
//! It names no client, no statement and no text of a message: an event is a kind, nothing more.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Declares each event once, so that the list of all of them cannot miss one.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What can be counted by [`Events::count`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Event { $($(#[$doc])* $name,)+ }

        impl Event {
            /// Every event, in the order of its declaration.
            pub const ALL: &[Event] = &[$(Event::$name,)+];
        }

        const KINDS: usize = Event::ALL.len();
    };
}

events! {
    /// A connection was accepted from a client.
    ClientConnected,
    /// A client logged in.
    LoginOk,
    /// A client gave a wrong password, or a user or database that may not log in.
    LoginFailed,
    /// A client did not finish its login in time.
    LoginTimeout,
    /// A client was turned away because a limit on clients was reached.
    ClientsRefused,
    /// A client was gone while its query ran.
    ClientLostMidQuery,
    /// A client broke the protocol.
    ProtocolErrorClient,
    /// A server broke the protocol.
    ProtocolErrorServer,
    /// A client waited for a server for longer than it may.
    QueueTimeout,
    /// A connection to a server was opened and logged in.
    ServerConnected,
    /// A connection to a server could not be opened, or its login failed.
    ServerConnectFailed,
    /// A server closed its connection, or could not be reached any more, while it was lent.
    ServerLost,
    /// A connection to a server was closed on purpose: idle, too old, or not to be cleaned.
    ServerRecycled,
    /// A request was sent again on another connection because the first one was found dead.
    RetryOnFreshServer,
    /// A Sync came with a COPY in a place where the protocol does not say whom it belongs to.
    AmbiguousCopySync,
    /// A cancel request was passed on to a server.
    CancelForwarded,
    /// A cancel request had an unknown key, or nothing to cancel.
    CancelIgnored,
    /// A TLS handshake failed, on either side.
    TlsHandshakeFailed,
    /// The configuration was read again and taken.
    ReloadOk,
    /// The configuration was read again and refused.
    ReloadFailed,
    /// A panic was caught; it cost one connection.
    PanicCaught,
}

/// The counters of all events of one process. Hand it down by reference or in an `Arc`.
#[derive(Debug)]
pub struct Events {
    counts: [AtomicU64; KINDS],
}

impl Events {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; KINDS] }
    }

    /// Counts one such event.
    pub fn count(&self, event: Event) {
        if let Some(cell) = self.counts.get(event as usize) {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// How many of them there have been.
    #[must_use]
    pub fn get(&self, event: Event) -> u64 {
        self.counts.get(event as usize).map_or(0, |cell| cell.load(Relaxed))
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}
