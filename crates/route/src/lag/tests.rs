//! In bytes and in time, never too little, and known however long it is.

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

#[test]
fn a_lag_of_minutes_is_known_however_often_the_primary_is_asked() {
    let mut track = Track::default();
    let minute = Duration::from_secs(60);
    for ms in (0..10 * 60_000).step_by(2) {
        track.note(Duration::from_millis(ms), Lsn(ms));
    }
    let now = 10 * minute;
    for minutes in 1..=9 {
        let behind = track.lag(Lsn((10 - minutes) * 60_000), now).unwrap().time;
        let truly = minute * u32::try_from(minutes).unwrap();
        assert!(behind >= truly && behind <= truly + truly / PARTS, "{behind:?} for {minutes} min");
    }
}

/// A primary that is asked after so many ms each, when it has written so many bytes: what is remembered, all that there
/// was to remember, and the time.
fn written(steps: Vec<(u64, u64)>) -> (Track, Vec<(u64, u64)>, u64) {
    let (mut track, mut now, mut position) = (Track::default(), 0, 0);
    let mut history = Vec::new();
    for (ms, bytes) in steps {
        now += ms;
        position += bytes;
        track.note(Duration::from_millis(now), Lsn(position));
        history.push((now, position));
    }
    (track, history, now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Lag is not told much greater than it is, either, nor unknown: a replica that has what the primary had at some
    /// moment is behind since that moment, but for the time between two questions and a small part.
    #[test]
    fn lag_is_not_told_too_great(
        steps in prop::collection::vec((1u64..1_000, 1u64..5_000), 2..4_000),
        cut: prop::sample::Index,
    ) {
        let (track, history, now) = written(steps);
        let (asked, replayed) = *cut.get(&history);
        let told = track.lag(Lsn(replayed), Duration::from_millis(now)).unwrap();
        let since = Duration::from_millis(now - asked);
        prop_assert!(told.time <= since + since / PARTS, "{told:?} since {since:?}");
    }

    /// A replica that has everything committed until `cut` is never said to be fresher than that.
    #[test]
    fn lag_is_never_told_too_small(
        steps in prop::collection::vec((1u64..1_000, 0u64..5_000), 2..1_500),
        cut: prop::sample::Index,
    ) {
        let (track, history, now) = written(steps);
        prop_assert!(track.seen.len() <= MOST);
        let replayed = cut.get(&history).1;
        let lacks = history.iter().find(|(_, position)| *position > replayed);
        let told = track.lag(Lsn(replayed), Duration::from_millis(now));
        if let (Some((since, _)), Some(told)) = (lacks, told) {
            prop_assert!(told.time >= Duration::from_millis(now - since));
            prop_assert_eq!(Some(told.bytes), history.last().map(|(_, written)| written - replayed));
        }
    }
}
