//! `[failover]` and `[breaker]`: what happens when a server fails.

use std::time::Duration;

use crate::amount::{ONE_DAY, ONE_MS, Time};
use crate::choice::{choice, one_of};
use crate::form::{List, Share};
use crate::key::{Beside, Check, key, section};
use crate::resync::Resync;

section! {
    /// What happens when the primary is gone.
    pub struct Failover {
        /// Who makes a replica the new primary.
        pub promote: Promote = key("failover.promote", one_of(), Promote::Never).live(),
        /// How often names of servers are looked up again: connections to addresses that a name has no more are closed as
        /// soon as they are free. 0: never. Each new connection looks its name up in any case.
        pub resolve_interval: Duration =
            key("failover.resolve_interval", Time(Duration::ZERO, ONE_DAY), Duration::from_secs(15)).live(),
        /// What happens with a server that can not follow the primary by itself.
        pub resync: Resync = Beside,
    }
}

impl Check for Failover {}

section! {
    /// When a server that fails is left alone for a while. Only failures to connect, to log in and to answer in time
    /// count, never errors of statements.
    pub struct Breaker {
        /// The share of failures that opens it.
        pub failure_rate: f64 = key("breaker.failure_rate", Share, 0.5).live(),
        /// The time over which they are counted.
        pub window: Duration =
            key("breaker.window", Time(Duration::from_secs(1), ONE_DAY), Duration::from_secs(60)).live(),
        /// How long it stays open before the server is tried again.
        pub open_for: Duration =
            key("breaker.open_for", Time(ONE_MS, ONE_DAY), Duration::from_secs(30)).live(),
        /// The pauses between the tries after that; the last one is repeated.
        pub backoff: Vec<Duration> = key(
            "breaker.backoff",
            List { of: Time(ONE_MS, ONE_DAY), least: 1 },
            [1, 2, 4].map(Duration::from_secs).to_vec(),
        )
        .live(),
    }
}

impl Check for Breaker {}

choice! {
    /// Who makes a replica the new primary.
    pub enum Promote {
        /// Others do, such as Patroni or a person.
        Never = "never",
    }
    later "pg_promote", "command";
}
