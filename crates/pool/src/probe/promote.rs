//! Has a replica become the primary, by `pg_promote`.

use std::sync::Arc;
use std::time::Duration;

use wire::backend::error::Fields;

use super::Line;
use crate::error::Error;
use crate::shared::Shared;
use crate::target::Target;

/// How much longer than the server itself waits we wait for it.
const MARGIN: Duration = Duration::from_secs(2);
/// The longest message of the server's that is told, in bytes.
const LONGEST: usize = 200;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server takes writes.
    Done,
    /// For certain nothing has happened, and why.
    Refused(String),
    /// It may have happened, or may happen yet, and why that is not known.
    Unclear(String),
}

/// Tells a replica to become the primary, and waits for that: `connect` for the connection, `patience` for the rest.
///
/// # Cancel safety
/// The server may have been told.
pub async fn promote(
    target: &Target,
    shared: &Arc<Shared>,
    connect: Duration,
    patience: Duration,
) -> Outcome {
    let opened = tokio::time::timeout(connect, Line::open(target, shared, connect)).await;
    let mut line = match opened {
        Ok(Ok(line)) => line,
        Ok(Err(error)) => return Outcome::Refused(error.to_string()),
        Err(_) => return Outcome::Refused(format!("no connection within {:.1} s", connect.as_secs_f64())),
    };
    let seconds = patience.as_secs().max(1);
    let order = format!("SELECT pg_catalog.pg_promote(true, {seconds})");
    match tokio::time::timeout(patience + MARGIN, line.row(&order)).await {
        // one column, with one byte
        Ok(Ok(row)) if row.last() == Some(&b't') => Outcome::Done,
        Ok(Ok(_)) => Outcome::Unclear(format!("it takes no writes after {seconds} s")),
        Ok(Err(Error::Refused { sqlstate, body, .. })) => {
            let why = format!("{} ({sqlstate})", Fields::new(&body).text(b'M', LONGEST));
            // the user may not, or there is no such function
            let never = sqlstate == "42501" || sqlstate == "42883";
            if never { Outcome::Refused(why) } else { Outcome::Unclear(why) }
        }
        Ok(Err(error)) => Outcome::Unclear(error.to_string()),
        Err(_) => Outcome::Unclear(format!("no answer within {:.1} s", (patience + MARGIN).as_secs_f64())),
    }
}
