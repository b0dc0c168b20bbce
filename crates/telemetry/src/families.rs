//! From a snapshot to samples: which figure is shown under which metric of the catalogue.
//! Pure, and always in the same order. Formats (`prometheus`) know nothing of pools; this knows no format.

use std::time::Duration;

use crate::counters::micros;
use crate::events::Event;
use crate::histogram::Distribution;
use crate::metrics::{self as m, Metric};
use crate::snapshot::{
    CatalogueFigures, DatabaseFigures, PoolFigures, ServerFigures, ServerPart, Snapshot, WorkerFigures,
};

/// A metric and its samples.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    /// Which one.
    pub(crate) metric: &'static Metric,
    /// Its samples, in the order in which they are shown.
    pub(crate) samples: Vec<Sample<'a>>,
}

/// One value under its labels.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    /// The values of the metric's labels, in the metric's order.
    pub(crate) labels: Vec<&'a str>,
    /// The value.
    pub(crate) value: Value<'a>,
}

/// A value. Times are kept in microseconds, so that showing them in seconds loses nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// A count, or bytes.
    Number(u64),
    /// A time, shown in seconds.
    Micros(u64),
    /// A histogram of times.
    Times(&'a Distribution),
}

impl<'a> Family<'a> {
    /// A metric without labels.
    fn one(metric: &'static Metric, value: Value<'a>) -> Self {
        Self { metric, samples: vec![Sample { labels: Vec::new(), value }] }
    }

    /// The same where there may be no figure: then there is no sample.
    fn maybe(metric: &'static Metric, value: Option<Value<'a>>) -> Self {
        let samples = value.map(|value| Sample { labels: Vec::new(), value }).into_iter().collect();
        Self { metric, samples }
    }
}

/// Shows `snapshot`, whose pools are given as [`Snapshot::merged_pools`] made them, in the catalogue's order.
#[must_use]
pub(crate) fn families<'a>(snapshot: &'a Snapshot, pools: &'a [PoolFigures]) -> Vec<Family<'a>> {
    let build = Sample { labels: vec![snapshot.version], value: Value::Number(1) };
    let mut all = vec![
        Family { metric: &m::BUILD_INFO, samples: vec![build] },
        Family::one(&m::WORKERS, Value::Number(u64::try_from(snapshot.workers.len()).unwrap_or(u64::MAX))),
        workers(&m::WORKER_CLIENTS, snapshot, |worker| Some(Value::Number(worker.clients))),
        workers(&m::WORKER_CPU, snapshot, |worker| worker.cpu.map(|cpu| Value::Micros(micros(cpu)))),
        Family::one(&m::CLIENTS, Value::Number(snapshot.clients.open)),
        Family::one(&m::CLIENTS_LIMIT, Value::Number(snapshot.clients.limit)),
        Family::maybe(&m::BUFFER_BYTES, snapshot.clients.buffer_bytes.map(Value::Number)),
    ];
    pool_families(pools, &mut all);
    database_families(snapshot, &mut all);
    server_families(&snapshot.servers, &mut all);
    let names = |it: &'a CatalogueFigures| Sample {
        labels: vec![it.database.as_str()],
        value: Value::Number(it.names),
    };
    all.push(Family {
        metric: &m::CATALOGUE_NAMES,
        samples: snapshot.catalogues.iter().map(names).collect(),
    });
    all.push(Family::one(&m::QUERY_DURATION, Value::Times(&snapshot.durations.query)));
    all.push(Family::one(&m::XACT_DURATION, Value::Times(&snapshot.durations.transaction)));
    all.push(Family::one(&m::WAIT_DURATION, Value::Times(&snapshot.durations.wait)));
    event_families(snapshot, &mut all);
    process_families(snapshot, &mut all);
    all
}

fn workers<'a>(
    metric: &'static Metric,
    snapshot: &'a Snapshot,
    value: impl Fn(&WorkerFigures) -> Option<Value<'a>>,
) -> Family<'a> {
    let sample =
        |worker: &'a WorkerFigures| Some(Sample { labels: vec![&*worker.name], value: value(worker)? });
    Family { metric, samples: snapshot.workers.iter().filter_map(sample).collect() }
}

fn pool_families<'a>(pools: &'a [PoolFigures], all: &mut Vec<Family<'a>>) {
    let by_state = |metric, states: &dyn Fn(&PoolFigures) -> Vec<(&'static str, u64)>| {
        let samples = pools.iter().flat_map(|pool| {
            states(pool).into_iter().map(move |(state, n)| Sample {
                labels: vec![&pool.database, &pool.user, state],
                value: Value::Number(n),
            })
        });
        Family { metric, samples: samples.collect() }
    };
    all.push(by_state(&m::POOL_CLIENTS, &|pool| pool.now.clients().to_vec()));
    all.push(by_state(&m::POOL_SERVERS, &|pool| pool.now.servers().to_vec()));

    let mut each = |metric, value: fn(&PoolFigures) -> Value<'static>| {
        let sample = |pool: &'a PoolFigures| Sample {
            labels: vec![pool.database.as_str(), pool.user.as_str()],
            value: value(pool),
        };
        all.push(Family { metric, samples: pools.iter().map(sample).collect() });
    };
    each(&m::POOL_SIZE, |pool| Value::Number(pool.size));
    each(&m::POOL_MAXWAIT, |pool| Value::Micros(pool.now.maxwait_us));
    each(&m::POOL_ASSIGNMENTS, |pool| Value::Number(pool.totals.server_assignment_count));
    each(&m::POOL_XACTS, |pool| Value::Number(pool.totals.xact_count));
    each(&m::POOL_QUERIES, |pool| Value::Number(pool.totals.query_count));
    each(&m::POOL_RECEIVED, |pool| Value::Number(pool.totals.bytes_received));
    each(&m::POOL_SENT, |pool| Value::Number(pool.totals.bytes_sent));
    each(&m::POOL_XACT_TIME, |pool| Value::Micros(pool.totals.xact_time_us));
    each(&m::POOL_QUERY_TIME, |pool| Value::Micros(pool.totals.query_time_us));
    each(&m::POOL_WAIT_TIME, |pool| Value::Micros(pool.totals.wait_time_us));
    each(&m::POOL_CLIENT_PARSES, |pool| Value::Number(pool.totals.client_parse_count));
    each(&m::POOL_SERVER_PARSES, |pool| Value::Number(pool.totals.server_parse_count));
    each(&m::POOL_BINDS, |pool| Value::Number(pool.totals.bind_count));
    each(&m::POOL_LOGINS, |pool| Value::Number(pool.totals.client_login_count));
}

fn database_families<'a>(snapshot: &'a Snapshot, all: &mut Vec<Family<'a>>) {
    let mut databases: Vec<_> = snapshot.databases.iter().collect();
    databases.sort_by(|a, b| a.name.cmp(&b.name));
    databases.dedup_by(|a, b| a.name == b.name);
    let mut each = |metric, value: fn(&DatabaseFigures) -> u64| {
        let samples = databases
            .iter()
            .map(|it| Sample { labels: vec![it.name.as_str()], value: Value::Number(value(it)) })
            .collect();
        all.push(Family { metric, samples });
    };
    each(&m::DATABASE_SERVERS, |it| it.servers);
    each(&m::DATABASE_SERVERS_LIMIT, |it| it.servers_limit);
    each(&m::DATABASE_PAUSED, |it| u64::from(it.paused));
}

/// Yes or no.
fn flag(holds: bool) -> Option<Value<'static>> {
    Some(Value::Number(u64::from(holds)))
}

fn server_families<'a>(servers: &'a [ServerFigures], all: &mut Vec<Family<'a>>) {
    let mut each = |metric, value: fn(&ServerFigures) -> Option<Value<'static>>| {
        let labels = |it: &'a ServerFigures| vec![it.database.as_str(), it.name.as_str()];
        let sample = |it: &'a ServerFigures| Some(Sample { labels: labels(it), value: value(it)? });
        all.push(Family { metric, samples: servers.iter().filter_map(sample).collect() });
    };
    each(&m::SERVER_UP, |it| flag(it.up));
    each(&m::SERVER_PRIMARY, |it| flag(it.part == ServerPart::Primary));
    each(&m::SERVER_READABLE, |it| flag(it.readable));
    each(&m::SERVER_FENCED, |it| flag(it.part == ServerPart::Fenced));
    each(&m::SERVER_CUT_OFF, |it| flag(it.cut_off));
    each(&m::REPLICA_LAG_SECONDS, |it| it.lag.map(|(time, _)| Value::Micros(micros(time))));
    each(&m::REPLICA_LAG_BYTES, |it| it.lag.map(|(_, bytes)| Value::Number(bytes)));
    let sides = |it: &'a ServerFigures| {
        let side = |(side, state)| Sample {
            labels: vec![it.database.as_str(), it.name.as_str(), side],
            value: Value::Number(state),
        };
        ["read", "write"].into_iter().zip(it.breakers).map(side).collect::<Vec<_>>()
    };
    all.push(Family { metric: &m::SERVER_BREAKER, samples: servers.iter().flat_map(sides).collect() });
}

/// Events of one metric stand together in their declaration; each opens its family or joins the last one.
fn event_families<'a>(snapshot: &'a Snapshot, all: &mut Vec<Family<'a>>) {
    for event in Event::ALL {
        let (metric, labels) = event.metric();
        let sample = Sample { labels: labels.to_vec(), value: Value::Number(snapshot.events.get(*event)) };
        match all.last_mut() {
            Some(last) if last.metric == metric => last.samples.push(sample),
            _ => all.push(Family { metric, samples: vec![sample] }),
        }
    }
}

fn process_families<'a>(snapshot: &'a Snapshot, all: &mut Vec<Family<'a>>) {
    let process = &snapshot.process;
    let time = |time: Duration| u64::try_from(time.as_micros()).ok().map(Value::Micros);
    all.push(Family::maybe(&m::RESIDENT_MEMORY, process.resident_bytes.map(Value::Number)));
    all.push(Family::maybe(&m::CPU, process.cpu.and_then(time)));
    all.push(Family::maybe(&m::OPEN_FDS, process.open_fds.map(Value::Number)));
    all.push(Family::maybe(&m::MAX_FDS, process.max_fds.map(Value::Number)));
    all.push(Family::maybe(&m::START_TIME, process.started.and_then(time)));
}
