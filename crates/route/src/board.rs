//! Where the view hangs for all sessions to see.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};

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
    /// Where sessions say that what is known may be wrong.
    pub doubts: Doubts,
    /// Another board has its place: the servers are others now.
    retired: AtomicBool,
}

/// What sessions have found out that speaks against what is known: a lost connection, a primary that refuses to write.
#[derive(Debug, Default)]
pub struct Doubts {
    raised: AtomicBool,
    asker: Mutex<Option<Waker>>,
}

impl Doubts {
    /// The servers are to be asked at once. Cheap enough for every error: the first of several wakes who asks.
    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel)
            && let Some(asker) = self.asker().take()
        {
            asker.wake();
        }
    }

    /// Ready when somebody has raised one since the last time.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        *self.asker() = Some(cx.waker().clone());
        if self.raised.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// What it guards is whole between any two statements.
    fn asker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.asker.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            doubts: Doubts::default(),
            retired: AtomicBool::new(false),
        }
    }

    /// Whether another board has its place; what hangs here then says that nothing is known.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Another board takes its place, or none: whoever still looks here finds nothing that could be chosen.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        let old = self.view();
        self.set(View { members: Vec::new(), primary: None, ..(*old).clone() });
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
        board.retire();
        assert!(board.is_retired() && board.newer(&mut version).unwrap().primary.is_none());
    }

    #[test]
    fn doubts_are_heard_once_and_never_missed() {
        let (doubts, cx) = (Doubts::default(), Context::from_waker(Waker::noop()));
        doubts.raise();
        doubts.raise();
        assert_eq!(doubts.poll(&cx), Poll::Ready(()));
        assert_eq!(doubts.poll(&cx), Poll::Pending);
        doubts.raise();
        assert_eq!(doubts.poll(&cx), Poll::Ready(()));
    }
}
