//! The signal that the program is about to stop, seen by every task.
//!
//! | phase | a task |
//! |---|---|
//! | `Running` | takes what comes |
//! | `Draining` | ends at the next transaction end |
//! | `Fast` | ends now |
//!
//! Phases only go forward. Looking costs one atomic load; a task that waits is registered once in its life,
//! not once per wait, because clients wait after every transaction.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How far the end of the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not in sight.
    Running,
    /// As soon as every transaction has ended.
    Draining,
    /// Now.
    Fast,
}

/// The sender's side: what the program holds.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    phase: AtomicU8,
    next_key: AtomicU64,
    waiting: Mutex<HashMap<u64, Waker>>,
}

impl Shutdown {
    /// A program that runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets clients end their transactions.
    pub fn drain(&self) {
        self.shared.advance(Phase::Draining);
    }

    /// Does not.
    pub fn fast(&self) {
        self.shared.advance(Phase::Fast);
    }

    /// Where we are.
    pub fn phase(&self) -> Phase {
        self.shared.phase()
    }

    /// A task's own view of it.
    pub fn subscribe(&self) -> Subscriber {
        let key = self.shared.next_key.fetch_add(1, Ordering::Relaxed);
        Subscriber { shared: Arc::clone(&self.shared), key, seen: Phase::Running, registered: None }
    }
}

/// The receiver's side: what one task holds.
#[derive(Debug)]
pub struct Subscriber {
    shared: Arc<Shared>,
    key: u64,
    seen: Phase,
    /// The waker that `shared.waiting` has for us.
    registered: Option<Waker>,
}

impl Subscriber {
    /// Where we are; one atomic load.
    #[inline]
    pub fn phase(&self) -> Phase {
        self.shared.phase()
    }

    /// Ready with the phase once it is another than the one last returned here (`Running` at first).
    #[inline]
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Phase> {
        let known = self.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !known {
            self.register(cx.waker());
        }
        // After the registration: a phase set before it is seen here, one set after it wakes us.
        let phase = self.shared.phase();
        if phase == self.seen {
            return Poll::Pending;
        }
        self.seen = phase;
        Poll::Ready(phase)
    }

    /// Waits for the next phase.
    ///
    /// # Cancel safety
    /// A phase is lost only if it was returned.
    pub async fn changed(&mut self) -> Phase {
        poll_fn(|cx| self.poll_changed(cx)).await
    }

    fn register(&mut self, waker: &Waker) {
        self.registered = Some(waker.clone());
        self.shared.waiting().insert(self.key, waker.clone());
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        if self.registered.is_some() {
            self.shared.waiting().remove(&self.key);
        }
    }
}

impl Shared {
    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Draining,
            _ => Phase::Fast,
        }
    }

    fn advance(&self, to: Phase) {
        let number = match to {
            Phase::Running => 0,
            Phase::Draining => 1,
            Phase::Fast => 2,
        };
        if self.phase.fetch_max(number, Ordering::AcqRel) >= number {
            return;
        }
        // Woken outside the lock: a woken task on another thread may want it at once.
        let wakers: Vec<Waker> = self.waiting().values().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Waker>> {
        // A map of wakers is whole between any two calls, so a panic elsewhere does not spoil it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_phase_is_reported_once_and_the_steps_only_go_forward() {
        let shutdown = Shutdown::new();
        let mut subscriber = shutdown.subscribe();
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(subscriber.poll_changed(&mut cx), Poll::Pending);
        shutdown.drain();
        assert_eq!(subscriber.poll_changed(&mut cx), Poll::Ready(Phase::Draining));
        assert_eq!(subscriber.poll_changed(&mut cx), Poll::Pending);
        shutdown.fast();
        shutdown.drain();
        assert_eq!(subscriber.poll_changed(&mut cx), Poll::Ready(Phase::Fast));
        assert_eq!(shutdown.phase(), Phase::Fast);
    }

    #[test]
    fn a_late_subscriber_sees_the_phase_at_once() {
        let shutdown = Shutdown::new();
        shutdown.fast();
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(shutdown.subscribe().poll_changed(&mut cx), Poll::Ready(Phase::Fast));
    }

    #[test]
    fn every_waiting_task_is_woken_and_a_dropped_one_is_forgotten() {
        let shutdown = Shutdown::new();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let mut all: Vec<_> = (0..3).map(|_| shutdown.subscribe()).collect();
        for subscriber in &mut all {
            assert!(subscriber.poll_changed(&mut cx).is_pending());
            assert!(subscriber.poll_changed(&mut cx).is_pending());
        }
        all.pop();
        assert_eq!(shutdown.shared.waiting().len(), 2);
        shutdown.drain();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_task_on_another_thread_is_woken() {
        let shutdown = Shutdown::new();
        let mut subscriber = shutdown.subscribe();
        let (started, ready) = tokio::sync::oneshot::channel();
        let task = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async move {
                started.send(()).unwrap();
                subscriber.changed().await
            })
        });
        ready.await.unwrap();
        shutdown.drain();
        assert_eq!(task.join().unwrap(), Phase::Draining);
    }
}
