//! Has a replica promoted: by `pg_promote` on it, or by a command.

use std::time::Duration;

use config::{Command, Failover, Promote};
use pool::probe::{self, Outcome};

use crate::monitor::run::{Failed, run};
use crate::monitor::watched::Watched;

/// What is to be promoted, and instead of what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) server: usize,
    pub(super) old: Option<usize>,
    pub(super) timeline: u32,
}

impl Order {
    /// Within `failover.promote_timeout`, or a little more.
    ///
    /// # Cancel safety
    /// It may be promoted all the same; a command goes on.
    pub(super) async fn carry_out(self, watched: &Watched, failover: &Failover) -> Outcome {
        match (failover.promote, &failover.command) {
            (Promote::PgPromote, _) => self.by_function(watched, failover.promote_timeout).await,
            (Promote::Command, Some(words)) => {
                self.by_command(watched, words, failover.promote_timeout).await
            }
            (Promote::Never, _) | (Promote::Command, None) => {
                Outcome::Refused("nothing is to be promoted any more".to_owned())
            }
        }
    }

    async fn by_function(self, watched: &Watched, patience: Duration) -> Outcome {
        let directory = &watched.hub().directory;
        let connect = watched.config().servers.route.probe_timeout;
        match directory.promoter(&watched.entry, self.server) {
            Ok(Some(target)) => probe::promote(&target, directory.shared(), connect, patience).await,
            Ok(None) => Outcome::Refused("there is nobody to log in as".to_owned()),
            Err(why) => Outcome::Refused(why.to_string()),
        }
    }

    async fn by_command(self, watched: &Watched, command: &Command, patience: Duration) -> Outcome {
        let servers = &watched.entry.servers;
        let Some(server) = servers.get(self.server) else {
            return Outcome::Refused("there is no such server".to_owned());
        };
        let mut environment = vec![
            ("PGWEIR_HOST", server.host.to_string()),
            ("PGWEIR_PORT", server.port.to_string()),
            ("PGWEIR_SERVER", server.shown_name()),
            ("PGWEIR_DATABASE", watched.entry.name.clone()),
            ("PGWEIR_TIMELINE", self.timeline.to_string()),
        ];
        if let Some(old) = self.old.and_then(|old| servers.get(old)) {
            environment.push(("PGWEIR_OLD_HOST", old.host.to_string()));
            environment.push(("PGWEIR_OLD_PORT", old.port.to_string()));
        }
        let command = command.clone();
        let ran = tokio::task::spawn_blocking(move || run(&command, &environment, patience)).await;
        match ran {
            Ok((Ok(()), _)) => Outcome::Done,
            Ok((Err(why @ Failed::NotStarted(_)), _)) => Outcome::Refused(format!("the command: {why}")),
            Ok((Err(why), output)) => {
                Outcome::Unclear(format!("the command: {why}; it has written: {output}"))
            }
            Err(why) => Outcome::Unclear(why.to_string()),
        }
    }
}
