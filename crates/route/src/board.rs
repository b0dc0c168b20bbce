//! Where the view hangs for all sessions to see.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::floors::Floors;
use crate::loads::Loads;
use crate::view::View;

/// What the sessions of a database have in common.
#[derive(Debug)]
pub struct Board {
    view: RwLock<Arc<View>>,
    version: AtomicU64,
    /// How busy its servers are.
    pub loads: Loads,
    /// How far the primary was when a session had written.
    pub floors: Floors,
}

impl Board {
    /// With what is known at first.
    #[must_use]
    pub fn new(view: View) -> Self {
        let loads = Loads::new(view.members.len());
        Self {
            view: RwLock::new(Arc::new(view)),
            version: AtomicU64::new(1),
            loads,
            floors: Floors::default(),
        }
    }

    /// The view, if it is another one than that of `version`, which is changed to its number; a session keeps what it
    /// has seen, so that nothing is locked while nothing changes.
    #[must_use]
    pub fn newer(&self, version: &mut u64) -> Option<Arc<View>> {
        let now = self.version.load(Ordering::Acquire);
        if now == *version {
            return None;
        }
        *version = now;
        Some(self.view())
    }

    /// The view as it is now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hangs up a new one.
    pub fn set(&self, view: View) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// The boards of all databases that have several servers, by the names of the `[[database]]`s.
#[derive(Debug, Default)]
pub struct Boards {
    known: RwLock<HashMap<String, Arc<Board>>>,
}

impl Boards {
    /// The board of a database; none if it has one server only.
    #[must_use]
    pub fn get(&self, entry: &str) -> Option<Arc<Board>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(entry).cloned()
    }

    /// Puts a board in its place.
    pub fn put(&self, entry: &str, board: Arc<Board>) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(entry.to_owned(), board);
    }

    /// Keeps only those of these databases.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).retain(|entry, _| keep(entry));
    }
}

#[cfg(test)]
mod tests {
    use config::{Balance, ReplicasDown};

    use super::*;

    #[test]
    fn a_view_is_fetched_once() {
        let view = |primary| View {
            members: vec![],
            primary,
            balance: Balance::Latency,
            replicas_down: ReplicasDown::Primary,
        };
        let (board, mut version) = (Board::new(view(None)), 0);
        assert_eq!(board.newer(&mut version).unwrap().primary, None);
        assert_eq!(board.newer(&mut version), None);
        board.set(view(Some(1)));
        assert_eq!(board.newer(&mut version).unwrap().primary, Some(1));
        assert_eq!(board.newer(&mut version), None);
    }
}
