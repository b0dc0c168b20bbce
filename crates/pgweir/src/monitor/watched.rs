//! One database: its servers, what is known of them, and where that hangs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use config::{Config, Database, Route};
use pool::Seat;
use pool::probe::{Failed, Kind, Said};
use pool::target::Target;
use route::cluster::News;
use route::floors::Ticket;
use route::loads::Side;
use route::patroni::Opinion;
use route::view::Fitness;
use route::{Board, Cluster, Failure, Report, View};
use session::Hub;
use telemetry::Event;
use tokio::sync::watch;
use wire::lsn::Lsn;

use super::news;
use super::promotion::Status;

/// How often what is known grows older by itself.
const TICK: Duration = Duration::from_millis(100);
/// What pools have counted is looked at every so many ticks.
const COUNTS: u32 = 5;

/// One database with several servers.
pub(crate) struct Watched {
    hub: Arc<Hub>,
    /// Its entry in the configuration, as it was when this began.
    pub(crate) entry: Arc<Database>,
    /// Where what is known hangs.
    pub(crate) board: Arc<Board>,
    cluster: Mutex<Cluster>,
    clock: Instant,
    pub(super) course: watch::Sender<Course>,
    /// How it stands with promoting a replica.
    promotion: Mutex<Status>,
}

/// What those who ask servers go by, besides the view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    /// Grows when all servers are to be asked at once.
    pub(super) doubts: u64,
    /// The server that takes writes.
    pub(super) primary: Option<usize>,
    /// Grows with every configuration that is taken.
    pub(super) reloads: u64,
    /// What replicas have to have for those who have written last, and since when that is known.
    pub(super) floor: Option<(Lsn, Duration)>,
}

impl Watched {
    pub(super) fn new(hub: &Arc<Hub>, entry: &Arc<Database>, cluster: Cluster, clock: Instant) -> Self {
        let view = cluster.view(clock.elapsed());
        let course = Course { primary: view.primary, ..Course::default() };
        Self {
            hub: Arc::clone(hub),
            entry: Arc::clone(entry),
            board: Arc::new(Board::new(view)),
            cluster: Mutex::new(cluster),
            clock,
            course: watch::Sender::new(course),
            promotion: Mutex::default(),
        }
    }

    /// The time since the clock of all monitors began.
    pub(crate) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// What is known. What it guards is whole between any two statements.
    pub(crate) fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands with promoting a replica. What it guards is whole between any two statements.
    pub(crate) fn promotion(&self) -> MutexGuard<'_, Status> {
        self.promotion.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other instances remember a primary of this timeline, or nobody can be asked for that.
    pub(super) fn remember(&self, of: Option<(u32, Option<usize>)>) {
        let mut cluster = self.cluster();
        match of {
            None => cluster.forgo(),
            Some((timeline, primary)) => {
                for news in cluster.remember(timeline, primary) {
                    news::tell(&self.hub, &self.entry, news, None);
                }
            }
        }
        self.hang(&cluster);
        // whoever was waited for is said to be the primary by the next answer
        self.doubt();
    }

    /// Takes servers out, or puts them back; how many are called that.
    pub(crate) fn ban(&self, what: &str, banned: bool) -> usize {
        let mut cluster = self.cluster();
        let found = cluster.ban(what, banned);
        self.hang(&cluster);
        found
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(super) fn config(&self) -> Arc<Config> {
        self.hub.directory.config()
    }

    /// Where a server is and whom to log in as, to ask it; none while there is nobody.
    pub(super) fn whom(&self, server: usize, turn: usize) -> Option<Target> {
        let config = self.config();
        let is_it = |entry: &&Arc<Database>| entry.name == self.entry.name;
        // the servers are the same, or this had ended; how to log in may be new
        let entry = config.databases.iter().find(is_it).unwrap_or(&self.entry);
        match self.hub.directory.asker(entry, server, turn) {
            Ok(target) => target,
            Err(why) => {
                tracing::warn!(database = self.entry.name, "servers cannot be asked what they are: {why}");
                None
            }
        }
    }

    /// What a server has answered that was asked at `asked`.
    pub(super) fn heard(&self, server: usize, asked: Duration, answer: Result<Said, Failed>) {
        news::count(&self.hub.events, answer.as_ref().err().map(|failed| failed.kind));
        let why = answer.as_ref().err().map(|failed| failed.why.clone());
        let answer = answer.as_ref().map(report).map_err(|failed| failure(failed.kind));
        let mut cluster = self.cluster();
        let before = cluster.told(server).and_then(|told| told.failed);
        let is_first = !cluster.had_primary();
        let news = cluster.report(server, asked, answer);
        if let (Err(Failure::Login), Some(why)) = (answer, &why)
            && before != Some(Failure::Login)
        {
            let name = news::name(&self.entry, server);
            tracing::warn!(
                database = self.entry.name,
                server = name,
                "cannot ask the server what it is: {why}"
            );
        }
        self.spread(&cluster, news, is_first, why.as_deref());
    }

    /// What a server's member of Patroni says, or that it does not answer.
    pub(super) fn patroni(&self, server: usize, opinion: Option<Opinion>) {
        let mut cluster = self.cluster();
        let is_first = cluster.timeline() == 0;
        let news = cluster.patroni(server, opinion);
        self.spread(&cluster, news, is_first, None);
    }

    /// Tells everybody.
    fn spread(&self, cluster: &Cluster, news: Vec<News>, is_first: bool, why: Option<&str>) {
        for news in news {
            if matches!(news, News::NewPrimary(..)) && !is_first {
                self.hub.events.count(Event::Failover);
            }
            news::tell(&self.hub, &self.entry, news, why);
        }
        self.hang(cluster);
    }

    /// A server has come so far, asked for that alone.
    pub(super) fn reached(&self, server: usize, asked: Duration, position: Lsn) {
        let mut cluster = self.cluster();
        cluster.position(server, asked, position);
        self.hang(&cluster);
    }

    /// The primary was asked for those who have tickets up to this one, if it still is the primary.
    pub(super) fn answer(&self, server: usize, asked: Duration, ticket: Ticket, position: Lsn) {
        let mut cluster = self.cluster();
        cluster.position(server, asked, position);
        if self.hang(&cluster) == Some(server) {
            self.board.floors.answer(ticket, position);
            self.course.send_modify(|course| course.floor = Some((position, self.now())));
        }
    }

    /// Whether a replica is behind what somebody has written lately, and is otherwise fit.
    pub(super) fn is_awaited(&self, server: usize, (floor, since): (Lsn, Duration), route: &Route) -> bool {
        let lacks = |view: &View| {
            let member = view.members.get(server)?;
            Some(member.fit == Fitness::Fit && member.replayed.is_none_or(|replayed| replayed < floor))
        };
        // later it counts as behind
        self.now() < since.saturating_add(route.freshness.max_lag) && lacks(&self.board.view()) == Some(true)
    }

    /// All servers are to be asked at once.
    pub(super) fn doubt(&self) {
        self.course.send_modify(|course| course.doubts += 1);
    }

    /// Hangs up what is known now, if that is something else; who is the primary. Another one is crowned before anybody
    /// sees it.
    fn hang(&self, cluster: &Cluster) -> Option<usize> {
        let view = cluster.view(self.now());
        let primary = view.primary;
        if cluster.has_looked() {
            news::reign(&self.hub, &self.entry, primary);
        }
        if *self.board.view() != view {
            self.board.set(view);
        }
        self.course.send_if_modified(|course| {
            let changes = course.primary != primary;
            course.primary = primary;
            changes
        });
        primary
    }

    fn count(&self) {
        let tell = |server, seat, counts| {
            let side = if seat == Seat::Primary { Side::Write } else { Side::Read };
            self.board.loads.outcomes(server, side, counts);
        };
        self.hub.directory.outcomes(&self.entry, tell);
    }
}

/// Lets what is known grow old, and hears what sessions doubt.
pub(super) async fn tick(watched: Arc<Watched>) {
    let (mut round, mut config) = (0u32, watched.config());
    let alarm = watched.hub.directory.alarm(&watched.entry);
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = std::future::poll_fn(|cx| watched.board.doubts.poll(cx)) => watched.doubt(),
            () = alarm.rung() => watched.doubt(),
        }
        let now = watched.config();
        if !Arc::ptr_eq(&now, &config) {
            watched.cluster().set(&now.servers);
            watched.course.send_modify(|course| course.reloads += 1);
            config = now;
        }
        round = round.wrapping_add(1);
        if round.is_multiple_of(COUNTS) {
            watched.count();
        }
        let mut cluster = watched.cluster();
        cluster.outcomes(&watched.board.loads, watched.now());
        watched.hang(&cluster);
        let tries = (0..watched.entry.servers.len()).any(|server| cluster.wants_probe(server, watched.now()));
        drop(cluster);
        if tries {
            watched.doubt();
        }
    }
}

/// What it has said, as those take it who decide.
pub(crate) fn report(said: &Said) -> Report {
    Report {
        in_recovery: said.in_recovery,
        system: said.system,
        timeline: said.timeline,
        position: said.position,
        received: said.received,
        starved: said.in_recovery && (said.paused || !said.receiving),
        receiving: said.in_recovery && said.receiving,
        took: said.took,
    }
}

/// Why it has said nothing, likewise.
pub(crate) fn failure(kind: Kind) -> Failure {
    match kind {
        Kind::Connect => Failure::Connect,
        Kind::Login => Failure::Login,
        Kind::Late => Failure::Late,
        Kind::NotReady => Failure::NotReady,
    }
}
