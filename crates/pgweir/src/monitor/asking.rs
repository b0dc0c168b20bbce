//! Asks one server: in full now and then, and in between for nothing but its position while somebody waits for that.
//!
//! | asked | when |
//! |---|---|
//! | in full | every `route.probe_interval`, at least four times within `route.max_lag`; a few times a second while it is suspect or coming back, or while there is no primary; at once when its connection ends, when a session doubts what is known, when a breaker waits for a try |
//! | the primary, for its position | while sessions that have written have tickets, at most once in [`FLOORS`] |
//! | a replica, for its position | while it is behind what was written last: from [`CHASE`] after that on, then less and less often |
//!
//! It is one connection and one question at a time, so positions come in their order. None of these questions keeps
//! another server's waiting.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use config::Route;
use pool::probe::{Asker, Kind};
use route::floors::Ticket;
use route::health::State;
use route::view::Fitness;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::watched::{Course, Watched};

/// Positions are asked for at most this often, however small `route.max_lag` is.
const OFTEN: Duration = Duration::from_millis(25);
/// However much somebody doubts, a server is asked in full no sooner after the last time.
const SOONEST: Duration = Duration::from_millis(50);
/// While it is to be seen what is going on, a server is asked this often, or as often as usual if that is more.
const SOON: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
/// While nobody has logged in whose name could be used, that is looked for this often.
const NOBODY: Duration = Duration::from_millis(100);
/// One question to the primary serves all who have written within this.
const FLOORS: Duration = Duration::from_millis(2);
/// The same while no replica could be read from: only who carries a position to another instance waits for it.
const IDLE_FLOORS: Duration = Duration::from_millis(100);
/// A replica that is behind is asked again after this, then after twice that, and so on up to the second.
const CHASE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(80));

/// Asks one server until its task is ended.
pub(super) async fn ask(watched: Arc<Watched>, server: usize) {
    let mut asker = Asker::default();
    let mut course = watched.course.subscribe();
    let (mut turn, mut known) = (0, watched.config());
    loop {
        let (begun, asked) = (Instant::now(), watched.now());
        let doubts = course.borrow_and_update().doubts;
        let config = watched.config();
        if !Arc::ptr_eq(&config, &known) {
            // perhaps with another user or password. One that a client has shown might not come again
            if config.servers.route.probe.is_some() || watched.entry.user.is_some() {
                asker.close();
            }
            known = Arc::clone(&config);
        }
        let patience = config.servers.route.probe_timeout;
        let whom = || watched.whom(server, turn);
        let answer = asker.ask(whom, watched.hub().directory.shared(), patience).await;
        let mut rest = Rest { begun, doubts, due: begun + NOBODY, chase: None, floors: begun };
        if let Some(answer) = answer {
            if answer.as_ref().is_err_and(|failed| failed.kind == Kind::Login) {
                // others may be let in
                turn += 1;
            }
            watched.heard(server, asked, answer);
            rest.due = begun + pause(&watched, server);
        }
        rest.spend(&watched, server, &mut asker, &mut course).await;
    }
}

/// The time between two full questions.
struct Rest {
    /// When the last one was put.
    begun: Instant,
    /// What had been doubted then.
    doubts: u64,
    due: Instant,
    /// What replicas have to have, when a replica is asked for that next, and the pause after that.
    chase: Option<(wire::lsn::Lsn, Instant, Duration)>,
    /// When the primary may be asked for positions again.
    floors: Instant,
}

impl Rest {
    async fn spend(
        &mut self,
        watched: &Watched,
        server: usize,
        asker: &mut Asker,
        course: &mut watch::Receiver<Course>,
    ) {
        loop {
            let now = *course.borrow_and_update();
            if now.doubts != self.doubts {
                self.hurry();
            }
            let config = watched.config();
            let route = &config.servers.route;
            self.follow(watched, server, route, &now);
            let is_primary = now.primary == Some(server) && asker.is_open();
            let (due, floors, chase) = (self.due, self.floors, self.chase.map(|(_, at, _)| at));
            tokio::select! {
                biased;
                () = sleep_until(due) => return,
                _ = course.changed() => {}
                ticket = wanted(watched, floors), if is_primary => {
                    self.floors = Instant::now() + floors_pause(watched);
                    self.position(watched, server, asker, Some(ticket), route).await;
                }
                () = sleep_until(chase.unwrap_or(due)), if chase.is_some() && asker.is_open() => {
                    if let Some((_, at, pause)) = &mut self.chase {
                        *at = Instant::now() + *pause;
                        *pause = (*pause * 2).min(CHASE.1);
                    }
                    self.position(watched, server, asker, None, route).await;
                }
                () = asker.until_lost(), if asker.is_open() => self.hurry(),
            }
        }
    }

    /// The next full question comes as soon as may be.
    fn hurry(&mut self) {
        self.due = self.due.min(self.begun + SOONEST);
    }

    /// Whether somebody waits for a replica, and when it is asked.
    fn follow(&mut self, watched: &Watched, server: usize, route: &Route, now: &Course) {
        let awaited = now.floor.filter(|floor| watched.is_awaited(server, *floor, route));
        self.chase = match (awaited, self.chase) {
            (None, _) => None,
            (Some((floor, _)), Some(chase)) if chase.0 == floor => Some(chase),
            // more was written: soon, but not sooner after the last time
            (Some((floor, _)), Some((_, at, _))) => Some((floor, at.min(Instant::now() + CHASE.0), CHASE.0)),
            (Some((floor, _)), None) => Some((floor, Instant::now() + CHASE.0 / 2, CHASE.0)),
        };
    }

    /// Asks for the position, as the primary for those who hold tickets up to this one, or else as a replica.
    async fn position(
        &mut self,
        watched: &Watched,
        server: usize,
        asker: &mut Asker,
        ticket: Option<Ticket>,
        route: &Route,
    ) {
        let asked = watched.now();
        let shared = watched.hub().directory.shared();
        match (asker.position(ticket.is_some(), shared, route.probe_timeout).await, ticket) {
            (Ok(Some(position)), Some(ticket)) => watched.answer(server, asked, ticket, position),
            (Ok(Some(position)), None) => watched.reached(server, asked, position),
            (Ok(None), _) => {}
            (Err(failed), _) => {
                watched.heard(server, asked, Err(failed));
                self.begun = Instant::now();
                self.due = self.begun + SOONEST;
            }
        }
    }
}

/// Somebody has written and wants to know how far that is: the ticket to answer, not before `from`.
///
/// # Cancel safety
/// Nothing is lost: who has not been answered still waits.
async fn wanted(watched: &Watched, from: Instant) -> Ticket {
    sleep_until(from).await;
    poll_fn(|cx| {
        watched.board.floors.wanted(cx.waker()).map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
    .await
}

fn floors_pause(watched: &Watched) -> Duration {
    let readable = watched.board.view().members.iter().any(|member| member.fit == Fitness::Fit);
    if readable { FLOORS } else { IDLE_FLOORS }
}

/// How long a server is left in peace after a full question, give or take a tenth, so that those of several monitors
/// do not stay together.
fn pause(watched: &Watched, server: usize) -> Duration {
    let config = watched.config();
    let route = &config.servers.route;
    let usual = route.probe_interval.min((route.freshness.max_lag / 4).max(OFTEN));
    let view = watched.board.view();
    let unsettled = match view.members.get(server).map(|member| member.health) {
        Some(State::Suspect | State::Probing) => true,
        Some(State::Up | State::Down) | None => view.primary.is_none(),
    };
    let pause = if unsettled { usual.min((usual / 4).clamp(SOON.0, SOON.1)) } else { usual };
    let jitter = u32::from(watched.hub().directory.shared().jitter());
    pause * 9 / 10 + pause * jitter / 1280
}
