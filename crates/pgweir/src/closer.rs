//! A closer look at a server that can not follow the primary: what both say of it, and what helps.

use std::sync::Arc;
use std::time::Duration;

use config::Server;
use pool::Shared;
use pool::probe::{Asker, Failed, Kept, NoSlot};
use pool::target::Target;
use route::resync::{self, Advice, Fork, Place, Plight, Setup, Slot, Source, Upstream};
use wire::lsn::Lsn;

/// A server that is ill, and what is known of it and of the primary.
pub(crate) struct Case<'a> {
    pub(crate) server: &'a Server,
    pub(crate) primary: &'a Server,
    pub(crate) plight: Plight,
    /// The primary's timeline, and the first position that it was seen at there.
    pub(crate) timeline: u32,
    pub(crate) began: Option<Lsn>,
    /// How long a server may be without what it should follow.
    pub(crate) patience: Duration,
}

/// What has come of it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) advice: Option<Advice>,
    pub(crate) setup: Setup,
}

/// Asks the server and the primary, each by a connection of its own that is closed then, within `limit` each.
///
/// # Errors
/// One of them does not answer, and without that nothing can be said.
pub(crate) async fn look(
    case: &Case<'_>,
    [server, primary]: [&Target; 2],
    shared: &Arc<Shared>,
    limit: Duration,
) -> Result<Found, Failed> {
    // of those that do not follow it is known what they are
    let is_settled = case.plight.part != route::primary::Part::Replica;
    let setup = match Asker::default().setup(server, shared, limit).await {
        Ok(said) => setup(said),
        Err(_) if is_settled => Setup::default(),
        Err(failed) => return Err(failed),
    };
    let about = (setup.slot.as_deref(), case.timeline);
    let kept = match Asker::default().kept(primary, shared, limit, about).await {
        Ok(kept) => kept,
        Err(_) if is_settled => Kept::default(),
        Err(failed) => return Err(failed),
    };
    let source = source(case, kept);
    let trouble = resync::diagnose(&case.plight, &setup, &source, case.patience);
    let (at, host) = (place(case.server), place(case.primary));
    let (at, host) = (Place { host: &at.0, port: at.1 }, Place { host: &host.0, port: host.1 });
    let advice = trouble.map(|trouble| resync::advice(trouble, &at, &host, &setup, &source));
    Ok(Found { advice, setup })
}

/// Host and port of a server.
pub(crate) fn place(server: &Server) -> (String, u16) {
    (server.host.to_string(), server.port)
}

fn setup(said: pool::probe::Setup) -> Setup {
    Setup {
        data_directory: said.data_directory,
        upstream: said.conninfo.as_deref().map(Upstream::parse),
        slot: said.slot,
        archive: said.archive,
        rewindable: said.rewindable,
        received: said.received,
    }
}

fn source(case: &Case<'_>, kept: Kept) -> Source {
    let known = kept.history.as_deref().zip(case.plight.timeline);
    let slot = kept.slot.map(|slot| match slot {
        Ok(status) if status == "lost" => Slot::Lost,
        Ok(_) => Slot::Kept,
        Err(NoSlot) => Slot::Missing,
    });
    Source {
        timeline: case.timeline,
        fork: match known {
            Some((history, timeline)) => Some(resync::fork(history, timeline)),
            None => case.began.map(Fork::Before),
        },
        oldest: kept.oldest,
        slot,
    }
}
