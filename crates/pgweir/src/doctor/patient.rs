//! One `[[database]]`: each of its servers is asked, then they are held against each other.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::{Config, Database, Promote, Server};
use pool::Directory;
use pool::probe::{Asker, Facts, Failed, Kind, Said};
use pool::target::Target;
use route::primary::Part;
use route::{Cluster, Failure};
use tokio::time::sleep;

use super::capacity::Capacity;
use super::server;
use super::sheet::{Finding, Level, Sheet};
use crate::closer::{self, Case};
use crate::monitor;

/// A replica that receives nothing may just be connecting: it is asked once more after this.
const AGAIN: Duration = Duration::from_secs(1);

/// The database.
pub(super) struct Patient<'a> {
    config: &'a Config,
    directory: &'a Directory,
    entry: &'a Arc<Database>,
    clock: Instant,
}

/// What is known of a server.
struct Known {
    server: Server,
    said: Result<(Said, Facts), Trouble>,
}

/// Why nothing is.
enum Trouble {
    Failed(Failed, String),
    /// The configuration has nobody to log in as, or nothing to log in with.
    Nobody(Finding),
}

impl<'a> Patient<'a> {
    pub(super) fn new(config: &'a Config, directory: &'a Directory, entry: &'a Arc<Database>) -> Self {
        Self { config, directory, entry, clock: Instant::now() }
    }

    /// Writes down what is found; which server takes writes, if one does, and who has been refused on it.
    pub(super) async fn examine(
        &self,
        sheet: &mut Sheet<impl Write>,
        capacity: &mut Capacity,
    ) -> (Option<usize>, Option<String>) {
        let mut known = Vec::new();
        for (at, server) in self.entry.servers.iter().enumerate() {
            known.push(Known { server: server.clone(), said: self.ask(at).await });
        }
        let mut cluster = Cluster::new(self.entry, &self.config.servers);
        for (at, known) in known.iter().enumerate() {
            let answer = match &known.said {
                Ok((said, _)) => Ok(monitor::report(said)),
                Err(Trouble::Failed(failed, _)) => Err(monitor::failure(failed.kind)),
                Err(Trouble::Nobody(_)) => Err(Failure::Login),
            };
            // as if at once: whose cluster it is must not hang on who was asked first
            cluster.report(at, Duration::ZERO, answer);
        }
        let view = cluster.view(self.clock.elapsed());
        let several = known.len() > 1;
        for (at, known) in known.iter().enumerate() {
            let place = format!("{}/{}", self.entry.name, known.server.shown_name());
            let part = view.members.get(at).map_or(Part::Unknown, |member| member.part);
            let (said, facts) = match &known.said {
                Ok(said) => said,
                Err(Trouble::Failed(failed, user)) => {
                    sheet.note(&place, &server::failed(failed, &known.server, user));
                    continue;
                }
                Err(Trouble::Nobody(finding)) => {
                    sheet.note(&place, finding);
                    continue;
                }
            };
            capacity.learn(&known.server, facts);
            let mut found = server::reached(facts, said, self.entry, &known.server);
            if several {
                let failover = &self.config.servers.failover;
                let promotes = failover.promote == Promote::PgPromote && failover.user.is_none();
                found.extend(server::rights(facts, promotes));
                found.push(self.part(&cluster, at, part, said).await);
            } else {
                found.push(server::alone(said));
            }
            if said.in_recovery {
                found.push(server::long_reads(facts));
            }
            found.iter().for_each(|finding| sheet.note(&place, finding));
        }
        if several {
            sheet.note(&self.entry.name, &self.together(&known, view.primary));
        }
        match known.first().map(|known| &known.said) {
            _ if several => (view.primary, None),
            Some(Ok(_)) => (Some(0), None),
            Some(Err(Trouble::Failed(failed, user))) if failed.kind == Kind::Login => {
                (Some(0), Some(user.clone()))
            }
            Some(Err(_)) | None => (None, None),
        }
    }

    async fn ask(&self, at: usize) -> Result<(Said, Facts), Trouble> {
        let target = self.whom(at)?;
        let (shared, patience) = (self.directory.shared(), self.config.servers.route.probe_timeout);
        let mut asker = Asker::default();
        let failed = |failed| Trouble::Failed(failed, target.user.clone());
        let facts = asker.facts(&target, shared, patience).await.map_err(failed)?;
        let mut said = Err(Failed { kind: Kind::Connect, why: "not connected".to_owned() });
        for round in 0..2 {
            if round > 0 {
                sleep(AGAIN).await;
            }
            // on the same connection, or on one that the next question opens
            let whom = || self.whom(at).ok();
            said = match asker.ask(whom, shared, patience).await {
                Some(said) => said,
                None => break,
            };
            if !said.as_ref().is_ok_and(|said| said.in_recovery && !said.receiving) {
                break;
            }
        }
        Ok((said.map_err(failed)?, facts))
    }

    fn whom(&self, at: usize) -> Result<Target, Trouble> {
        let wrong = |why: pool::directory::NoPool| {
            Trouble::Nobody(Finding::fail(format!("nobody can log in: {why}"), "see the configuration"))
        };
        if let Some(target) = self.directory.asker(self.entry, at, 0).map_err(wrong)? {
            return Ok(target);
        }
        let user = self.config.users.iter().find(|user| user.password.is_some());
        match user {
            Some(user) => self.directory.visitor(self.entry, &user.name, at).map_err(wrong),
            None => Err(Trouble::Nobody(Finding::warn(
                "it was not asked: the configuration has nobody whose password is known",
                "route.probe = { user = \"…\", password = \"…\" }, or database.user",
            ))),
        }
    }

    /// What it is, and whether it follows.
    async fn part(&self, cluster: &Cluster, at: usize, part: Part, said: &Said) -> Finding {
        let Some(server) = self.entry.servers.get(at) else { return Finding::ok("") };
        let finding = server::part(part, server, said);
        let is_fed = part == Part::Replica && said.receiving;
        if is_fed || matches!(part, Part::Primary | Part::Unknown) {
            if is_fed && finding.level == Level::Ok {
                let paused = if said.paused { ", replay is paused" } else { " and is fed" };
                return Finding::ok(format!("{}{paused}", finding.what));
            }
            return finding;
        }
        let advice = self.advice(cluster, at).await;
        match advice {
            Some(advice) if part == Part::Replica => {
                Finding::fail(format!("{}: {}", finding.what, advice.why), advice.command)
            }
            Some(advice) => Finding::fail(advice.why, advice.command),
            None if part == Part::Replica => Finding::warn(
                format!("{}, and does not stream", finding.what),
                "see its log and its primary_conninfo",
            ),
            None => finding,
        }
    }

    async fn advice(&self, cluster: &Cluster, at: usize) -> Option<route::resync::Advice> {
        let primary = cluster.primary()?;
        let (server, source) = (self.entry.servers.get(at)?, self.entry.servers.get(primary)?);
        let mut plight = cluster.plight(at, self.clock.elapsed())?;
        // it was asked twice
        plight.hungry = plight.hungry.max(AGAIN);
        let case = Case {
            server,
            primary: source,
            plight,
            timeline: cluster.timeline(),
            began: cluster.began(),
            patience: AGAIN,
        };
        let targets = (self.whom(at).ok()?, self.whom(primary).ok()?);
        let limit = self.config.servers.route.probe_timeout;
        let shared = self.directory.shared();
        closer::look(&case, [&targets.0, &targets.1], shared, limit).await.ok()?.advice
    }

    fn together(&self, known: &[Known], primary: Option<usize>) -> Finding {
        let majors = known.iter().filter_map(|known| Some(known.said.as_ref().ok()?.1.major));
        let majors: std::collections::BTreeSet<u32> = majors.collect();
        if majors.len() > 1 {
            return Finding::warn(
                format!("its servers have different versions of PostgreSQL: {majors:?}"),
                "the same major version on all of them",
            );
        }
        match primary.and_then(|at| self.entry.servers.get(at)) {
            Some(server) => Finding::ok(format!("writes go to {}", server.shown_name())),
            None => Finding::fail(
                "none of its servers takes writes",
                "start the primary, or promote the replica that has come furthest: SELECT pg_promote();",
            ),
        }
    }
}
