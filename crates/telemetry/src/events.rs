//! Counts of what happens rarely: failures, refusals, cancels, reloads. One number for each kind of event
//! in the whole process, added to from any thread. Nothing here is on the path of a query that goes well.
//! It names no client, no statement and no text of a message: an event is a kind, nothing more.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::metrics::{self, Metric};

/// Declares each event once, with the metric that shows it and, where that has one, its label's value.
macro_rules! events {
    ($(#[doc = $help:literal] $name:ident => $metric:ident $($label:literal)*;)+) => {
        /// What can be counted by [`Events::count`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Event { $(#[doc = $help] $name,)+ }

        impl Event {
            /// Every event, in the order of its declaration.
            pub const ALL: &[Event] = &[$(Event::$name,)+];

            /// The metric that shows this event, and the values of its labels.
            #[must_use]
            pub fn metric(self) -> (&'static Metric, &'static [&'static str]) {
                match self { $(Event::$name => (&metrics::$metric, &[$($label),*]),)+ }
            }

            /// What happened, in one sentence: the comment of its declaration.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Event::$name => $help.trim_ascii(),)+ }
            }
        }

        const KINDS: usize = Event::ALL.len();
    };
}

events! {
    /// A connection was accepted from a client.
    ClientConnected => CLIENT_CONNECTIONS;
    /// A client gave a wrong password, or a user or database that may not log in.
    LoginFailed => LOGINS_FAILED "rejected";
    /// A client did not finish its login in time.
    LoginTimeout => LOGINS_FAILED "timeout";
    /// A client was turned away because a limit on clients was reached.
    ClientsRefused => LOGINS_FAILED "limit";
    /// The secret of a user was looked up and found.
    SecretFound => SECRET_LOOKUPS "found";
    /// A user who wanted to log in was looked up, and there is no such user, or none that may.
    SecretMissing => SECRET_LOOKUPS "missing";
    /// The secret of a user could not be looked up.
    SecretLookupFailed => SECRET_LOOKUPS "failed";
    /// A secret from a file or a command was read again and is another one now.
    SecretChanged => SECRET_RENEWALS "changed";
    /// A secret from a command was read again and is what it was.
    SecretSame => SECRET_RENEWALS "same";
    /// A secret could not be read again; the old one stays.
    SecretNotRenewed => SECRET_RENEWALS "failed";
    /// A request was answered with an error, the server's or our own.
    RequestFailed => REQUESTS_FAILED;
    /// A client broke the protocol.
    ProtocolErrorClient => ERRORS "client_protocol";
    /// A server broke the protocol.
    ProtocolErrorServer => ERRORS "server_protocol";
    /// A client waited for a server for longer than it may.
    QueueTimeout => ERRORS "queue_timeout";
    /// A query, a transaction or a client that did nothing has passed its limit in time.
    TimeLimit => ERRORS "time_limit";
    /// A server closed its connection, or could not be reached any more, while it was lent.
    ServerLost => ERRORS "server_lost";
    /// A client was gone while its query ran.
    ClientLostMidQuery => ERRORS "client_lost";
    /// A Sync came with a COPY in a place where the protocol does not say whom it belongs to.
    AmbiguousCopySync => ERRORS "ambiguous_copy_sync";
    /// A panic was caught; it cost one connection.
    PanicCaught => PANICS;
    /// A connection to a server was opened and logged in.
    ServerConnected => SERVER_CONNECTIONS;
    /// A connection to a server could not be opened, or its login failed.
    ServerConnectFailed => SERVER_CONNECT_FAILURES;
    /// A connection to a server was closed on purpose: idle, too old, or not to be cleaned.
    ServerRecycled => SERVER_RECYCLED;
    /// An idle connection to a server was closed because another pool needs its place under a cap.
    ServerEvicted => SERVER_CEDED "idle";
    /// A connection to a server was closed at its return because another pool has less than its share of a cap.
    ServerCeded => SERVER_CEDED "share";
    /// A request was sent again on another connection because the first one was found dead.
    RetryOnFreshServer => SERVER_RETRIES;
    /// A cancel request was passed on to a server.
    CancelForwarded => CANCELS "forwarded";
    /// A cancel request had an unknown key, or nothing to cancel.
    CancelIgnored => CANCELS "ignored";
    /// A server connection stays with its client because of temporary tables or the like.
    PinnedTemporary => PINS "temporary";
    /// A server connection stays with its client because of a cursor WITH HOLD.
    PinnedCursor => PINS "cursor";
    /// A server connection stays with its client because of a session-level advisory lock.
    PinnedLock => PINS "lock";
    /// A server connection stays with its client because of what a session never loses again, such as a library.
    PinnedLoad => PINS "load";
    /// A server connection stays with its client because the client asked for that.
    PinnedHint => PINS "hint";
    /// A server connection stays with its client because of settings that cannot be carried.
    PinnedSetting => PINS "setting";
    /// A server connection stays with its client because `pool.state` is `pin`.
    PinnedPolicy => PINS "policy";
    /// A server connection stays with its client because the client listens to a channel there.
    PinnedChannel => PINS "channel";
    /// A notification was passed on to a client that listens.
    NotificationDelivered => NOTIFICATIONS "delivered";
    /// A notification was dropped because a client that listens took none for too long.
    NotificationLost => NOTIFICATIONS "lost";
    /// A connection that listens for clients was lost.
    ListenerLost => LISTENERS_LOST;
    /// A request was sent to a replica: everything in it only reads.
    RoutedReplica => ROUTED "replica" "reads";
    /// A request was refused because no replica may answer it.
    RoutedNobody => ROUTED "nobody" "no_replica";
    /// A request was sent to the primary because it writes.
    RoutedWrites => ROUTED "primary" "writes";
    /// A request was sent to the primary because it makes a table.
    RoutedMakesTable => ROUTED "primary" "makes_table";
    /// A request was sent to the primary because it locks.
    RoutedLocks => ROUTED "primary" "locks";
    /// A request was sent to the primary because it is about the session.
    RoutedSession => ROUTED "primary" "session";
    /// A request was sent to the primary because it begins or ends a transaction.
    RoutedTransaction => ROUTED "primary" "transaction";
    /// A request was sent to the primary because of a function that does more than read.
    RoutedFunction => ROUTED "primary" "function";
    /// A request was sent to the primary because of a function that is not known.
    RoutedUnknownFunction => ROUTED "primary" "unknown_function";
    /// A request was sent to the primary because of an operator that is not known to read only.
    RoutedUnknownOperator => ROUTED "primary" "unknown_operator";
    /// A request was sent to the primary because of a type that is not known to read only.
    RoutedUnknownType => ROUTED "primary" "unknown_type";
    /// A request was sent to the primary because it asks about the server.
    RoutedServerState => ROUTED "primary" "server_state";
    /// A request was sent to the primary because of a system column.
    RoutedSystemColumn => ROUTED "primary" "system_column";
    /// A request was sent to the primary because it reads a sequence.
    RoutedSequence => ROUTED "primary" "sequence";
    /// A request was sent to the primary because of a table that is not logged.
    RoutedUnlogged => ROUTED "primary" "unlogged";
    /// A request was sent to the primary because of a view or a policy that is not known to read only.
    RoutedUnknownView => ROUTED "primary" "unknown_view";
    /// A request was sent to the primary because what names mean has just been changed.
    RoutedCatalogue => ROUTED "primary" "catalogue";
    /// A request was sent to the primary because of a COPY to or from elsewhere.
    RoutedCopy => ROUTED "primary" "copy";
    /// A request was sent to the primary because of an option of EXPLAIN that is not known.
    RoutedExplainOption => ROUTED "primary" "explain_option";
    /// A request was sent to the primary because of a name with escapes.
    RoutedEscapes => ROUTED "primary" "escapes";
    /// A request was sent to the primary because of a backslash that may escape or not.
    RoutedBackslash => ROUTED "primary" "backslash";
    /// A request was sent to the primary because its text ends within a string or a comment.
    RoutedCutOff => ROUTED "primary" "cut_off";
    /// A request was sent to the primary because it is too long to be looked at.
    RoutedTooLong => ROUTED "primary" "too_long";
    /// A request was sent to the primary because of a statement that is not known.
    RoutedUnknownStatement => ROUTED "primary" "unknown_statement";
    /// A request was sent to the primary because there is nothing in it.
    RoutedEmpty => ROUTED "primary" "empty";
    /// A request was sent to the primary because two readings of its text differ.
    RoutedDisagreement => ROUTED "primary" "disagreement";
    /// A request was sent to the primary because a replica has refused it, or one like it.
    RoutedRefused => ROUTED "primary" "refused";
    /// A request was sent to the primary because a comment in it asks for that.
    RoutedHint => ROUTED "primary" "hint";
    /// A request was sent to the primary because not all of it was there.
    RoutedUnfinished => ROUTED "primary" "unfinished";
    /// A request was sent to the primary because of a prepared statement that nobody knows.
    RoutedStatement => ROUTED "primary" "statement";
    /// A request was sent to the primary because it calls a function by its number.
    RoutedFunctionCall => ROUTED "primary" "function_call";
    /// A request was sent where its database, its session or a rule sends everything.
    RoutedAsked => ROUTED "primary" "asked";
    /// A request that only reads was sent to the primary because no replica is fit.
    RoutedNoReplica => ROUTED "primary" "no_replica";
    /// A request that only reads was sent to the primary because no replica has what its client has written.
    RoutedOwnWrites => ROUTED "primary" "own_writes";
    /// A request that only reads was sent to the primary because the replica could not be lent at once.
    RoutedBusy => ROUTED "primary" "busy";
    /// A replica could not run a request, which was run on the primary then.
    ReplicaRefused => REPLICA_RETRIES "refused";
    /// A replica was lost, or in the way of what it had to replay, and the request was run on the primary.
    ReplicaLost => REPLICA_RETRIES "lost";
    /// A request that was to only read has left something behind on a replica; that connection was closed.
    ReplicaKept => REPLICA_RETRIES "kept";
    /// A BEGIN was answered without a server.
    VirtualBegin => VIRTUAL_BEGINS;
    /// A TLS handshake failed, on either side.
    TlsHandshakeFailed => TLS_FAILURES;
    /// A server has said what it is.
    ProbeOk => PROBES "ok";
    /// A server could not be reached, or the connection was lost.
    ProbeNoConnection => PROBES "connect";
    /// A server did not let us in to ask it.
    ProbeNoLogin => PROBES "login";
    /// A server did not answer within `route.probe_timeout`.
    ProbeLate => PROBES "late";
    /// A server has said that it is starting, stopping, or otherwise not ready.
    ProbeNotReady => PROBES "not_ready";
    /// The catalogue of a database was looked at, and nothing in it has changed.
    CatalogueSame => CATALOGUE_LOOKS "same";
    /// The catalogue of a database was looked at and read.
    CatalogueRead => CATALOGUE_LOOKS "read";
    /// The catalogue of a database could not be looked at.
    CatalogueFailed => CATALOGUE_LOOKS "failed";
    /// Another server is the primary than before.
    Failover => FAILOVERS;
    /// A server takes writes without being the primary; it gets nothing.
    ServerFenced => SERVERS_FENCED;
    /// Patroni has said who the leader is.
    PatroniOk => PATRONI_ANSWERS "ok";
    /// Patroni has not answered, or nothing that can be read.
    PatroniFailed => PATRONI_ANSWERS "failed";
    /// The command that is to bring a server back has ended well.
    ResyncOk => RESYNCS "ok";
    /// The command has failed, could not be started, or took too long.
    ResyncFailed => RESYNCS "failed";
    /// A replica was made the primary by this instance.
    PromotionDone => PROMOTIONS "ok";
    /// A replica that was to be made the primary does not say that it is.
    PromotionFailed => PROMOTIONS "failed";
    /// The primary is gone, and no replica can be promoted.
    PromotionStuck => PROMOTIONS "stuck";
    /// The configuration was read again and taken.
    ReloadOk => RELOADS "ok";
    /// The configuration was read again and refused.
    ReloadFailed => RELOADS "failed";
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

    /// Counts so many of them.
    pub fn add(&self, event: Event, n: u64) {
        if let Some(cell) = self.counts.get(event as usize) {
            cell.fetch_add(n, Relaxed);
        }
    }

    /// How many of them there have been.
    #[must_use]
    pub fn get(&self, event: Event) -> u64 {
        self.counts.get(event as usize).map_or(0, |cell| cell.load(Relaxed))
    }

    /// All of them, as they are now.
    #[must_use]
    pub fn read(&self) -> EventCounts {
        EventCounts(std::array::from_fn(|kind| self.counts.get(kind).map_or(0, |cell| cell.load(Relaxed))))
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

/// What the counters of [`Events`] showed at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventCounts([u64; KINDS]);

impl EventCounts {
    /// How many of this event there had been.
    #[must_use]
    pub fn get(&self, event: Event) -> u64 {
        self.0.get(event as usize).copied().unwrap_or(0)
    }
}

impl Default for EventCounts {
    fn default() -> Self {
        Self([0; KINDS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_counted_under_its_own_kind_only() {
        let events = Events::new();
        for (index, event) in Event::ALL.iter().enumerate() {
            assert_eq!(*event as usize, index);
            for _ in 0..=index {
                events.count(*event);
            }
        }
        let read = events.read();
        for (index, event) in Event::ALL.iter().enumerate() {
            assert_eq!(read.get(*event), index as u64 + 1);
            assert_eq!(events.get(*event), index as u64 + 1);
        }
    }

    #[test]
    fn every_event_fills_the_labels_of_its_metric_and_no_two_share_a_series() {
        let mut seen = std::collections::HashSet::new();
        for event in Event::ALL {
            let (metric, labels) = event.metric();
            assert_eq!(metric.labels.len(), labels.len(), "{event:?}");
            assert!(seen.insert((metric.name, labels)), "{event:?}");
        }
    }
}
