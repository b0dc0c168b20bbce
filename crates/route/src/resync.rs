//! Why a server can not follow the primary by itself, and what helps: decided from what it and the primary have said.
//!
//! | trouble | what is seen |
//! |---|---|
//! | `foreign` | it belongs to another cluster |
//! | `two_primaries` | it takes writes on the timeline of the primary, or on a later one that is not believed |
//! | `diverged` | it takes writes on an older timeline, or has more of that than the primary's timeline has gone on from |
//! | `wal_gone` | what it needs next is not kept any more: its slot is lost, or the oldest file is younger |
//! | `not_streaming` | it has received nothing for a while, and nothing of the above is known |
//!
//! - `command`: what to run, for a person to copy
//! - `history`: where one timeline went on from another
//! - `upstream`: whom a replica follows
//! - `incident`: when the operator's own command may run
//! - `fed`: since when a replica has received nothing

mod command;
mod fed;
mod history;
mod incident;
mod upstream;

use std::time::Duration;

use wire::lsn::Lsn;

use crate::primary::Part;
pub use command::Place;
pub use fed::Fed;
pub use history::{Fork, fork};
pub use incident::Incident;

/// Why a server can not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// It is a server of another cluster.
    Foreign,
    /// It takes writes, and its timeline does not tell who is right.
    TwoPrimaries,
    /// It has what the primary has not.
    Diverged,
    /// What it would have to receive next is not there any more.
    WalGone,
    /// It does not receive anything, for a reason that can be mended.
    NotStreaming,
}

impl Trouble {
    /// For views, metrics and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::TwoPrimaries => "two_primaries",
            Self::Diverged => "diverged",
            Self::WalGone => "wal_gone",
            Self::NotStreaming => "not_streaming",
        }
    }

    /// Whether a program may throw away what the server has. Of a foreign one, or one of two primaries, nobody but a
    /// person knows whose data that is; the last trouble needs no other data.
    #[must_use]
    pub const fn may_be_resynced(self) -> bool {
        match self {
            Self::Diverged | Self::WalGone => true,
            Self::Foreign | Self::TwoPrimaries | Self::NotStreaming => false,
        }
    }
}

/// What is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What it is.
    pub trouble: Trouble,
    /// Why, and what helps.
    pub why: String,
    /// The command that helps; empty if none does.
    pub command: String,
}

/// What is known of a server that may not be able to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plight {
    /// What it is.
    pub part: Part,
    /// Its timeline, as far as it tells.
    pub timeline: Option<u32>,
    /// What it has replayed, or written.
    pub position: Option<Lsn>,
    /// For how long it has received nothing; zero of one that does not follow.
    pub hungry: Duration,
    /// It has all that the primary had written when it was last asked.
    pub has_all: bool,
}

/// What a server says of how it is set up. What it may not tell is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Where its data is.
    pub data_directory: Option<String>,
    /// Whom it follows.
    pub upstream: Option<Upstream>,
    /// The replication slot it uses there.
    pub slot: Option<String>,
    /// It is also fed from an archive.
    pub archive: bool,
    /// pg_rewind can work on it: it has checksums, or logs hints.
    pub rewindable: bool,
    /// What it has received, if it has since it was started.
    pub received: Option<Lsn>,
}

/// Whom a replica follows, by its `primary_conninfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// The first host in it.
    pub host: Option<String>,
    /// The first port in it.
    pub port: Option<u16>,
    /// Whom it logs in as.
    pub user: Option<String>,
    /// There is a password in it.
    pub has_password: bool,
}

/// What the primary says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its timeline.
    pub timeline: u32,
    /// Where the timeline of the server in question ended.
    pub fork: Option<Fork>,
    /// Where the oldest file of the log begins that it keeps.
    pub oldest: Option<Lsn>,
    /// What became of the server's slot; none if it has none, or that is not known.
    pub slot: Option<Slot>,
}

/// A replication slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// It keeps what the replica needs.
    Kept,
    /// What the replica needs is gone.
    Lost,
    /// There is no such slot.
    Missing,
}

/// What is in a server's way, if it is anything that `patience` does not mend.
#[must_use]
pub fn diagnose(plight: &Plight, setup: &Setup, source: &Source, patience: Duration) -> Option<Trouble> {
    match plight.part {
        Part::Foreign => Some(Trouble::Foreign),
        Part::Fenced if plight.timeline.is_some_and(|timeline| timeline < source.timeline) => {
            Some(Trouble::Diverged)
        }
        Part::Fenced => Some(Trouble::TwoPrimaries),
        Part::Replica if plight.hungry >= patience && plight.hungry > Duration::ZERO => {
            hungry(plight, setup, source)
        }
        Part::Replica | Part::Primary | Part::Unknown => None,
    }
}

fn hungry(plight: &Plight, setup: &Setup, source: &Source) -> Option<Trouble> {
    let has = plight.position.max(setup.received);
    let is_older = plight.timeline.is_some_and(|timeline| timeline < source.timeline);
    let is_beyond = match source.fork {
        Some(Fork::At(end) | Fork::Before(end)) => has.is_some_and(|has| has > end),
        Some(Fork::Never) => true,
        None => false,
    };
    if is_older && is_beyond {
        return Some(Trouble::Diverged);
    }
    // a server asks for the whole file in which it is
    let is_gone = has.zip(source.oldest).is_some_and(|(has, oldest)| has < oldest);
    if source.slot == Some(Slot::Lost) || is_gone {
        return (!setup.archive || !plight.has_all).then_some(Trouble::WalGone);
    }
    // an archive is as good a source, as long as it gives all there is
    (!setup.archive || !plight.has_all).then_some(Trouble::NotStreaming)
}

/// What is to be said of a server at `place` that is in this trouble, with its primary at `primary`.
#[must_use]
pub fn advice(
    trouble: Trouble,
    place: &Place<'_>,
    primary: &Place<'_>,
    setup: &Setup,
    source: &Source,
) -> Advice {
    let (why, command) = match trouble {
        Trouble::Foreign => {
            let why = "it belongs to another cluster: take it out of the configuration if its data is wanted, else stop \
                       it, empty its data directory, run this there as the owner of that, start it";
            (why.to_owned(), command::base_backup(primary, setup))
        }
        Trouble::TwoPrimaries => {
            let why = "it takes writes as the primary does, and no timeline tells which of the two is right: stop the one \
                       whose writes are not wanted, then make it a replica";
            (why.to_owned(), String::new())
        }
        Trouble::Diverged if setup.rewindable => {
            let why = "it has changes that the primary has not: stop it, run this there as the owner of its data \
                       directory, start it; those changes are lost";
            (why.to_owned(), command::rewind(primary, setup))
        }
        Trouble::Diverged => {
            let why = "it has changes that the primary has not, and pg_rewind needs checksums or wal_log_hints, of which \
                       it is not known to have one: stop it, empty its data directory, run this there as the owner of \
                       that, start it; those changes are lost";
            (why.to_owned(), command::base_backup(primary, setup))
        }
        Trouble::WalGone => {
            let why = "what it needs next is not kept by the primary any more: stop it, empty its data directory, run \
                       this there as the owner of that, start it; a replication slot keeps it from happening again";
            (why.to_owned(), command::base_backup(primary, setup))
        }
        Trouble::NotStreaming => not_streaming(place, primary, setup, source),
    };
    Advice { trouble, why, command }
}

fn not_streaming(place: &Place<'_>, primary: &Place<'_>, setup: &Setup, source: &Source) -> (String, String) {
    if source.slot == Some(Slot::Missing) {
        let slot = setup.slot.as_deref().unwrap_or_default();
        let why = format!("it does not stream: the primary has no replication slot \"{slot}\"");
        return (why, command::make_slot(primary, slot));
    }
    match &setup.upstream {
        Some(Upstream { host: Some(host), port, .. })
            if primary.host != host || port.is_some_and(|port| port != primary.port) =>
        {
            let at = port.map_or_else(String::new, |port| format!(":{port}"));
            let why = format!(
                "it does not stream: its primary_conninfo names {host}{at}, and the primary is {primary}"
            );
            (why, command::follow(place, primary, setup))
        }
        Some(Upstream { host: Some(_), .. }) => {
            let why = "it does not stream although its primary_conninfo names the primary: its log says why; pg_hba.conf \
                       of the primary, max_wal_senders and the password are what it often is";
            (why.to_owned(), String::new())
        }
        Some(Upstream { host: None, .. }) | None => {
            let why =
                "it does not stream: see its log and its primary_conninfo, which should name the primary";
            (why.to_owned(), command::follow(place, primary, setup))
        }
    }
}

#[cfg(test)]
mod tests;
