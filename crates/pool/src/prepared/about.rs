//! What is known of a statement's text, by whoever understands it, and the names in it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::Statement;
use crate::left::Traces;
use crate::notify::Tuning;

/// What is known of a statement's text beside the text itself, by whoever understands it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Running it may make the server forget every name (DEALLOCATE ALL, DISCARD ALL). Whether it does, and whether
    /// it comes to run, only the server knows; it is asked by waiting for its answer.
    pub forgets: bool,
    /// It may define anew what other statements speak of.
    pub redefines: bool,
    /// It may define anew what names mean, such as functions and views, or end the transaction that does.
    pub defines: bool,
    /// What running it may leave behind in the session; `None`: nothing.
    pub traces: Option<Arc<Traces>>,
    /// The names of statements in it, in SQL's PREPARE, EXECUTE and DEALLOCATE; `None`: there are none.
    pub naming: Option<Arc<Naming>>,
    /// What running it changes in what the client listens to.
    pub tunings: Vec<Tuning>,
    /// What whoever understands the text has made of it.
    pub judged: Judged,
}

/// The number of a judgement on a text, kept with it so that it is found without looking at the text again. What the
/// number means is known to those who judge, and so is for how long it holds: for as long as their own stamp is the same.
#[derive(Debug, Default)]
pub struct Judged(AtomicU64);

impl Judged {
    /// The judgement, if there is one of this stamp.
    #[must_use]
    pub fn get(&self, stamp: u64) -> Option<u8> {
        let [judgement, kept @ ..] = self.0.load(Ordering::Relaxed).to_le_bytes();
        let [_, wanted @ ..] = (stamp << u8::BITS).to_le_bytes();
        judgement.checked_sub(1).filter(|_| kept == wanted)
    }

    /// From now on it is this one, until the stamp is another one, of which the highest byte does not count; the highest
    /// number there is cannot be kept.
    pub fn set(&self, stamp: u64, judgement: u8) {
        self.0.store((stamp << u8::BITS) | u64::from(judgement.wrapping_add(1)), Ordering::Relaxed);
    }
}

impl Clone for Judged {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

/// It follows from the text, and makes no difference to what that is.
impl PartialEq for Judged {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Judged {}

/// What a text does with names of prepared statements. Those in it are the server's, not the client's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// PREPARE and DEALLOCATE, in order: each counts when the server has completed it.
    pub steps: VecDeque<Step>,
    /// What the server must hold before it runs.
    pub needs: Vec<Arc<Statement>>,
}

/// A name given or taken away by SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// PREPARE
    Prepare(Alias),
    /// DEALLOCATE
    Deallocate(Alias),
}

/// A client's name for a statement. Effects are many and queued, names are rare: these are boxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The client's name.
    pub name: Bytes,
    /// What it stands for.
    pub statement: Arc<Statement>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judgement_holds_for_its_stamp() {
        let judged = Judged::default();
        assert_eq!(judged.get(0), None);
        judged.set(7, 0);
        assert_eq!((judged.get(7), judged.get(8), judged.get(0)), (Some(0), None, None));
        judged.set(8, 254);
        assert_eq!((judged.clone().get(8), judged.get(7)), (Some(254), None));
    }
}
