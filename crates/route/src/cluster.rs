//! The servers of a database, one report after the other, and the view that comes of them.

mod patroni;
mod resync;
mod server;
mod sight;

use std::sync::Arc;
use std::time::Duration;

use config::{Database, Servers};
use wire::lsn::Lsn;

use crate::breaker::{self, Breaker, Rules};
use crate::health;
use crate::lag::{Lag, Track};
use crate::loads::{Loads, Side};
use crate::patroni::Vote;
use crate::primary::{Heard, Part, Reign};
use crate::probe::{Failure, Report};
use crate::view::{Fitness, Member, View};
pub use resync::Condition;
use server::Server;
pub use server::Told;

/// What servers are is not said before all have been asked once, but for those that take longer than this: who is the
/// primary must not hang on who answers first.
const TOGETHER: Duration = Duration::from_millis(500);

/// The servers of a database.
#[derive(Clone, Debug)]
pub struct Cluster {
    servers: Vec<Server>,
    reign: Reign,
    /// The first position that the primary was seen at on its timeline.
    began: Option<Lsn>,
    parts: Vec<Part>,
    track: Track,
    settings: Servers,
    rules: Rules,
    begun: Option<Duration>,
    /// It has been said what they are.
    looked: bool,
    memory: sight::Memory,
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
        Self {
            servers: database.servers.iter().map(|server| Server::new(server, &settings.route)).collect(),
            reign: Reign::default(),
            began: None,
            parts: vec![Part::Unknown; database.servers.len()],
            track: Track::default(),
            settings: settings.clone(),
            rules: Rules::from(&settings.breaker),
            begun: None,
            looked: false,
            memory: sight::Memory::default(),
        }
    }

    /// New settings, for the same servers.
    pub fn set(&mut self, settings: &Servers) {
        self.rules = Rules::from(&settings.breaker);
        self.settings = settings.clone();
    }

    /// Other servers, or other words for the same ones: what is known of those that stay is kept.
    #[must_use]
    pub fn moved(&self, database: &Database, settings: &Servers) -> Self {
        let mut new = Self::new(database, settings);
        let at_of = |server: &Server| self.servers.iter().position(|old| old.address == server.address);
        let origins: Vec<Option<usize>> = new.servers.iter().map(at_of).collect();
        for ((server, part), origin) in new.servers.iter_mut().zip(&mut new.parts).zip(&origins) {
            if let Some(at) = *origin
                && let (Some(old), Some(was)) = (self.servers.get(at), self.parts.get(at))
            {
                server.inherit(old);
                *part = *was;
            }
        }
        new.reign = self.reign.moved(|old| origins.iter().position(|origin| *origin == Some(old)));
        new.began = self.began;
        new.track.clone_from(&self.track);
        new.begun = self.begun;
        new.looked = self.looked;
        new.memory = self.memory.moved(|old| origins.iter().position(|origin| *origin == Some(old)));
        new
    }

    /// What a server has answered that was asked at `asked`, and what that changes.
    pub fn report(&mut self, at: usize, asked: Duration, answer: Result<Report, Failure>) -> Vec<News> {
        let mut news = Vec::new();
        let Some(server) = self.servers.get_mut(at) else { return news };
        let before = server.health.state();
        server.hear(&self.rules, asked, answer);
        let after = server.health.state();
        if before != after {
            news.push(News::Health(at, after));
        }
        let begun = *self.begun.get_or_insert(asked);
        let alone = self.servers.iter().any(|server| server.asked.is_none());
        if self.memory.is_awaited() || (asked < begun.saturating_add(TOGETHER) && alone) {
            return news;
        }
        self.look(&mut news);
        // those that had to wait for the others
        for at in 0..self.servers.len() {
            self.follow(at);
        }
        news
    }

    /// Whether it has been said what the servers are: if none is the primary then, there is none. One that lets us not in
    /// may be it.
    #[must_use]
    pub fn has_looked(&self) -> bool {
        let hides = |server: &Server| server.report.is_none() && server.failed == Some(Failure::Login);
        self.looked && !self.servers.iter().any(hides)
    }

    /// What servers are to each other, now that one has said something.
    fn look(&mut self, news: &mut Vec<News>) {
        self.looked = true;
        let votes = self.votes();
        let heard =
            |(server, vote): (&Server, Vote)| Heard { role: server.role, report: server.report, vote };
        let heard: Vec<Heard> = self.servers.iter().zip(votes).map(heard).collect();
        let before = (self.reign.primary(), self.reign.timeline());
        let parts = self.reign.look(&heard);
        let after = (self.reign.primary(), self.reign.timeline());
        if let (Some(now), timeline) = after
            && before != after
        {
            if before.0 != Some(now) {
                news.push(News::NewPrimary(now, timeline));
            }
            self.began = self.servers.get(now).and_then(|server| server.report?.position);
            // positions of different timelines are not to be compared
            self.track.clear();
            self.servers.iter_mut().for_each(|server| server.replayed = None);
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

    /// Takes in the position that a server has reported.
    fn follow(&mut self, at: usize) {
        let Some(server) = self.servers.get_mut(at) else { return };
        let Some((asked, report)) = server.asked.zip(server.report) else { return };
        let Some(position) = report.position.filter(|_| server.failed.is_none()) else { return };
        match self.parts.get(at) {
            Some(Part::Primary) => self.track.note(asked, position),
            // one that follows another primary, or has more of the old one than there is, is at none of our positions
            Some(Part::Replica) if self.reign.is_on_it(report.timeline) => server.reach(asked, position),
            Some(Part::Replica | Part::Unknown | Part::Fenced | Part::Foreign) | None => {}
        }
    }

    /// A server has been asked for its position alone, as what it is known to be.
    pub fn position(&mut self, at: usize, asked: Duration, position: Lsn) {
        let Some(server) = self.servers.get_mut(at) else { return };
        match self.parts.get(at) {
            Some(Part::Primary) => self.track.note(asked, position),
            Some(Part::Replica) if server.replayed.is_some() => server.reach(asked, position),
            Some(Part::Replica | Part::Unknown | Part::Fenced | Part::Foreign) | None => {}
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
            server.is_busy(cpu);
        }
    }

    /// What a server has said last, and what is counted of it.
    #[must_use]
    pub fn told(&self, at: usize) -> Option<Told> {
        self.servers.get(at).map(Server::told)
    }

    /// The timeline of the primary, or the highest that is remembered; 0 if there is none.
    #[must_use]
    pub fn timeline(&self) -> u32 {
        self.reign.timeline()
    }

    /// Whether a primary was ever found.
    #[must_use]
    pub fn had_primary(&self) -> bool {
        self.reign.has_been()
    }

    /// Takes servers out by hand, or puts them back: by name, host, or host and port. How many there are of that kind.
    pub fn ban(&mut self, what: &str, banned: bool) -> usize {
        let mut found = 0;
        for server in self.servers.iter_mut().filter(|server| server.is_called(what)) {
            found += 1;
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
        let replayed = server.replayed.map(|(_, position)| position);
        let lag = replayed.and_then(|replayed| self.track.lag(replayed, now));
        let lag = lag.filter(|_| part == Part::Replica);
        let [read, write] = &server.breakers;
        let breakers = [read.state(&self.rules, now), write.state(&self.rules, now)];
        let mut member = Member {
            name: Arc::clone(&server.name),
            part,
            health: server.health.state(),
            breakers,
            fit: Fitness::Fit,
            replayed,
            lag,
            weight: server.weight(),
            near: server.near(),
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

#[cfg(test)]
mod tests;
