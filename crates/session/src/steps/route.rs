//! Route: who may answer?

use ::classify::Class;
use ::classify::class::Target;
use ::route::{Choice, Why};

use crate::session::Session;

/// Chooses the server for a request of this class.
pub(crate) fn choose(_session: &Session, class: Class) -> Choice {
    match class.target {
        Target::Primary => Choice::Primary(Why::Writes),
    }
}
