//! How far a replica is behind.
//!
//! In bytes it is behind by what the primary has written since; in time, since when the primary has been further. To
//! know that, one remembers when the primary was where: a primary at rest leaves no lag behind, however long ago the
//! last transaction was. What a replica was last seen to have is a lower bound of what it has, so what comes out is
//! never too little; it grows while nobody asks.

use std::collections::VecDeque;
use std::time::Duration;

use wire::lsn::Lsn;

/// So many positions of the primary are remembered; beyond that every other one is dropped.
const MOST: usize = 512;

/// How far a replica is behind, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Bytes of WAL.
    pub bytes: u64,
    /// Everything that was committed earlier than this ago is there.
    pub time: Duration,
}

/// When the primary was where.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// The first and the last moment at which it was seen there, rising in both.
    seen: VecDeque<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Lsn,
    last: Duration,
}

impl Track {
    /// The primary was asked at `asked`, and had come to `at`. `asked` is the moment before the question, so that what
    /// was committed after it may be missing from `at`, and nothing else.
    pub fn note(&mut self, asked: Duration, at: Lsn) {
        match self.seen.back_mut() {
            // an answer that has overtaken another one
            Some(last) if asked < last.last => return,
            Some(last) if at == last.at => {
                last.last = asked;
                return;
            }
            // another primary has less: nothing of the old one's counts
            Some(last) if at < last.at => self.seen.clear(),
            Some(_) | None => {}
        }
        if self.seen.len() == MOST {
            let mut odd = false;
            self.seen.retain(|_| {
                odd = !odd;
                !odd
            });
        }
        self.seen.push_back(Seen { at, last: asked });
    }

    /// Forgets everything: there is another primary.
    pub fn clear(&mut self) {
        self.seen.clear();
    }

    /// Where the primary was last.
    #[must_use]
    pub fn latest(&self) -> Option<Lsn> {
        self.seen.back().map(|seen| seen.at)
    }

    /// How far one is behind that has `replayed` so much. None if that is further back than is remembered.
    #[must_use]
    pub fn lag(&self, replayed: Lsn, now: Duration) -> Option<Lag> {
        let latest = self.latest()?;
        let above = self.seen.partition_point(|seen| seen.at <= replayed);
        let had = self.seen.get(above.checked_sub(1)?)?;
        Some(Lag { bytes: replayed.behind(latest), time: now.saturating_sub(had.last) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lag(track: &Track, replayed: u64, now: u64) -> Option<(u64, u64)> {
        track.lag(Lsn(replayed), at(now)).map(|lag| (lag.bytes, lag.time.as_secs()))
    }

    #[test]
    fn an_idle_primary_is_no_lag() {
        let mut track = Track::default();
        for second in 0..1_000 {
            track.note(at(second), Lsn(100));
        }
        assert_eq!(lag(&track, 100, 999), Some((0, 0)));
        assert_eq!(track.seen.len(), 1);
    }

    #[test]
    fn lag_in_time_is_since_the_primary_was_there() {
        let mut track = Track::default();
        for second in 0..=10 {
            track.note(at(second), Lsn(second * 100));
        }
        assert_eq!(lag(&track, 1_000, 10), Some((0, 0)));
        assert_eq!(lag(&track, 700, 10), Some((300, 3)));
        assert_eq!(lag(&track, 750, 10), Some((250, 3)));
        assert_eq!(lag(&track, 1_200, 10), Some((0, 0)), "the replica was asked later");
    }

    #[test]
    fn what_nobody_has_asked_for_counts_as_lag() {
        let mut track = Track::default();
        track.note(at(0), Lsn(100));
        assert_eq!(lag(&track, 100, 60), Some((0, 60)));
    }

    #[test]
    fn unknown_is_not_zero() {
        let mut track = Track::default();
        assert_eq!(lag(&track, 100, 0), None);
        track.note(at(0), Lsn(100));
        assert_eq!(lag(&track, 99, 0), None);
    }

    #[test]
    fn a_primary_with_less_is_another_one() {
        let mut track = Track::default();
        track.note(at(0), Lsn(100));
        track.note(at(1), Lsn(50));
        assert_eq!(lag(&track, 60, 1), Some((0, 0)));
        assert_eq!(track.latest(), Some(Lsn(50)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// A replica that has everything committed until `cut` is never said to be fresher than that.
        #[test]
        fn lag_is_never_told_too_small(
            steps in prop::collection::vec((1u64..1_000, 0u64..5_000), 2..1_500),
            cut: prop::sample::Index,
        ) {
            let (mut track, mut now, mut position) = (Track::default(), 0, 0);
            let mut history = Vec::new();
            for (ms, bytes) in steps {
                now += ms;
                position += bytes;
                track.note(Duration::from_millis(now), Lsn(position));
                history.push((now, position));
            }
            prop_assert!(track.seen.len() <= MOST);
            let replayed = cut.get(&history).1;
            let lacks = history.iter().find(|(_, position)| *position > replayed);
            let told = track.lag(Lsn(replayed), Duration::from_millis(now));
            if let (Some((since, _)), Some(told)) = (lacks, told) {
                prop_assert!(told.time >= Duration::from_millis(now - since));
                prop_assert_eq!(told.bytes, position - replayed);
            }
        }
    }
}
