//! Pool: borrow a server, with this client's settings in force on it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use ::pool::error::Error as PoolError;
use ::pool::{Checkout, Waiting};
use ::route::Choice;
use ::wire::backend::error::{ErrorFields, Severity, write_notice};
use ::wire::sqlstate::SqlState;
use telemetry::counters::micros;
use telemetry::{Event, Timing};
use tokio::time::{Sleep, sleep_until};

use crate::card::Order;
use crate::error::Error;
use crate::session::Session;
use crate::steps;
use crate::steps::wire::Began;

/// A free server at once, or a place in the queue until one is.
///
/// # Errors
/// Nobody gave a server back in time, the server cannot be reached, or the client went away or cancelled.
pub(crate) async fn checkout(session: &mut Session, choice: Choice, began: Began) -> Result<Checkout, Error> {
    debug_assert!(matches!(choice, Choice::Primary(_)), "nobody chooses anything else yet");
    let mut checkout = borrow(session, began).await?;
    let server = checkout.server();
    if !Arc::ptr_eq(&server.params, &session.client.params) || server.left.stranger.is_some() {
        checkout = Box::pin(steps::state::put_in_force(session, checkout, began)).await?;
    }
    session.pool.stats.slot(session.worker).add_server_assignment_count(1);
    session.client.card.link(&checkout.server().card, began.0);
    Ok(checkout)
}

/// The same, with whatever settings are in force on the server.
///
/// # Errors
/// As [`checkout`].
pub(crate) async fn borrow(session: &mut Session, began: Began) -> Result<Checkout, Error> {
    if let Some(checkout) = session.pool.try_checkout(session.worker, session.client.card.id, began.0) {
        session.pool.shared.timings.worker(session.worker).record(Timing::Wait, 0);
        return Ok(checkout);
    }
    // boxed, as what follows a checkout is: it is rare, and would make every client's task larger
    Box::pin(queue(session, began)).await
}

async fn queue(session: &mut Session, began: Began) -> Result<Checkout, Error> {
    loop {
        session.client.card.begin_waiting(began.0);
        let got = wait(session, began).await;
        // a server that came at the same moment goes to the next in the queue
        let cancelled = session.client.card.end_waiting();
        match got {
            Ok(_) | Err(Error::Pool(PoolError::Retired)) if cancelled => return Err(Error::Cancelled),
            Err(Error::Pool(PoolError::Retired)) => session.move_to_new_pool()?,
            Err(error) => return Err(error),
            Ok(mut checkout) => {
                let waited = micros(began.0.elapsed());
                session.pool.stats.slot(session.worker).add_wait_time_us(waited);
                session.pool.shared.timings.worker(session.worker).record(Timing::Wait, waited);
                if checkout.adopt(session.worker, session.client.card.id) {
                    return Ok(checkout);
                }
                checkout.close();
            }
        }
    }
}

async fn wait(session: &mut Session, began: Began) -> Result<Checkout, Error> {
    let settings = session.pool.settings();
    let waiting = session.pool.wait(session.worker, began.0);
    let at = |after| Box::pin(sleep_until((began.0 + after).into()));
    Queued {
        waiting,
        notify: (!settings.notify_after.is_zero()).then(|| at(settings.notify_after)),
        reserve: (settings.reserve_size > 0).then(|| at(settings.reserve_after)),
        deadline: at(settings.acquire_timeout()),
        began,
        session,
    }
    .await
}

/// A client in the queue: waits for a server, its deadline, an order, or the end of its connection.
struct Queued<'a> {
    waiting: Waiting,
    notify: Option<Pin<Box<Sleep>>>,
    reserve: Option<Pin<Box<Sleep>>>,
    deadline: Pin<Box<Sleep>>,
    began: Began,
    session: &'a mut Session,
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
            queued.session.pool.kick(queued.session.worker, true);
        }
        if queued.deadline.as_mut().poll(cx).is_ready() {
            let pool = &queued.session.pool;
            let patience = pool.settings().acquire_timeout();
            let Some(until) = pool.look(|state| state.extension(patience, Instant::now())) else {
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
        let clients = self.session.pool.look(|state| state.waiting.len());
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
        let pool = &self.session.pool;
        let settings = pool.settings();
        let cap = pool.tightest_cap();
        let waited = self.began.0.elapsed();
        let (crowd, last) =
            pool.look(|state| (state.crowd(settings.size, cap), state.last_error.clone().map(Box::new)));
        self.session.hub.events.count(Event::QueueTimeout);
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
