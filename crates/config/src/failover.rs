//! `[failover]` and `[breaker]`: what happens when a server fails.

use std::time::Duration;

use crate::Secret;
use crate::amount::{ONE_DAY, ONE_MS, Size, Time};
use crate::choice::{choice, one_of};
use crate::error::Error;
use crate::file::Table;
use crate::form::{Integer, List, RedisUrl, Share, Text};
use crate::key::{Beside, Check, Maybe, key, optional, required, section};
use crate::resync::{Command, Resync, Words};
use crate::secret::SecretText;

section! {
    /// What happens when the primary is gone.
    pub struct Failover {
        /// Who makes a replica the new primary. Anything but `never` needs `failover.lock` and `failover.instances`, and
        /// can lose what had not arrived at the replica: docs/failover.md says what else it cannot guarantee.
        pub promote: Promote = key("failover.promote", one_of(), Promote::Never).live(),
        /// How long the primary must not have answered, to most instances.
        pub timeout: Duration =
            key("failover.timeout", Time(Duration::from_secs(5), ONE_DAY), Duration::from_secs(30)).live(),
        /// How many instances of pgweir watch these servers, those of a rolling restart included: more than half of
        /// them have to miss the primary. The same in all of them.
        pub instances: Option<u32> = optional("failover.instances", Integer(1, 1_000), "3").live(),
        /// What this instance is called among them; if absent, what its machine is called. No two may have one name.
        pub instance: Option<String> = optional("failover.instance", Text, r#""pgweir-1""#).live(),
        /// The replica that has most must lack no more than this of what the primary was last known to have written.
        /// What that has written since nobody knows.
        pub max_lost: u32 = key("failover.max_lost", Size(0, u32::MAX), 1 << 20).live(),
        /// With `pg_promote`, the user who promotes: a superuser, or one with EXECUTE on that function. If absent, the
        /// user who asks servers what they are.
        pub user: Option<String> = optional("failover.user", Text, r#""pgweir_failover""#).live(),
        /// The password of `user`; if absent, the one that the configuration has for the user of this name.
        pub password: Option<Secret> = optional("failover.password", SecretText, r#""secret""#).live(),
        /// With `command`, the program that promotes, and its arguments. Which server, it finds in its environment:
        /// PGWEIR_HOST, PGWEIR_PORT, PGWEIR_SERVER (its name), PGWEIR_DATABASE (the `[[database]]`), PGWEIR_TIMELINE (that
        /// of the old primary), PGWEIR_OLD_HOST and PGWEIR_OLD_PORT. It ends with status 0 if the server takes writes.
        pub command: Option<Command> =
            optional("failover.command", Words, r#"["/usr/local/bin/promote", "--yes"]"#).live(),
        /// How long the server or the command may take to promote.
        pub promote_timeout: Duration =
            key("failover.promote_timeout", Time(Duration::from_secs(1), ONE_DAY), Duration::from_secs(60)).live(),
        /// How often names of servers are looked up again: connections to addresses that a name has no more are closed as
        /// soon as they are free. 0: never. Each new connection looks its name up in any case.
        pub resolve_interval: Duration =
            key("failover.resolve_interval", Time(Duration::ZERO, ONE_DAY), Duration::from_secs(15)).live(),
        /// What happens with a server that can not follow the primary by itself.
        pub resync: Resync = Beside,
        /// What the instances have in common; the same in all of them.
        pub lock: Option<FailoverLock> = Maybe("failover.lock"),
    }
}

impl Check for Failover {
    fn check(section: Option<&Self>, table: &Table<'_>) {
        if table.has("password") && !table.has("user") {
            table.mistake("password", Error::Conflict("needs \"user\" beside it, set both or none".into()));
        }
        let Some(failover) = section else { return };
        let missing = |name, what: &str| {
            let want = format!("{what}, as failover.promote is \"{}\"", failover.promote);
            table.mistake(name, Error::Missing { want });
        };
        if failover.promote == Promote::Never {
            return;
        }
        if failover.lock.is_none() {
            missing("lock", "a Redis that all instances share");
        }
        if failover.instances.is_none() {
            missing("instances", "the number of instances");
        }
        if failover.promote == Promote::Command && failover.command.is_none() {
            missing("command", "the program that promotes");
        }
    }
}

section! {
    /// What the instances have in common: a Redis that keeps what it is told. What it forgets, a promotion may do twice.
    pub struct FailoverLock {
        /// Where it is.
        pub url: String = required("failover.lock.url", RedisUrl, r#""redis://10.0.0.9:6379""#).live(),
        /// The user to log in to it as.
        pub user: Option<String> = optional("failover.lock.user", Text, r#""pgweir""#).live(),
        /// The password for it.
        pub password: Option<Secret> = optional("failover.lock.password", SecretText, r#""secret""#).live(),
        /// How long it may take to answer, connecting included.
        pub timeout: Duration =
            key("failover.lock.timeout", Time(ONE_MS, Duration::from_secs(1)), Duration::from_millis(500)).live(),
    }
}

impl Check for FailoverLock {}

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
        /// pgweir does, by calling `pg_promote` on it.
        PgPromote = "pg_promote",
        /// pgweir does, by running `failover.command`.
        Command = "command",
    }
}
