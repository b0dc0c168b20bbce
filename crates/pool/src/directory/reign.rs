//! What pools do when a database gets another primary, or has none.

use std::sync::Arc;
use std::time::Instant;

use config::Database;

use super::Directory;
use crate::alarm::Alarm;
use crate::pool::{Pool, Seat};

impl Directory {
    /// This server of a database is the primary from now on: what was held back goes on at once. The pools of the one
    /// before are retired, and returned: their idle connections are closed, those in use when they are free, and who
    /// waits goes to the pools of the new one. None if that was known. Must be called on a worker's runtime.
    #[must_use = "whoever has a connection to the old primary is to be told"]
    pub fn crown(&self, entry: &Database, server: usize, worker: usize) -> Option<Vec<Arc<Pool>>> {
        let new = entry.servers.get(server).filter(|new| self.primaries.set(entry, new))?;
        let mut demoted = Vec::new();
        for pool in self.writers(entry) {
            if (&pool.target.host, pool.target.port) == (&new.host, new.port) {
                pool.release(worker);
            } else {
                pool.demote();
                self.remove(&pool, "another server is the primary now");
                demoted.push(pool);
            }
        }
        Some(demoted)
    }

    /// No server of this database takes writes: who needs one waits, for as long as anybody waits for a server, until
    /// there is one. False if that was known.
    pub fn vacate(&self, entry: &Database) -> bool {
        let now = Instant::now();
        let news = self.primaries.vacate(entry, now);
        if news {
            self.writers(entry).iter().for_each(|pool| pool.hold(now));
        }
        news
    }

    /// Grows with every other primary of any database, for those who keep what [`Directory::source`] has said.
    #[must_use]
    pub fn reigns(&self) -> u64 {
        self.primaries.changes()
    }

    /// Rings when something speaks against one of the servers of this database, for as long as it is kept.
    #[must_use]
    pub fn alarm(&self, entry: &Database) -> Arc<Alarm> {
        self.shared.alarms.add(&entry.servers)
    }

    /// The pools of this database with connections to its primary.
    fn writers(&self, entry: &Database) -> Vec<Arc<Pool>> {
        let config = self.config();
        let ours = |pool: &Arc<Pool>| {
            pool.key.seat == Seat::Primary
                && config.database(&pool.key.database).is_some_and(|other| other.name == entry.name)
        };
        let mut pools = self.all();
        pools.retain(ours);
        pools
    }
}
