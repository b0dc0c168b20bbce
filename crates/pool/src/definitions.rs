//! What is defined anew in one database, as far as that goes through us: since when, and whether somebody who reads the
//! catalogue has seen it.
//!
//! Where nothing was read there is nothing to doubt. Else
//!
//! | what was read is | from | until |
//! |---|---|---|
//! | doubtful | a definition, or the end of a transaction with one in it, is sent | the transaction is over; where it stays open, for [`EFFECT`] |
//! | doubtful | that transaction is over | the catalogue was read again, or could not be |
//! | as good as ever | any other time | |
//!
//! In a transaction that stays open nothing has changed yet for anybody else.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// For so long what was sent may take effect without its answer having come.
const EFFECT: Duration = Duration::from_secs(5);

/// What is defined anew in a database.
#[derive(Debug, Default)]
pub struct Definitions {
    /// The catalogue was read.
    followed: AtomicBool,
    /// Transactions with definitions that are over.
    changes: AtomicU64,
    /// How many of these are known of.
    known: AtomicU64,
    /// Those that are not over.
    open: AtomicU32,
    /// When the last of these was sent something by which it may take effect.
    sent: Mutex<Option<Instant>>,
    news: Notify,
}

/// Up to here definitions were made before something was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

/// A transaction with definitions in it, until this is dropped.
#[derive(Debug)]
pub struct Pending {
    of: Arc<Definitions>,
}

impl Definitions {
    /// Whether the catalogue was read: if not, there is nothing to doubt.
    pub fn follow(&self, followed: bool) {
        self.followed.store(followed, Ordering::Release);
    }

    /// Something is about to be sent that defines something; to be kept until its transaction is over.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> Pending {
        self.sends();
        self.open.fetch_add(1, Ordering::AcqRel);
        Pending { of: Arc::clone(self) }
    }

    /// Whether names may mean something else than what was read.
    #[inline]
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        if !self.followed.load(Ordering::Acquire) {
            return false;
        }
        if self.changes.load(Ordering::Acquire) != self.known.load(Ordering::Acquire) {
            return true;
        }
        self.open.load(Ordering::Acquire) > 0 && self.may_take_effect()
    }

    /// What is read from now on has all definitions up to this mark.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.changes.load(Ordering::Acquire))
    }

    /// Definitions up to this mark are known of.
    pub fn seen(&self, mark: Mark) {
        self.known.fetch_max(mark.0, Ordering::AcqRel);
    }

    /// Waits until there are definitions that nobody knows of.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn changed(&self) {
        let mut news = pin!(self.news.notified());
        loop {
            // before it is looked, so that nothing is missed
            news.as_mut().enable();
            if self.mark().0 != self.known.load(Ordering::Acquire) {
                return;
            }
            news.as_mut().await;
            news.set(self.news.notified());
        }
    }

    fn sends(&self) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    #[cold]
    fn may_take_effect(&self) -> bool {
        let sent = *self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.is_some_and(|sent| sent.elapsed() < EFFECT)
    }
}

impl Pending {
    /// More is about to be sent by which it may take effect.
    pub fn sends(&self) {
        self.of.sends();
    }

    /// A transaction is over, and perhaps there is another one.
    pub fn took_effect(&self) {
        self.of.changes.fetch_add(1, Ordering::AcqRel);
        self.of.news.notify_waiters();
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // first: there must be no moment without any doubt
        self.of.changes.fetch_add(1, Ordering::AcqRel);
        self.of.open.fetch_sub(1, Ordering::AcqRel);
        self.of.news.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn followed() -> Arc<Definitions> {
        let definitions = Arc::<Definitions>::default();
        definitions.follow(true);
        definitions
    }

    #[test]
    fn nothing_is_doubted_where_nothing_was_read() {
        let definitions = Arc::<Definitions>::default();
        let pending = definitions.begin();
        assert!(!definitions.is_in_doubt());
        // what was read meanwhile is no better for it
        let mark = definitions.mark();
        drop(pending);
        definitions.seen(mark);
        definitions.follow(true);
        assert!(definitions.is_in_doubt());
    }

    #[test]
    fn what_was_read_before_a_transaction_was_over_does_not_count() {
        let definitions = followed();
        let pending = definitions.begin();
        let early = definitions.mark();
        assert!(definitions.is_in_doubt());
        drop(pending);
        definitions.seen(early);
        assert!(definitions.is_in_doubt());
        definitions.seen(definitions.mark());
        assert!(!definitions.is_in_doubt());
    }

    #[tokio::test]
    async fn who_reads_is_told() {
        let definitions = followed();
        let waiting = tokio::spawn({
            let definitions = Arc::clone(&definitions);
            async move { definitions.changed().await }
        });
        tokio::task::yield_now().await;
        drop(definitions.begin());
        waiting.await.unwrap();
        // and at once, if it comes later
        definitions.changed().await;
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Transactions and readings in any order: what was over after a reading had begun is in doubt.
        #[test]
        fn nothing_slips_through(steps in prop::collection::vec(0u8..5, 1..80)) {
            let definitions = followed();
            let (mut open, mut readings) = (Vec::new(), Vec::new());
            // what is true, and what the last reading has seen of it
            let (mut over, mut seen) = (0, 0);
            for step in steps {
                match step {
                    0 => open.push(definitions.begin()),
                    1 => over += u64::from(open.pop().is_some()),
                    2 => readings.push((definitions.mark(), over)),
                    _ => {
                        if let Some((mark, saw)) = readings.pop() {
                            definitions.seen(mark);
                            seen = seen.max(saw);
                        }
                    }
                }
                prop_assert_eq!(definitions.is_in_doubt(), over != seen || !open.is_empty());
            }
        }
    }
}
