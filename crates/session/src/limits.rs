//! Limits in time on what a client does with a server, and the one timer that watches over them.
//!
//! | while the server | is limited by | which ends |
//! |---|---|---|
//! | owes a reply | `pool.query_timeout` | the query, by a cancel; the session only if that does not help |
//! | waits for the client, inside a transaction or a batch | `pool.idle_in_transaction_timeout` | the session |
//! | waits for the client, outside of one | `pool.idle_client_timeout` | the session |
//! | does so, and is kept by it | `pool.pinned_timeout` too | the session |
//! | is in a transaction, whatever it does | `pool.transaction_timeout` | the session |
//!
//! Each runs from the moment that its state began, so every request starts it anew; the wait for a server counts
//! for none. Clients without a server are not watched here: they have no timer, see [`crate::card::Order::Idle`].

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use config::PoolSettings;
use pool::cancel::{self, Underway};
use pool::{Checkout, Server};
use telemetry::Event;
use telemetry::counters::micros;
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use wire::TxStatus;

use crate::error::{Error, Limit};

/// How long a server may take to end a query that was cancelled, before the client is disconnected.
const GRACE: Duration = Duration::from_secs(5);

/// The limits of a pool in microseconds, small as each request has a copy; zero is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    query: u64,
    transaction: u64,
    idle_in_transaction: u64,
    idle_client: u64,
    pinned: u64,
}

impl Limits {
    /// As the pool's settings say.
    pub(crate) fn of(settings: &PoolSettings) -> Self {
        Self {
            query: micros(settings.query_timeout()),
            transaction: micros(settings.transaction_timeout()),
            idle_in_transaction: micros(settings.idle_in_transaction_timeout()),
            idle_client: micros(settings.idle_client_timeout()),
            pinned: micros(settings.pinned_timeout()),
        }
    }

    /// Whether there is none at all, but for servers that are kept.
    pub(crate) fn is_none(&self) -> bool {
        self.query | self.transaction | self.idle_in_transaction | self.idle_client == 0
    }

    /// Whether queries are limited.
    pub(crate) fn has_query(&self) -> bool {
        self.query > 0
    }

    /// The limit that a client reaches first that is silent since `last` in a transaction that began at `since` and has
    /// no server: which, how long it is, and when.
    pub(crate) fn without_server(&self, last: Instant, since: Instant) -> Option<(Limit, Duration, Instant)> {
        let (limit, at) = self.next(Limit::IdleInTransaction, last, Some(since))?;
        Some((limit, self.after(limit), at))
    }

    fn after(&self, limit: Limit) -> Duration {
        Duration::from_micros(match limit {
            Limit::Query => self.query,
            Limit::Transaction => self.transaction,
            Limit::IdleInTransaction => self.idle_in_transaction,
            Limit::IdleClient => self.idle_client,
            Limit::Pinned => self.pinned,
        })
    }

    /// The limit that is reached first, and when: the one on what goes on since `turn`, or the one on the
    /// transaction that goes on since `xact`.
    fn next(&self, doing: Limit, turn: Instant, xact: Option<Instant>) -> Option<(Limit, Instant)> {
        let ends = |limit, since: Instant| {
            let after = self.after(limit);
            (!after.is_zero()).then(|| since.checked_add(after)).flatten().map(|at| (limit, at))
        };
        let whole = xact.and_then(|since| ends(Limit::Transaction, since));
        // a client that keeps a server is an idle one, too
        let idle = (doing == Limit::Pinned).then(|| ends(Limit::IdleClient, turn)).flatten();
        [ends(doing, turn), whole, idle].into_iter().flatten().min_by_key(|(_, at)| *at)
    }
}

/// What goes on at a server, for its limits.
pub(crate) fn doing(server: &Server) -> Limit {
    if !server.replies.is_empty() {
        Limit::Query
    } else if server.status != TxStatus::Idle || !server.replies.is_settled() {
        Limit::IdleInTransaction
    } else if server.left.pins.is_empty() {
        Limit::IdleClient
    } else {
        Limit::Pinned
    }
}

/// A query that was cancelled for its time.
struct Overdue {
    /// When it began.
    turn: Instant,
    /// By when it has to have ended.
    until: Instant,
    /// The cancel, until it is delivered.
    cancel: Option<JoinHandle<()>>,
}

/// Watches over the limits of one relay.
#[derive(Default)]
pub(crate) struct Watch {
    /// When the server was lent, as far as it matters: at the first look.
    lent: Option<Instant>,
    /// What the timer is set to.
    next: Option<(Limit, Instant)>,
    sleep: Option<Pin<Box<Sleep>>>,
    overdue: Option<Overdue>,
    /// The transaction had gone on for so long before it had the server.
    ahead: Duration,
}

impl Watch {
    /// Over a transaction that has gone on for so long already.
    pub(crate) fn after(ahead: Duration) -> Self {
        Self { ahead, ..Self::default() }
    }

    /// A cancel of ours is under way to the server: what is sent to it now might be hit in the place of the query
    /// that is meant.
    pub(crate) fn is_cancelling(&self) -> bool {
        self.overdue.as_ref().is_some_and(|overdue| overdue.cancel.is_some())
    }

    /// Looks at the time, and has the task woken when a limit is reached. Gives the limit on queries while one
    /// that has passed it is still to end.
    ///
    /// # Errors
    /// A limit was passed, and the session ends.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
        checkout: &Checkout,
        turn: Instant,
        xact: Option<Instant>,
    ) -> Result<Option<Duration>, Error> {
        let lent = *self.lent.get_or_insert_with(Instant::now);
        let doing = doing(checkout.server());
        let turn = turn.max(lent);
        self.look_at_overdue(cx, doing, turn);
        let mut next = limits.next(
            doing,
            turn,
            xact.map(|since| {
                let since = since.max(lent);
                since.checked_sub(self.ahead).unwrap_or(since)
            }),
        );
        if let (Some(overdue), Some((Limit::Query, at))) = (&self.overdue, &mut next) {
            *at = overdue.until;
        }
        if self.next != next {
            self.next = next;
            match (&mut self.sleep, next) {
                (Some(sleep), Some((_, at))) => sleep.as_mut().reset(at.into()),
                (sleep, Some((_, at))) => *sleep = Some(Box::pin(tokio::time::sleep_until(at.into()))),
                (_, None) => {}
            }
        }
        if let (Some((limit, _)), Some(sleep)) = (next, &mut self.sleep)
            && sleep.as_mut().poll(cx).is_ready()
        {
            if self.overdue.is_none() {
                checkout.pool().shared.events.count(Event::TimeLimit);
            }
            if limit != Limit::Query || self.overdue.is_some() {
                return Err(Error::Timeout(limit, limits.after(limit)));
            }
            self.cancel(cx, checkout, turn);
        }
        Ok(self.overdue.as_ref().map(|_| limits.after(Limit::Query)))
    }

    /// A query that was cancelled is forgotten when the next one runs and the cancel cannot hit that any more.
    fn look_at_overdue(&mut self, cx: &mut Context<'_>, doing: Limit, turn: Instant) {
        let Some(overdue) = &mut self.overdue else { return };
        if let Some(cancel) = &mut overdue.cancel {
            if Pin::new(cancel).poll(cx).is_pending() {
                return;
            }
            overdue.cancel = None;
        }
        if doing != Limit::Query || overdue.turn != turn {
            self.overdue = None;
        }
    }

    /// On a task of its own: once it is under way it must be counted to its end, whatever becomes of the client.
    fn cancel(&mut self, cx: &mut Context<'_>, checkout: &Checkout, turn: Instant) {
        let (pool, underway) = (checkout.pool().clone(), Underway::begin(&checkout.server().card));
        let mut cancel = tokio::spawn(async move { cancel::deliver(&pool, underway).await });
        // so that its end wakes this task
        let cancel = match Pin::new(&mut cancel).poll(cx) {
            Poll::Pending => Some(cancel),
            Poll::Ready(_) => None,
        };
        let until = Instant::now() + GRACE;
        self.overdue = Some(Overdue { turn, until, cancel });
        self.next = Some((Limit::Query, until));
        if let Some(sleep) = &mut self.sleep {
            sleep.as_mut().reset(until.into());
            cx.waker().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_limit_that_is_reached_first_counts() {
        let limits = Limits {
            query: 50_000,
            transaction: 100_000,
            idle_in_transaction: 70_000,
            idle_client: 9_000,
            pinned: 8_000,
        };
        let began = Instant::now();
        let at = |doing, turn: u64, xact: Option<u64>| {
            let next = limits.next(doing, began + ms(turn), xact.map(|xact| began + ms(xact)));
            next.map(|(limit, at)| (limit, at.duration_since(began)))
        };
        assert_eq!(at(Limit::Query, 0, Some(0)), Some((Limit::Query, ms(50))));
        // each request starts its own limit anew, and none that of the transaction
        assert_eq!(at(Limit::Query, 40, Some(0)), Some((Limit::Query, ms(90))));
        assert_eq!(at(Limit::Query, 60, Some(0)), Some((Limit::Transaction, ms(100))));
        assert_eq!(at(Limit::IdleInTransaction, 20, Some(0)), Some((Limit::IdleInTransaction, ms(90))));
        assert_eq!(at(Limit::IdleInTransaction, 31, Some(0)), Some((Limit::Transaction, ms(100))));
        assert_eq!(at(Limit::IdleClient, 500, None), Some((Limit::IdleClient, ms(509))));
        assert_eq!(at(Limit::Pinned, 500, None), Some((Limit::Pinned, ms(508))));
    }

    #[test]
    fn what_is_not_set_never_ends() {
        let limits = Limits { transaction: 100_000, ..Limits::default() };
        let now = Instant::now();
        assert!(Limits::default().is_none() && !limits.is_none());
        assert_eq!(limits.next(Limit::Query, now, None), None);
        assert_eq!(limits.next(Limit::Query, now, Some(now)), Some((Limit::Transaction, now + ms(100))));
    }
}
