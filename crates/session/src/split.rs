//! What a session knows of the servers of its database, where there are several.

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::{Config, Consistency, Database, RouteRule, Target, Undecided, WritesSeen};
use pool::{Directory, Pool};
use route::choose::Floor;
use route::floors::Ticket;
use route::{Board, View};
use wire::lsn::Lsn;

use crate::hub::Hub;
use crate::meanings::Meanings;
use crate::writers::{Shared, Writing};

/// The servers of a database as one session sees them.
pub(crate) struct Split {
    /// The `[[database]]` by its name.
    entry: Box<str>,
    /// The configuration, and what it says of this.
    config: Arc<Config>,
    pub(crate) terms: Terms,
    /// What the session itself has asked for.
    pub(crate) wishes: Wishes,
    /// What it has asked for with its start-up message.
    pub(crate) startup: Wishes,
    /// What names mean in the database.
    pub(crate) meanings: Arc<Meanings>,
    seen: Option<Seen>,
    /// Pools of replicas that it has used.
    pools: Vec<(usize, Arc<Pool>)>,
    own: Own,
    /// The replica at work for it.
    pub(crate) busy: Option<Busy>,
    /// What runs may write.
    writes: bool,
}

/// What the configuration says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    target: Target,
    split: bool,
    consistency: Consistency,
    /// Where texts go of which nothing is known.
    pub(crate) undecided: Undecided,
    /// Whose writes it sees.
    pub(crate) writes_seen: WritesSeen,
    /// The server of a transaction is chosen at its first statement.
    pub(crate) virtual_begin: bool,
    /// How long a read waits for a replica to have what the client has written.
    pub(crate) wait: Duration,
}

/// What a session asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes {
    /// Which servers may answer.
    pub(crate) target: Option<Target>,
    /// Whether it sees its own writes.
    pub(crate) consistency: Option<Consistency>,
}

/// The board, and what was read from it.
struct Seen {
    board: Arc<Board>,
    version: u64,
    view: Arc<View>,
}

/// The session's own writes.
#[derive(Default)]
struct Own {
    /// What a server must have replayed, as far as that is known.
    floor: Option<Lsn>,
    /// It has written since.
    last: Last,
    /// What it has in common with others.
    shared: Option<Shared>,
    /// What they have to know while it writes.
    writing: Option<Writing>,
}

#[derive(Default)]
enum Last {
    /// Nothing.
    #[default]
    Known,
    /// Something, and nobody was asked where the primary was then.
    Unasked,
    /// Something, and that is being asked.
    Asked(Ticket),
}

/// A replica at work, counted for as long as it is.
pub(crate) struct Busy {
    board: Arc<Board>,
    server: usize,
    since: Instant,
    took: Option<Duration>,
}

impl Split {
    /// For a client of this pool; none if its database has one server.
    pub(crate) fn of(hub: &Hub, pool: &Pool) -> Option<Box<Self>> {
        let config = hub.directory.config();
        let entry = config.database(&pool.key.database).filter(|entry| entry.servers.len() > 1)?;
        let dbname = &pool.target.dbname;
        let meanings = hub.meanings.of(&entry.name, dbname, &pool.key.database);
        pool.statements.define_in(&meanings.definitions);
        Some(Box::new(Self {
            entry: entry.name.as_str().into(),
            terms: Terms::of(entry, &config),
            config: Arc::clone(&config),
            wishes: Wishes::default(),
            startup: Wishes::default(),
            meanings,
            seen: None,
            pools: Vec::new(),
            own: Own::default(),
            busy: None,
            writes: false,
        }))
    }

    /// The same after the configuration has changed: what the session has asked for and written stays.
    pub(crate) fn again(old: Option<Box<Self>>, hub: &Hub, pool: &Pool) -> Option<Box<Self>> {
        let new = Self::of(hub, pool)?;
        let Some(mut old) = old else { return Some(new) };
        old.terms = new.terms;
        (old.entry, old.config, old.meanings) = (new.entry, new.config, new.meanings);
        // found anew by the name of the entry
        old.own.shared = None;
        old.pools.clear();
        Some(old)
    }

    /// What is known of the servers now; none if nobody has looked at them yet.
    pub(crate) fn look(&mut self, hub: &Hub) -> Option<(&Arc<Board>, &View)> {
        if self.seen.as_ref().is_none_or(|seen| seen.board.is_retired()) {
            self.change_board(hub.boards.get(&self.entry));
        }
        let seen = self.seen.as_mut()?;
        if let Some(view) = seen.board.newer(&mut seen.version) {
            seen.view = view;
        }
        Some((&seen.board, &seen.view))
    }

    fn change_board(&mut self, board: Option<Arc<Board>>) {
        let same = match (&self.seen, &board) {
            (Some(seen), Some(board)) => Arc::ptr_eq(&seen.board, board),
            (None, None) => true,
            (_, _) => false,
        };
        if same {
            return;
        }
        // its tickets are of the board before; a new one is as good
        if matches!(self.own.last, Last::Asked(_)) {
            self.own.last = Last::Unasked;
        }
        self.pools.clear();
        self.seen = board.map(|board| Seen { version: 0, view: board.view(), board });
    }

    /// Which servers may answer.
    pub(crate) fn target(&self) -> Target {
        self.bounded(self.wishes.target.unwrap_or(self.terms.target))
    }

    /// The rules of the configuration.
    pub(crate) fn rules(&self) -> &[RouteRule] {
        &self.config.servers.route.rules
    }

    /// This target, as far as the configuration lets it be.
    pub(crate) fn bounded(&self, target: Target) -> Target {
        match target {
            Target::Split if !self.terms.split => Target::Primary,
            target @ (Target::Split | Target::Primary | Target::Replica) => target,
        }
    }

    /// What a server must have replayed to answer this session.
    pub(crate) fn floor(&mut self) -> Floor {
        if self.consistency() == Consistency::Eventual { Floor::None } else { self.own_floor() }
    }

    /// What a server must have replayed to have all that this session has written, and what it was told to see.
    pub(crate) fn own_floor(&mut self) -> Floor {
        let Some(seen) = &self.seen else { return Floor::Unknown };
        match self.own.shared.as_ref().map(|shared| shared.floor(&seen.board)) {
            Some(Floor::Unknown) => return Floor::Unknown,
            Some(Floor::At(at)) => self.own.floor = self.own.floor.max(Some(at)),
            Some(Floor::None) | None => {}
        }
        if matches!(self.own.last, Last::Unasked) {
            self.own.last = Last::Asked(seen.board.floors.take());
        }
        if let Last::Asked(ticket) = self.own.last {
            let Some(at) = seen.board.floors.floor(ticket) else { return Floor::Unknown };
            self.raise(at);
            self.own.last = Last::Known;
        }
        self.own.floor.map_or(Floor::None, Floor::At)
    }

    /// What the session sees of its own writes.
    pub(crate) fn consistency(&self) -> Consistency {
        self.wishes.consistency.unwrap_or(self.terms.consistency)
    }

    /// Whatever answers it from now on must have replayed this.
    pub(crate) fn raise(&mut self, floor: Lsn) {
        self.own.floor = self.own.floor.max(Some(floor));
    }

    /// Whose writes it sees, by its user and its `application_name` now.
    pub(crate) fn sees(&mut self, hub: &Hub, user: &str, application: &str) {
        let name = match self.terms.writes_seen {
            WritesSeen::Own => "",
            WritesSeen::User => user,
            WritesSeen::ApplicationName => application,
        };
        if name.is_empty() {
            self.own.shared = None;
        } else if !self.own.shared.as_ref().is_some_and(|shared| shared.is_of(name)) {
            self.own.shared = Some(hub.writers.of(&self.entry, name));
        }
    }

    /// What runs from here on may write.
    pub(crate) fn may_write(&mut self) {
        self.writes = true;
        if let (Some(shared), None) = (&self.own.shared, &self.own.writing) {
            self.own.writing = Some(shared.begin(self.seen.as_ref().map(|seen| &seen.board)));
        }
    }

    /// A request is over.
    pub(crate) fn over(&mut self) {
        self.busy = None;
        self.own.writing = None;
        if !std::mem::take(&mut self.writes) {
            return;
        }
        self.own.last = match &self.seen {
            Some(seen) if self.target() != Target::Primary && self.consistency() == Consistency::Session => {
                Last::Asked(seen.board.floors.take())
            }
            Some(_) | None => Last::Unasked,
        };
    }

    /// The pool with connections to this replica, for those who have `primary`.
    pub(crate) fn pool(
        &mut self,
        directory: &Directory,
        primary: &Pool,
        replica: usize,
    ) -> Option<Arc<Pool>> {
        if let Some((_, pool)) = self.pools.iter().find(|(number, _)| *number == replica) {
            return Some(Arc::clone(pool));
        }
        let pool = directory.open_replica(primary, replica).ok()?;
        self.pools.push((replica, Arc::clone(&pool)));
        Some(pool)
    }

    /// The pool was retired: the next request opens another.
    pub(crate) fn forget_pool(&mut self, replica: usize) {
        self.pools.retain(|(number, _)| *number != replica);
    }

    /// A replica begins to work for the session.
    pub(crate) fn begin(&mut self, server: usize) {
        let Some(seen) = &self.seen else { return };
        seen.board.loads.begin(server);
        let board = Arc::clone(&seen.board);
        self.busy = Some(Busy { board, server, since: Instant::now(), took: None });
    }
}

impl Terms {
    fn of(entry: &Database, config: &Config) -> Self {
        let route = &config.servers.route;
        Self {
            target: entry.target,
            split: route.split,
            consistency: route.freshness.consistency,
            undecided: route.default,
            writes_seen: route.freshness.writes_seen,
            virtual_begin: route.virtual_begin,
            wait: route.freshness.wait,
        }
    }
}

impl Busy {
    /// It has answered, at this moment.
    pub(crate) fn answered(&mut self, at: Instant) {
        self.took = Some(at.saturating_duration_since(self.since));
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.board.loads.end(self.server, self.took);
    }
}
