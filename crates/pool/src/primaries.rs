//! Which server of each database is the primary.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use config::{Database, Role, Server};

/// The primaries, by the names of the `[[database]]`s.
#[derive(Debug, Default)]
pub(crate) struct Primaries {
    known: RwLock<HashMap<String, usize>>,
}

impl Primaries {
    /// Which of the servers it is, as far as is known: the first that may be it, if nobody has said.
    pub(crate) fn of(&self, entry: &Database) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&entry.name).copied();
        let may_be = |server: &Server| server.role != Role::Replica;
        let known = known.filter(|at| *at < entry.servers.len());
        known.or_else(|| entry.servers.iter().position(may_be)).unwrap_or(0)
    }

    /// It is this one from now on; false if that was known.
    pub(crate) fn set(&self, entry: &Database, server: usize) -> bool {
        let before = self.of(entry);
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(entry.name.clone(), server);
        before != server
    }
}
