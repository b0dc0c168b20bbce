//! Since when a replica has received nothing.
//!
//! A receiver that fails over and over is there for a moment each time, so one answer that has one is not enough to
//! believe that it is fed again. A replica that goes on without one is fed from somewhere else, such as an archive.

use std::time::Duration;

use wire::lsn::Lsn;

/// So many answers in a row with a receiver mean that it is fed.
const IN_A_ROW: u8 = 2;

/// What is remembered of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fed {
    hungry: Option<Duration>,
    had: Option<Lsn>,
    seen: u8,
}

impl Fed {
    /// It was asked at `now`; whether it receives, and what it has replayed.
    pub fn said(&mut self, now: Duration, receives: bool, has: Option<Lsn>) {
        if receives {
            self.seen = self.seen.saturating_add(1);
            if self.seen >= IN_A_ROW {
                self.hungry = None;
            }
        } else {
            self.seen = 0;
            if self.hungry.is_none() || has > self.had {
                self.hungry = Some(now);
            }
        }
        self.had = has;
    }

    /// It does not answer, or follows nobody: nothing is known.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// For how long it has received nothing, as far as is known.
    #[must_use]
    pub fn hungry(&self, now: Duration) -> Duration {
        self.hungry.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// It was seen to receive, and has not stopped.
    #[must_use]
    pub fn is_fed(&self) -> bool {
        self.hungry.is_none() && self.seen > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_receiver_that_comes_and_goes_feeds_nobody() {
        let mut fed = Fed::default();
        for now in 0..10 {
            fed.said(secs(now), now % 3 == 1, Some(Lsn(7)));
        }
        assert_eq!(fed.hungry(secs(10)), secs(10));
        fed.said(secs(10), true, Some(Lsn(7)));
        assert!(!fed.is_fed());
        fed.said(secs(11), true, Some(Lsn(7)));
        assert!(fed.is_fed());
        assert_eq!(fed.hungry(secs(12)), Duration::ZERO);
    }

    #[test]
    fn an_archive_feeds_too() {
        let mut fed = Fed::default();
        for now in 0..10 {
            fed.said(secs(now), false, Some(Lsn(now)));
        }
        assert_eq!(fed.hungry(secs(10)), secs(1));
    }

    proptest! {
        #[test]
        fn it_is_never_hungry_for_longer_than_it_was_asked(
            said in prop::collection::vec((0_u64..5, any::<bool>(), prop::option::of(0_u64..4)), 0..20),
        ) {
            let (mut fed, mut now) = (Fed::default(), 0);
            let first = said.first().map_or(0, |(pause, ..)| *pause);
            for (pause, receives, has) in said {
                now += pause;
                fed.said(secs(now), receives, has.map(Lsn));
                prop_assert!(fed.hungry(secs(now)) <= secs(now - first));
                prop_assert!(!(fed.is_fed() && fed.hungry(secs(now + 1)) > Duration::ZERO));
            }
        }
    }
}
