//! What watches the servers of the databases that have several: who is the primary, who answers, how far each has come.
//!
//! A database with one server has none of this. Of the others each has a [`Watched`], a task for each server that asks
//! it (`asking`), one that reads its catalogues (`catalogue`), one that asks its machine where there is something to ask
//! (`machine`), one that asks Patroni, likewise (`patroni`), one that looks closely at those that can not follow
//! (`resync`), one that promotes a replica where that is asked for (`promotion`), and one that lets what is known
//! grow old (`tick`). What comes of it hangs on the database's
//! [`Board`](route::Board), where sessions look; a new primary is crowned in the directory first.
//!
//! All of these tasks run on the runtime of the first worker. A reload ends those of databases whose servers have
//! changed, before the new configuration holds, and starts others after it; what was known of servers that stay goes
//! over to them.

mod asking;
mod catalogue;
mod catalogue_words;
pub(crate) mod machine;
mod news;
pub(crate) mod patroni;
mod promotion;
mod resync;
mod run;
mod watched;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use config::{Config, Database};
use route::Cluster;
use session::Hub;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

pub(crate) use promotion::Status;
pub(crate) use watched::{Watched, failure, report};

/// The monitors of all databases that have several servers.
pub(crate) struct Monitors {
    /// Since when all times are told.
    clock: Instant,
    all: Mutex<All>,
    repairs: Arc<resync::Repairs>,
}

#[derive(Default)]
struct All {
    running: Vec<Monitor>,
    /// What was known when the servers of a database changed.
    past: Vec<(String, Cluster)>,
}

struct Monitor {
    watched: Arc<Watched>,
    /// They end with it.
    _tasks: JoinSet<()>,
}

impl Monitors {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { clock: Instant::now(), all: Mutex::default(), repairs: Arc::default() }
    }

    /// Before a new configuration holds: where the servers of a database are others then, nothing is known of them
    /// until [`Monitors::start`], so that no session takes one for another.
    pub(crate) fn leave(&self, new: &Config) {
        let All { running, past } = &mut *self.all();
        let stays = |entry: &Database| {
            let mut entries = new.databases.iter();
            entries.any(|other| other.name == entry.name && other.servers == entry.servers)
        };
        for left in running.extract_if(.., |monitor| !stays(&monitor.watched.entry)) {
            left.watched.board.retire();
            past.push((left.watched.entry.name.clone(), left.watched.cluster().clone()));
        }
    }

    /// Watches every database of the configuration in force that has several servers and is not watched yet, on this
    /// runtime.
    pub(crate) fn start(&self, hub: &Arc<Hub>, on: &Handle) {
        let config = hub.directory.config();
        let mut all = self.all();
        let past = std::mem::take(&mut all.past);
        for entry in config.databases.iter().filter(|entry| entry.servers.len() > 1) {
            if all.running.iter().any(|monitor| monitor.watched.entry.name == entry.name) {
                continue;
            }
            let known = past.iter().find(|(name, _)| *name == entry.name);
            let cluster = known.map_or_else(
                || Cluster::new(entry, &config.servers),
                |(_, before)| before.moved(entry, &config.servers),
            );
            let cluster = promotion::begin(hub, entry, cluster);
            let watched = Watched::new(hub, entry, cluster, self.clock);
            all.running.push(watch(hub, watched, &self.repairs, on));
        }
        hub.meanings.retain(|name| all.running.iter().any(|monitor| monitor.watched.entry.name == name));
        hub.boards.retain(|name| all.running.iter().any(|monitor| monitor.watched.entry.name == name));
    }

    /// Who is watched, in the order of the configuration.
    pub(crate) fn look(&self) -> Vec<Arc<Watched>> {
        self.all().running.iter().map(|monitor| Arc::clone(&monitor.watched)).collect()
    }

    /// Takes servers out, or puts them back: by name, host, or host and port. How many are called that.
    pub(crate) fn ban(&self, what: &str, banned: bool) -> usize {
        self.look().iter().map(|watched| watched.ban(what, banned)).sum()
    }

    /// What it guards is whole between any two statements.
    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn watch(hub: &Arc<Hub>, watched: Watched, repairs: &Arc<resync::Repairs>, on: &Handle) -> Monitor {
    let watched = Arc::new(watched);
    let entry = Arc::clone(&watched.entry);
    hub.boards.put(&entry.name, Arc::clone(&watched.board));
    let mut tasks = JoinSet::new();
    tasks.spawn_on(watched::tick(Arc::clone(&watched)), on);
    tasks.spawn_on(promotion::watch(Arc::clone(&watched)), on);
    tasks.spawn_on(resync::watch(Arc::clone(&watched), Arc::clone(repairs)), on);
    tasks.spawn_on(catalogue::follow(Arc::clone(&watched)), on);
    for (at, server) in entry.servers.iter().enumerate() {
        tasks.spawn_on(asking::ask(Arc::clone(&watched), at), on);
        if let Some(url) = &server.node_exporter {
            tasks.spawn_on(machine::watch(Arc::clone(&watched), at, url.clone()), on);
        }
        if let Some(url) = &server.patroni {
            tasks.spawn_on(patroni::watch(Arc::clone(&watched), at, url.clone()), on);
        }
    }
    Monitor { watched, _tasks: tasks }
}

#[cfg(test)]
mod tests;
