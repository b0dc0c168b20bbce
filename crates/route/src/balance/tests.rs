//! Shares, fewest, fastest, nearest.

use std::sync::Arc;
use std::time::Duration;

use config::ReplicasDown;
use proptest::prelude::*;

use super::*;
use crate::breaker;
use crate::health;
use crate::primary::Part;
use crate::view::Fitness;

pub(crate) fn member(weight: u32) -> Member {
    Member {
        name: Arc::from("a"),
        part: Part::Replica,
        health: health::State::Up,
        breakers: [breaker::State::Closed; 2],
        fit: Fitness::Fit,
        replayed: None,
        lag: None,
        weight,
        near: true,
    }
}

fn view(balance: Balance, members: Vec<Member>) -> View {
    View { members, primary: None, balance, replicas_down: ReplicasDown::Primary }
}

fn shares(view: &View, loads: &Loads, rounds: u32) -> Vec<u32> {
    let mut shares = vec![0; view.members.len()];
    for _ in 0..rounds {
        shares[pick(view, loads, |_| true).unwrap()] += 1;
    }
    shares
}

#[test]
fn nobody_is_chosen_where_nobody_takes() {
    let loads = Loads::new(2);
    for balance in [Balance::RoundRobin, Balance::LeastConnections, Balance::Latency] {
        assert_eq!(pick(&view(balance, vec![]), &loads, |_| true), None);
        assert_eq!(pick(&view(balance, vec![member(1), member(1)]), &loads, |_| false), None);
        assert_eq!(pick(&view(balance, vec![member(0)]), &loads, |_| true), None);
        assert_eq!(pick(&view(balance, vec![member(0), member(5)]), &loads, |_| true), Some(1));
    }
}

#[test]
fn the_one_with_the_fewest_for_its_weight_is_chosen() {
    let loads = Loads::new(2);
    let view = view(Balance::LeastConnections, vec![member(1_000), member(3_000)]);
    for (busy, chosen) in [([1, 0], 1), ([0, 1], 1), ([0, 3], 0), ([1, 4], 1), ([1, 6], 0)] {
        for (at, busy) in busy.into_iter().enumerate() {
            (0..busy).for_each(|_| loads.begin(at));
        }
        assert_eq!(pick(&view, &loads, |_| true), Some(chosen), "{busy:?}");
        for (at, busy) in busy.into_iter().enumerate() {
            (0..busy).for_each(|_| loads.end(at, None));
        }
    }
    let shares = shares(&self::view(Balance::LeastConnections, vec![member(1_000); 3]), &Loads::new(3), 300);
    assert_eq!(shares, [100, 100, 100], "with nothing under way, in turn");
}

#[test]
fn the_slow_one_gets_less() {
    let loads = Loads::new(3);
    for (at, us) in [(0, 100), (1, 100), (2, 5_000)] {
        loads.begin(at);
        loads.end(at, Some(Duration::from_micros(us)));
    }
    let shares = shares(&view(Balance::Latency, vec![member(1_000); 3]), &loads, 3_000);
    assert_eq!(shares[2], 0, "it is the slower one of any two");
    assert!(shares[0] > 1_000 && shares[1] > 1_000, "{shares:?}");
}

#[test]
fn the_near_ones_are_preferred_while_there_are_any() {
    let loads = Loads::new(3);
    let far = Member { near: false, ..member(9_000) };
    for balance in [Balance::RoundRobin, Balance::LeastConnections, Balance::Latency] {
        let view = view(balance, vec![far.clone(), member(1_000), far.clone()]);
        assert_eq!(shares(&view, &loads, 50), [0, 50, 0]);
        assert!(pick(&view, &loads, |member| !member.near).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// In turn, every server gets its share, over any stretch of time.
    #[test]
    fn in_turn_everyone_gets_the_share_of_its_weight(weights in prop::collection::vec(0u32..8, 1..6)) {
        let all: u32 = weights.iter().sum();
        prop_assume!(all > 0);
        let members = weights.iter().map(|weight| member(weight * 1_000)).collect();
        let shares = shares(&view(Balance::RoundRobin, members), &Loads::new(weights.len()), 200 * all);
        for (share, weight) in shares.iter().zip(&weights) {
            prop_assert!(share.abs_diff(200 * weight) <= 6, "{shares:?} for {weights:?}");
        }
    }

    /// The fewest for its weight, whatever the turn.
    #[test]
    fn nobody_with_more_for_its_weight_is_chosen(
        servers in prop::collection::vec((1u32..5, 0u32..6), 1..6)
    ) {
        let loads = Loads::new(servers.len());
        for (at, (_, busy)) in servers.iter().enumerate() {
            (0..*busy).for_each(|_| loads.begin(at));
        }
        let members: Vec<Member> = servers.iter().map(|(weight, _)| member(weight * 1_000)).collect();
        let view = view(Balance::LeastConnections, members);
        let chosen = pick(&view, &loads, |_| true).unwrap();
        let cost = |at: usize| f64::from(servers[at].1 + 1) / f64::from(servers[at].0);
        prop_assert!((0..servers.len()).all(|at| cost(chosen) <= cost(at) + 1e-3));
    }

    /// By latency, the one that is worse than every other one gets nothing, as long as there is another one.
    #[test]
    fn the_worst_of_several_is_never_chosen(
        servers in prop::collection::vec((1u32..5, 0u32..6, 1u64..10_000), 2..6),
        rounds in 1u32..50,
    ) {
        let loads = Loads::new(servers.len());
        for (at, (_, busy, us)) in servers.iter().enumerate() {
            loads.begin(at);
            loads.end(at, Some(Duration::from_micros(*us)));
            (0..*busy).for_each(|_| loads.begin(at));
        }
        let members: Vec<Member> = servers.iter().map(|(weight, ..)| member(weight * 1_000)).collect();
        let cost = |at: usize| {
            let (weight, busy, us) = servers[at];
            u64::from(busy + 1) * 1_000_000 / u64::from(weight * 1_000) * us
        };
        let all = || 0..servers.len();
        let worst = all().find(|at| all().all(|other| other == *at || cost(other) < cost(*at)));
        let shares = shares(&view(Balance::Latency, members), &loads, rounds);
        if let Some(worst) = worst {
            prop_assert_eq!(shares[worst], 0, "{:?}", servers);
        }
    }
}
