//! The division by hand, for any pools, and over time.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A pool that has so many, all in use, and more clients than it can ever serve.
fn hungry(weight: u32, total: u32) -> Claim {
    Claim { weight, total, wants: 1_000, pace: 1_000, ..Claim::default() }
}

/// A pool that has so many, of which so many are idle, and nobody waits.
fn sated(total: u32, idle: u32) -> Claim {
    Claim { weight: 1, total, idle, ..Claim::default() }
}

fn of<T>(rulings: &[Ruling], what: impl Fn(&Ruling) -> T) -> Vec<T> {
    rulings.iter().map(what).collect()
}

#[test]
fn shares_are_by_weight_and_what_one_does_not_need_is_the_others() {
    let divided = |cap, claims: &[Claim]| of(&divide(cap, claims), |r| r.most);
    let all = |n: u32| Some(n);
    assert_eq!(divided(30, &[hungry(1, 30), hungry(1, 0), hungry(1, 0)]), [10, 10, 10].map(all));
    assert_eq!(divided(12, &[hungry(1, 0), hungry(2, 0), hungry(3, 12)]), [2, 4, 6].map(all));
    let modest = Claim { weight: 1, total: 1, wants: 1, pace: 4, ..Claim::default() };
    assert_eq!(divided(12, &[modest, hungry(1, 5), hungry(1, 5)]), [2, 5, 5].map(all));
    assert_eq!(divided(12, &[modest, modest, sated(3, 3)]), [None; 3], "there is enough for all");
    assert_eq!(divided(10, &[]), []);
}

#[test]
fn who_does_not_get_all_it_wants_can_count_on_its_share() {
    let bounds = |cap, claims: &[Claim]| of(&divide(cap, claims), |r| r.bound);
    assert_eq!(bounds(7, &[hungry(1, 7), hungry(1, 0)]), [Some(4); 2], "rounded up");
    assert_eq!(bounds(1, &[hungry(1, 1), hungry(9, 0), sated(0, 0)]), [Some(1), Some(1), None]);
    let modest = Claim { weight: 1, total: 1, wants: 1, pace: 4, ..Claim::default() };
    assert_eq!(bounds(12, &[modest, hungry(1, 5)]), [None, Some(10)]);
}

#[test]
fn a_pool_above_its_share_owes_what_another_lacks() {
    let rulings = divide(30, &[hungry(1, 30), hungry(1, 0), hungry(1, 0)]);
    assert_eq!(of(&rulings, |r| r.owes), [20, 0, 0]);
    assert_eq!(of(&rulings, |r| r.lacks), [0, 10, 10]);
    assert_eq!(of(&rulings, |r| r.evict), [0, 0, 0]);
    let slow = Claim { pace: 4, ..hungry(1, 0) };
    assert_eq!(of(&divide(30, &[hungry(1, 30), slow, slow]), |r| r.owes), [8, 0, 0], "as they can be opened");
    // what is free, or idle elsewhere, is taken first
    let rulings = divide(30, &[hungry(1, 20), sated(6, 6), hungry(1, 0)]);
    assert_eq!(of(&rulings, |r| r.evict), [0, 6, 0]);
    assert_eq!(of(&rulings, |r| r.owes), [5, 0, 0]);
}

#[test]
fn the_idle_one_of_the_richest_goes_first_and_those_kept_warm_last() {
    let needy = |total| Claim { weight: 1, total, wants: 1, pace: 4, ..Claim::default() };
    let evicted = |cap, claims: &[Claim]| of(&divide(cap, claims), |r| r.evict);
    assert_eq!(evicted(10, &[sated(3, 3), sated(6, 6), needy(1)]), [0, 1, 0]);
    let heavy = Claim { weight: 3, ..sated(6, 6) };
    assert_eq!(evicted(10, &[sated(3, 3), heavy, needy(1)]), [1, 0, 0], "for its weight");
    assert_eq!(evicted(11, &[sated(3, 3), sated(6, 6), needy(1)]), [0, 0, 0], "one is free");
    let warm = Claim { floor: 9, ..sated(9, 9) };
    assert_eq!(evicted(10, &[warm, needy(1)]), [0, 0], "kept warm");
    assert_eq!(evicted(9, &[warm, needy(0)]), [1, 0], "unless the needy one has none");
    let two = Claim { wants: 5, ..needy(0) };
    assert_eq!(evicted(9, &[warm, two]), [1, 0], "and then one");
    // a cap that was lowered is kept even so
    assert_eq!(evicted(4, &[warm]), [5]);
    assert_eq!(of(&divide(4, &[hungry(1, 9)]), |r| r.owes), [5]);
}

#[test]
fn places_left_over_stay_for_a_turn_and_then_go_to_who_lags() {
    let claims = [hungry(1, 2), hungry(1, 1), hungry(1, 1)];
    assert_eq!(of(&divide(4, &claims), |r| r.owes), [0, 0, 0], "who has it keeps it");
    let mut claims = claims;
    let shares = of(&divide(4, &claims), |r| r.share);
    for (claim, share) in claims.iter_mut().zip(shares) {
        claim.lag = claim.lag_after(share, 200);
    }
    assert_eq!(of(&divide(4, &claims), |r| r.owes), [0, 0, 0], "not yet a turn");
    claims[0].lag = claims[0].lag_after(0, 100);
    let rulings = divide(4, &claims);
    assert_eq!(of(&rulings, |r| r.owes), [1, 0, 0]);
    assert_eq!(of(&rulings, |r| r.lacks).iter().sum::<u32>(), 1);
}

#[test]
fn who_is_content_is_owed_nothing_for_later() {
    let content = Claim { lag: 1_000_000, ..sated(3, 1) };
    assert_eq!(content.lag_after(2 * PLACE, 100), 0);
    let mut starved = hungry(1, 0);
    starved.lag = starved.lag_after(10 * PLACE, u32::MAX);
    assert_eq!(starved.lag, MOST_LAG);
}

/// Pools with more clients than they can serve, whose connections are closed and opened at once, for a minute:
/// how many connections each has had on average, and how many were moved.
fn over_time(cap: u32, weights: &[u32], start: &[u32], step: u32) -> (Vec<f64>, u32) {
    let steps = 60_000 / step;
    let mut claims: Vec<Claim> = weights.iter().zip(start).map(|(w, total)| hungry(*w, *total)).collect();
    let (mut had, mut moved) = (vec![0u32; claims.len()], 0);
    for _ in 0..steps {
        let rulings = divide(cap, &claims);
        for ((claim, ruling), had) in claims.iter_mut().zip(&rulings).zip(&mut had) {
            moved += ruling.owes;
            claim.total = claim.total - ruling.evict - ruling.owes + ruling.lacks;
            *had += claim.total;
            claim.lag = claim.lag_after(ruling.share, step);
        }
        assert!(claims.iter().map(|claim| claim.total).sum::<u32>() <= cap);
    }
    (had.into_iter().map(|had| f64::from(had) / f64::from(steps)).collect(), moved)
}

#[test]
fn three_users_get_a_third_each_or_what_their_weights_say() {
    for (cap, weights) in [(30, [1, 1, 1]), (10, [1, 1, 1]), (4, [1, 1, 1]), (1, [1, 1, 1]), (12, [1, 2, 3])]
        .into_iter()
        .chain([(10, [1, 2, 3]), (2, [1, 2, 3]), (1, [1, 2, 3]), (3, [1, 1, 8])])
    {
        let (had, _) = over_time(cap, &weights, &[cap, 0, 0], 250);
        let all: u32 = weights.iter().sum();
        for (had, weight) in had.iter().zip(weights) {
            let right = f64::from(cap * weight) / f64::from(all);
            assert!(
                (had / right - 1.0).abs() <= 0.1,
                "cap {cap}, weights {weights:?}: {had} instead of {right}"
            );
        }
    }
}

fn claim() -> impl Strategy<Value = Claim> {
    let counts = (0u32..12, 0u32..12, 0u32..12, 0u32..6, 0u32..8);
    (1u32..5, counts, -1_000_000i64..1_000_000).prop_map(
        |(weight, (total, idle, wants, floor, pace), lag)| Claim {
            weight,
            total,
            idle: idle.min(total),
            wants,
            pace,
            floor,
            lag,
        },
    )
}

proptest! {
    /// Whatever the pools are like: nobody is to have more than the cap all together, nobody gives what it has not
    /// got, what is given up is what is lacking and no more, and nobody who owes is told to open.
    #[test]
    fn any_division_adds_up(cap in 1u32..40, claims in vec(claim(), 0..6)) {
        let rulings = divide(cap, &claims);
        prop_assert_eq!(rulings.len(), claims.len());
        let sum = |what: fn(&Ruling) -> u64| rulings.iter().map(what).sum::<u64>();
        prop_assert!(sum(|r| r.share) <= u64::from(cap) * PLACE);
        if rulings.iter().any(|ruling| ruling.most.is_some()) {
            prop_assert_eq!(sum(|r| r.most.unwrap_or(0).into()), u64::from(cap), "all of it is given out");
        }
        let all: u32 = claims.iter().map(|claim| claim.total).sum();
        let (lacks, given) = (sum(|r| r.lacks.into()), sum(|r| (r.evict + r.owes).into()));
        let free = u64::from(cap.saturating_sub(all));
        let excess = u64::from(all.saturating_sub(cap));
        prop_assert!(given <= (lacks + excess).saturating_sub(free));
        for (claim, ruling) in claims.iter().zip(&rulings) {
            prop_assert!(ruling.evict <= claim.idle);
            prop_assert!(ruling.owes <= claim.busy());
            prop_assert!(ruling.owes == 0 || ruling.lacks == 0);
            prop_assert!(ruling.share <= claim.demand() * PLACE);
            let fair = u64::from(cap) * PLACE * claim.weight()
                / claims.iter().map(Claim::weight).sum::<u64>();
            prop_assert!(ruling.share >= fair.min(claim.demand() * PLACE), "less than its part");
        }
    }

    /// Where nothing is kept warm, what is lacking can always be had.
    #[test]
    fn what_is_lacking_is_given_up(cap in 1u32..40, claims in vec(claim(), 1..6)) {
        let mut left = cap;
        let claims: Vec<Claim> = claims.into_iter().map(|claim| {
            let total = claim.total.min(left);
            left -= total;
            // an idle connection beside somebody who waits is on its way to him
            let idle = if claim.wants > 0 { 0 } else { claim.idle.min(total) };
            Claim { total, idle, floor: 0, ..claim }
        }).collect();
        let rulings = divide(cap, &claims);
        let lacks: u32 = rulings.iter().map(|ruling| ruling.lacks).sum();
        let given: u32 = rulings.iter().map(|ruling| ruling.evict + ruling.owes).sum();
        prop_assert_eq!(given, lacks.saturating_sub(left));
    }

    /// Over time everybody has what its weight says, wherever the connections are at first, and nobody starves.
    #[test]
    fn over_time_shares_are_kept(
        cap in 1u32..12,
        weights in vec(1u32..4, 2..5),
        first in 0usize..4,
        step in 20u32..300,
    ) {
        let start: Vec<u32> = (0..weights.len()).map(|i| if i == first { cap } else { 0 }).collect();
        let (had, moved) = over_time(cap, &weights, &start, step);
        let all: u32 = weights.iter().sum();
        for (had, weight) in had.iter().zip(&weights) {
            let right = f64::from(cap * weight) / f64::from(all);
            prop_assert!((had - right).abs() <= 0.1 * right + 0.02, "{had} instead of {right}");
        }
        // each place that goes round moves four times a second at the most
        let round = f64::from(u32::try_from(weights.len()).unwrap());
        prop_assert!(f64::from(moved) <= f64::from(cap) + 60.0 * 5.0 * round, "{moved} moves");
    }
}
