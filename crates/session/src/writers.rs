//! Sessions that see each other's writes: those of one user, or of one `application_name` (`route.writes_seen`). An
//! application with a connection for each request is one session to its user, and many here.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use route::Board;
use route::choose::Floor;
use route::floors::Ticket;
use wire::lsn::Lsn;

/// So many are remembered after their last session has gone.
const MOST: usize = 10_000;

/// All who write.
#[derive(Debug, Default)]
pub struct Writers {
    /// Clients choose names, and what they choose is not kept: those whose hashes meet see each other's writes, too.
    hasher: RandomState,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    named: HashMap<u64, Arc<Writer>>,
    /// Those of each database that are not remembered, and those from before this process.
    others: HashMap<u64, Arc<Writer>>,
}

/// Those of one name.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    wrote: Mutex<Wrote>,
}

#[derive(Debug, Default)]
struct Wrote {
    /// Requests under way that may write.
    at_work: usize,
    /// What a server must have replayed, as far as that is known.
    floor: Option<Lsn>,
    last: Last,
}

#[derive(Debug, Default)]
enum Last {
    /// Something was written, and nobody was asked where the primary was then.
    #[default]
    Unasked,
    /// That is being asked, of this board.
    Asked(Weak<Board>, Ticket),
    /// Nothing since.
    Known,
}

/// What one session has in common with others.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    name: Box<str>,
    writer: Arc<Writer>,
    others: Arc<Writer>,
}

/// A request that may write, for as long as it lasts: the others read from the primary meanwhile, as it may have been
/// acknowledged already.
#[derive(Debug)]
pub(crate) struct Writing {
    writer: Arc<Writer>,
    board: Option<Arc<Board>>,
}

impl Writers {
    /// What those of a database have in common who have this name.
    pub(crate) fn of(&self, database: &str, name: &str) -> Shared {
        let (key, whole) = (self.hasher.hash_one((database, name)), self.hasher.hash_one(database));
        let Known { named, others } = &mut *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let others = Arc::clone(others.entry(whole).or_default());
        if named.len() >= MOST && !named.contains_key(&key) {
            named.retain(|_, writer| Arc::strong_count(writer) > 1);
            others.wrote().last = Last::Unasked;
        }
        let writer = Arc::clone(named.entry(key).or_insert_with(|| Arc::new(Writer::silent())));
        Shared { name: name.into(), writer, others }
    }
}

impl Shared {
    /// Whether it is what those of this name have in common.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        *self.name == *name
    }

    /// What a server must have replayed to have all that they have written.
    pub(crate) fn floor(&self, board: &Arc<Board>) -> Floor {
        match (self.writer.floor(board), self.others.floor(board)) {
            (Floor::Unknown, _) | (_, Floor::Unknown) => Floor::Unknown,
            (Floor::At(one), Floor::At(other)) => Floor::At(one.max(other)),
            (Floor::None, floor) | (floor, Floor::None) => floor,
        }
    }

    /// One of them may write now.
    pub(crate) fn begin(&self, board: Option<&Arc<Board>>) -> Writing {
        self.writer.wrote().at_work += 1;
        Writing { writer: Arc::clone(&self.writer), board: board.cloned() }
    }
}

impl Writer {
    /// It has written nothing that others do not answer for.
    fn silent() -> Self {
        Self { wrote: Mutex::new(Wrote { last: Last::Known, ..Wrote::default() }) }
    }

    fn floor(&self, board: &Arc<Board>) -> Floor {
        let wrote = &mut *self.wrote();
        if wrote.at_work > 0 {
            return Floor::Unknown;
        }
        let ticket = match &wrote.last {
            Last::Known => return wrote.floor.map_or(Floor::None, Floor::At),
            Last::Asked(of, ticket) if of.as_ptr() == Arc::as_ptr(board) => *ticket,
            // a ticket of another board is worth nothing here
            Last::Asked(..) | Last::Unasked => wrote.ask(board),
        };
        let Some(at) = board.floors.floor(ticket) else { return Floor::Unknown };
        (wrote.floor, wrote.last) = (wrote.floor.max(Some(at)), Last::Known);
        wrote.floor.map_or(Floor::None, Floor::At)
    }

    /// What it guards is whole between any two statements.
    fn wrote(&self) -> MutexGuard<'_, Wrote> {
        self.wrote.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wrote {
    fn ask(&mut self, board: &Arc<Board>) -> Ticket {
        let ticket = board.floors.take();
        self.last = Last::Asked(Arc::downgrade(board), ticket);
        ticket
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut wrote = self.writer.wrote();
        wrote.at_work -= 1;
        match &self.board {
            Some(board) => drop(wrote.ask(board)),
            None => wrote.last = Last::Unasked,
        }
    }
}

#[cfg(test)]
mod tests;
