//! Which of the servers is the primary, and which only claims to be.
//!
//! A server claims to be the primary by not being in recovery. Of several claimants the one with the higher timeline is
//! it, for every promotion begins a new one; the others are fenced: nothing is sent to them until they come back as
//! replicas. With the same timeline the one that was the primary stays it. A server of another cluster is none of ours.

use std::collections::BTreeSet;

use config::Role;

use crate::patroni::Vote;
use crate::probe::Report;

/// What was last heard of a server, by who is asked to be what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the configuration says that it is.
    pub role: Role,
    /// What it has said last; none if it has not, or if that is not to be relied on any more.
    pub report: Option<Report>,
    /// What Patroni says, where it looks after it: that another one is the leader takes the right to be the primary.
    pub vote: Vote,
}

/// What a server is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Nobody knows yet.
    Unknown,
    /// The one that takes writes.
    Primary,
    /// It follows.
    Replica,
    /// It claims to be the primary and is not.
    Fenced,
    /// It is a server of another cluster.
    Foreign,
}

impl Part {
    /// For views and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Primary => "primary",
            Self::Replica => "replica",
            Self::Fenced => "fenced",
            Self::Foreign => "foreign",
        }
    }
}

/// What is remembered from one look to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reign {
    /// The cluster that the servers belong to, once there was a primary.
    system: Option<u64>,
    /// The highest timeline of a primary.
    timeline: u32,
    /// Which server that is, or was.
    primary: Option<usize>,
    /// There was another timeline before.
    changed: bool,
    /// A primary was seen.
    reigned: bool,
    fenced: BTreeSet<usize>,
}

impl Reign {
    /// Which server is the primary, or was last.
    #[must_use]
    pub fn primary(&self) -> Option<usize> {
        self.primary
    }

    /// Its timeline; 0 if there was none yet.
    #[must_use]
    pub fn timeline(&self) -> u32 {
        self.timeline
    }

    /// What others remember: there was a primary on this timeline, so nobody with a lower one is it any more. Whether
    /// that is news.
    pub fn remember(&mut self, timeline: u32) -> bool {
        let newer = timeline > self.timeline;
        if newer {
            self.changed |= self.has_been();
            self.timeline = timeline;
            self.primary = None;
        }
        newer
    }

    /// Whether there was a primary yet, to be seen from here.
    #[must_use]
    pub fn has_been(&self) -> bool {
        self.reigned
    }

    /// The cluster that the servers belong to, if that is known.
    #[must_use]
    pub fn system(&self) -> Option<u64> {
        self.system
    }

    /// Whether a replica that tells this timeline is where the primary is. One that tells none is believed to be as long
    /// as there was only one.
    #[must_use]
    pub fn is_on_it(&self, timeline: Option<u32>) -> bool {
        timeline.map_or(!self.changed, |timeline| timeline == self.timeline)
    }

    /// Looks at what all servers have said last, and says what each is.
    pub fn look(&mut self, servers: &[Heard]) -> Vec<Part> {
        let claims = |at: usize| {
            let heard = servers.get(at)?;
            let report = heard.report.filter(|report| !report.in_recovery && heard.role != Role::Replica)?;
            (heard.vote != Vote::Other && report.is_of(self.system)).then_some((
                at,
                report,
                report.timeline.unwrap_or(0),
            ))
        };
        let before = self.primary;
        // whose cluster it is, when that is not known yet: that of most of them
        let kin = |report: &Report| {
            let of = |other: &&Heard| other.report.is_some_and(|other| other.system == report.system);
            if self.system.is_some() { 0 } else { servers.iter().filter(of).count() }
        };
        let winner = (0..servers.len())
            .filter_map(claims)
            .filter(|(_, _, timeline)| *timeline >= self.timeline)
            // the last of several equal ones would win: so the present one comes last, then the first in the file
            .max_by_key(|(at, report, timeline)| {
                (kin(report), *timeline, Some(*at) == before, usize::MAX - at)
            });
        if let Some((at, report, timeline)) = winner {
            self.system = self.system.or(report.system);
            self.changed |= self.reigned && timeline != self.timeline;
            self.reigned = true;
            self.timeline = timeline;
            self.primary = Some(at);
        } else if let Some(heard) = before.and_then(|at| servers.get(at)) {
            // it follows another one, of which nothing was heard yet; or has lost the right to take writes, and may not
            // know it yet
            let follows = heard.report.is_some_and(|report| report.in_recovery);
            let deposed = heard.report.is_some() && heard.vote == Vote::Other;
            self.primary = self.primary.filter(|_| !follows && !deposed);
        }
        let parts: Vec<Part> = (0..servers.len()).map(|at| self.part(at, servers)).collect();
        self.fenced = (0..servers.len()).filter(|at| parts.get(*at) == Some(&Part::Fenced)).collect();
        parts
    }

    /// The same for servers in another order: `place` says where the one of a number stands now, if anywhere.
    #[must_use]
    pub fn moved(&self, place: impl Fn(usize) -> Option<usize>) -> Self {
        Self {
            primary: self.primary.and_then(&place),
            fenced: self.fenced.iter().filter_map(|at| place(*at)).collect(),
            ..self.clone()
        }
    }

    fn part(&self, at: usize, servers: &[Heard]) -> Part {
        let Some(heard) = servers.get(at) else { return Part::Unknown };
        let Some(report) = heard.report else {
            // one that is silent stays what it was
            return if self.fenced.contains(&at) {
                Part::Fenced
            } else if self.primary == Some(at) {
                Part::Primary
            } else {
                Part::Unknown
            };
        };
        match (report.in_recovery, self.primary == Some(at)) {
            _ if !report.is_of(self.system) => Part::Foreign,
            (true, _) => Part::Replica,
            (false, true) => Part::Primary,
            (false, false) => Part::Fenced,
        }
    }
}

#[cfg(test)]
mod tests;
