//! One decision after the other, and then many instances at once in a world where anything may fail.

mod chaos;
mod world;

use super::*;

const TERMS: Terms = Terms {
    timeout: Duration::from_secs(10),
    instances: 3,
    most_lost: 100,
    repeats: true,
    patience: Duration::from_secs(3),
};
const NOW: Duration = Duration::from_secs(100);

fn ago(seconds: u64) -> Duration {
    NOW.saturating_sub(Duration::from_secs(seconds))
}

fn replica(received: u64) -> Standing {
    let said = Report {
        in_recovery: true,
        system: Some(1),
        timeline: Some(4),
        position: None,
        received: Some(Lsn(received)),
        starved: true,
        receiving: false,
        took: Duration::ZERO,
    };
    Standing { asked: ago(0), said: Some(said), timeline: Some(4), barred: false }
}

fn gone() -> Standing {
    Standing { asked: ago(0), ..Standing::default() }
}

/// The primary, which is gone, and two replicas, of which the second has more.
fn sight() -> Sight {
    Sight {
        system: Some(1),
        timeline: 4,
        primary: Some(0),
        lost: Some(ago(11)),
        position: Some(Lsn(1_000)),
        servers: vec![gone(), replica(950), replica(960)],
    }
}

/// Two of three miss the primary, and this instance has the lock.
fn common() -> Common {
    Common {
        asked: ago(0),
        timeline: 4,
        position: Some(Lsn(1_010)),
        seen: 3,
        lost: 2,
        age: Duration::from_secs(1_000),
        lock: Lock::Ours,
        claim: None,
    }
}

/// What is decided once the servers have been asked.
fn after_asking(terms: &Terms, sight: &Sight, common: Common) -> Act {
    let mut promotion = Promotion { asking: Some((4, ago(1))), ..Promotion::default() };
    promotion.decide(terms, sight, Some(common), NOW)
}

#[test]
fn a_promotion_goes_step_by_step() {
    let (mut promotion, sight) = (Promotion::default(), sight());
    let free = Common { lock: Lock::Free, ..common() };
    assert!(Promotion::votes(&TERMS, &sight, NOW));
    assert_eq!(promotion.decide(&TERMS, &sight, Some(free), NOW), Act::Lock);
    assert_eq!(promotion.decide(&TERMS, &sight, Some(common()), NOW), Act::Ask);
    assert!(promotion.keeps_lock());
    // the servers answer later than that
    let later = NOW + Duration::from_millis(1);
    let lately = Common { asked: later, ..common() };
    assert_eq!(promotion.decide(&TERMS, &sight, Some(lately), later), Act::Claim(2));
    let claim = |server, ours| Common { claim: Some(Claim { server: Some(server), ours }), ..lately };
    assert_eq!(promotion.decide(&TERMS, &sight, Some(claim(2, true)), later), Act::Order(2));
    promotion.ordered(&TERMS, 4, false);
    assert_eq!(promotion.decide(&TERMS, &sight, Some(claim(2, true)), later), Act::Ask, "all over again");
}

#[test]
fn whatever_is_not_known_speaks_against_it() {
    let (good, told) = (sight(), common());
    let rests = |why, sight: &Sight, common| assert_eq!(after_asking(&TERMS, sight, common), Act::Rest(why));
    rests(Why::Watching, &Sight { primary: None, ..good.clone() }, told);
    rests(Why::Watching, &Sight { lost: None, ..good.clone() }, told);
    rests(Why::Waiting, &Sight { lost: Some(ago(9)), ..good.clone() }, told);
    rests(Why::NoLock, &good, Common { asked: ago(3), ..told });
    rests(Why::Later, &good, Common { timeline: 5, ..told });
    rests(Why::NewLock, &good, Common { age: Duration::from_secs(9), ..told });
    rests(Why::Outvoted, &good, Common { lost: 1, ..told });
    rests(Why::Outvoted, &good, Common { seen: 4, ..told });
    rests(Why::Locked, &good, Common { lock: Lock::Theirs, ..told });
    rests(Why::NoPosition, &Sight { position: None, ..good.clone() }, Common { position: None, ..told });
    rests(Why::TooFar, &good, Common { position: Some(Lsn(1_061)), ..told });
    let other = Some(Claim { server: Some(1), ours: true });
    rests(Why::Claimed, &good, Common { claim: other, ..told });
    rests(Why::Claimed, &good, Common { claim: Some(Claim { server: None, ours: false }), ..told });
    let mut late = Promotion { asking: Some((4, NOW)), ..Promotion::default() };
    let unasked =
        Sight { servers: vec![gone(), replica(950), Standing { asked: ago(1), ..replica(960) }], ..good };
    assert_eq!(late.decide(&TERMS, &unasked, Some(told), NOW), Act::Rest(Why::Asking));
}

#[test]
fn what_another_instance_has_claimed_is_finished_only_where_that_does_no_harm() {
    let claimed = Common { claim: Some(Claim { server: Some(2), ours: false }), ..common() };
    assert_eq!(after_asking(&TERMS, &sight(), claimed), Act::Claim(2));
    let once = Terms { repeats: false, ..TERMS };
    assert_eq!(after_asking(&once, &sight(), claimed), Act::Rest(Why::Claimed));
}

#[test]
fn a_command_runs_once() {
    let once = Terms { repeats: false, ..TERMS };
    let claimed = Common { claim: Some(Claim { server: Some(2), ours: true }), ..common() };
    for (refused, then) in [(false, Act::Rest(Why::Ordered)), (true, Act::Order(2))] {
        let mut promotion = Promotion { asking: Some((4, ago(1))), ..Promotion::default() };
        assert_eq!(promotion.decide(&once, &sight(), Some(claimed), NOW), Act::Order(2));
        promotion.ordered(&once, 4, refused);
        promotion.asking = Some((4, ago(1)));
        assert_eq!(promotion.decide(&once, &sight(), Some(claimed), NOW), then);
    }
}

#[test]
fn only_a_replica_of_this_timeline_that_nobody_has_barred_is_chosen() {
    let chosen = |servers: Vec<Standing>| after_asking(&TERMS, &Sight { servers, ..sight() }, common());
    let best = replica(960);
    assert_eq!(chosen(vec![gone(), best, best]), Act::Claim(1), "the first of equal ones");
    assert_eq!(chosen(vec![gone(), replica(950), Standing { barred: true, ..best }]), Act::Claim(1));
    assert_eq!(chosen(vec![gone(), replica(950), Standing { timeline: Some(3), ..best }]), Act::Claim(1));
    assert_eq!(chosen(vec![gone(), replica(950), Standing { said: None, ..best }]), Act::Claim(1));
    let foreign = |system| best.said.map(|said| Report { system, ..said });
    assert_eq!(
        chosen(vec![gone(), replica(950), Standing { said: foreign(Some(2)), ..best }]),
        Act::Claim(1)
    );
    assert_eq!(chosen(vec![gone(), gone(), Standing { timeline: None, ..best }]), Act::Rest(Why::NoReplica));
    let primary = Some(Report { in_recovery: false, timeline: Some(5), ..best.said.unwrap() });
    assert_eq!(chosen(vec![gone(), Standing { said: primary, ..best }, best]), Act::Rest(Why::Watching));
}
