//! Makes a replica the primary where `failover.promote` asks for it: looks, speaks with the other instances, decides
//! ([`route::promotion`]), acts, over and over.
//!
//! Without `failover.promote` this does nothing but see whether a reload asks for it.

mod accord;
mod order;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::{Database, Failover, Promote, Route};
use pool::probe::Outcome;
use route::Cluster;
use route::promotion::{Act, Common, Promotion, Sight, Terms, Why};
use session::Hub;
use telemetry::Event;
use tokio::time::{Instant, sleep};

use super::news;
use super::watched::Watched;
use accord::Shared;
use order::Order;

/// How often this instance speaks to the others; a vote counts a few times as long.
const SPEAK: Duration = Duration::from_millis(500);
/// The same while something goes on.
const SOON: Duration = Duration::from_millis(50);
/// After a promotion that came to nothing the next one is ordered no sooner.
const AGAIN: Duration = Duration::from_secs(5);
/// While a primary is waited for that the others may remember, once the servers have been asked.
const GIVE_UP: Duration = Duration::from_secs(2);
/// A server that is asked again has answered after twice its time-out and this, or not.
const MARGIN: Duration = Duration::from_secs(2);

/// How it stands with promoting, for views.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// In a word; none where nothing is to be promoted.
    pub(crate) state: Option<&'static str>,
    /// What the instances had in common last.
    pub(crate) common: Option<Common>,
    /// The server that was to be promoted last.
    pub(crate) server: Option<usize>,
    /// What went wrong last.
    pub(crate) error: Option<String>,
}

/// Before a database is watched: where replicas are to be promoted, other instances may know of a later primary than those
/// that are to be seen, so none of these is it before that is known.
pub(super) fn begin(hub: &Hub, entry: &Database, mut cluster: Cluster) -> Cluster {
    let config = hub.directory.config();
    if promotes(&config.servers.failover, entry) != Promote::Never && !cluster.had_primary() {
        cluster.await_memory();
        hub.directory.vacate(entry);
    }
    cluster
}

/// Promotes, until its task is ended.
pub(super) async fn watch(watched: Arc<Watched>) {
    let mut office = Office::new(watched);
    loop {
        let config = office.watched.config();
        let (failover, route) = (&config.servers.failover, &config.servers.route);
        let pause = match (promotes(failover, &office.watched.entry), &failover.lock) {
            (Promote::Never, _) | (_, None) => {
                office.rest();
                SPEAK
            }
            (Promote::PgPromote | Promote::Command, Some(lock)) => {
                let name = failover.instance.clone().unwrap_or_else(machine);
                if office.shared.as_ref().is_none_or(|shared| !shared.is_at(lock, &name)) {
                    let token = token(&name);
                    office.shared = Some(Shared::new(lock, &office.watched.entry, name, token));
                }
                office.turn(failover, route).await
            }
        };
        sleep(pause).await;
    }
}

struct Office {
    watched: Arc<Watched>,
    shared: Option<Shared>,
    promotion: Promotion,
    /// The next order is not given before this.
    from: Instant,
    /// Since when it is waited for what others remember.
    waiting: Option<Instant>,
    /// What was told of since the primary answered last.
    told: Vec<Why>,
}

impl Office {
    fn new(watched: Arc<Watched>) -> Self {
        let promotion = Promotion::default();
        Self { watched, shared: None, promotion, from: Instant::now(), waiting: None, told: Vec::new() }
    }

    /// Nothing is to be promoted.
    fn rest(&mut self) {
        if self.shared.take().is_some() || self.watched.cluster().is_waiting() {
            self.watched.remember(None);
            *self.watched.promotion() = Status::default();
            self.promotion = Promotion::default();
        }
    }

    /// Looks, speaks, decides and acts; the pause after that.
    async fn turn(&mut self, failover: &Failover, route: &Route) -> Duration {
        let terms = terms(failover, route);
        let common = self.speak(&terms).await;
        let sight = self.sight();
        let act = self.promotion.decide(&terms, &sight, common, self.watched.now());
        self.note(act, common);
        match act {
            Act::Rest(Why::Asking) => SOON,
            Act::Rest(_) => SPEAK,
            Act::Lock => self.try_it(Step::Take, &sight, &terms).await,
            Act::Ask => {
                self.watched.doubt();
                SOON
            }
            Act::Claim(server) => self.try_it(Step::Claim(server), &sight, &terms).await,
            Act::Order(_) if Instant::now() < self.from => SPEAK,
            Act::Order(server) => {
                self.order(server, &sight, &terms, failover).await;
                Duration::ZERO
            }
        }
    }

    fn sight(&self) -> Sight {
        self.watched.cluster().sight()
    }

    /// Says what is seen, and hears what the others do.
    async fn speak(&mut self, terms: &Terms) -> Option<Common> {
        let (sight, now) = (self.sight(), self.watched.now());
        let votes = Promotion::votes(terms, &sight, now);
        let keeps = self.promotion.keeps_lock();
        let heard = self.shared.as_mut()?.speak(&sight, votes, keeps, now).await;
        let awaits = self.watched.cluster().is_waiting();
        match heard {
            Ok(Some(heard)) => {
                let timeline = heard.common.timeline;
                if awaits || timeline > sight.timeline {
                    self.watched.remember(Some((timeline, heard.primary)));
                }
                if self.waiting.take().is_some() {
                    tracing::info!(database = self.watched.entry.name, "other instances are heard of again");
                }
                Some(heard.common)
            }
            Ok(None) => None,
            Err(error) => {
                let database = &self.watched.entry.name;
                if self.waiting.is_none() {
                    tracing::warn!(database, "no replica could be promoted now: {error}");
                }
                let since = *self.waiting.get_or_insert_with(Instant::now);
                if awaits && since.elapsed() > GIVE_UP {
                    tracing::warn!(database, "it is not known which primary others have seen last: {error}");
                    self.watched.remember(None);
                }
                self.watched.promotion().error = Some(error.to_string());
                None
            }
        }
    }

    async fn try_it(&mut self, step: Step, sight: &Sight, terms: &Terms) -> Duration {
        let Some(shared) = &mut self.shared else { return SPEAK };
        let done = match step {
            Step::Take => shared.take(sight).await,
            Step::Claim(server) => shared.claim(sight, server, terms.instances).await,
            Step::Withdraw => shared.withdraw(sight).await,
        };
        match done {
            Ok(()) => Duration::ZERO,
            Err(error) => {
                let database = &self.watched.entry.name;
                tracing::warn!(database, "no replica is promoted yet: {error}");
                self.watched.promotion().error = Some(error.to_string());
                SPEAK
            }
        }
    }

    /// Has the server promoted, and goes on speaking meanwhile, so that nobody else takes it for lost.
    async fn order(&mut self, server: usize, sight: &Sight, terms: &Terms, failover: &Failover) {
        let watched = Arc::clone(&self.watched);
        let (database, name) = (watched.entry.name.as_str(), news::name(&watched.entry, server));
        tracing::warn!(database, server = name, timeline = sight.timeline, "the server is being promoted");
        let order = Order { server, old: sight.primary, timeline: sight.timeline };
        let carried_out = order.carry_out(&watched, failover);
        tokio::pin!(carried_out);
        let outcome = loop {
            tokio::select! {
                outcome = &mut carried_out => break outcome,
                () = sleep(SPEAK) => drop(self.speak(terms).await),
            }
        };
        self.promotion.ordered(terms, sight.timeline, matches!(outcome, Outcome::Refused(_)));
        self.from = Instant::now() + AGAIN;
        let events = &watched.hub().events;
        match outcome {
            Outcome::Done => {
                events.count(Event::PromotionDone);
                tracing::warn!(database, server = name, "the server was promoted");
                // it is to be seen at once
                watched.doubt();
            }
            Outcome::Refused(why) => {
                events.count(Event::PromotionFailed);
                tracing::error!(database, server = name, "the server was not promoted: {why}");
                watched.promotion().error = Some(why);
                self.try_it(Step::Withdraw, sight, terms).await;
            }
            Outcome::Unclear(why) => {
                events.count(Event::PromotionFailed);
                tracing::error!(
                    database,
                    server = name,
                    "it is not known whether the server was promoted: {why}"
                );
                watched.promotion().error = Some(why);
            }
        }
    }

    /// What is decided, for views and in the log.
    fn note(&mut self, act: Act, common: Option<Common>) {
        let state = match act {
            Act::Rest(why) => why.as_str(),
            Act::Lock => Why::Locked.as_str(),
            Act::Ask => Why::Asking.as_str(),
            Act::Claim(_) | Act::Order(_) => "promoting",
        };
        let mut status = self.watched.promotion();
        status.state = Some(state);
        status.common = common;
        if let Act::Claim(server) | Act::Order(server) = act {
            status.server = Some(server);
        }
        if act == Act::Rest(Why::Watching) {
            (status.server, status.error) = (None, None);
        }
        drop(status);
        let Act::Rest(why) = act else { return };
        if why == Why::Watching {
            self.told.clear();
        }
        if self.told.contains(&why) {
            return;
        }
        let database = &self.watched.entry.name;
        if why.is_dead_end() {
            self.told.push(why);
            self.watched.hub().events.count(Event::PromotionStuck);
            tracing::error!(
                database,
                "the primary does not answer, and no replica is promoted: {}",
                why.as_str()
            );
        } else if why == Why::Outvoted {
            self.told.push(why);
            tracing::warn!(database, "the primary does not answer here, but it may elsewhere: no majority");
        }
    }
}

/// What all instances are told.
#[derive(Clone, Copy, Debug)]
enum Step {
    Take,
    Claim(usize),
    Withdraw,
}

/// How replicas of this database are promoted. Where Patroni is asked, it promotes, and nobody else.
fn promotes(failover: &Failover, entry: &Database) -> Promote {
    let by_patroni = entry.servers.iter().any(|server| server.patroni.is_some());
    if by_patroni { Promote::Never } else { failover.promote }
}

fn terms(failover: &Failover, route: &Route) -> Terms {
    Terms {
        timeout: failover.timeout,
        // without it the configuration does not hold
        instances: failover.instances.unwrap_or(u32::MAX),
        most_lost: failover.max_lost.into(),
        repeats: failover.promote == Promote::PgPromote,
        patience: route.probe_timeout * 2 + MARGIN,
    }
}

/// What the machine is called.
fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "pgweir".to_owned() } else { name.trim().to_owned() }
}

/// No other process has this one, nor has this one had it before.
fn token(name: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{name}/{}/{}", std::process::id(), now.as_nanos())
}
