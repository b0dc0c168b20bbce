//! Opening, trying, closing.

use proptest::prelude::*;

use super::*;

fn rules() -> Rules {
    Rules {
        failure_rate: 0.5,
        window: Duration::from_secs(60),
        open_for: Duration::from_secs(30),
        backoff: [1, 2, 4].map(Duration::from_secs).to_vec(),
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn opened_at_ten() -> Breaker {
    let (mut breaker, rules) = (Breaker::default(), rules());
    for _ in 0..FEW {
        breaker.failed(&rules, at(10));
    }
    assert_eq!(breaker.state(&rules, at(10)), State::Open);
    breaker
}

#[test]
fn one_try_passes_after_thirty_seconds_and_closes_it() {
    let (mut breaker, rules) = (opened_at_ten(), rules());
    assert_eq!(breaker.state(&rules, at(39)), State::Open);
    assert_eq!(breaker.state(&rules, at(40)), State::HalfOpen);
    breaker.succeeded(&rules, at(41));
    assert_eq!(breaker.state(&rules, at(41)), State::Closed);
    assert_eq!(breaker.counts(), (0, 0));
}

#[test]
fn tries_that_fail_come_after_one_two_and_four_seconds() {
    let (mut breaker, rules) = (opened_at_ten(), rules());
    let mut now = 40;
    for pause in [1, 2, 4, 4] {
        assert_eq!(breaker.state(&rules, at(now)), State::HalfOpen, "at {now}");
        breaker.failed(&rules, at(now));
        assert_eq!(breaker.state(&rules, at(now + pause) - Duration::from_millis(1)), State::Open);
        now += pause;
    }
    assert_eq!(breaker.state(&rules, at(now)), State::HalfOpen);
}

#[test]
fn half_of_few_outcomes_is_nothing() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    for _ in 0..FEW - 1 {
        breaker.failed(&rules, at(0));
    }
    assert_eq!(breaker.state(&rules, at(0)), State::Closed);
}

#[test]
fn what_is_older_than_the_window_does_not_count() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    for _ in 0..FEW - 1 {
        breaker.failed(&rules, at(0));
    }
    breaker.failed(&rules, at(61));
    assert_eq!(breaker.state(&rules, at(61)), State::Closed);
    assert_eq!(breaker.counts(), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Open if and only if the share was reached when an outcome was a failure, among enough of them.
    #[test]
    fn it_opens_at_the_share_of_failures(outcomes in prop::collection::vec(any::<bool>(), 1..60)) {
        let (mut breaker, rules) = (Breaker::default(), rules());
        let (mut good, mut bad) = (0u32, 0u32);
        for outcome in outcomes {
            if outcome {
                good += 1;
                breaker.succeeded(&rules, at(1));
            } else {
                bad += 1;
                breaker.failed(&rules, at(1));
            }
            let reached = good + bad >= FEW && bad >= good && !outcome;
            prop_assert_eq!(breaker.state(&rules, at(1)) == State::Open, reached);
            if reached {
                return Ok(());
            }
        }
    }

    /// Whatever happens when: what is remembered is bounded, and a server that answers again is used again.
    #[test]
    fn it_comes_back_by_itself(steps in prop::collection::vec((0u64..5_000, 0u8..2), 1..200)) {
        let (mut breaker, rules) = (Breaker::default(), rules());
        let mut now = Duration::ZERO;
        for (ms, what) in steps {
            now += Duration::from_millis(ms);
            match what {
                0 => breaker.succeeded(&rules, now),
                _ => breaker.failed(&rules, now),
            }
            prop_assert!(breaker.steps.len() <= STEPS as usize + 1);
        }
        now += rules.open_for;
        prop_assert!(breaker.state(&rules, now) != State::Open);
        breaker.succeeded(&rules, now);
        prop_assert_eq!(breaker.state(&rules, now), State::Closed);
    }

    /// Whatever the pauses are: nothing passes before the first is over, then one try does, and after each that fails
    /// nothing passes before the next pause is over, of which the last is repeated; what happens meanwhile changes nothing.
    #[test]
    fn tries_come_after_the_pauses_that_were_asked_for(
        open_for in 1u64..100_000,
        backoff in prop::collection::vec(1u64..10_000, 1..5),
        late in prop::collection::vec((0u64..5_000, any::<bool>()), 1..12),
    ) {
        let ms = Duration::from_millis;
        let rules = Rules {
            open_for: ms(open_for),
            backoff: backoff.iter().copied().map(ms).collect(),
            ..rules()
        };
        let (mut breaker, mut now) = (Breaker::default(), ms(7));
        (0..FEW).for_each(|_| breaker.failed(&rules, now));
        for (tries, (late, good)) in late.into_iter().enumerate() {
            let pause = match tries.checked_sub(1) {
                None => open_for,
                Some(at) => *backoff.get(at).or(backoff.last()).unwrap(),
            };
            let early = now + ms(pause - 1);
            prop_assert_eq!(breaker.state(&rules, early), State::Open);
            if good { breaker.succeeded(&rules, early) } else { breaker.failed(&rules, early) }
            now += ms(pause + late);
            prop_assert_eq!(breaker.state(&rules, now), State::HalfOpen);
            breaker.failed(&rules, now);
        }
        prop_assert_eq!(breaker.state(&rules, now), State::Open);
    }
}
