//! Which server of each database is the primary, and since when there is none.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use config::{Config, Database, Host, Role, Server};

/// The primaries, by the names of the `[[database]]`s. Where they are, and not which in the configuration: with the next
/// one they may stand in another order.
#[derive(Debug, Default)]
pub(crate) struct Primaries {
    known: RwLock<HashMap<String, Primary>>,
    /// How often one has become another.
    changes: AtomicU64,
}

/// What was said of the primary of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Primary {
    /// Where it is, or was last. Not its place in the configuration, which a reload may change.
    server: Option<(Host, u16)>,
    /// Since when there is none.
    vacant: Option<Instant>,
}

impl Primaries {
    /// Which of the servers it is, as far as is known: the first that may be it, if nobody has said.
    pub(crate) fn of(&self, entry: &Database) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&entry.name).and_then(|primary| primary.server.as_ref());
        let is_known =
            |server: &Server| known.is_some_and(|(host, port)| (host, *port) == (&server.host, server.port));
        let may_be = |server: &Server| server.role != Role::Replica;
        let known = entry.servers.iter().position(is_known);
        known.or_else(|| entry.servers.iter().position(may_be)).unwrap_or(0)
    }

    /// Since when there is none that answers; none if there is one, or nobody has looked.
    pub(crate) fn vacant(&self, entry: &Database) -> Option<Instant> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(&entry.name)?.vacant
    }

    /// Grows when any of them becomes another.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// It is this one from now on; false if that was known.
    pub(crate) fn set(&self, entry: &Database, server: &Server) -> bool {
        let new = Primary { server: Some((server.host.clone(), server.port)), vacant: None };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.get(&entry.name) == Some(&new) {
            return false;
        }
        drop(known);
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(entry.name.clone(), new);
        self.changes.fetch_add(1, Ordering::Release);
        true
    }

    /// Forgets what was said of databases that have one server only, or none: nobody would ever say anything else.
    pub(crate) fn retain(&self, config: &Config) {
        let several =
            |name: &str| config.databases.iter().any(|entry| entry.name == name && entry.servers.len() > 1);
        self.known.write().unwrap_or_else(PoisonError::into_inner).retain(|name, _| several(name));
    }

    /// There is none; false if that was known.
    pub(crate) fn vacate(&self, entry: &Database, now: Instant) -> bool {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let primary = known.entry(entry.name.clone()).or_default();
        let news = primary.vacant.is_none();
        primary.vacant.get_or_insert(now);
        news
    }
}
