//! What is known of the servers of a database at one moment, for those who choose.

use std::sync::Arc;

use config::{Balance, ReplicasDown};
use wire::lsn::Lsn;

use crate::breaker;
use crate::health;
use crate::lag::Lag;
use crate::primary::Part;

/// The servers of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// In the order of the configuration.
    pub members: Vec<Member>,
    /// The one that takes writes, if it answers.
    pub primary: Option<usize>,
    /// How one of several replicas is chosen.
    pub balance: Balance,
    /// What becomes of reads while none can take them.
    pub replicas_down: ReplicasDown,
}

/// One server.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// What it is called.
    pub name: Arc<str>,
    /// What it is.
    pub part: Part,
    /// Whether it answers.
    pub health: health::State,
    /// Its breakers, as a replica and as the primary.
    pub breakers: [breaker::State; 2],
    /// Reads may go to it.
    pub fit: Fitness,
    /// What it is known to have replayed.
    pub replayed: Option<Lsn>,
    /// How far it is behind; none if that is not known.
    pub lag: Option<Lag>,
    /// Its share of the reads, in thousandths of its weight: less where the machine is busy.
    pub weight: u32,
    /// It stands where we do, or nobody has said where we do.
    pub near: bool,
}

/// Whether reads may go to a server, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fitness {
    /// They may.
    Fit,
    /// It is no replica of this cluster, as far as is known.
    NotReplica,
    /// It does not answer.
    Down,
    /// Its breaker is open.
    Broken,
    /// It is banned by hand.
    Banned,
    /// It is further behind than is allowed.
    Behind,
    /// How far it is behind is not known.
    Unknown,
    /// It has no weight.
    Weightless,
}

impl Fitness {
    /// For views and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::NotReplica => "no replica",
            Self::Down => "down",
            Self::Broken => "breaker open",
            Self::Banned => "banned",
            Self::Behind => "too far behind",
            Self::Unknown => "lag unknown",
            Self::Weightless => "weight 0",
        }
    }
}
