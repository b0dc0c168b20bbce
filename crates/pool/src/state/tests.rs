//! What the pool decides, move by move and in any order of moves.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits { size: 3, reserve: 1, connecting: 2 };

fn refused() -> Error {
    Error::Connect { server: "x".into(), why: "refused".into() }
}

#[test]
fn the_server_used_last_is_lent_first_and_own_worker_before_others() {
    let mut state = State::<u32, ()>::new(2);
    for (worker, server) in [(0, 1), (0, 2), (1, 3)] {
        state.opened();
        state.shelve(worker, server);
    }
    assert_eq!(state.take_idle(0), Some(2));
    assert_eq!(state.take_idle(0), Some(1));
    assert_eq!(state.take_idle(0), Some(3));
    assert_eq!(state.take_idle(0), None);
}

#[test]
fn after_a_failure_one_attempt_at_a_time_and_only_after_the_pause() {
    let mut state = State::<u32, u8>::new(1);
    let now = Instant::now();
    for waiter in 0..3 {
        state.waiting.push(0, waiter);
    }
    assert!(state.may_open(LIMITS, false, now));
    assert!(state.may_open(LIMITS, false, now));
    assert!(!state.may_open(LIMITS, false, now), "two at a time");
    assert_eq!(state.open_failed(refused(), now, 0, false).as_secs(), 1);
    assert_eq!(state.open_failed(refused(), now, 0, false).as_secs(), 1, "it began together with the first");
    let mut now = now;
    for want in [2, 4, 4] {
        now += Duration::from_secs(4);
        assert_eq!(state.open_failed(refused(), now, 0, false).as_secs(), want);
    }
    assert!(!state.may_open(LIMITS, false, now + Duration::from_millis(3999)));
    assert!(state.may_open(LIMITS, false, now + Duration::from_secs(4)));
    assert!(!state.may_open(LIMITS, false, now + Duration::from_secs(4)));
    state.opened();
    assert!(state.last_error.is_none());
    assert!(state.may_open(LIMITS, false, now));
}

#[test]
fn a_refusal_keeps_those_who_come_next_for_a_moment_only() {
    let mut state = State::<u32, u8>::new(1);
    let (mut now, moment) = (Instant::now(), Duration::from_millis(100));
    for seconds in [1, 2, 4] {
        state.waiting.push(0, 1);
        assert!(state.may_open(LIMITS, false, now));
        assert!(!state.may_open(LIMITS, false, now), "one at a time after the first");
        assert_eq!(state.open_failed(refused(), now, 0, true).as_secs(), seconds);
        assert_eq!(state.wants(LIMITS, false, now), 0);
        assert!(!state.may_open(LIMITS, false, now + moment / 2));
        assert!(!state.below(2, LIMITS, now + moment), "one to be kept ready is not worth it");
        now += Duration::from_secs(seconds);
        assert!(state.wants(LIMITS, false, now) > 0);
    }
    assert!(state.below(2, LIMITS, now));
}

#[test]
fn a_server_that_starts_up_is_asked_again_soon_and_not_ever_later() {
    let mut state = State::<u32, u8>::new(1);
    let starting = Error::Refused { server: "x".into(), sqlstate: "57P03".into(), body: Vec::new().into() };
    let pauses: Vec<_> =
        (0..4).map(|_| state.open_failed(starting.clone(), Instant::now(), 0, false).as_millis()).collect();
    assert_eq!(pauses, [250; 4]);
}

#[test]
fn a_paused_pool_lends_nothing_and_opens_nothing() {
    let mut state = State::<u32, u8>::new(1);
    state.opened();
    state.shelve(0, 1);
    state.waiting.push(0, 1);
    state.paused = true;
    assert_eq!(state.take_idle(0), None);
    assert_eq!(state.next_waiter(0), None);
    assert!(!state.may_open(LIMITS, true, Instant::now()));
}

#[test]
fn without_a_primary_nothing_is_lent_or_opened_and_what_is_open_stays() {
    let mut state = State::<u32, u8>::new(1);
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    state.opened();
    state.shelve(0, 1);
    state.waiting.push(0, 1);
    state.open_failed(refused(), now, 0, false);
    state.held = Some(now);
    assert_eq!((state.take_idle(0), state.next_waiter(0)), (None, None));
    assert!(!state.may_open(LIMITS, true, now + second * 60) && !state.below(2, LIMITS, now + second * 60));
    assert_eq!(state.wants(LIMITS, false, now + second * 60), 0);
    assert_eq!(state.extension(second, now), None, "whoever waits does so for no longer than ever");
    assert!(state.release() && !state.release());
    assert!(state.may_open(LIMITS, false, now), "the failures of before do not count");
    assert_eq!(state.next_waiter(0), Some(1));
    assert_eq!(state.take_idle(0), Some(1));
}

#[test]
fn a_pause_does_not_use_up_anybodys_patience() {
    let mut state = State::<u32, u8>::new(1);
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    assert_eq!(state.extension(second, now), None);
    state.paused = true;
    assert_eq!(state.extension(second, now), Some(now + second));
    state.resume(now);
    assert_eq!(state.extension(second, now + second / 2), Some(now + second));
    assert_eq!(state.extension(second, now + second), None);
}

proptest! {
    /// Whatever happens in whatever order, the limit holds and the counts agree with the servers.
    #[test]
    fn the_limit_holds(moves in prop::collection::vec(0u8..8, 0..300)) {
        let mut state = State::<u32, u32>::new(2);
        let now = Instant::now();
        let (mut lent, mut opening, mut next) = (0u32, 0u32, 0u32);
        for step in moves {
            match step {
                0 => { state.waiting.push(usize::from(step), next); next += 1; }
                1 => opening += u32::from(state.may_open(LIMITS, false, now)),
                2 => opening += u32::from(state.below(2, LIMITS, now)),
                3 if opening > 0 => { opening -= 1; lent += 1; state.opened(); }
                4 if lent > 0 => { lent -= 1; state.shelve(usize::from(step), next); }
                5 if lent > 0 => { lent -= 1; state.lost(); }
                6 => lent += u32::from(state.take_idle(1).is_some()),
                7 => { state.sweep(|s| s % 2 == 0); }
                _ => {}
            }
            prop_assert!(state.total() <= LIMITS.size);
            let (a, _, c) = state.counts();
            prop_assert_eq!((a, c), (lent, opening));
            prop_assert_eq!(state.counts().1 as usize, state.shelves.iter().map(Vec::len).sum::<usize>());
        }
    }
}
