//! The servers of a database, one report after the other, and the view that comes of them.

use std::sync::Arc;
use std::time::Duration;

use config::{Database, Role, Servers};
use wire::lsn::Lsn;

use crate::breaker::{self, Breaker, Rules};
use crate::health::{self, Health};
use crate::lag::{Lag, Track};
use crate::loads::{Loads, Side};
use crate::primary::{Heard, Part, Reign};
use crate::probe::{Failure, Report};
use crate::view::{Fitness, Member, View};

/// A machine that is busier than this gets less.
const BUSY: f64 = 0.8;
/// Thousandths, in which weights are told.
const WHOLE: u32 = 1_000;

/// What is remembered of one server.
#[derive(Clone, Debug)]
struct Server {
    name: Arc<str>,
    role: Role,
    weight: u32,
    near: bool,
    health: Health,
    breakers: [Breaker; 2],
    report: Option<Report>,
    /// What it has replayed, at least.
    replayed: Option<Lsn>,
    banned: bool,
    /// The share of its machine's time that is used.
    cpu: Option<f64>,
}

/// The servers of a database.
#[derive(Clone, Debug)]
pub struct Cluster {
    servers: Vec<Server>,
    reign: Reign,
    parts: Vec<Part>,
    track: Track,
    settings: Servers,
    rules: Rules,
}

/// Something that people should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Another server takes writes now; its number and its timeline.
    NewPrimary(usize, u32),
    /// This server claims to be the primary and is not.
    Fenced(usize),
    /// This server belongs to another cluster.
    Foreign(usize),
    /// This server has become something else.
    Became(usize, Part),
    /// Its health has changed.
    Health(usize, health::State),
}

impl Cluster {
    /// Of which nothing is known yet.
    #[must_use]
    pub fn new(database: &Database, settings: &Servers) -> Self {
        let near =
            |zone: Option<&String>| settings.route.local_zone.as_ref().is_none_or(|own| Some(own) == zone);
        let server = |server: &config::Server| Server {
            name: server.shown_name().into(),
            role: server.role,
            weight: server.weight,
            near: near(server.zone.as_ref()),
            health: Health::default(),
            breakers: [Breaker::default(), Breaker::default()],
            report: None,
            replayed: None,
            banned: false,
            cpu: None,
        };
        Self {
            servers: database.servers.iter().map(server).collect(),
            reign: Reign::default(),
            parts: vec![Part::Unknown; database.servers.len()],
            track: Track::default(),
            settings: settings.clone(),
            rules: Rules::from(&settings.breaker),
        }
    }

    /// New settings, for the same servers.
    pub fn set(&mut self, settings: &Servers) {
        self.rules = Rules::from(&settings.breaker);
        self.settings = settings.clone();
    }

    /// What a server has answered that was asked at `asked`, and what that changes.
    pub fn report(&mut self, at: usize, asked: Duration, answer: Result<Report, Failure>) -> Vec<News> {
        let mut news = Vec::new();
        let Some(server) = self.servers.get_mut(at) else { return news };
        let before = server.health.state();
        match answer {
            Ok(report) => {
                server.health.succeeded();
                server.tried(&self.rules, asked, true);
                server.report = Some(report);
            }
            Err(_) => {
                server.health.failed();
                server.tried(&self.rules, asked, false);
                // what it said last holds until it is down: one lost probe changes nothing
                if server.health.state() == health::State::Down {
                    server.report = None;
                }
            }
        }
        let after = server.health.state();
        if before != after {
            news.push(News::Health(at, after));
        }
        self.look(&mut news);
        if let Ok(report) = answer {
            self.follow(at, asked, report);
        }
        news
    }

    /// What servers are to each other, now that one has said something.
    fn look(&mut self, news: &mut Vec<News>) {
        let heard: Vec<Heard> =
            self.servers.iter().map(|server| Heard { role: server.role, report: server.report }).collect();
        let before = self.reign.primary();
        let parts = self.reign.look(&heard);
        if let Some(now) = self.reign.primary().filter(|now| before != Some(*now)) {
            news.push(News::NewPrimary(now, self.reign.timeline()));
            // positions of different timelines are not to be compared
            self.track.clear();
        }
        for (at, (old, new)) in self.parts.iter().zip(&parts).enumerate() {
            match (old, new) {
                (old, new) if old == new => {}
                (_, Part::Fenced) => news.push(News::Fenced(at)),
                (_, Part::Foreign) => news.push(News::Foreign(at)),
                (_, Part::Primary | Part::Unknown) => {}
                (_, other) => news.push(News::Became(at, *other)),
            }
            if old != new
                && let Some(server) = self.servers.get_mut(at)
            {
                server.replayed = None;
            }
        }
        self.parts = parts;
    }

    fn follow(&mut self, at: usize, asked: Duration, report: Report) {
        let Some(position) = report.position else { return };
        match (self.parts.get(at), self.servers.get_mut(at)) {
            (Some(Part::Primary), _) => self.track.note(asked, position),
            (Some(Part::Replica), Some(server)) => server.replayed = server.replayed.max(Some(position)),
            _ => {}
        }
    }

    /// A replica is known to have replayed so much, whoever has asked it.
    pub fn replayed(&mut self, at: usize, position: Lsn) {
        if let Some(server) = self.servers.get_mut(at).filter(|_| self.parts.get(at) == Some(&Part::Replica))
        {
            server.replayed = server.replayed.max(Some(position));
        }
    }

    /// A server is to be asked at once: a breaker waits for one try.
    #[must_use]
    pub fn wants_probe(&self, at: usize, now: Duration) -> bool {
        let tries = |breaker: &Breaker| breaker.state(&self.rules, now) == breaker::State::HalfOpen;
        self.servers.get(at).is_some_and(|server| server.breakers.iter().any(tries))
    }

    /// What connections to servers have come to since the last time.
    pub fn outcomes(&mut self, loads: &Loads, now: Duration) {
        for (at, server) in self.servers.iter_mut().enumerate() {
            for (breaker, side) in server.breakers.iter_mut().zip([Side::Read, Side::Write]) {
                let (good, bad) = loads.take_outcomes(at, side);
                (0..good).for_each(|_| breaker.succeeded(&self.rules, now));
                (0..bad).for_each(|_| breaker.failed(&self.rules, now));
            }
        }
    }

    /// How busy a server's machine is, from 0 to 1; none if that is not known.
    pub fn cpu(&mut self, at: usize, cpu: Option<f64>) {
        if let Some(server) = self.servers.get_mut(at) {
            server.cpu = cpu;
        }
    }

    /// Takes a server out by hand, or puts it back; false if there is none of this name, or host.
    pub fn ban(&mut self, name: &str, banned: bool) -> bool {
        let mut found = false;
        for server in self.servers.iter_mut().filter(|server| *server.name == *name) {
            found = true;
            server.banned = banned;
            if !banned {
                server.breakers.iter_mut().for_each(Breaker::reset);
            }
        }
        found
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self, now: Duration) -> View {
        let route = &self.settings.route;
        let mut members: Vec<Member> =
            (0..self.servers.len()).filter_map(|at| self.member(at, now)).collect();
        // the last ones that answer are not left alone
        if !members.iter().any(|member| member.fit == Fitness::Fit) {
            for member in &mut members {
                if member.fit == Fitness::Broken {
                    member.fit = Fitness::Fit;
                }
            }
        }
        let serves = |at: &usize| members.get(*at).is_some_and(|member| member.health.serves());
        let primary = self.reign.primary().filter(serves);
        View { members, primary, balance: route.balance, replicas_down: route.replicas_down }
    }

    fn member(&self, at: usize, now: Duration) -> Option<Member> {
        let server = self.servers.get(at)?;
        let part = self.parts.get(at).copied().unwrap_or(Part::Unknown);
        let lag = server.replayed.and_then(|replayed| self.track.lag(replayed, now));
        let lag = lag.filter(|_| part == Part::Replica);
        let [read, write] = &server.breakers;
        let breakers = [read.state(&self.rules, now), write.state(&self.rules, now)];
        let mut member = Member {
            name: Arc::clone(&server.name),
            part,
            health: server.health.state(),
            breakers,
            fit: Fitness::Fit,
            replayed: server.replayed,
            lag,
            weight: weight(server),
            near: server.near,
        };
        member.fit = self.fitness(server, &member);
        Some(member)
    }

    fn fitness(&self, server: &Server, member: &Member) -> Fitness {
        let freshness = self.settings.route.freshness;
        let too_far =
            |lag: Lag| lag.time > freshness.max_lag || lag.bytes > u64::from(freshness.max_lag_bytes);
        let [read, _] = member.breakers;
        if member.part != Part::Replica {
            Fitness::NotReplica
        } else if !member.health.serves() {
            Fitness::Down
        } else if server.banned {
            Fitness::Banned
        } else if member.lag.is_none() {
            Fitness::Unknown
        } else if member.lag.is_some_and(too_far) {
            Fitness::Behind
        } else if member.weight == 0 {
            Fitness::Weightless
        } else if read != breaker::State::Closed {
            Fitness::Broken
        } else {
            Fitness::Fit
        }
    }
}

impl Server {
    /// A probe is the one try that a half-open breaker lets pass.
    fn tried(&mut self, rules: &Rules, now: Duration, good: bool) {
        for breaker in &mut self.breakers {
            if breaker.state(rules, now) == breaker::State::HalfOpen {
                if good { breaker.succeeded(rules, now) } else { breaker.failed(rules, now) }
            }
        }
    }
}

/// The weight in thousandths; beyond 80 % of the machine's time it falls, to a tenth where nothing is left.
fn weight(server: &Server) -> u32 {
    let full = server.weight.saturating_mul(WHOLE);
    let Some(cpu) = server.cpu.filter(|cpu| *cpu > BUSY) else { return full };
    let left = ((1.0 - cpu.min(1.0)) / (1.0 - BUSY)).max(0.1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and what it was")]
    let less = (f64::from(full) * left) as u32;
    less.max(u32::from(full > 0))
}

#[cfg(test)]
mod tests;
