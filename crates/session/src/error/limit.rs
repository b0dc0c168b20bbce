//! Limits in time, and what a client is told that has passed one.

use std::time::Duration;

use wire::sqlstate::SqlState;

use super::Report;

/// A limit in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `pool.query_timeout`
    Query,
    /// `pool.transaction_timeout`
    Transaction,
    /// `pool.idle_in_transaction_timeout`
    IdleInTransaction,
    /// `pool.idle_client_timeout`
    IdleClient,
    /// `pool.pinned_timeout`
    Pinned,
}

/// In PostgreSQL's words for limits of its own, where it has one.
pub(super) fn report(limit: Limit, after: Duration) -> Report {
    let (key, sqlstate, message, hint) = match limit {
        Limit::Query => (
            "query_timeout",
            SqlState::QUERY_CANCELED,
            "canceling statement due to query timeout",
            "Make the query faster, or raise pool.query_timeout.",
        ),
        Limit::Transaction => (
            "transaction_timeout",
            SqlState::TRANSACTION_TIMEOUT,
            "terminating connection due to transaction timeout",
            "End transactions sooner, or raise pool.transaction_timeout.",
        ),
        Limit::IdleInTransaction => (
            "idle_in_transaction_timeout",
            SqlState::IDLE_IN_TRANSACTION_TIMEOUT,
            "terminating connection due to idle-in-transaction timeout",
            "End transactions sooner, or raise pool.idle_in_transaction_timeout.",
        ),
        Limit::Pinned => (
            "pinned_timeout",
            SqlState::IDLE_SESSION_TIMEOUT,
            "terminating connection that keeps a server connection to itself without using it",
            "Drop, close or unlock what keeps it (SHOW PINS), or raise pool.pinned_timeout.",
        ),
        Limit::IdleClient => (
            "idle_client_timeout",
            SqlState::IDLE_SESSION_TIMEOUT,
            "terminating connection due to idle-session timeout",
            "Connect again, or raise pool.idle_client_timeout.",
        ),
    };
    let detail = format!("pool.{key} is {:.1} s", after.as_secs_f64());
    // a cancelled query ends the session only where the server does not obey
    Report { fatal: limit != Limit::Query, sqlstate, message: message.to_owned(), detail, hint }
}
