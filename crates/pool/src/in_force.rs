//! Having the settings of a client in force on a server before its request runs.
//!
//! Only what differs is sent, as one message in front of the request ([`put_before`]): it costs no round trip. A request
//! must never run under settings that are not its own, and it is sent before the server has confirmed them. So they
//! are set in a transaction block: if one is refused, the block is in the failed state, and the server refuses
//! whatever comes next (25P02). Where that would not hold, the server is waited for ([`put`]):
//!
//! - the request begins with COMMIT or ROLLBACK, which end a failed block;
//! - what is in force may cancel our own statements.
//!
//! A server that a stranger may have left anything on is made as new by the same message.

use std::sync::Arc;
use std::time::Duration;

use wire::frontend::query;
use wire::replies::{Action, Request};

use crate::checkout::Checkout;
use crate::error::Error;
use crate::left::{Changing, Left};
use crate::params::Params;
use crate::prepared::Effect;
use crate::recover::run;

/// What makes a session as new, but for the statements prepared in it: those are ours.
const RESET: &str = "SET SESSION AUTHORIZATION DEFAULT;RESET ALL;CLOSE ALL;UNLISTEN *;\
                     SELECT pg_catalog.pg_advisory_unlock_all();DISCARD TEMP;DISCARD SEQUENCES;";

/// What has to be run on this server for the client of this number, which wants these settings; `None`: nothing.
#[must_use]
pub fn change(checkout: &mut Checkout, client: u64, want: &Arc<Params>) -> Option<String> {
    let welcome = checkout.pool().learnt.welcome();
    let server = checkout.server_mut();
    let foreign = server.left.stranger.is_some_and(|stranger| stranger != client);
    let (reset, difference) = match welcome {
        Some(welcome) if foreign => (RESET, Params::difference(&welcome.base, want)),
        // nothing is known of a fresh session, so all of it is set
        None if foreign => (RESET, Params::difference(&Params::default(), want)),
        _ => ("", Params::difference(&server.params, want)),
    };
    if !foreign && difference.is_none() {
        server.params = Arc::clone(want);
        return None;
    }
    let difference = difference.unwrap_or_default();
    let difference = difference.trim_end_matches(';');
    Some(format!("BEGIN;{reset}{difference};COMMIT"))
}

/// Whether a change may be sent without waiting for its answer, as far as the server is concerned.
#[must_use]
pub fn may_go_before(have: &Params) -> bool {
    // a limit of milliseconds may hit any statement
    !["statement_timeout", "transaction_timeout"]
        .iter()
        .any(|name| have.get(name).is_some_and(|value| value.ends_with("ms")))
}

/// Puts a change, which has this effect, in front of what is sent to the server next. At most one request may follow
/// before the change is confirmed, see [`Changing`].
///
/// # Errors
/// It is longer than a message may be.
pub fn put_before(checkout: &mut Checkout, sql: &str, effect: Effect) -> Result<(), wire::Error> {
    let server = checkout.server_mut();
    query::write(server.channel.queue(), sql.as_bytes())?;
    server.replies.push(Request::Query, Action::Discard, Some(effect));
    server.held.forget_unnamed();
    server.left.changing = Changing::Sent;
    Ok(())
}

/// Makes a change and waits for it.
///
/// # Errors
/// What the server said, or that it is lost. The connection must be closed then.
pub async fn put(
    checkout: &mut Checkout,
    sql: &str,
    want: &Arc<Params>,
    patience: Duration,
) -> Result<(), Error> {
    let address = checkout.pool().target.address();
    let work = run(checkout.server_mut(), sql);
    match tokio::time::timeout(patience, work).await {
        Err(_) => Err(Error::Lost { server: address, why: Some("no answer to a change of settings".into()) }),
        Ok(Err(failure)) => Err(failure.at(address)),
        Ok(Ok(())) => {
            checkout.server_mut().took(want);
            Ok(())
        }
    }
}

impl Left {
    /// A request goes to the server; false: not yet, as settings of ours have to be confirmed first and one request
    /// is behind them already.
    #[must_use]
    pub fn may_follow(&self) -> bool {
        self.changing != Changing::Followed
    }

    /// The request that goes to the server is the last before the settings are confirmed.
    pub fn follow(&mut self) {
        if self.changing == Changing::Sent {
            self.changing = Changing::Followed;
        }
    }
}
