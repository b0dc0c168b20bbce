//! Which server of each database is the primary.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use config::{Database, Host, Role, Server};

/// The primaries, by the names of the `[[database]]`s. Where they are, and not which in the configuration: with the next
/// one they may stand in another order.
#[derive(Debug, Default)]
pub(crate) struct Primaries {
    known: RwLock<HashMap<String, (Host, u16)>>,
}

impl Primaries {
    /// Which of the servers it is, as far as is known: the first that may be it, if nobody has said.
    pub(crate) fn of(&self, entry: &Database) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&entry.name).cloned();
        let may_be = |server: &Server| server.role != Role::Replica;
        let known = known.and_then(|(host, port)| {
            entry.servers.iter().position(|server| server.host == host && server.port == port)
        });
        known.or_else(|| entry.servers.iter().position(may_be)).unwrap_or(0)
    }

    /// It is this one from now on; false if that was known.
    pub(crate) fn set(&self, entry: &Database, server: usize) -> bool {
        let Some(new) = entry.servers.get(server) else { return false };
        let (before, now) = (self.of(entry), (new.host.clone(), new.port));
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(entry.name.clone(), now);
        before != server
    }
}
