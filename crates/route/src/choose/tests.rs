//! Writes to the primary, reads to replicas that have what they need.

use config::Balance;
use proptest::prelude::*;

use super::*;
use crate::balance::tests::member;

fn view(members: Vec<Member>) -> View {
    View {
        members,
        primary: Some(0),
        balance: Balance::LeastConnections,
        replicas_down: ReplicasDown::Primary,
    }
}

fn replica(replayed: u64) -> Member {
    Member { replayed: Some(Lsn(replayed)), ..member(1_000) }
}

fn unfit(fit: Fitness) -> Member {
    Member { fit, ..replica(100) }
}

const READ: Intent = Intent { reads: true, target: Target::Split, floor: Floor::None };

#[test]
fn a_read_goes_to_a_replica_and_a_write_does_not() {
    let (view, loads) = (view(vec![unfit(Fitness::NotReplica), replica(100)]), Loads::new(2));
    assert_eq!(choose(&view, &loads, READ), Choice::Replica(1));
    assert_eq!(choose(&view, &loads, Intent { reads: false, ..READ }), Choice::Primary(Why::Writes));
    assert_eq!(
        choose(&view, &loads, Intent { target: Target::Primary, ..READ }),
        Choice::Primary(Why::Asked)
    );
    let replica_only = Intent { reads: false, target: Target::Replica, ..READ };
    assert_eq!(
        choose(&view, &loads, replica_only),
        Choice::Replica(1),
        "the server says what it thinks of it"
    );
}

#[test]
fn what_a_client_has_written_must_be_there() {
    let (view, loads) = (view(vec![unfit(Fitness::NotReplica), replica(100), replica(200)]), Loads::new(3));
    let at = |floor| choose(&view, &loads, Intent { floor: Floor::At(Lsn(floor)), ..READ });
    assert_eq!(at(200), Choice::Replica(2));
    assert_eq!(at(201), Choice::Primary(Why::OwnWrites));
    let unknown = Intent { floor: Floor::Unknown, ..READ };
    assert_eq!(choose(&view, &loads, unknown), Choice::Primary(Why::OwnWrites));
    let only = Intent { target: Target::Replica, ..unknown };
    assert_eq!(choose(&view, &loads, only), Choice::Nobody(Why::OwnWrites));
}

#[test]
fn without_replicas_reads_go_where_the_policy_says() {
    let loads = Loads::new(2);
    let mut view = view(vec![unfit(Fitness::NotReplica), unfit(Fitness::Behind)]);
    assert_eq!(choose(&view, &loads, READ), Choice::Primary(Why::NoReplica));
    assert_eq!(
        choose(&view, &loads, Intent { target: Target::Replica, ..READ }),
        Choice::Nobody(Why::NoReplica)
    );
    view.replicas_down = ReplicasDown::Fail;
    assert_eq!(choose(&view, &loads, READ), Choice::Nobody(Why::NoReplica));
    assert_eq!(choose(&view, &loads, Intent { reads: false, ..READ }), Choice::Primary(Why::Writes));
}

fn any_member() -> impl Strategy<Value = Member> {
    let fit = prop::sample::select(vec![
        Fitness::Fit,
        Fitness::NotReplica,
        Fitness::Down,
        Fitness::Broken,
        Fitness::Banned,
        Fitness::Behind,
        Fitness::Unknown,
    ]);
    (fit, prop::option::of(0u64..100), 0u32..4, any::<bool>()).prop_map(|(fit, replayed, weight, near)| {
        Member { fit, replayed: replayed.map(Lsn), weight: weight * 1_000, near, ..member(1) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever the servers are like: a write never goes to a replica of a split database, and a replica that is
    /// chosen is fit, has weight, and has what its client has written.
    #[test]
    fn only_who_may_answer_is_chosen(
        members in prop::collection::vec(any_member(), 0..6),
        reads: bool,
        target in prop::sample::select(vec![Target::Split, Target::Primary, Target::Replica]),
        floor in prop::option::of(prop::option::of(0u64..100)),
        balance in prop::sample::select(vec![Balance::RoundRobin, Balance::LeastConnections, Balance::Latency]),
        busy in prop::collection::vec(0usize..6, 0..10),
    ) {
        let view = View { balance, ..view(members) };
        let loads = Loads::new(view.members.len());
        busy.into_iter().for_each(|at| loads.begin(at));
        let floor = match floor {
            None => Floor::None,
            Some(None) => Floor::Unknown,
            Some(Some(at)) => Floor::At(Lsn(at)),
        };
        match choose(&view, &loads, Intent { reads, target, floor }) {
            Choice::Replica(at) => {
                prop_assert!(target != Target::Primary && (reads || target == Target::Replica));
                let member = &view.members[at];
                prop_assert!(member.fit == Fitness::Fit && member.weight > 0);
                match floor {
                    Floor::None => {}
                    Floor::At(floor) => prop_assert!(member.replayed.unwrap() >= floor),
                    Floor::Unknown => prop_assert!(false, "nobody has what is not known"),
                }
            }
            Choice::Primary(_) => prop_assert!(target != Target::Replica),
            Choice::Nobody(_) => prop_assert!(target == Target::Replica),
        }
    }

    /// A read of a split database goes to a replica exactly if there is one that may answer; the primary has to do, or
    /// nobody does, where the policy says so.
    #[test]
    fn a_read_falls_back_exactly_if_nobody_may_answer(
        members in prop::collection::vec(any_member(), 0..6),
        floor in prop::option::of(0u64..100),
        fails: bool,
        balance in prop::sample::select(vec![Balance::RoundRobin, Balance::LeastConnections, Balance::Latency]),
    ) {
        let replicas_down = if fails { ReplicasDown::Fail } else { ReplicasDown::Primary };
        let view = View { balance, replicas_down, ..view(members) };
        let fit = |member: &&Member| member.fit == Fitness::Fit;
        let has = |member: &Member| floor.is_none_or(|floor| member.replayed >= Some(Lsn(floor)));
        let able = view.members.iter().filter(fit).any(|member| member.weight > 0 && has(member));
        let known = view.members.iter().any(|member| fit(&member));
        let floor = floor.map_or(Floor::None, |floor| Floor::At(Lsn(floor)));
        let choice = choose(&view, &Loads::new(view.members.len()), Intent { floor, ..READ });
        match (able, known, fails) {
            (true, ..) => prop_assert!(matches!(choice, Choice::Replica(_))),
            (false, true, _) => prop_assert_eq!(choice, Choice::Primary(Why::OwnWrites)),
            (false, false, true) => prop_assert_eq!(choice, Choice::Nobody(Why::NoReplica)),
            (false, false, false) => prop_assert_eq!(choice, Choice::Primary(Why::NoReplica)),
        }
    }
}
