//! Looks closely at servers that can not follow the primary, tells what helps, and runs the operator's own command if
//! there is one.
//!
//! A server that has received nothing for `failover.resync_after`, claims to be the primary, or belongs to another
//! cluster is asked how it is set up, and the primary what it keeps, now and then. What comes of it is in SHOW REPLICAS,
//! and in the log once it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use config::{Command, Resyncing};
use route::cluster::Condition;
use route::resync::{Advice, Incident, Setup};
use telemetry::Event;
use tokio::time::sleep;

use super::news;
use super::run::run;
use super::watched::Watched;
use crate::closer::{self, Case, Found};

/// How often it is looked whether there is such a server.
const ROUND: Duration = Duration::from_millis(500);
/// How often one is asked.
const AGAIN: Duration = Duration::from_secs(10);

/// What commands were run for which servers; shared by all databases, as two may have the same servers.
#[derive(Default)]
pub(crate) struct Repairs {
    all: Mutex<HashMap<(String, u16), Incident>>,
}

impl Repairs {
    /// Whether the command is to run now for this server, which then is taken for running. One at a time does.
    fn begin(&self, server: &(String, u16), now: Duration, patience: Duration) -> bool {
        let mut all = self.all();
        all.retain(|_, incident| !incident.is_past(now));
        if all.values().any(Incident::is_running) {
            return false;
        }
        all.entry(server.clone()).or_default().trouble(now, patience)
    }

    fn ended(&self, server: &(String, u16), now: Duration) {
        self.all().entry(server.clone()).or_default().ended(now);
    }

    fn over(&self, server: &(String, u16)) {
        if let Some(incident) = self.all().get_mut(server) {
            incident.over();
        }
    }

    /// What it guards is whole between any two statements.
    fn all(&self) -> MutexGuard<'_, HashMap<(String, u16), Incident>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after the servers of one database until its task is ended.
pub(super) async fn watch(watched: Arc<Watched>, repairs: Arc<Repairs>) {
    // when each was looked at last, and what came of it, if anything did
    let mut looked: Vec<Option<(Duration, Option<Setup>)>> = vec![None; watched.entry.servers.len()];
    loop {
        sleep(ROUND).await;
        for (at, last) in looked.iter_mut().enumerate() {
            let patience = watched.config().servers.failover.resync.after;
            let condition = watched.cluster().condition(at, watched.now(), patience);
            match condition {
                Condition::Well => {
                    *last = None;
                    advise(&watched, at, None);
                    if let Some(server) = watched.entry.servers.get(at) {
                        repairs.over(&closer::place(server));
                    }
                }
                Condition::Unsettled => {}
                Condition::Ill => {
                    let now = watched.now();
                    if last.as_ref().is_none_or(|(asked, _)| now >= asked.saturating_add(AGAIN)) {
                        let found = look(&watched, at, patience).await;
                        let (advice, setup) = found.map(|found| (found.advice, found.setup)).unzip();
                        *last = Some((now, setup));
                        if let Some(advice) = advice {
                            advise(&watched, at, advice);
                        }
                    }
                    // nothing is thrown away for what was true some time ago
                    if let Some((_, Some(setup))) = last {
                        mend(&watched, &repairs, at, setup);
                    }
                }
            }
        }
    }
}

/// None if it can not be told at the moment.
async fn look(watched: &Watched, at: usize, patience: Duration) -> Option<Found> {
    let (plight, primary, timeline, began) = {
        let cluster = watched.cluster();
        (cluster.plight(at, watched.now())?, cluster.primary()?, cluster.timeline(), cluster.began())
    };
    let servers = &watched.entry.servers;
    let (server, source) = (servers.get(at)?, servers.get(primary)?);
    let case = Case { server, primary: source, plight, timeline, began, patience };
    let targets = (watched.whom(at, 0)?, watched.whom(primary, 0)?);
    let limit = watched.config().servers.route.probe_timeout;
    let shared = watched.hub().directory.shared();
    match closer::look(&case, [&targets.0, &targets.1], shared, limit).await {
        Ok(found) => Some(found),
        Err(failed) => {
            let server = news::name(&watched.entry, at);
            tracing::debug!(server, "a server that can not follow was not looked at: {}", failed.why);
            None
        }
    }
}

fn advise(watched: &Watched, at: usize, advice: Option<Advice>) {
    let told = advice.clone();
    if !watched.cluster().advise(at, advice) {
        return;
    }
    let (database, server) = (watched.entry.name.as_str(), news::name(&watched.entry, at));
    match told {
        Some(Advice { trouble, why, command }) => {
            let reason = trouble.as_str();
            tracing::warn!(database, server, reason, command, "the server can not follow the primary: {why}");
        }
        None => tracing::info!(database, server, "the server can follow the primary again"),
    }
}

/// Runs the operator's command, if there is one and it is time.
fn mend(watched: &Arc<Watched>, repairs: &Arc<Repairs>, at: usize, setup: &Setup) {
    let config = watched.config();
    let resync = &config.servers.failover.resync;
    let (Resyncing::Command, Some(command)) = (resync.resync, &resync.command) else { return };
    let (advice, primary) = {
        let cluster = watched.cluster();
        (cluster.advice(at).cloned(), cluster.primary())
    };
    let servers = &watched.entry.servers;
    let (Some(advice), Some(primary)) = (advice, primary) else { return };
    let (Some(server), Some(source)) = (servers.get(at), servers.get(primary)) else { return };
    let address = closer::place(server);
    if !advice.trouble.may_be_resynced() || !repairs.begin(&address, watched.now(), resync.after) {
        return;
    }
    let (host, port) = closer::place(source);
    let environment = [
        ("PGWEIR_DATABASE", watched.entry.name.clone()),
        ("PGWEIR_SERVER", server.shown_name()),
        ("PGWEIR_HOST", address.0.clone()),
        ("PGWEIR_PORT", address.1.to_string()),
        ("PGWEIR_PRIMARY", source.shown_name()),
        ("PGWEIR_PRIMARY_HOST", host),
        ("PGWEIR_PRIMARY_PORT", port.to_string()),
        ("PGWEIR_REASON", advice.trouble.as_str().to_owned()),
        ("PGWEIR_DATA_DIRECTORY", setup.data_directory.clone().unwrap_or_default()),
        ("PGWEIR_COMMAND", advice.command),
    ];
    let (words, timeout, name) = (command.clone(), resync.timeout, server.shown_name());
    let (watched, keeper) = (Arc::clone(watched), Arc::clone(repairs));
    // a thread of its own: it may take hours, and the end of this database's tasks must not stop it half-way
    let ours = address.clone();
    let work = move || {
        tell(&watched, &name, &words, &environment, timeout);
        keeper.ended(&ours, watched.now());
    };
    if let Err(error) = std::thread::Builder::new().name("resync".to_owned()).spawn(work) {
        tracing::error!(server = server.shown_name(), "resync_command was not run: {error}");
        repairs.ended(&address, Duration::ZERO);
    }
}

fn tell(
    watched: &Watched,
    server: &str,
    command: &Command,
    environment: &[(&'static str, String)],
    timeout: Duration,
) {
    let database = watched.entry.name.as_str();
    let program = command.program.display();
    tracing::warn!(database, server, %program, "resync_command runs");
    let (outcome, output) = run(command, environment, timeout);
    match outcome {
        Ok(()) => {
            watched.hub().events.count(Event::ResyncOk);
            tracing::info!(database, server, output, "resync_command has ended well");
        }
        Err(why) => {
            watched.hub().events.count(Event::ResyncFailed);
            tracing::error!(database, server, output, "resync_command has failed: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn one_command_runs_at_a_time_and_once_for_a_server() {
        let repairs = Repairs::default();
        let (a, b) = (("a".to_owned(), 1), ("b".to_owned(), 1));
        assert!(repairs.begin(&a, secs(0), secs(0)));
        assert!(!repairs.begin(&a, secs(1), secs(0)), "of another database with the same server");
        assert!(!repairs.begin(&b, secs(1), secs(0)), "one runs");
        repairs.ended(&a, secs(2));
        assert!(repairs.begin(&b, secs(2), secs(0)));
        repairs.ended(&b, secs(3));
        assert!(!repairs.begin(&a, secs(1_000), secs(0)), "it has not been well since");
        repairs.over(&a);
        assert!(repairs.begin(&a, secs(1_000), secs(0)));
    }
}
