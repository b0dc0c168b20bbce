//! Queue: wait for a server of a pool that has none free.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ::pool::error::Error as PoolError;
use ::pool::{Checkout, Pool, Waiting};
use ::wire::backend::error::{ErrorFields, Severity, write_notice};
use ::wire::sqlstate::SqlState;
use telemetry::counters::micros;
use telemetry::{Event, Timing};
use tokio::time::{Sleep, sleep_until};

use crate::card::Order;
use crate::error::Error;
use crate::session::Session;
use crate::steps::wire::Began;

/// Waits in the queue of this pool, for as long as its settings say or for less; none: the server that came can not be
/// used.
///
/// # Errors
/// As [`checkout`](super::pool::checkout).
pub(super) async fn wait(
    session: &mut Session,
    pool: &Arc<Pool>,
    patience: Option<Duration>,
    began: Began,
) -> Result<Option<Checkout>, Error> {
    session.client.card.begin_waiting(began.0);
    let got = queued(session, pool, patience, began).await;
    // a server that came at the same moment goes to the next in the queue
    let cancelled = session.client.card.end_waiting();
    match got {
        Ok(_) | Err(Error::Pool(PoolError::Retired)) if cancelled => Err(Error::Cancelled),
        Err(error) => Err(error),
        Ok(mut checkout) => {
            let waited = micros(began.0.elapsed());
            pool.stats.slot(session.worker).add_wait_time_us(waited);
            pool.shared.timings.worker(session.worker).record(Timing::Wait, waited);
            if checkout.adopt(session.worker, session.client.card.id) {
                return Ok(Some(checkout));
            }
            checkout.close();
            Ok(None)
        }
    }
}

async fn queued(
    session: &mut Session,
    pool: &Arc<Pool>,
    patience: Option<Duration>,
    began: Began,
) -> Result<Checkout, Error> {
    let settings = pool.settings();
    let waiting = pool.wait(session.worker, began.0);
    let at = |after| Box::pin(sleep_until((began.0 + after).into()));
    let deadline = match patience {
        None => at(settings.acquire_timeout()),
        Some(patience) => Box::pin(sleep_until((Instant::now() + patience).into())),
    };
    Queued {
        waiting,
        notify: (!settings.notify_after.is_zero()).then(|| at(settings.notify_after)),
        reserve: (settings.reserve_size > 0).then(|| at(settings.reserve_after)),
        deadline,
        hurried: patience.is_some(),
        began,
        session,
        pool: Arc::clone(pool),
    }
    .await
}

/// A client in the queue: waits for a server, its deadline, an order, or the end of its connection.
struct Queued<'a> {
    waiting: Waiting,
    notify: Option<Pin<Box<Sleep>>>,
    reserve: Option<Pin<Box<Sleep>>>,
    deadline: Pin<Box<Sleep>>,
    /// Nobody waits longer than until the deadline, whatever the pool is doing.
    hurried: bool,
    began: Began,
    session: &'a mut Session,
    pool: Arc<Pool>,
}

impl Future for Queued<'_> {
    type Output = Result<Checkout, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let queued = self.get_mut();
        if let Poll::Ready(got) = pin!(&mut queued.waiting).poll(cx) {
            return Poll::Ready(got.map_err(Error::from));
        }
        let client = &mut queued.session.client;
        if client.card.ordered(Order::Kill) {
            return Poll::Ready(Err(Error::Killed));
        }
        if client.card.ordered(Order::Cancel) {
            return Poll::Ready(Err(Error::Cancelled));
        }
        client.poll_watch(cx)?;
        if due(&mut queued.notify, cx) {
            queued.tell();
        }
        if due(&mut queued.reserve, cx) {
            queued.pool.kick(queued.session.worker, true);
        }
        if queued.deadline.as_mut().poll(cx).is_ready() {
            let pool = &queued.pool;
            let patience = pool.settings().acquire_timeout();
            let until = pool.look(|state| state.extension(patience, Instant::now()));
            let Some(until) = until.filter(|_| !queued.hurried) else {
                return Poll::Ready(Err(queued.give_up()));
            };
            queued.deadline.as_mut().reset(until.into());
            cx.waker().wake_by_ref();
        }
        match queued.session.client.channel.poll_drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(Error::client_lost(error))),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Queued<'_> {
    /// The client may well wait in silence for longer than its user has patience: it is told why.
    fn tell(&mut self) {
        let waited = self.began.0.elapsed().as_secs_f64();
        let clients = self.pool.look(|state| state.waiting.len());
        let message =
            format!("waiting for a server connection for {waited:.0} s, {clients} clients in the queue");
        let fields = ErrorFields {
            severity: Severity::Notice,
            sqlstate: SqlState::SUCCESSFUL_COMPLETION,
            message: &message,
            detail: None,
            hint: None,
        };
        write_notice(self.session.client.channel.queue(), &fields);
    }

    fn give_up(&self) -> Error {
        let pool = &self.pool;
        let settings = pool.settings();
        let cap = pool.tightest_cap();
        let waited = self.began.0.elapsed();
        let (crowd, last) =
            pool.look(|state| (state.crowd(settings.size, cap), state.last_error.clone().map(Box::new)));
        if !self.hurried {
            self.session.hub.events.count(Event::QueueTimeout);
        }
        if let Some(since) = pool.held_since() {
            return self.session.hub.no_primary(&pool.key.database, since.elapsed());
        }
        Error::Pool(PoolError::QueueTimeout { waited, crowd, last })
    }
}

fn due(timer: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    let due = timer.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
    if due {
        *timer = None;
    }
    due
}
