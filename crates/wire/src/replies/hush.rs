//! A batch that has failed without the client's knowing.

use super::{Action, Kind, Replies, Request};

impl<E> Replies<E> {
    /// What ends the batch at hand, a Sync or the simple query itself, is ours: nobody is told of its ReadyForQuery. False,
    /// and nothing is changed, if more than that is owed.
    pub fn hush_last(&mut self) -> bool {
        let only = self.queue.len() == 1 && self.settling.is_none();
        match self.queue.front_mut() {
            Some(entry) if only && matches!(entry.kind, Kind::Asked(Request::Sync | Request::Query)) => {
                entry.action = Action::Discard;
                true
            }
            Some(_) | None => false,
        }
    }
}
