//! A batch that has failed without the client's knowing.

use super::{Action, Kind, Replies, Request};

impl<E> Replies<E> {
    /// The Sync that ends the batch at hand is ours: nobody is told of its ReadyForQuery. False, and nothing is changed, if
    /// more than that is owed.
    pub fn hush_sync(&mut self) -> bool {
        let only = self.queue.len() == 1 && self.settling.is_none();
        match self.queue.front_mut() {
            Some(entry) if only && entry.kind == Kind::Asked(Request::Sync) => {
                entry.action = Action::Discard;
                true
            }
            Some(_) | None => false,
        }
    }
}
