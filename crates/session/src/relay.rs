//! Moves bytes both ways between a client and the server it was lent, until the server is free again.
//!
//! One task polls both sides; whichever is ready moves. Nothing is read for a side that does not take what it
//! was given, so a slow peer slows the other one down and costs no memory.
//!
//! | the relay ends when | the server |
//! |---|---|
//! | every reply has come and the status is I (transaction, statement mode) | goes back |
//! | the client is gone or says goodbye | is cleaned up by others |
//! | the server is lost, breaks the protocol, or a limit in time is passed | is closed |

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use config::PoolMode;
use pool::left::Changing;
use pool::{Checkout, Server};
use telemetry::counters::{Slot, micros};
use telemetry::{Event, Timing};
use wire::TxStatus;

use crate::card::Order;
use crate::client::Client;
use crate::error::Error;
use crate::inbound;
use crate::limits::Watch;
use crate::outbound;
use crate::rules::Rules;

/// How a relay came to its end without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The server is free.
    Free {
        /// When its last reply was complete.
        at: Instant,
    },
    /// The client has said goodbye.
    Goodbye,
    /// What is left in the inbox is to be run elsewhere, and the server is of no use any more.
    Elsewhere,
    /// A request comes next that is not for a server; nothing is owed, and the relay may go on behind it.
    Own,
}

/// A relay at work.
pub(crate) struct Relay<'a> {
    client: &'a mut Client,
    checkout: &'a mut Checkout,
    rules: Rules,
    /// When the requests under way began; `None` while the server waits for the client.
    busy_since: Option<Instant>,
    /// When the transaction began; the server is free where one ends, but for session mode.
    xact_since: Option<Instant>,
    watch: Watch,
    /// The server has said something since it was lent.
    answered: bool,
    /// The server has been sent something of the client's.
    asked: bool,
    /// An error came that nobody had asked for: the server says why it goes.
    told: bool,
    /// Something else has to be done now than to move bytes.
    breaks: Option<Ended>,
    /// When the last reply was complete.
    last: Instant,
    worker: usize,
}

impl<'a> Relay<'a> {
    /// For a server that was just lent, with the client's first request in the inbox since `now`.
    pub(crate) fn new(
        client: &'a mut Client,
        checkout: &'a mut Checkout,
        rules: Rules,
        worker: usize,
        now: Instant,
    ) -> Self {
        let since = Some(now);
        (client.overdue, client.underway.stalled) = (None, false);
        let ahead = std::mem::take(&mut client.underway.ahead);
        Self {
            client,
            checkout,
            rules,
            busy_since: since,
            xact_since: now.checked_sub(ahead).or(since),
            watch: Watch::after(ahead),
            answered: false,
            asked: false,
            told: false,
            breaks: None,
            last: now,
            worker,
        }
    }

    /// The same server goes on with its client, which may well be silent for now.
    pub(crate) fn kept(self) -> Self {
        Self { busy_since: None, xact_since: None, answered: true, ..self }
    }

    /// For what is not for a server: the client, and the status that it knows. The relay goes on behind that.
    pub(crate) fn pause(&mut self) -> (&mut Client, TxStatus) {
        self.breaks = None;
        (self.client, self.checkout.server().status)
    }

    /// Towards the server: all that is there. Returns when the client has nothing more to give, or the server
    /// takes nothing more; either way the task is woken when that changes.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if self.watch.is_cancelling() {
            self.push_out(cx)?;
            return self.client.poll_watch(cx);
        }
        loop {
            // what goes ahead of the first request goes in one segment with it
            let (first, empty) = (!self.asked, self.client.channel.inbox.is_empty());
            let (_, server) = self.checkout.parts();
            let together = first && !empty && server.left.changing == Changing::Sent;
            match if together { Poll::Ready(Ok(())) } else { server.channel.poll_drain(cx) } {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(Error::server_lost(self.checkout.pool(), &error)),
                Poll::Pending => return Ok(()),
            }
            if server.replies.is_settling() && server.passing.outbound == 0 {
                return Ok(());
            }
            if self.has_to_hold() {
                self.push_out(cx)?;
                return self.client.poll_watch(cx);
            }
            if !self.client.channel.inbox.is_empty() {
                let done = self.forward(cx)?;
                if done.own {
                    self.breaks = Some(Ended::Own);
                    return Ok(());
                }
                if done.stalled {
                    self.push_out(cx)?;
                    return self.client.poll_watch(cx);
                }
                if done.terminated {
                    return Err(Error::ClientLost(None));
                }
                if done.held {
                    self.push_out(cx)?;
                    let patience = self.rules.patience;
                    let listening = self.client.listening.as_mut();
                    if listening.is_some_and(|listening| listening.poll_ready(cx, patience).is_pending()) {
                        return self.client.poll_watch(cx);
                    }
                    continue;
                }
                if self.checkout.server().channel.is_congested() {
                    continue;
                }
            }
            match self.client.channel.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Err(Error::ClientLost(None)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Err(Error::client_lost(error)),
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// What the client has sent behind what was chosen for this server stays where it is.
    fn has_to_hold(&mut self) -> bool {
        let server = self.checkout.server();
        if !self.client.underway.is_spent() || server.passing.outbound > 0 {
            return false;
        }
        // the next request of a transaction that began here, one at a time: the end of it has to be seen
        let next = server.status != TxStatus::Idle && server.replies.is_settled();
        if next {
            self.client.underway.go_on();
        }
        !next
    }

    /// Has what is queued for the server written as soon as it takes more.
    fn push_out(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        match self.checkout.server_mut().channel.poll_drain(cx) {
            Poll::Ready(Err(error)) => Err(Error::server_lost(self.checkout.pool(), &error)),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    fn forward(&mut self, cx: &mut Context<'_>) -> Result<outbound::Forwarded, Error> {
        let (pool, server) = self.checkout.parts();
        let first = !self.answered && !self.asked;
        if let Some(listening) = self.client.listening.as_deref().filter(|_| server.replies.is_empty()) {
            listening.not_yet();
        }
        let done = outbound::forward(cx, self.client, server, pool, self.rules);
        let done = match done {
            Err(Error::ServerLost { error, .. }) if first => return Err(Error::NothingSent(error)),
            done => done?,
        };
        if server.replies.owes_invented() {
            // the server may have nothing to say that this could follow
            inbound::deliver(cx, self.client, server, pool, self.rules)?;
        }
        self.client.underway.stalled = done.stalled;
        self.asked |= done.taken > 0;
        if done.taken > 0 && self.busy_since.is_none() && !self.checkout.server().replies.is_empty() {
            self.busy_since = Some(Instant::now());
            self.xact_since = self.xact_since.or(self.busy_since);
        }
        let slot = self.slot();
        slot.add_bytes_received(done.taken as u64);
        if done.parses + done.binds + done.made > 0 {
            slot.add_client_parse_count(done.parses);
            slot.add_server_parse_count(done.made);
            slot.add_bind_count(done.binds);
        }
        Ok(done)
    }

    /// Towards the client: what the server has said; false if it has said nothing.
    fn poll_server(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        // a client that does not read stops the server, not the proxy's memory
        if self.client.channel.poll_drain(cx).map_err(Error::client_lost)?.is_pending() {
            return Ok(false);
        }
        let (pool, server) = self.checkout.parts();
        match server.channel.poll_fill(cx) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => return Err(self.lost(None)),
            Poll::Ready(Err(error)) => return Err(self.lost(Some(&error))),
            Poll::Ready(Ok(_)) => {}
        }
        self.answered = true;
        let unasked = server.replies.is_empty();
        let done = inbound::deliver(cx, self.client, server, pool, self.rules)?;
        if let Some(body) = done.refused {
            return Err(Error::Settings(pool::Error::refused(pool.target.address(), body)));
        }
        if done.alarming {
            pool.alarm();
        }
        self.breaks = self.breaks.or(done.elsewhere.then_some(Ended::Elsewhere));
        // it may have come behind the last reply, unasked
        self.told |= done.fatal || (done.errors > 0 && (unasked || !server.replies.is_settled()));
        self.client.underway.stalled = false;
        let (answered, ended) = (server.replies.is_empty(), is_free(server));
        self.count(&done, answered, ended);
        Ok(true)
    }

    /// What was delivered, and how long it took: one look at the clock for each request that is answered.
    fn count(&mut self, done: &inbound::Delivered, answered: bool, ended: bool) {
        let query = answered.then(|| self.busy_since.take()).flatten();
        let xact = ended.then(|| self.xact_since.take()).flatten();
        // with limits, one query of a pipeline ends where the next begins
        if query.is_some() || xact.is_some() || (done.ready > 0 && !self.rules.limits.is_none()) {
            self.last = Instant::now();
        }
        let slot = self.slot();
        slot.add_bytes_sent(done.taken as u64);
        slot.add_query_count(done.ready);
        slot.add_xact_count(done.ended);
        for _ in 0..done.errors {
            self.checkout.pool().shared.events.count(Event::RequestFailed);
        }
        let timings = self.checkout.pool().shared.timings.worker(self.worker);
        let took = query.map(|since| micros(self.last.saturating_duration_since(since)));
        if let Some(took) = took {
            slot.add_query_time_us(took);
            timings.record(Timing::Query, took);
        }
        if let Some(since) = xact {
            // most transactions are one query
            let took = took.filter(|_| query == xact);
            let took = took.unwrap_or_else(|| micros(self.last.saturating_duration_since(since)));
            slot.add_xact_time_us(took);
            timings.record(Timing::Transaction, took);
        }
    }

    fn lost(&self, error: Option<&std::io::Error>) -> Error {
        let server = self.checkout.pool().target.address();
        let why = error.map(ToString::to_string);
        Error::ServerLost { error: pool::Error::Lost { server, why }, told: self.told }
    }

    fn is_free(&self) -> bool {
        self.rules.mode != PoolMode::Session && is_free(self.checkout.server())
    }

    /// Whether the server is free, or of no use any more, now that it has `said` something.
    #[inline]
    fn ended(&self, said: bool) -> Option<Ended> {
        self.breaks.or((said && self.is_free()).then_some(Ended::Free { at: self.last }))
    }

    /// Limits in time cost nothing unless they are set.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if self.rules.limits.is_none() && self.checkout.server().left.pins.is_empty() {
            return Ok(());
        }
        let turn = self.busy_since.map_or(self.last, |since| since.max(self.last));
        self.client.overdue =
            self.watch.poll(cx, &self.rules.limits, self.checkout, turn, self.xact_since)?;
        Ok(())
    }

    fn check_orders(&self) -> Result<(), Error> {
        let card = &self.client.card;
        if card.ordered(Order::Kill) {
            return Err(Error::Killed);
        }
        if card.take_order(Order::Demoted) && self.checkout.pool().is_demoted() {
            return Err(Error::demoted(self.checkout.pool()));
        }
        // one that keeps its server between two requests is ended where any other is
        let server = self.checkout.server();
        let between = self.rules.follows
            && server.replies.is_settled()
            && server.status == TxStatus::Idle
            && self.client.channel.inbox.is_empty();
        if between && self.busy_since.is_none() && card.ordered(Order::Drain) {
            return Err(Error::ShuttingDown);
        }
        Ok(())
    }

    /// A client that keeps its server between two requests is told of notifications as any other is.
    fn poll_mail(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if self.rules.follows && is_free(self.checkout.server()) {
            self.client.poll_mail(cx, &self.checkout.pool().shared.events)?;
        }
        Ok(())
    }

    fn slot(&self) -> &Slot {
        self.checkout.pool().stats.slot(self.worker)
    }
}

impl Future for Relay<'_> {
    type Output = Result<Ended, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let relay = self.get_mut();
        relay.check_orders()?;
        if relay.client.listening.is_some() {
            relay.poll_mail(cx)?;
        }
        loop {
            // the server first, if it has been asked something: a reply that sets it free saves looking at
            // the client at all
            let asked = !relay.checkout.server().replies.is_empty();
            let said = asked && relay.poll_server(cx)?;
            if let Some(ended) = relay.ended(said) {
                return Poll::Ready(Ok(ended));
            }
            match relay.poll_client(cx) {
                Err(Error::ClientLost(None)) => return Poll::Ready(Ok(Ended::Goodbye)),
                // it has said why it goes, and then takes nothing more
                Err(Error::ServerLost { error, told }) => {
                    let told = told || relay.told;
                    return Poll::Ready(Err(Error::ServerLost { error, told }));
                }
                other => other?,
            }
            let said = said || relay.poll_server(cx)?;
            if let Some(ended) = relay.ended(said) {
                return Poll::Ready(Ok(ended));
            }
            let server = relay.checkout.server();
            if relay.rules.mode == PoolMode::Statement
                && server.status != TxStatus::Idle
                && server.replies.is_empty()
            {
                return Poll::Ready(Err(Error::TransactionBlock { open: true }));
            }
            // a cancel that hits a BEGIN of ours would leave what is behind it to run by itself
            let busy = !server.replies.is_empty() && relay.client.underway.begun.is_none();
            relay.client.card.set_busy(busy);
            if !said {
                relay.poll_limits(cx)?;
                return Poll::Pending;
            }
        }
    }
}

/// Whether the server may serve another client now.
fn is_free(server: &Server) -> bool {
    server.status == TxStatus::Idle
        && server.replies.is_settled()
        && server.passing.inbound == 0
        && server.passing.outbound == 0
}
