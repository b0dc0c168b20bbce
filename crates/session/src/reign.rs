//! What becomes of clients when a database gets another primary, or has none.
//!
//! | a client | when another server is the primary | while there is none |
//! |---|---|---|
//! | without a server connection | notices nothing: its next request goes to the new one | waits, for `pool.acquire_timeout` |
//! | in the queue | goes on, on the new one | waits on |
//! | with a connection to the old one, idle or not | is told 57P01: what the old one acknowledges now would be lost | keeps it |
//! | that listens | listens there, and is told that it may have missed something | keeps listening |

use std::sync::Arc;
use std::time::Duration;

use config::Database;

use crate::card::Order;
use crate::error::{Error, NoPrimary};
use crate::hub::Hub;

impl Hub {
    /// This server of a database takes its writes from now on; false if that was known. Must be called on a worker's
    /// runtime.
    pub fn crown(&self, entry: &Database, server: usize, worker: usize) -> bool {
        let Some(demoted) = self.directory.crown(entry, server, worker) else { return false };
        let theirs = |pool: &Arc<pool::Pool>| demoted.iter().any(|old| Arc::ptr_eq(old, pool));
        if !demoted.is_empty() {
            for card in self.registry.all() {
                if card.pool().as_ref().is_some_and(theirs) {
                    card.order(Order::Demoted);
                }
            }
        }
        true
    }

    /// What a client is told that has waited for a primary of this database in vain.
    pub(crate) fn no_primary(&self, database: &str, vacant: Duration) -> Error {
        let config = self.directory.config();
        let board = config.database(database).and_then(|entry| self.boards.get(&entry.name));
        let servers = board.map(|board| {
            let view = board.view();
            let server = |member: &route::view::Member| {
                format!("{}: {}, {}", member.name, member.part.as_str(), member.health.as_str())
            };
            view.members.iter().map(server).collect::<Vec<_>>().join("; ")
        });
        let servers = servers.unwrap_or_else(|| "nothing is known of its servers".to_owned());
        Error::NoPrimary(NoPrimary { database: database.to_owned(), vacant, servers })
    }
}
