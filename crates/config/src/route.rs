//! `[route]`: which of a database's servers answers a statement.

use std::time::Duration;

use crate::Secret;
use crate::amount::{ONE_DAY, ONE_MS, Size, Time};
use crate::choice::{choice, one_of};
use crate::error::Error;
use crate::file::Table;
use crate::form::{Digest, List, Pattern, Switch, Text};
use crate::key::{Beside, Check, Each, Maybe, key, optional, required, section};
use crate::matcher::Matcher;
use crate::secret::SecretText;

section! {
    /// Which of a database's servers answers a statement.
    pub struct Route {
        /// Whether reads go to replicas at all; with `false` every statement goes to the primary.
        pub split: bool = key("route.split", Switch, true).live(),
        /// Where a statement goes of which neither a rule nor its text tells whether it only reads.
        pub default: Undecided = key("route.default", one_of(), Undecided::Primary).live(),
        /// How it is known what names in statements mean.
        pub names: Names = Beside,
        /// Whether a BEGIN is answered without a server, which is chosen at the first statement behind it.
        pub virtual_begin: bool = key("route.virtual_begin", Switch, true).live(),
        /// What a replica's answers may lack.
        pub freshness: Freshness = Beside,
        /// How one of several replicas is chosen.
        pub balance: Balance = key("route.balance", one_of(), Balance::LeastConnections).live(),
        /// Replicas whose `zone` is this one are preferred.
        pub local_zone: Option<String> = optional("route.local_zone", Text, r#""eu-1a""#).live(),
        /// What becomes of reads while no replica can take them.
        pub replicas_down: ReplicasDown = key("route.replicas_down", one_of(), ReplicasDown::Primary).live(),
        /// How often each server is asked what it is and how far it has come.
        pub probe_interval: Duration =
            key("route.probe_interval", Time(Duration::from_millis(100), ONE_DAY), Duration::from_secs(10)).live(),
        /// How long a server may take to answer that, connecting included.
        pub probe_timeout: Duration =
            key("route.probe_timeout", Time(ONE_MS, ONE_DAY), Duration::from_secs(2)).live(),
        /// The user who asks; if absent, one of those that clients have logged in as.
        pub probe: Option<ProbeUser> = Maybe("route.probe"),
        /// Rules that say where statements go, the first that matches decides; hints in a statement beat them.
        pub rules: Vec<RouteRule> = Each { path: "route.rule", least: 0, most: None },
    }
}

impl Check for Route {}

section! {
    /// How it is known what names in statements mean.
    pub struct Names {
        /// Functions of yours that only read, whatever the catalogue says: names without schema, as the catalogue has
        /// them. All functions of such a name are taken for harmless.
        pub harmless_functions: Vec<String> = key("route.harmless_functions", List { of: Text, least: 0 }, Vec::new()).live().example(r#"["price_of"]"#),
        /// How often it is looked whether functions, views, types and operators were defined anew past pgweir; 0: never
        /// are they looked at, and none of them is known.
        pub catalog_interval: Duration =
            key("route.catalog_interval", Time(Duration::ZERO, ONE_DAY), Duration::from_secs(30)).live(),
    }
}

impl Check for Names {}

section! {
    /// What a replica's answers may lack.
    #[derive(Copy)]
    pub struct Freshness {
        /// How far behind the primary in time a replica may be; one that is further behind, or of which that is
        /// not known, gets nothing.
        pub max_lag: Duration =
            key("route.max_lag", Time(Duration::ZERO, ONE_DAY), Duration::from_secs(5)).live(),
        /// The same in bytes of WAL.
        pub max_lag_bytes: u32 = key("route.max_lag_bytes", Size(0, u32::MAX), 64 << 20).live(),
        /// What a client sees of its own writes.
        pub consistency: Consistency = key("route.consistency", one_of(), Consistency::Session).live(),
        /// Whose writes a client sees at once as it sees its own, at one pgweir: for applications with a connection for each
        /// request.
        pub writes_seen: WritesSeen = key("route.writes_seen", one_of(), WritesSeen::Own).live(),
        /// How long a read waits for a replica to have what its client has written, before it goes to the primary.
        pub wait: Duration = key("route.wait", Time(Duration::ZERO, ONE_DAY), Duration::ZERO).live(),
    }
}

impl Check for Freshness {}

section! {
    /// The user who asks servers what they are. It needs no rights but to connect.
    pub struct ProbeUser {
        /// Its name.
        pub user: String = required("route.probe.user", Text, r#""pgweir_probe""#),
        /// Its password; if absent, the one that the configuration has for the user of this name.
        pub password: Option<Secret> = optional("route.probe.password", SecretText, r#""secret""#),
        /// The database it connects to; if absent, the one that clients use.
        pub database: Option<String> = optional("route.probe.database", Text, r#""postgres""#),
    }
}

impl Check for ProbeUser {}

section! {
    /// A rule: what all its conditions fit goes to its target.
    pub struct RouteRule {
        /// The client's user.
        pub user: Option<String> = optional("route.rule.user", Text, r#""reporting""#).suggested(),
        /// The database, by the name clients ask for.
        pub database: Option<String> = optional("route.rule.database", Text, r#""app""#),
        /// The client's `application_name`.
        pub application_name: Option<String> = optional("route.rule.application_name", Text, r#""metabase""#),
        /// A table that the statement names, with or without its schema.
        pub table: Option<String> = optional("route.rule.table", Text, r#""public.jobs""#),
        /// A regular expression that is found in the statement's text.
        pub statement: Option<Matcher> = optional("route.rule.statement", Pattern, r#""(?i)^select .* from audit""#),
        /// The digest of the statement, as `pgweir classify` and SHOW DIGESTS have it.
        pub digest: Option<u64> = optional("route.rule.digest", Digest, r#""8f14e45fceea167a""#),
        /// Where it goes.
        pub target: Target = required("route.rule.target", one_of(), r#""replica""#),
    }
}

impl Check for RouteRule {
    fn check(_section: Option<&Self>, table: &Table<'_>) {
        const CONDITIONS: [&str; 6] =
            ["user", "database", "application_name", "table", "statement", "digest"];
        if !CONDITIONS.iter().any(|condition| table.has(condition)) {
            let message = format!("a rule needs a condition, set one of {}", CONDITIONS.join(", "));
            table.mistake("target", Error::Conflict(message));
        }
    }
}

choice! {
    /// Which servers of a database may answer.
    pub enum Target {
        /// What only reads goes to replicas, everything else to the primary.
        Split = "split",
        /// The primary only.
        Primary = "primary",
        /// Replicas only; what writes is refused.
        Replica = "replica",
    }
}

choice! {
    /// Where a statement goes that nothing is known of.
    pub enum Undecided {
        /// To the primary: it may write.
        Primary = "primary",
        /// To a replica, and to the primary if that refuses it. Only for applications whose functions all just read:
        /// some that do not are not refused by a replica.
        Replica = "replica",
    }
}

choice! {
    /// What a client sees of its own writes.
    pub enum Consistency {
        /// All of them: its reads go to a replica only once that has them.
        Session = "session",
        /// What the replica has, within `max_lag`.
        Eventual = "eventual",
    }
}

choice! {
    /// Whose writes a client sees at once.
    pub enum WritesSeen {
        /// Its own.
        Own = "own",
        /// Those of every client with its user. While one of them may be writing, the others read from the primary.
        User = "user",
        /// Those of every client of the database with its `application_name`, likewise. Clients without one see their own.
        ApplicationName = "application_name",
    }
}

choice! {
    /// How one of several replicas is chosen.
    pub enum Balance {
        /// In turn, as often as their weights say.
        RoundRobin = "round-robin",
        /// The one with the fewest clients at work for its weight.
        LeastConnections = "least-connections",
        /// Of two taken at random, the one that has answered faster lately.
        Latency = "latency",
    }
}

choice! {
    /// What becomes of reads while no replica can take them.
    pub enum ReplicasDown {
        /// They go to the primary.
        Primary = "primary",
        /// They are refused.
        Fail = "fail",
    }
}
