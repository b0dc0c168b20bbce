//! How far the primary was when a session had written.
//!
//! A session that has written must not read from a replica that has less. Where in the log its last commit is, the
//! server does not tell; but a position that is asked for after the commit was acknowledged is not before it. To ask
//! for every session would double the work, so they take a ticket each, and one question answers all tickets that were
//! taken before it was put. Nobody waits for that but reads that want a replica at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use wire::lsn::Lsn;

/// The tickets of the sessions of a cluster.
#[derive(Debug, Default)]
pub struct Floors {
    taken: AtomicU64,
    answered: AtomicU64,
    desk: Mutex<Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    /// The highest ticket that was answered, and where the primary was.
    last: Option<(Ticket, Lsn)>,
    asker: Option<Waker>,
}

/// Taken after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Floors {
    /// After a write has been acknowledged.
    pub fn take(&self) -> Ticket {
        let ticket = Ticket(self.taken.fetch_add(1, Ordering::AcqRel) + 1);
        let asker = self.desk().asker.take();
        if let Some(asker) = asker {
            asker.wake();
        }
        ticket
    }

    /// What everybody must have for the one who has this ticket; none while nobody knows.
    #[must_use]
    pub fn floor(&self, ticket: Ticket) -> Option<Lsn> {
        if self.answered.load(Ordering::Acquire) < ticket.0 {
            return None;
        }
        self.desk().last.filter(|(answered, _)| *answered >= ticket).map(|(_, floor)| floor)
    }

    /// Whether somebody waits for an answer: the ticket to answer with, and all before it. If not, `asker` is woken
    /// when somebody does. The question must be put after this.
    pub fn wanted(&self, asker: &Waker) -> Option<Ticket> {
        let mut desk = self.desk();
        let taken = Ticket(self.taken.load(Ordering::Acquire));
        if desk.last.map_or(taken.0 > 0, |(answered, _)| answered < taken) {
            return Some(taken);
        }
        desk.asker = Some(asker.clone());
        None
    }

    /// The primary was here after this ticket had been taken.
    pub fn answer(&self, ticket: Ticket, at: Lsn) {
        let mut desk = self.desk();
        if desk.last.is_none_or(|(answered, _)| answered < ticket) {
            desk.last = Some((ticket, at));
            self.answered.store(ticket.0, Ordering::Release);
        }
    }

    /// What it guards is whole between any two statements.
    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn one_answer_serves_all_who_came_before_the_question() {
        let floors = Floors::default();
        let (a, b) = (floors.take(), floors.take());
        let ticket = floors.wanted(Waker::noop()).unwrap();
        let late = floors.take();
        floors.answer(ticket, Lsn(7));
        assert_eq!((floors.floor(a), floors.floor(b)), (Some(Lsn(7)), Some(Lsn(7))));
        assert_eq!(floors.floor(late), None);
        let ticket = floors.wanted(Waker::noop()).unwrap();
        floors.answer(ticket, Lsn(9));
        assert_eq!(floors.floor(late), Some(Lsn(9)));
        assert_eq!(floors.wanted(Waker::noop()), None);
    }

    #[test]
    fn who_asks_is_woken_when_there_is_something_to_ask() {
        let (floors, count) = (Floors::default(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        assert_eq!(floors.wanted(&waker), None);
        floors.take();
        floors.take();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Writes, questions and late answers in any order: nobody is told a position from before its own write.
        #[test]
        fn nobody_is_told_too_little(steps in prop::collection::vec(0u8..4, 1..200)) {
            let floors = Floors::default();
            let (mut log, mut sessions, mut questions) = (0, Vec::new(), Vec::new());
            for step in steps {
                match step {
                    0 => {
                        log += 1;
                        sessions.push((floors.take(), Lsn(log)));
                    }
                    1 => log += 1,
                    2 => {
                        let ticket = floors.wanted(Waker::noop());
                        questions.extend(ticket.map(|ticket| (ticket, Lsn(log))));
                    }
                    _ => {
                        if let Some((ticket, at)) = questions.pop() {
                            floors.answer(ticket, at);
                        }
                    }
                }
                for (ticket, wrote) in &sessions {
                    if let Some(floor) = floors.floor(*ticket) {
                        prop_assert!(floor >= *wrote);
                    }
                }
            }
        }
    }
}
