//! `[pool]`: how server connections are opened, lent and closed, and what databases and users set differently.

use std::time::Duration;

use crate::amount::{ONE_DAY, ONE_MS, TEN_YEARS, Time};
use crate::choice::{choice, one_of};
use crate::error::Error;
use crate::file::Table;
use crate::form::Integer;
use crate::key::{
    Beside, Check, Described, DescribedKey, Effect, Part, Section, Shown, Under, key, prose, section,
};

/// Defines a section, and a second one with the same keys that may all be left out, to be laid over the first.
macro_rules! overridable {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident, $overrides:ident {
            $($(#[doc = $doc:literal])* pub $field:ident: $type:ty = $key:expr,)*
        }
        $($(#[doc = $inner_doc:literal])* pub $inner:ident: $inner_type:ty, $inner_overrides:ty;)*
    ) => {
        section! {
            $(#[doc = $about])*
            #[derive(Copy)]
            pub struct $name {
                $($(#[doc = $doc])* pub $field: $type = $key,)*
                $($(#[doc = $inner_doc])* pub $inner: $inner_type = Beside,)*
            }
        }

        section! {
            /// What a database or a user sets differently; every key may be left out.
            #[derive(Copy, Default)]
            pub struct $overrides {
                $($(#[doc = $doc])* pub $field: Option<$type> = $key.again(),)*
                $($(#[doc = $inner_doc])* pub $inner: $inner_overrides = Beside,)*
            }
        }

        impl $name {
            /// These settings with `overrides` laid over them.
            pub fn with(&self, overrides: &$overrides) -> Self {
                Self {
                    $($field: overrides.$field.unwrap_or(self.$field),)*
                    $($inner: self.$inner.with(&overrides.$inner),)*
                }
            }
        }

        // whether they fit is seen only when they are laid over something
        impl Check for $overrides {}
    };
}

overridable! {
    /// How server connections are opened, lent and closed: for every database and user, as far as these do not
    /// set the key again. What a user sets beats what a database sets.
    pub struct PoolSettings, PoolOverrides {
        /// How long a server connection stays with a client.
        pub mode: PoolMode = key("pool.mode", one_of(), PoolMode::Transaction),
        /// The most server connections of one pool. Each pair of database and user has a pool.
        pub size: u32 = key("pool.size", Integer(1, 100_000), 25).live(),
        /// Server connections that are kept open without work; not more than `size`.
        pub min_size: u32 = key("pool.min_size", Integer(0, 100_000), 0).live(),
        /// Server connections beyond `size` for clients that have waited for `reserve_after`.
        pub reserve_size: u32 = key("pool.reserve_size", Integer(0, 100_000), 0).live(),
        /// How long a client waits before the reserve is used.
        pub reserve_after: Duration =
            key("pool.reserve_after", Time(Duration::ZERO, ONE_DAY), Duration::from_secs(5)).live(),
        /// The most clients at once: of the whole proxy in `[pool]`; of the database, whatever their users, and of
        /// the user, whatever their databases, where these set it.
        pub max_clients: u32 = key("pool.max_clients", Integer(1, 10_000_000), 10_000).live(),
        /// Prepared statements that are kept on one server connection; 0 turns their sharing off.
        pub prepared_statements: u32 = key("pool.prepared_statements", Integer(0, 100_000), 200),
        /// Server connections of one pool that are being opened at the same time.
        pub connect_concurrency: u32 = key("pool.connect_concurrency", Integer(1, 1_000), 4).live(),
        /// After how long a client that waits for a server connection gets a NOTICE; "0s" is never.
        pub notify_after: Duration =
            key("pool.notify_after", Time(Duration::ZERO, ONE_DAY), Duration::from_secs(5)).live(),
    }
    /// What pools share; also reachable through the methods of this type.
    pub caps: Caps, CapOverrides;
    /// How long things may take; also reachable through the methods of this type.
    pub timeouts: Timeouts, TimeoutOverrides;
    /// What clients may do to their sessions.
    pub session: SessionSettings, SessionOverrides;
}

impl Check for PoolSettings {
    fn check(section: Option<&Self>, table: &Table<'_>) {
        let Some(section) = section.filter(|_| table.is_clean()) else { return };
        if let Some(error) = section.contradiction() {
            table.mistake(if table.has("min_size") { "min_size" } else { "size" }, error);
        }
    }
}

impl PoolSettings {
    /// What does not go together in these settings.
    pub(crate) fn contradiction(&self) -> Option<Error> {
        let Self { size, min_size, .. } = *self;
        (min_size > size).then(|| {
            Error::Conflict(format!(
                "min_size is {min_size} and size is {size}, min_size must not be more than size"
            ))
        })
    }

    /// The most connections to one server for one database.
    pub fn max_server_connections(&self) -> u32 {
        self.caps.database
    }

    /// The most connections to one server; zero is no limit.
    pub fn max_host_connections(&self) -> u32 {
        self.caps.host
    }

    /// The pool's weight among those that share a cap.
    pub fn weight(&self) -> u32 {
        self.caps.weight
    }

    /// How long a client waits for a server connection.
    pub fn acquire_timeout(&self) -> Duration {
        self.timeouts.acquire
    }

    /// How long an unused server connection is kept; zero is for ever.
    pub fn idle_timeout(&self) -> Duration {
        self.timeouts.idle
    }

    /// How old a server connection may get; zero is for ever.
    pub fn max_lifetime(&self) -> Duration {
        self.timeouts.max_lifetime
    }

    /// How long connecting and logging in to a server may take.
    pub fn connect_timeout(&self) -> Duration {
        self.timeouts.connect
    }

    /// How long one query may run; zero is for ever.
    pub fn query_timeout(&self) -> Duration {
        self.timeouts.query
    }

    /// How long one transaction may last; zero is for ever.
    pub fn transaction_timeout(&self) -> Duration {
        self.timeouts.transaction
    }

    /// How long a client may do nothing outside of a transaction; zero is for ever.
    pub fn idle_client_timeout(&self) -> Duration {
        self.timeouts.idle_client
    }

    /// How long a client may keep a server to itself without a query; zero is for ever.
    pub fn pinned_timeout(&self) -> Duration {
        self.timeouts.pinned
    }

    /// How long a client may sit inside a transaction without a query; zero is for ever.
    pub fn idle_in_transaction_timeout(&self) -> Duration {
        self.timeouts.idle_in_transaction
    }
}

overridable! {
    /// What clients may do to their sessions in transaction and statement mode.
    pub struct SessionSettings, SessionOverrides {
        /// What becomes of what a client changes in its session beyond a transaction.
        pub state: StatePolicy = key("pool.state", one_of(), StatePolicy::Track).live(),
        /// What LISTEN does, unless `state` is `pin`.
        pub listen: ListenPolicy = key("pool.listen", one_of(), ListenPolicy::Share).live(),
        /// The most server connections of one pool that are kept by their clients between transactions, because of
        /// temporary tables, cursors WITH HOLD, session-level advisory locks and the like; 0 is no limit but `size`.
        pub max_pinned: u32 = key("pool.max_pinned", Integer(0, 100_000), 0).live(),
    }
}

impl Check for SessionSettings {}

choice! {
    /// What becomes of what a client changes in its session.
    pub enum StatePolicy {
        /// Settings go with the client from server to server; a server with anything else stays with it.
        Track = "track",
        /// The server stays with the client as soon as anything was changed.
        Pin = "pin",
        /// As `track`, but a statement that would make a server stay with its client is refused.
        Reject = "reject",
    }
}

choice! {
    /// What LISTEN does in transaction and statement mode.
    pub enum ListenPolicy {
        /// One server connection listens for all clients of a database that log in to the server as the same user.
        Share = "share",
        /// LISTEN is refused.
        Reject = "reject",
    }
}

choice! {
    /// How long a server connection stays with a client.
    pub enum PoolMode {
        /// For one transaction.
        Transaction = "transaction",
        /// Until the client leaves.
        Session = "session",
        /// For one statement; transactions of several statements are refused.
        Statement = "statement",
    }
}

overridable! {
    /// The caps that pools share, and how they share them.
    pub struct Caps, CapOverrides {
        /// The most connections to one server for one database, all users together; a pool never passes it,
        /// whatever its `size`. Set in a database it is a cap on that name, set in a user one on all connections of
        /// that user, whatever their database.
        pub database: u32 = key("pool.max_server_connections", Integer(1, 1_000_000), 100).live(),
        /// The most connections to one server, all its databases and users together; 0 is no limit. A server is a
        /// host and a port.
        pub host: u32 = key("pool.max_host_connections", Integer(0, 1_000_000), 0).live(),
        /// Where a cap is too small for all that share it, a pool gets connections in proportion to its weight.
        pub weight: u32 = key("pool.weight", Integer(1, 1_000), 1).live(),
    }
}

impl Check for Caps {}

impl Caps {
    /// The caps of a database's pools for a user who sets these keys: all but the cap on the database, which is not
    /// the user's to set.
    pub(crate) fn of_user(&self, user: &PoolOverrides) -> Self {
        Self { database: self.database, ..self.with(&user.caps) }
    }
}

/// How many connections the caps allow that a pool is under; zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapLimits {
    /// Of the user that clients log in as, whatever the database.
    pub user: u32,
    /// Of the user that the server sees, where that is another one.
    pub server_user: u32,
    /// Of the database, whatever the user.
    pub database: u32,
    /// Of the server.
    pub host: u32,
}

overridable! {
    /// How long things may take.
    pub struct Timeouts, TimeoutOverrides {
        /// How long a client waits for a server connection before it gets an error.
        pub acquire: Duration =
            key("pool.acquire_timeout", Time(ONE_MS, ONE_DAY), Duration::from_secs(5)).live(),
        /// How long an unused server connection beyond `min_size` is kept; "0s" is for ever.
        pub idle: Duration =
            key("pool.idle_timeout", Time(Duration::ZERO, TEN_YEARS), Duration::from_secs(300)).live(),
        /// How old a server connection may get before it is closed at its next rest; "0s" is for ever.
        pub max_lifetime: Duration =
            key("pool.max_lifetime", Time(Duration::ZERO, TEN_YEARS), Duration::from_secs(3600)).live(),
        /// How long connecting and logging in to a server may take.
        pub connect: Duration =
            key("pool.connect_timeout", Time(ONE_MS, ONE_DAY), Duration::from_secs(5)).live(),
        /// How long one query may run before it is cancelled; "0s" is for ever.
        pub query: Duration =
            key("pool.query_timeout", Time(Duration::ZERO, TEN_YEARS), Duration::ZERO).live(),
        /// How long a transaction may last before its client is disconnected; "0s" is for ever.
        pub transaction: Duration =
            key("pool.transaction_timeout", Time(Duration::ZERO, TEN_YEARS), Duration::ZERO).live(),
        /// How long a client may do nothing outside of a transaction before it is disconnected; "0s" is for
        /// ever. Clients that hold no server are looked at once a second.
        pub idle_client: Duration =
            key("pool.idle_client_timeout", Time(Duration::ZERO, TEN_YEARS), Duration::ZERO).live(),
        /// How long a client may sit inside a transaction without a query; "0s" is for ever.
        pub idle_in_transaction: Duration =
            key("pool.idle_in_transaction_timeout", Time(Duration::ZERO, TEN_YEARS), Duration::ZERO).live(),
        /// How long a client may keep a server connection to itself between transactions without a query; "0s" is
        /// for ever.
        pub pinned: Duration =
            key("pool.pinned_timeout", Time(Duration::ZERO, TEN_YEARS), Duration::from_secs(3600)).live(),
    }
}

impl Check for Timeouts {}

/// The place of overrides in a database or a user, with a path and a value that show what may stand there.
pub(crate) enum Again {
    /// A table of their own.
    Under(&'static str, &'static str),
    /// The table they are part of.
    Beside(&'static str, &'static str),
}

impl Part<PoolOverrides> for Again {
    fn read(&self, table: &Table<'_>) -> Option<PoolOverrides> {
        match self {
            Self::Beside(..) => PoolOverrides::read(table),
            Self::Under(path, _) => Under(path).read(table),
        }
    }

    fn describe(&self, doc: &[&'static str], out: &mut Vec<Described>) {
        let (path, title, example) = match *self {
            Self::Under(path, example) => (path, format!("`{path}`"), example),
            Self::Beside(path, example) => {
                (path, format!("`{path}` and the other keys of `[pool]`"), example)
            }
        };
        out.push(Described::Key(DescribedKey {
            path,
            title,
            doc: prose(doc),
            words: "as in `[pool]`".into(),
            meanings: Vec::new(),
            default: String::new(),
            required: false,
            example: Some(example),
            suggested: false,
            effect: Effect::NewConnections,
        }));
    }

    fn show(&self, _value: &PoolOverrides, _out: &mut Vec<Shown>) {}
}
