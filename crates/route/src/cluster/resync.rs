//! Which servers can not follow, and what is to be said of them.

use std::time::Duration;

use wire::lsn::Lsn;

use super::Cluster;
use crate::primary::Part;
use crate::resync::{Advice, Plight};

/// How a server is off, as one that has to follow the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It follows, or is the primary.
    Well,
    /// It does not answer, or it is too early to tell.
    Unsettled,
    /// It has to be looked at closely.
    Ill,
}

impl Cluster {
    /// How a server is off; nothing received for `patience` is ill.
    #[must_use]
    pub fn condition(&self, at: usize, now: Duration, patience: Duration) -> Condition {
        let (Some(server), Some(part)) = (self.servers.get(at), self.parts.get(at)) else {
            return Condition::Unsettled;
        };
        if server.report.is_none() || server.failed.is_some() || self.primary().is_none() {
            return Condition::Unsettled;
        }
        match part {
            Part::Primary => Condition::Well,
            Part::Fenced | Part::Foreign => Condition::Ill,
            Part::Replica if server.aside.fed.is_fed() => Condition::Well,
            Part::Replica if server.aside.fed.hungry(now) >= patience => Condition::Ill,
            Part::Replica | Part::Unknown => Condition::Unsettled,
        }
    }

    /// What is known of a server that is ill; none if there is no such server, or nothing to hold it against.
    #[must_use]
    pub fn plight(&self, at: usize, now: Duration) -> Option<Plight> {
        let (server, part) = (self.servers.get(at)?, *self.parts.get(at)?);
        let report = server.report?;
        let written = self.servers.get(self.primary()?)?.report?.position;
        let hungry = server.aside.fed.hungry(now);
        let has_all = report.position.is_some() && report.position >= written;
        Some(Plight { part, timeline: report.timeline, position: report.position, hungry, has_all })
    }

    /// The server that takes writes, if it answers.
    #[must_use]
    pub fn primary(&self) -> Option<usize> {
        let answers = |at: &usize| {
            self.servers
                .get(*at)
                .is_some_and(|server| server.health.state().serves() && server.report.is_some())
        };
        self.reign.primary().filter(answers)
    }

    /// The first position that the primary was seen at on its timeline.
    #[must_use]
    pub fn began(&self) -> Option<Lsn> {
        self.began
    }

    /// What is to be said of a server from now on; true if that is something else than before.
    pub fn advise(&mut self, at: usize, advice: Option<Advice>) -> bool {
        let Some(server) = self.servers.get_mut(at) else { return false };
        let changes = server.aside.advice != advice;
        server.aside.advice = advice;
        changes
    }

    /// What is to be said of a server that can not follow.
    #[must_use]
    pub fn advice(&self, at: usize) -> Option<&Advice> {
        self.servers.get(at)?.aside.advice.as_ref()
    }
}
