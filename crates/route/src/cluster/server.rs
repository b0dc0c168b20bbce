//! What is remembered of one server.

use std::sync::Arc;
use std::time::Duration;

use config::{Role, Route};
use wire::lsn::Lsn;

use crate::breaker::{Breaker, Rules, State};
use crate::health::{self, Health};
use crate::patroni::Post;
use crate::probe::{Failure, Report};
use crate::resync::{Advice, Fed};

/// A machine that is busier than this gets less.
const BUSY: f64 = 0.8;
/// Thousandths, in which weights are told.
const WHOLE: u32 = 1_000;

/// What is remembered of one server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) name: Arc<str>,
    /// Where it is: by that it is known again.
    pub(super) address: (String, u16),
    pub(super) role: Role,
    share: Share,
    pub(super) health: Health,
    pub(super) breakers: [Breaker; 2],
    /// When it was last asked, and why it has not answered, if it has not.
    pub(super) asked: Option<Duration>,
    pub(super) failed: Option<Failure>,
    pub(super) report: Option<Report>,
    /// What it had replayed when it was last asked for that, and when that was.
    pub(super) replayed: Option<(Duration, Lsn)>,
    pub(super) banned: bool,
    pub(super) aside: Aside,
}

/// What is known of it besides what it says of itself now.
#[derive(Clone, Debug, Default)]
pub(super) struct Aside {
    /// Since when it receives nothing.
    pub(super) fed: Fed,
    /// What is to be said of it if it can not follow.
    pub(super) advice: Option<Advice>,
    /// What Patroni says.
    pub(super) patroni: Post,
    /// Since when nothing at all comes from it when it is asked; none while something does.
    pub(super) lost: Option<Duration>,
    /// The highest timeline that it has told as a replica, for as long as it is one: without its primary it tells what its
    /// control file has, which is minutes old.
    pub(super) followed: Option<u32>,
}

/// Its share of the reads.
#[derive(Clone, Copy, Debug)]
struct Share {
    weight: u32,
    /// It stands where we do.
    near: bool,
    /// Patroni does not want it left out.
    listed: bool,
    /// The share of its machine's time that is used.
    cpu: Option<f64>,
}

/// What a server has said last, and what is counted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When it was last asked; none if it was not yet.
    pub asked: Option<Duration>,
    /// Why it has not answered then, if it has not.
    pub failed: Option<Failure>,
    /// What it has said last, while that holds.
    pub report: Option<Report>,
    /// Connections that could be made and could not, within the window: as a replica, and as the primary.
    pub outcomes: [(u32, u32); 2],
}

impl Server {
    pub(super) fn new(server: &config::Server, route: &Route) -> Self {
        let zone = server.zone.as_ref();
        let near = route.local_zone.as_ref().is_none_or(|own| Some(own) == zone);
        Self {
            name: server.shown_name().into(),
            address: (server.host.to_string(), server.port),
            role: server.role,
            share: Share { weight: server.weight, near, listed: true, cpu: None },
            health: Health::default(),
            breakers: [Breaker::default(), Breaker::default()],
            asked: None,
            failed: None,
            report: None,
            replayed: None,
            banned: false,
            aside: Aside::default(),
        }
    }

    /// Takes over what was known of it under another configuration.
    pub(super) fn inherit(&mut self, old: &Self) {
        let (name, address, role) = (self.name.clone(), self.address.clone(), self.role);
        let share = Share { cpu: old.share.cpu, listed: old.share.listed, ..self.share };
        *self = Self { name, address, role, share, ..old.clone() };
    }

    /// What it has answered that was asked at `asked`.
    pub(super) fn hear(&mut self, rules: &Rules, asked: Duration, answer: Result<Report, Failure>) {
        self.asked = Some(asked);
        self.failed = answer.err();
        self.tried(rules, asked, answer.is_ok());
        self.aside.lost = match answer {
            // whoever says that it starts, stops or wants another password is there
            Ok(_) | Err(Failure::Login | Failure::NotReady) => None,
            Err(Failure::Connect | Failure::Late) => self.aside.lost.or(Some(asked)),
        };
        match answer {
            Ok(report) => {
                self.health.succeeded();
                if report.in_recovery {
                    self.aside.fed.said(asked, report.receiving, report.position);
                } else {
                    self.aside.fed.forget();
                }
                self.aside.followed = report.timeline.max(self.aside.followed).filter(|_| report.in_recovery);
                self.report = Some(report);
            }
            // it is there, and clients may be let in where we are not: what it has said grows old
            Err(Failure::Login) => {}
            Err(Failure::Connect | Failure::Late | Failure::NotReady) => {
                self.health.failed();
                self.aside.fed.forget();
                // what it said last holds until it is down: one lost probe changes nothing
                if self.health.state() == health::State::Down {
                    self.report = None;
                }
            }
        }
    }

    /// It had replayed so much. That may be less than before: after a crash it begins anew, somewhat further back.
    pub(super) fn reach(&mut self, asked: Duration, position: Lsn) {
        if self.replayed.is_none_or(|(last, _)| last <= asked) {
            self.replayed = Some((asked, position));
        }
    }

    pub(super) fn told(&self) -> Told {
        let [read, write] = &self.breakers;
        let outcomes = [read.counts(), write.counts()];
        Told { asked: self.asked, failed: self.failed, report: self.report, outcomes }
    }

    /// Its name, its host, or its host and port.
    pub(super) fn is_called(&self, what: &str) -> bool {
        let (host, port) = &self.address;
        *self.name == *what || host == what || format!("{host}:{port}") == what
    }

    pub(super) fn near(&self) -> bool {
        self.share.near
    }

    /// Whether it may get reads, by Patroni's tags.
    pub(super) fn is_listed(&mut self, listed: bool) {
        self.share.listed = listed;
    }

    /// How busy its machine is.
    pub(super) fn is_busy(&mut self, cpu: Option<f64>) {
        self.share.cpu = cpu;
    }

    /// The weight in thousandths; beyond 80 % of the machine's time it falls, to a tenth where nothing is left.
    pub(super) fn weight(&self) -> u32 {
        if !self.share.listed {
            return 0;
        }
        let full = self.share.weight.saturating_mul(WHOLE);
        let Some(cpu) = self.share.cpu.filter(|cpu| *cpu > BUSY) else { return full };
        let left = ((1.0 - cpu.min(1.0)) / (1.0 - BUSY)).max(0.1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and what it was"
        )]
        let less = (f64::from(full) * left) as u32;
        less.max(u32::from(full > 0))
    }

    /// A probe is the one try that a half-open breaker lets pass.
    fn tried(&mut self, rules: &Rules, now: Duration, good: bool) {
        for breaker in &mut self.breakers {
            if breaker.state(rules, now) == State::HalfOpen {
                if good { breaker.succeeded(rules, now) } else { breaker.failed(rules, now) }
            }
        }
    }
}
