//! Figures for the HTTP endpoint, gathered when somebody asks; no server is asked for them.

use pool::Error;
use pool::directory::Roll;
use route::health::State;
use route::primary::Part;
use route::view::Fitness;
use route::{Member, View, breaker};
use session::Hub;
use session::meanings::Meanings;
use telemetry::snapshot::{ClientFigures, ServerFigures, ServerPart};
use telemetry::{
    CatalogueFigures, DatabaseFigures, DatabaseHealth, Durations, Event, Health, PoolFigures, Process,
    Servers, Snapshot,
};

use crate::census::Census;
use crate::control::Control;
use crate::http::Source;
use crate::monitor::Watched;

impl Source for Control {
    fn snapshot(&self) -> Snapshot {
        let config = self.hub.directory.config();
        let census = Census::take(&self.hub);
        let databases = databases(self, &census);
        let recent = self.ledger.recent(census.totals().into_values().sum());
        let pools = census.pools.into_iter().map(|((database, user), crew)| PoolFigures {
            database,
            user,
            size: crew.size(),
            now: crew.now,
            totals: crew.totals,
        });
        Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            workers: self.desk.figures(),
            clients: ClientFigures {
                open: self.desk.connections(),
                limit: u64::from(config.pool.max_clients),
                buffer_bytes: None,
            },
            pools: pools.collect(),
            databases,
            servers: self.monitors.look().iter().flat_map(|watched| watched_servers(watched)).collect(),
            catalogues: self.hub.meanings.all().iter().filter_map(|it| catalogue(it)).collect(),
            events: self.hub.events.read(),
            durations: Durations::read(self.hub.directory.timings()),
            recent,
            process: Process::look(self.started),
            ..Snapshot::default()
        }
    }

    fn health(&self) -> Health {
        let phase = match self.hub.shutdown.phase() {
            net::Phase::Running => telemetry::health::Phase::Running,
            net::Phase::Draining | net::Phase::Fast => telemetry::health::Phase::Draining,
        };
        let config = self.hub.directory.config();
        let databases = config.databases.iter().map(|database| DatabaseHealth {
            name: database.name.clone(),
            servers: servers(&self.hub, &database.name),
        });
        Health { phase, databases: databases.collect() }
    }

    fn panicked(&self) {
        self.hub.events.count(Event::PanicCaught);
    }
}

fn watched_servers(watched: &Watched) -> Vec<ServerFigures> {
    let view = watched.board.view();
    let cluster = watched.cluster();
    let figures = |(at, member): (usize, &Member)| ServerFigures {
        database: watched.entry.name.clone(),
        name: (*member.name).to_owned(),
        up: member.health.serves(),
        part: match member.part {
            Part::Primary => ServerPart::Primary,
            Part::Fenced => ServerPart::Fenced,
            Part::Unknown | Part::Replica | Part::Foreign => ServerPart::Other,
        },
        readable: member.fit == Fitness::Fit,
        cut_off: cluster.advice(at).is_some(),
        lag: member.lag.map(|lag| (lag.time, lag.bytes)),
        breakers: member.breakers.map(|state| match state {
            breaker::State::Closed => 0,
            breaker::State::HalfOpen => 1,
            breaker::State::Open => 2,
        }),
    };
    view.members.iter().enumerate().map(figures).collect()
}

/// None where it is not known.
fn catalogue(meanings: &Meanings) -> Option<CatalogueFigures> {
    let told = meanings.told();
    told.read?;
    let names = u64::try_from(told.names.all).unwrap_or(u64::MAX);
    Some(CatalogueFigures { database: meanings.asked.clone(), names })
}

/// Those of the configuration, and those that clients asked for under `*`.
fn databases(control: &Control, census: &Census) -> Vec<DatabaseFigures> {
    let config = control.hub.directory.config();
    let holds = control.hub.directory.holds();
    let mut names: Vec<&str> = config.databases.iter().map(|database| database.name.as_str()).collect();
    names.retain(|name| *name != "*");
    names.extend(census.totals().into_keys().filter(|name| config.database(name).is_some()));
    names.sort_unstable();
    names.dedup();
    let figures = |name: &str| {
        let entry = config.database(name)?;
        Some(DatabaseFigures {
            name: name.to_owned(),
            servers: census.servers(|database, _| database == name),
            servers_limit: config.pool.with(&entry.pool).max_server_connections().into(),
            paused: holds.holds(name),
        })
    };
    names.into_iter().filter_map(figures).collect()
}

/// How the servers of a database fare.
pub(crate) fn servers(hub: &Hub, database: &str) -> Servers {
    let watched = hub.boards.get(database).and_then(|board| watched(&board.view()));
    watched.unwrap_or_else(|| used(&hub.directory.roll(), database))
}

/// Where the servers are watched: down, if none answers. None if nobody knows yet.
fn watched(view: &View) -> Option<Servers> {
    let all = |wanted: fn(&Member) -> bool| !view.members.is_empty() && view.members.iter().all(wanted);
    if all(|member| member.health == State::Down) {
        Some(Servers::Down)
    } else {
        view.members.iter().any(|member| member.health.serves()).then_some(Servers::Up)
    }
}

/// Else a database is down if a connection was wanted and could not be had, and none is left. That a server refuses
/// somebody's log-in does not count: strangers must not be able to make us look ill.
fn used(roll: &Roll, database: &str) -> Servers {
    let mut found = Servers::Unknown;
    for pool in roll.pools.iter().filter(|pool| pool.key.database == database) {
        let (open, failed) = pool.look(|state| {
            let (lent, idle, _) = state.counts();
            (lent + idle > 0, state.last_error.as_ref().is_some_and(is_failure))
        });
        if open || (!failed && pool.learnt.welcome().is_some()) {
            return Servers::Up;
        }
        if failed {
            found = Servers::Down;
        }
    }
    found
}

fn is_failure(error: &Error) -> bool {
    !error.is_final()
}
