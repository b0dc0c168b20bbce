//! Errors: what a replica refuses is run on the primary without the client's knowing, or told with a hint where it may
//! not be; what we have brought about ourselves is told in other words.

use std::ops::ControlFlow;

use pool::inbound::Seen;
use wire::TxStatus;
use wire::frame::HEADER;
use wire::sqlstate::SqlState;

use super::{ALARMING, Pass};
use crate::refusal::{self, Refusal, refusal};

impl Pass<'_> {
    /// An error, unless it passes as it is.
    pub(super) fn error(&mut self, seen: &Seen) -> Option<ControlFlow<()>> {
        self.done.errors += 1;
        let whole = seen.have == seen.total;
        if whole && self.over.is_some() && self.runs_elsewhere(seen) {
            self.done.elsewhere = !self.server.replies.hush_last();
            let goes_on = !self.done.elsewhere;
            return Some(if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) });
        }
        self.done.fatal |= self.is_fatal(seen);
        self.done.alarming |= !self.replica && ALARMING.iter().any(|code| self.says(seen, *code));
        let again = self.suspects(seen);
        let replaced = whole
            && (again
                || self.refused(seen)
                || self.overdue(seen)
                || self.hinted(seen)
                || self.renamed(seen.have, seen.failed.as_ref()));
        if replaced {
            self.invented();
        }
        replaced.then_some(ControlFlow::Continue(()))
    }

    /// An error by which a replica says that it cannot run what the primary can; true: the request is run there, and the
    /// client is told nothing of what the replica has said to it.
    fn runs_elsewhere(&mut self, seen: &Seen) -> bool {
        let body = self.server.channel.inbox.get(self.at + HEADER..self.at + seen.have);
        let left = body.and_then(refusal).is_some_and(|why| self.leave(seen, why));
        self.done.errors -= u64::from(left);
        left
    }

    /// A warning by which a replica says that it crashes, or is stopped at once: its last words; true as above.
    pub(super) fn takes_leave(&mut self, seen: &Seen) -> bool {
        let mut codes = [SqlState::CRASH_SHUTDOWN, SqlState::ADMIN_SHUTDOWN].iter();
        let leaves =
            seen.have == seen.total && self.over.is_some() && codes.any(|code| self.says(seen, *code));
        self.done.elsewhere |= leaves && self.leave(seen, Refusal::Now);
        self.done.elsewhere
    }

    /// What the server was to do is done elsewhere, if its client has been told nothing of that before.
    fn leave(&mut self, seen: &Seen, why: Refusal) -> bool {
        if self.server.status != TxStatus::Idle || !self.client.underway.may_run_elsewhere() {
            return false;
        }
        self.cut();
        self.out.truncate(self.over.unwrap_or_default());
        self.step(seen.have, false);
        for name in self.client.underway.refused(why) {
            self.client.names.undo(&name);
        }
        true
    }

    /// How much goes out so far.
    pub(super) fn length(&self) -> usize {
        self.out.len() + self.at.saturating_sub(self.start)
    }

    /// A write that a replica has refused, on a connection that is for reading: where else it might go.
    pub(super) fn hinted(&mut self, seen: &Seen) -> bool {
        if !self.replica {
            return false;
        }
        let body = self.server.channel.inbox.get(self.at + HEADER..self.at + seen.have);
        let Some(told) = body.and_then(refusal::hinted) else { return false };
        self.cut();
        self.out.extend_from_slice(&told);
        self.step(seen.have, false);
        true
    }
}
