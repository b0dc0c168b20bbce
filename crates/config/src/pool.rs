//! `[pool]`: how server connections are opened, lent and closed, and what databases and users set differently.

use std::time::Duration;

/// How long a server stays with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolMode {
    /// For one transaction.
    Transaction,
    /// Until the client leaves.
    Session,
    /// For one statement; transactions of several statements are refused.
    Statement,
}

/// The settings of one pool, complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolSettings {
    /// How long a server stays with a client.
    pub mode: PoolMode,
    /// Most server connections of one pool.
    pub size: u32,
    /// Server connections kept open without work; never more than `size`.
    pub min_size: u32,
    /// Server connections beyond `size` for clients that have waited `reserve_after`.
    pub reserve_size: u32,
    /// How long a client waits before the reserve is used.
    pub reserve_after: Duration,
    /// Most clients at once.
    pub max_clients: u32,
    /// Most server connections to one server for one database, all users together.
    pub max_server_connections: u32,
    /// Prepared statements kept on one server connection; 0 turns their sharing off.
    pub prepared_statements: u32,
    /// Server connections of one pool being opened at the same time.
    pub connect_concurrency: u32,
    /// After how long a waiting client gets a NOTICE; zero is never.
    pub notify_after: Duration,
    /// The timeouts, also reachable flat through the methods of this type.
    pub timeouts: Timeouts,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// How long a client waits for a server connection.
    pub acquire: Duration,
    /// How long an unused server connection is kept; zero is for ever.
    pub idle: Duration,
    /// How old a server connection may get; zero is for ever.
    pub max_lifetime: Duration,
    /// How long connecting and logging in to a server may take.
    pub connect: Duration,
    /// How long one query may run; zero is for ever.
    pub query: Duration,
    /// How long a client may sit inside a transaction without a query; zero is for ever.
    pub idle_in_transaction: Duration,
}

impl PoolSettings {
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

    /// How long a client may sit inside a transaction without a query; zero is for ever.
    pub fn idle_in_transaction_timeout(&self) -> Duration {
        self.timeouts.idle_in_transaction
    }

    /// These settings with `overrides` on top.
    pub fn with(&self, overrides: &PoolOverrides) -> Self {
        Self {
            mode: overrides.mode.unwrap_or(self.mode),
            size: overrides.size.unwrap_or(self.size),
            min_size: overrides.min_size.unwrap_or(self.min_size),
            reserve_size: overrides.reserve_size.unwrap_or(self.reserve_size),
            reserve_after: overrides.reserve_after.unwrap_or(self.reserve_after),
            max_clients: overrides.max_clients.unwrap_or(self.max_clients),
            max_server_connections: overrides.max_server_connections.unwrap_or(self.max_server_connections),
            prepared_statements: overrides.prepared_statements.unwrap_or(self.prepared_statements),
            connect_concurrency: overrides.connect_concurrency.unwrap_or(self.connect_concurrency),
            notify_after: overrides.notify_after.unwrap_or(self.notify_after),
            timeouts: self.timeouts.with(&overrides.timeouts),
        }
    }
}

impl Timeouts {
    /// These timeouts with `overrides` on top.
    pub fn with(&self, overrides: &TimeoutOverrides) -> Self {
        Self {
            acquire: overrides.acquire.unwrap_or(self.acquire),
            idle: overrides.idle.unwrap_or(self.idle),
            max_lifetime: overrides.max_lifetime.unwrap_or(self.max_lifetime),
            connect: overrides.connect.unwrap_or(self.connect),
            query: overrides.query.unwrap_or(self.query),
            idle_in_transaction: overrides.idle_in_transaction.unwrap_or(self.idle_in_transaction),
        }
    }
}

/// The keys of [`PoolSettings`] that a database or a user sets again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PoolOverrides {
    /// See [`PoolSettings::mode`].
    pub mode: Option<PoolMode>,
    /// See [`PoolSettings::size`].
    pub size: Option<u32>,
    /// See [`PoolSettings::min_size`].
    pub min_size: Option<u32>,
    /// See [`PoolSettings::reserve_size`].
    pub reserve_size: Option<u32>,
    /// See [`PoolSettings::reserve_after`].
    pub reserve_after: Option<Duration>,
    /// See [`PoolSettings::max_clients`].
    pub max_clients: Option<u32>,
    /// See [`PoolSettings::max_server_connections`].
    pub max_server_connections: Option<u32>,
    /// See [`PoolSettings::prepared_statements`].
    pub prepared_statements: Option<u32>,
    /// See [`PoolSettings::connect_concurrency`].
    pub connect_concurrency: Option<u32>,
    /// See [`PoolSettings::notify_after`].
    pub notify_after: Option<Duration>,
    /// The timeouts set again.
    pub timeouts: TimeoutOverrides,
}

/// The keys of [`Timeouts`] that a database or a user sets again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeoutOverrides {
    /// See [`Timeouts::acquire`].
    pub acquire: Option<Duration>,
    /// See [`Timeouts::idle`].
    pub idle: Option<Duration>,
    /// See [`Timeouts::max_lifetime`].
    pub max_lifetime: Option<Duration>,
    /// See [`Timeouts::connect`].
    pub connect: Option<Duration>,
    /// See [`Timeouts::query`].
    pub query: Option<Duration>,
    /// See [`Timeouts::idle_in_transaction`].
    pub idle_in_transaction: Option<Duration>,
}
