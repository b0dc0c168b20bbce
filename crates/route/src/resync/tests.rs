//! What is found, and what is said of it.

use proptest::prelude::*;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

fn plight(part: Part, timeline: u32, position: u64) -> Plight {
    let hungry = Duration::from_secs(60);
    Plight { part, timeline: Some(timeline), position: Some(Lsn(position)), hungry, has_all: false }
}

fn source(timeline: u32, fork: Option<Fork>) -> Source {
    Source { timeline, fork, ..Source::default() }
}

fn found(plight: &Plight, setup: &Setup, source: &Source) -> Option<Trouble> {
    diagnose(plight, setup, source, PATIENCE)
}

#[test]
fn who_claims_to_be_the_primary_and_who_belongs_elsewhere_is_told_at_once() {
    let setup = Setup::default();
    let of = |part, timeline| {
        found(&Plight { hungry: Duration::ZERO, ..plight(part, timeline, 5) }, &setup, &source(2, None))
    };
    assert_eq!(of(Part::Fenced, 1), Some(Trouble::Diverged));
    assert_eq!(of(Part::Fenced, 2), Some(Trouble::TwoPrimaries));
    assert_eq!(of(Part::Foreign, 2), Some(Trouble::Foreign));
    assert_eq!(of(Part::Primary, 2), None);
    assert_eq!(of(Part::Unknown, 1), None);
    assert_eq!(of(Part::Replica, 1), None, "it is fed");
}

#[test]
fn a_replica_with_more_than_the_primary_has_diverged() {
    let setup = Setup::default();
    for (position, fork, expected) in [
        (100, Some(Fork::At(Lsn(99))), Trouble::Diverged),
        (100, Some(Fork::At(Lsn(100))), Trouble::NotStreaming),
        (100, Some(Fork::Before(Lsn(99))), Trouble::Diverged),
        (100, Some(Fork::Before(Lsn(200))), Trouble::NotStreaming),
        (100, Some(Fork::Never), Trouble::Diverged),
        (100, None, Trouble::NotStreaming),
    ] {
        assert_eq!(
            found(&plight(Part::Replica, 1, position), &setup, &source(2, fork)),
            Some(expected),
            "{fork:?}"
        );
        let same = found(&plight(Part::Replica, 2, position), &setup, &source(2, fork));
        assert_eq!(same, Some(Trouble::NotStreaming), "on the same timeline nothing forks");
    }
    // it has received what it has not replayed
    let received = Setup { received: Some(Lsn(150)), ..Setup::default() };
    let fork = source(2, Some(Fork::At(Lsn(120))));
    assert_eq!(found(&plight(Part::Replica, 1, 100), &received, &fork), Some(Trouble::Diverged));
}

#[test]
fn what_is_not_kept_is_gone() {
    let setup = Setup::default();
    let kept = |oldest: u64, slot| Source { oldest: Some(Lsn(oldest)), slot, ..source(1, None) };
    let of = |source: &Source| found(&plight(Part::Replica, 1, 100), &setup, source);
    assert_eq!(of(&kept(101, None)), Some(Trouble::WalGone));
    assert_eq!(of(&kept(100, None)), Some(Trouble::NotStreaming));
    assert_eq!(of(&kept(0, Some(Slot::Lost))), Some(Trouble::WalGone));
    assert_eq!(of(&kept(0, Some(Slot::Missing))), Some(Trouble::NotStreaming));
}

#[test]
fn an_archive_is_a_source_as_long_as_it_gives_all() {
    let setup = Setup { archive: true, ..Setup::default() };
    let of = |has_all| found(&Plight { has_all, ..plight(Part::Replica, 1, 100) }, &setup, &source(1, None));
    assert_eq!(of(true), None);
    assert_eq!(of(false), Some(Trouble::NotStreaming));
}

#[test]
fn advice_says_what_is_wrong() {
    let (place, primary) = (Place { host: "a", port: 1 }, Place { host: "b", port: 2 });
    let told = |trouble, setup: &Setup, source: &Source| advice(trouble, &place, &primary, setup, source);
    let upstream = Upstream { host: Some("c".into()), port: Some(3), ..Upstream::default() };
    let setup =
        Setup { upstream: Some(upstream), slot: Some("s".into()), rewindable: true, ..Setup::default() };
    let elsewhere = told(Trouble::NotStreaming, &setup, &source(1, None));
    assert!(elsewhere.why.contains("names c:3, and the primary is b:2"), "{}", elsewhere.why);
    assert!(elsewhere.command.starts_with("psql --host=a --port=1 "), "{}", elsewhere.command);
    let missing = Source { slot: Some(Slot::Missing), ..source(1, None) };
    let slot = told(Trouble::NotStreaming, &setup, &missing);
    assert!(
        slot.why.contains("no replication slot \"s\"") && slot.command.starts_with("psql --host=b --port=2 ")
    );
    assert!(told(Trouble::Diverged, &setup, &missing).command.starts_with("pg_rewind "));
    assert!(told(Trouble::Diverged, &Setup::default(), &missing).command.starts_with("pg_basebackup "));
    assert!(told(Trouble::WalGone, &setup, &missing).command.ends_with(" --slot=s"));
    assert_eq!(told(Trouble::TwoPrimaries, &setup, &missing).command, "");
}

fn fork_of() -> impl Strategy<Value = Option<Fork>> {
    prop_oneof![
        Just(None),
        Just(Some(Fork::Never)),
        (0_u64..8).prop_map(|at| Some(Fork::At(Lsn(at)))),
        (0_u64..8).prop_map(|at| Some(Fork::Before(Lsn(at)))),
    ]
}

proptest! {
    /// Whatever is known: nobody's data is given up for one that is fed, that is the primary, that is of another cluster,
    /// or without a reason that speaks for it.
    #[test]
    fn data_is_given_up_for_a_reason_only(
        part in prop::sample::select(vec![Part::Unknown, Part::Primary, Part::Replica, Part::Fenced, Part::Foreign]),
        (timeline, position) in (prop::option::of(1_u32..4), prop::option::of(0_u64..8)),
        (hungry, has_all, archive) in (0_u64..60, any::<bool>(), any::<bool>()),
        received in prop::option::of(0_u64..8),
        (of, fork, oldest) in (1_u32..4, fork_of(), prop::option::of(0_u64..8)),
        slot in prop::sample::select(vec![None, Some(Slot::Kept), Some(Slot::Lost), Some(Slot::Missing)]),
    ) {
        let hungry = Duration::from_secs(hungry);
        let plight = Plight { part, timeline, position: position.map(Lsn), hungry, has_all };
        let setup = Setup { archive, received: received.map(Lsn), ..Setup::default() };
        let source = Source { timeline: of, fork, oldest: oldest.map(Lsn), slot };
        let trouble = diagnose(&plight, &setup, &source, PATIENCE);
        if trouble.is_some_and(Trouble::may_be_resynced) {
            prop_assert!(matches!(part, Part::Replica | Part::Fenced));
            let older = timeline.is_some_and(|timeline| timeline < of);
            let has = plight.position.max(setup.received);
            let gone = slot == Some(Slot::Lost) || has.zip(source.oldest).is_some_and(|(has, oldest)| has < oldest);
            prop_assert!(older || gone);
            prop_assert!(part != Part::Replica || hungry >= PATIENCE);
        }
        prop_assert!(part != Part::Foreign || trouble == Some(Trouble::Foreign));
        prop_assert!(!matches!(part, Part::Primary | Part::Unknown) || trouble.is_none());
    }
}
