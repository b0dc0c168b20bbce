//! Route: who may answer?

use ::classify::Class;
use ::classify::class::Target;
use ::route::{Choice, Intent};

use crate::session::Session;

/// Chooses the server for a request of this class.
pub(crate) fn choose(_session: &Session, class: Class) -> Choice {
    let intent = match class.target {
        Target::Primary => Intent::Write,
    };
    ::route::choose(intent)
}
