//! What a request asks for, and the server it gets.

use config::{ReplicasDown, Target};
use wire::lsn::Lsn;

use crate::balance;
use crate::loads::Loads;
use crate::view::{Fitness, Member, View};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// It is known to only read.
    pub reads: bool,
    /// Which servers may answer.
    pub target: Target,
    /// What the server must have replayed for this client.
    pub floor: Floor,
}

/// What a server must have replayed for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// Nothing.
    None,
    /// This much.
    At(Lsn),
    /// What it has written, and nobody knows yet where that is.
    Unknown,
}

/// The server it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The primary, for this reason.
    Primary(Why),
    /// This replica.
    Replica(usize),
    /// None: it was to be a replica, and there is none that may answer.
    Nobody(Why),
}

/// Why it is, or would have been, the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// It may write.
    Writes,
    /// It was to go there.
    Asked,
    /// No replica is fit.
    NoReplica,
    /// No replica has what the client has written.
    OwnWrites,
}

/// Chooses a server.
#[must_use]
pub fn choose(view: &View, loads: &Loads, intent: Intent) -> Choice {
    match (intent.target, intent.reads) {
        (Target::Primary, _) => return Choice::Primary(Why::Asked),
        (Target::Split, false) => return Choice::Primary(Why::Writes),
        (Target::Split, true) | (Target::Replica, _) => {}
    }
    let fit = |member: &Member| member.fit == Fitness::Fit;
    let fresh = |member: &Member| match intent.floor {
        Floor::None => true,
        Floor::At(floor) => member.replayed.is_some_and(|replayed| replayed >= floor),
        Floor::Unknown => false,
    };
    if let Some(replica) = balance::pick(view, loads, |member| fit(member) && fresh(member)) {
        return Choice::Replica(replica);
    }
    let why = if view.members.iter().any(fit) { Why::OwnWrites } else { Why::NoReplica };
    let fails = view.replicas_down == ReplicasDown::Fail && why == Why::NoReplica;
    match intent.target {
        Target::Replica => Choice::Nobody(why),
        Target::Split | Target::Primary if fails => Choice::Nobody(why),
        Target::Split | Target::Primary => Choice::Primary(why),
    }
}

#[cfg(test)]
mod tests;
