//! Whether a replica is to be made the primary, and which: decided from what this instance sees of the servers and from
//! what all instances have in common.
//!
//! | while | the instance | [`Act`] |
//! |---|---|---|
//! | the primary answers, or has for less than `timeout` not | has no vote | rest |
//! | it has not for as long | votes, over and over | rest, until more than half have voted |
//! | more than half have | takes the lock, or waits for it | lock |
//! | it has the lock | has all servers asked again | ask |
//! | all have been asked, the primary does not answer, and a replica is fit | has it written down, for good, that this replica follows this timeline | claim |
//! | that is written down | orders it to be promoted | order |
//!
//! What makes it happen once is the claim: for a timeline there is one, which only names one server, and outlives locks
//! and instances. The lock merely keeps two instances from trying at a time. Everything is checked again before each
//! step, and what is not known speaks against it.

use std::cmp::Reverse;
use std::time::Duration;

use wire::lsn::Lsn;

use crate::probe::Report;

/// What others have in common holds for so long after it was asked for.
const FRESH: Duration = Duration::from_secs(2);

/// Who has the lock and finds no server to promote leaves it to others for so long.
const YIELD: Duration = Duration::from_secs(10);

/// What the configuration says of promoting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// So long the primary must not have answered.
    pub timeout: Duration,
    /// So many instances there are.
    pub instances: u32,
    /// So many bytes of WAL that the primary was known to have may be missing.
    pub most_lost: u64,
    /// A promotion may be ordered again, of the same server, by another instance too.
    pub repeats: bool,
    /// So long a server may take to answer, with all that delays the question.
    pub patience: Duration,
}

/// What this instance sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// The cluster that the servers belong to.
    pub system: Option<u64>,
    /// The highest timeline of a primary that is known of; 0 if there was none.
    pub timeline: u32,
    /// Which server that is.
    pub primary: Option<usize>,
    /// Since when nothing comes from it; none while something does.
    pub lost: Option<Duration>,
    /// How far it had come when that was last heard.
    pub position: Option<Lsn>,
    /// All servers, in the order of the configuration.
    pub servers: Vec<Standing>,
}

/// One server.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// When it was last asked.
    pub asked: Duration,
    /// What it has answered then.
    pub said: Option<Report>,
    /// The timeline it has come to, as a replica.
    pub timeline: Option<u32>,
    /// The operator does not want it.
    pub barred: bool,
}

/// What all instances have in common, as it was found at `asked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    /// When that was asked for.
    pub asked: Duration,
    /// The highest timeline of a primary that any has seen.
    pub timeline: u32,
    /// How far that primary has come, as far as any has seen.
    pub position: Option<Lsn>,
    /// Instances that have been heard of lately.
    pub seen: u32,
    /// Of these, who have not seen the primary of that timeline for long enough.
    pub lost: u32,
    /// For how long it has been remembered what this says.
    pub age: Duration,
    /// Who has the lock.
    pub lock: Lock,
    /// What is written down for the timeline.
    pub claim: Option<Claim>,
}

/// Who has the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Nobody.
    Free,
    /// This instance.
    Ours,
    /// Another one.
    Theirs,
}

/// The server that is to follow a timeline's primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which one; none if it is not one of this instance's servers.
    pub server: Option<usize>,
    /// This instance has written it down.
    pub ours: bool,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing, and why.
    Rest(Why),
    /// The lock is to be taken.
    Lock,
    /// All servers are to be asked.
    Ask,
    /// It is to be written down that this server follows the timeline.
    Claim(usize),
    /// This server is to be promoted.
    Order(usize),
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The primary answers, or it is not known which server that is.
    Watching,
    /// It has not answered for less than the time-out.
    Waiting,
    /// What instances have in common cannot be asked for.
    NoLock,
    /// That has been kept for too short a time: others may know more than it does.
    NewLock,
    /// There is a later primary, which does not answer here.
    Later,
    /// Not enough others miss the primary.
    Outvoted,
    /// Another instance is at it.
    Locked,
    /// The servers are being asked.
    Asking,
    /// Another instance was at it and has not finished, or the server chosen then is not the one to choose now.
    Claimed,
    /// A promotion was ordered, which may still happen and must not be ordered twice.
    Ordered,
    /// It is not known how far the primary had come.
    NoPosition,
    /// No replica answers that is on the primary's timeline and may be promoted.
    NoReplica,
    /// The replica that has most lacks more than may be lost.
    TooFar,
}

impl Why {
    /// For views and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Waiting => "waiting",
            Self::NoLock => "no lock",
            Self::NewLock => "new lock",
            Self::Later => "later primary",
            Self::Outvoted => "no majority",
            Self::Locked => "locked",
            Self::Asking => "asking",
            Self::Claimed => "claimed before",
            Self::Ordered => "ordered",
            Self::NoPosition => "position unknown",
            Self::NoReplica => "no replica",
            Self::TooFar => "too much lost",
        }
    }

    /// Whether waiting alone will not change it: people should know.
    #[must_use]
    pub const fn is_dead_end(self) -> bool {
        matches!(self, Self::NoLock | Self::Claimed | Self::NoPosition | Self::NoReplica | Self::TooFar)
    }
}

/// What is remembered from one decision to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promotion {
    /// Since when all servers are being asked again, and for which timeline.
    asking: Option<(u32, Duration)>,
    /// An order for this timeline is not to be repeated.
    spent: Option<u32>,
    /// Nothing is tried before this moment, and why.
    yields: Option<(Duration, Why)>,
}

impl Promotion {
    /// Whether this instance votes that the primary is gone.
    #[must_use]
    pub fn votes(terms: &Terms, sight: &Sight, now: Duration) -> bool {
        Self::waits(terms, sight, now).is_none()
    }

    /// Whether this instance means to keep the lock, if it has it.
    #[must_use]
    pub fn keeps_lock(&self) -> bool {
        self.asking.is_some()
    }

    /// What is to be done now.
    pub fn decide(&mut self, terms: &Terms, sight: &Sight, common: Option<Common>, now: Duration) -> Act {
        let act = self.act(terms, sight, common, now);
        if let Act::Rest(why) = act
            && why != Why::Asking
        {
            if self.asking.take().is_some() && why.is_dead_end() {
                self.yields = Some((now.saturating_add(YIELD), why));
            }
            self.yields = self.yields.filter(|_| why != Why::Watching);
        }
        act
    }

    /// An order was given that may have been carried out, or certainly was not: before another one everything is looked at
    /// anew.
    pub fn ordered(&mut self, terms: &Terms, timeline: u32, refused: bool) {
        self.asking = None;
        self.spent = Some(timeline).filter(|_| !terms.repeats && !refused);
    }

    fn act(&mut self, terms: &Terms, sight: &Sight, common: Option<Common>, now: Duration) -> Act {
        if let Some(why) = Self::waits(terms, sight, now) {
            return Act::Rest(why);
        }
        let Some(common) = common.filter(|common| now.saturating_sub(common.asked) <= FRESH) else {
            return Act::Rest(Why::NoLock);
        };
        if let Some(why) = hinders(terms, sight, &common) {
            return Act::Rest(why);
        }
        if let Some((_, why)) = self.yields.filter(|(until, _)| now < *until) {
            return Act::Rest(why);
        }
        match common.lock {
            Lock::Theirs => return Act::Rest(Why::Locked),
            Lock::Free => {
                self.asking = None;
                return Act::Lock;
            }
            Lock::Ours => {}
        }
        let since = match self.asking {
            // answers older than that are none
            Some((of, since)) if of == sight.timeline && now.saturating_sub(since) <= terms.patience * 3 => {
                since
            }
            Some(_) | None => {
                self.asking = Some((sight.timeline, now));
                return Act::Ask;
            }
        };
        if sight.servers.iter().any(|server| server.asked < since) {
            return Act::Rest(Why::Asking);
        }
        let best = match choose(terms, sight, &common) {
            Ok(best) => best,
            Err(why) => return Act::Rest(why),
        };
        match common.claim {
            None => Act::Claim(best),
            Some(claim) if claim.server != Some(best) => Act::Rest(Why::Claimed),
            Some(Claim { ours: false, .. }) => Act::Claim(best),
            Some(Claim { ours: true, .. }) if self.spent == Some(sight.timeline) => Act::Rest(Why::Ordered),
            Some(Claim { ours: true, .. }) => Act::Order(best),
        }
    }

    /// Why the primary does not count as gone, to be seen from here.
    fn waits(terms: &Terms, sight: &Sight, now: Duration) -> Option<Why> {
        let Some((primary, since)) = sight.primary.zip(sight.lost) else { return Some(Why::Watching) };
        let claims = |server: &Standing| {
            server.said.is_some_and(|said| {
                !said.in_recovery
                    && said.is_of(sight.system)
                    && said.timeline.is_none_or(|timeline| timeline >= sight.timeline)
            })
        };
        if sight.timeline == 0 || sight.servers.iter().any(claims) {
            return Some(Why::Watching);
        }
        // an instance that was stopped for a while has lost nothing but time
        let asked = sight.servers.get(primary).map(|server| server.asked).unwrap_or_default();
        let stale = now.saturating_sub(asked) > terms.patience;
        (stale || asked.saturating_sub(since) < terms.timeout).then_some(Why::Waiting)
    }
}

/// What the others have against it.
fn hinders(terms: &Terms, sight: &Sight, common: &Common) -> Option<Why> {
    let claimed = |claim: Claim| !claim.ours && !terms.repeats;
    if common.timeline > sight.timeline {
        Some(Why::Later)
    } else if common.timeline < sight.timeline || common.age < terms.timeout {
        Some(Why::NewLock)
    } else if u64::from(common.lost) * 2 <= u64::from(terms.instances.max(common.seen)) {
        Some(Why::Outvoted)
    } else if common.claim.is_some_and(claimed) {
        Some(Why::Claimed)
    } else {
        None
    }
}

/// The replica that has received most; of equal ones the first in the file.
fn choose(terms: &Terms, sight: &Sight, common: &Common) -> Result<usize, Why> {
    let position = sight.position.max(common.position).ok_or(Why::NoPosition)?;
    let received = |server: &Standing| {
        let said = server.said.filter(|said| said.in_recovery && said.is_of(sight.system))?;
        said.received.filter(|_| server.timeline == Some(sight.timeline) && !server.barred)
    };
    let all = sight.servers.iter().enumerate();
    let best = all
        .filter(|(at, _)| Some(*at) != sight.primary)
        .filter_map(|(at, server)| Some((received(server)?, Reverse(at))))
        .max();
    let (has, Reverse(at)) = best.ok_or(Why::NoReplica)?;
    if has.behind(position) > terms.most_lost { Err(Why::TooFar) } else { Ok(at) }
}

#[cfg(test)]
mod tests;
