//! One connection to a server, logged in: its bytes, the replies it owes, what is set and prepared on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use net::Peer;
use net::channel::Channel;
use wire::TxStatus;
use wire::replies::Replies;

use crate::left::{Changing, Left};
use crate::params::Params;
use crate::pool::Places;
use crate::prepared::{Effect, Held};

/// In the place of a client's number: the connection listens for many.
const LISTENS: u64 = u64::MAX;

/// A server connection.
#[derive(Debug)]
pub struct Server {
    /// Its bytes.
    pub channel: Channel,
    /// The replies it owes.
    pub replies: Replies<Effect>,
    /// The transaction status it reported last.
    pub status: TxStatus,
    /// The statements it holds.
    pub held: Held,
    /// The settings in force on it.
    pub params: Arc<Params>,
    /// How much of a long message has still to pass, in each direction.
    pub passing: Passing,
    /// What a mixed batch may have done to it.
    pub mixed: Mixed,
    /// What its clients may have left behind on it.
    pub left: Left,
    /// What others may know of it.
    pub card: Arc<ServerCard>,
    /// How old it may become.
    pub age: Age,
    /// Its places under the caps of its server.
    pub(crate) places: Places,
}

/// Messages longer than a buffer pass in pieces; this is what is left of the one under way.
#[derive(Debug, Default)]
pub struct Passing {
    /// Bytes of a message of the server that are still to come.
    pub inbound: usize,
    /// The client does not get them.
    pub inbound_drop: bool,
    /// Bytes of a message of the client that are still to come.
    pub outbound: usize,
    /// The server does not get them.
    pub outbound_drop: bool,
    /// The server is to be asked where it stands as soon as it has the whole of that message.
    pub settle: bool,
}

/// A simple query or function call inside a batch of the extended protocol.
///
/// Behind an Execute of the same batch, PostgreSQL 18 answers it as if in a transaction block, which the next Sync
/// ends; the request after that fails with "StartTransactionCommand: unexpected state STARTED". By then the
/// server may be another client's, so one that has answered like that is lent to nobody any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mixed {
    /// None since the server was lent.
    #[default]
    No,
    /// There was one; how it is answered is not known yet.
    Asked,
    /// It was answered from a transaction block: the server is to be closed.
    Spoilt,
}

impl Mixed {
    /// One is sent.
    pub fn begin(&mut self) {
        if *self == Self::No {
            *self = Self::Asked;
        }
    }

    /// A ReadyForQuery came with this status.
    pub fn on_ready(&mut self, status: TxStatus) {
        if *self == Self::Asked && status != TxStatus::Idle {
            *self = Self::Spoilt;
        }
    }

    /// Whether the server is to be closed.
    #[must_use]
    pub fn is_spoilt(self) -> bool {
        self == Self::Spoilt
    }
}

/// The times of a server connection's life.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    /// When it came back to the pool last.
    pub released: Instant,
    /// When it is to be closed, busy or not at its next return.
    pub expires: Option<Instant>,
    /// Which RECONNECT it has seen.
    pub generation: u64,
    /// The worker whose runtime its socket is registered with.
    pub home: usize,
}

/// The proof that a server connection is as good as new: nothing owed, no transaction, no bytes on the way.
#[derive(Debug)]
pub struct Clean(());

impl Server {
    /// The proof that the next client may have it, if it may.
    #[must_use]
    pub fn clean(&self) -> Option<Clean> {
        let clean = !self.mixed.is_spoilt()
            && self.left.is_clean()
            && self.status == TxStatus::Idle
            && self.replies.is_settled()
            && self.passing.inbound == 0
            && self.passing.outbound == 0
            && self.channel.inbox.is_empty()
            && !self.channel.is_congested()
            && self.card.cancels.load(Ordering::SeqCst) == 0;
        clean.then_some(Clean(()))
    }

    /// A simple query or function call is sent. Where it is not known to come in a transaction block, in a batch that
    /// waits for its Sync, its answer tells: see [`Mixed`].
    pub fn note_mixed(&mut self) {
        if self.replies.is_unsynced() && (self.status == TxStatus::Idle || !self.replies.is_empty()) {
            self.mixed.begin();
        }
    }

    /// Follows what the server has confirmed.
    pub fn apply(&mut self, effect: &Effect) {
        if let Effect::InForce(want) = effect {
            return self.took(want);
        }
        if matches!(effect, Effect::Begun) {
            return self.left.changing = Changing::No;
        }
        self.held.apply(effect);
        self.card.prepared.store(u32::try_from(self.held.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// These settings are in force, after whatever stood in their way was reset. What is not reported is taken at
    /// its word; what is reported has the server's spelling.
    pub(crate) fn took(&mut self, want: &Arc<Params>) {
        self.params = want.spelt_as(&self.params);
        self.left.stranger = None;
        self.left.changing = Changing::No;
    }

    /// Follows a ParameterStatus; true if the setting is one that clients carry with them.
    pub fn parameter(&mut self, name: &str, value: &str) -> bool {
        let movable = Params::is_movable(name);
        if movable {
            self.params = self.params.with(name, value);
        }
        movable
    }
}

/// What the console, the cancel path and the logs know of a server connection.
#[derive(Debug)]
pub struct ServerCard {
    /// Its number in this process.
    pub id: u64,
    /// The process id the server gave.
    pub pid: u32,
    /// The cancel key; empty if the server gave none.
    pub secret: Bytes,
    /// TLS version and cipher, empty without TLS.
    pub tls: String,
    /// The server's end and ours.
    pub ends: (Peer, Peer),
    /// When it was opened.
    pub since: SystemTime,
    /// The number of the client that has it; 0 while it is idle.
    pub client: AtomicU64,
    /// Cancel requests under way to it: while there are any, it is not lent to anybody else.
    pub cancels: AtomicU32,
    /// Told when one of them has ended.
    pub quiet: tokio::sync::Notify,
    /// How many statements it holds.
    pub prepared: AtomicU32,
    /// Its server is at this address no more: it is closed as soon as it is free.
    pub leaving: AtomicBool,
}

impl ServerCard {
    /// It listens for clients and is lent to nobody.
    pub(crate) fn set_listening(&self) {
        self.client.store(LISTENS, Ordering::Relaxed);
    }

    /// Whether it listens for clients.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.client.load(Ordering::Relaxed) == LISTENS
    }

    /// Whether somebody has it.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.client.load(Ordering::Relaxed) != 0
    }
}
