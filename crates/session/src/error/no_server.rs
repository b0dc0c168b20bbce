//! Why there was no server for a request, in words.

use std::time::Duration;

use pool::error::{Crowd, Error as PoolError, Usage};
use wire::sqlstate::SqlState;

use super::{Report, error, fatal};

/// What a client is told that got no server.
pub(super) fn no_server(cause: &PoolError) -> Report {
    match cause {
        PoolError::QueueTimeout { crowd, last: None, .. } => Report {
            hint: "Raise pool.size or pool.acquire_timeout, or find who holds connections with SHOW SERVERS.",
            ..error(SqlState::TOO_MANY_CONNECTIONS, cause.to_string(), &figures(crowd))
        },
        PoolError::QueueTimeout { crowd, last: Some(last), .. } => Report {
            hint: "Check that the server is up and that pgweir may log in to it.",
            ..error(SqlState::CANNOT_CONNECT_NOW, last.to_string(), &figures(crowd))
        },
        PoolError::Credentials { .. } => Report {
            hint: "Give the user a password that pgweir can log in with, or let it log in with SCRAM.",
            ..error(SqlState::CANNOT_CONNECT_NOW, cause.to_string(), "")
        },
        PoolError::Unbound { .. } => Report {
            hint: "Let the server offer TLS and SCRAM, or set server_tls.channel_binding = \"prefer\".",
            ..error(SqlState::CANNOT_CONNECT_NOW, cause.to_string(), "")
        },
        PoolError::AtCap(_) => Report {
            hint: "Raise pool.max_server_connections or pool.max_host_connections, or lower pool.size.",
            ..error(SqlState::TOO_MANY_CONNECTIONS, cause.to_string(), "")
        },
        PoolError::ShuttingDown => fatal(SqlState::ADMIN_SHUTDOWN, cause.to_string()),
        PoolError::Connect { .. }
        | PoolError::Refused { .. }
        | PoolError::Protocol { .. }
        | PoolError::Lost { .. } => Report {
            hint: "Check that the server is up.",
            ..error(SqlState::CANNOT_CONNECT_NOW, cause.to_string(), "")
        },
        PoolError::Retired => {
            Report { hint: "Connect again.", ..error(SqlState::CANNOT_CONNECT_NOW, cause.to_string(), "") }
        }
    }
}

/// A database without a primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPrimary {
    /// Its name.
    pub database: String,
    /// How long it has been without.
    pub vacant: Duration,
    /// What is known of each of its servers, in words.
    pub servers: String,
}

/// What a client is told that has waited for a primary in vain.
pub(super) fn no_primary(why: &NoPrimary) -> Report {
    let NoPrimary { database, vacant, servers } = why;
    let vacant = vacant.as_secs_f64();
    Report {
        hint: "Bring the primary back or promote a replica, or raise pool.acquire_timeout to wait for longer.",
        ..error(
            SqlState::CANNOT_CONNECT_NOW,
            format!("database \"{database}\" has no primary server at the moment"),
            &format!("there has been none for {vacant:.1} s; {servers}"),
        )
    }
}

/// What a client is told whose server is the primary no more.
pub(super) fn demoted(server: &str) -> Report {
    Report {
        detail: format!("its connection was to {server}, and another server is the primary now"),
        hint: "Connect again. The transaction was rolled back unless it was being committed; check before repeating it.",
        ..fatal(
            SqlState::ADMIN_SHUTDOWN,
            "terminating connection because its server is not the primary any more".to_owned(),
        )
    }
}

/// What a client is told whose transaction was to begin with its first statement, and has not.
pub(super) fn unbegun(why: &str) -> Report {
    Report {
        detail: format!("beginning the transaction was cancelled on the server: {why}"),
        hint: "The first statement of the transaction may have run and been committed by itself; check before repeating \
               it.",
        ..fatal(
            SqlState::TRANSACTION_RESOLUTION_UNKNOWN,
            "it is not known what became of the transaction".to_owned(),
        )
    }
}

/// What a client is told whose LISTEN was held back for so long in vain.
pub(super) fn unheard(after: Duration, trouble: Option<&PoolError>) -> Report {
    let trouble = trouble.map_or_else(|| "it did not get so far".to_owned(), ToString::to_string);
    let after = after.as_secs_f64();
    Report {
        hint: "Check that the server takes one more connection for the pool's user.",
        ..error(
            SqlState::CANNOT_CONNECT_NOW,
            "no server connection listens for this client".to_owned(),
            &format!("the one that listens for all clients was not ready within {after:.1} s: {trouble}"),
        )
    }
}

/// What a client is told whose request was for a replica.
pub(super) fn no_replica(each: &str) -> Report {
    Report {
        hint: "Wait until a replica is fit again (SHOW REPLICAS), or use a database, or SET pgweir.target, that lets the \
               primary answer.",
        ..error(SqlState::CANNOT_CONNECT_NOW, "no replica is available".to_owned(), each)
    }
}

/// What a client is told who asks for a token while nobody knows where the primary is.
pub(super) fn no_token(after: Duration) -> Report {
    Report {
        hint: "Ask again when the primary answers (SHOW REPLICAS).",
        ..error(
            SqlState::CANNOT_CONNECT_NOW,
            "the position of the last write is not known".to_owned(),
            &format!("the primary has not told where it is within {:.1} s", after.as_secs_f64()),
        )
    }
}

fn figures(crowd: &Crowd) -> String {
    let Crowd { size, active, idle, opening, waiting, cap: Usage { used, limit, of } } = crowd;
    format!(
        "pool of {size}: {active} active, {idle} idle, {opening} connecting; {waiting} clients waiting; \
         {used} of {limit} {of}"
    )
}
