//! Promotions, returns, impostors.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SYSTEM: u64 = 7;

fn said(in_recovery: bool, timeline: u32) -> Heard {
    let report = Report {
        in_recovery,
        system: Some(SYSTEM),
        timeline: Some(timeline),
        position: None,
        received: None,
        starved: false,
        receiving: in_recovery,
        took: Duration::ZERO,
    };
    Heard { role: Role::Auto, report: Some(report), vote: Vote::Silent }
}

fn primary(timeline: u32) -> Heard {
    said(false, timeline)
}

fn replica() -> Heard {
    said(true, 1)
}

const SILENT: Heard = Heard { role: Role::Auto, report: None, vote: Vote::Silent };

#[test]
fn who_is_not_in_recovery_is_the_primary() {
    let mut reign = Reign::default();
    assert_eq!(reign.look(&[replica(), primary(1), SILENT]), [Part::Replica, Part::Primary, Part::Unknown]);
    assert_eq!(reign.primary(), Some(1));
}

#[test]
fn a_promoted_replica_takes_over_and_the_old_primary_is_fenced_until_it_follows() {
    let mut reign = Reign::default();
    reign.look(&[primary(1), replica()]);
    assert_eq!(
        reign.look(&[SILENT, replica()]),
        [Part::Primary, Part::Replica],
        "nobody else claims to be it"
    );
    assert_eq!(reign.look(&[SILENT, primary(2)]), [Part::Unknown, Part::Primary]);
    assert_eq!(reign.look(&[primary(1), primary(2)]), [Part::Fenced, Part::Primary]);
    assert_eq!(reign.look(&[SILENT, primary(2)]), [Part::Fenced, Part::Primary]);
    // the new one fails: that does not make the old one right
    assert_eq!(reign.look(&[primary(1), SILENT]), [Part::Fenced, Part::Primary]);
    assert_eq!(reign.look(&[replica(), primary(2)]), [Part::Replica, Part::Primary]);
    assert_eq!(reign.look(&[primary(3), replica()]), [Part::Primary, Part::Replica]);
}

#[test]
fn of_two_with_one_timeline_the_present_one_stays() {
    let mut reign = Reign::default();
    assert_eq!(reign.look(&[replica(), primary(2)]), [Part::Replica, Part::Primary]);
    assert_eq!(reign.look(&[primary(2), primary(2)]), [Part::Fenced, Part::Primary]);
}

#[test]
fn a_demoted_primary_is_none() {
    let mut reign = Reign::default();
    reign.look(&[primary(1), replica()]);
    assert_eq!(reign.look(&[replica(), replica()]), [Part::Replica, Part::Replica]);
    assert_eq!(reign.primary(), None);
}

#[test]
fn a_server_of_another_cluster_is_refused_whatever_it_says() {
    let mut reign = Reign::default();
    reign.look(&[primary(1), replica()]);
    let foreign = |in_recovery| {
        let mut heard = said(in_recovery, 99);
        if let Some(report) = &mut heard.report {
            report.system = Some(SYSTEM + 1);
        }
        heard
    };
    assert_eq!(reign.look(&[primary(1), foreign(true)]), [Part::Primary, Part::Foreign]);
    assert_eq!(reign.look(&[primary(1), foreign(false)]), [Part::Primary, Part::Foreign]);
    assert_eq!(reign.look(&[SILENT, foreign(false)]), [Part::Primary, Part::Foreign]);
}

#[test]
fn what_is_to_be_a_replica_never_takes_writes() {
    let mut reign = Reign::default();
    let meant = Heard { role: Role::Replica, ..primary(9) };
    assert_eq!(reign.look(&[primary(1), meant]), [Part::Primary, Part::Fenced]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever servers say in whatever order: there is at most one primary, its timeline never falls, and a claimant
    /// that lost never wins again with the same timeline.
    #[test]
    fn there_is_one_primary_and_its_timeline_never_falls(
        looks in prop::collection::vec(
            prop::collection::vec(prop::option::of((any::<bool>(), 1u32..6)), 4), 1..30)
    ) {
        let mut reign = Reign::default();
        let mut last = 0;
        for look in looks {
            let heard: Vec<Heard> =
                look.iter().map(|said_now| said_now.map_or(SILENT, |(r, t)| said(r, t))).collect();
            let before = reign.clone();
            let parts = reign.look(&heard);
            prop_assert!(parts.iter().filter(|part| **part == Part::Primary).count() <= 1);
            prop_assert!(reign.timeline() >= last);
            last = reign.timeline();
            if let (Some(now), Some(then)) = (reign.primary(), before.primary())
                && now != then
            {
                let risen = reign.timeline() > before.timeline();
                let followed = heard.get(then).and_then(|heard| heard.report).is_some_and(|r| r.in_recovery);
                let silent = heard.get(then).is_some_and(|heard| heard.report.is_none());
                prop_assert!(risen || followed || silent || heard[then].report.is_some_and(|r| r.timeline < Some(last)));
            }
        }
    }

    /// Whatever was said before: a server that takes writes on a timeline that no other one has reached is the primary, and
    /// stays it until there is one with a higher one, or it follows.
    #[test]
    fn whoever_is_promoted_is_the_primary(
        looks in prop::collection::vec(
            prop::collection::vec(prop::option::of((any::<bool>(), 1u32..6)), 4), 0..10),
        promoted in 0usize..4,
        after in prop::collection::vec(
            prop::collection::vec(prop::option::of((any::<bool>(), 1u32..6)), 4), 0..10),
    ) {
        let mut reign = Reign::default();
        let heard = |said_now: &Option<(bool, u32)>| said_now.map_or(SILENT, |(r, t)| said(r, t));
        for look in &looks {
            reign.look(&look.iter().map(heard).collect::<Vec<_>>());
        }
        for look in std::iter::once(&vec![None; 4]).chain(&after) {
            let mut heard: Vec<Heard> = look.iter().map(heard).collect();
            heard[promoted] = primary(9);
            let parts = reign.look(&heard);
            prop_assert_eq!(reign.primary(), Some(promoted));
            let claims = |at: usize| heard[at].report.is_some_and(|report| !report.in_recovery);
            prop_assert!((0..4).all(|at| at == promoted || !claims(at) || parts[at] == Part::Fenced));
        }
    }
}

fn voted(vote: Vote, heard: Heard) -> Heard {
    Heard { vote, ..heard }
}

#[test]
fn whom_patroni_does_not_name_takes_no_writes() {
    let (leader, other) = (|heard| voted(Vote::Leader, heard), |heard| voted(Vote::Other, heard));
    let mut reign = Reign::default();
    reign.look(&[primary(1), replica()]);
    assert_eq!(reign.look(&[leader(primary(1)), other(replica())]), [Part::Primary, Part::Replica]);
    // its right is gone, and the new one is not there yet: it says itself that it follows
    assert_eq!(reign.look(&[other(primary(1)), leader(replica())]), [Part::Fenced, Part::Replica]);
    assert_eq!(reign.primary(), None);
    assert_eq!(reign.look(&[other(primary(1)), leader(primary(2))]), [Part::Fenced, Part::Primary]);
    // somebody promotes another one behind Patroni's back
    assert_eq!(reign.look(&[other(primary(3)), leader(primary(2))]), [Part::Fenced, Part::Primary]);
    // and without Patroni it is as ever
    assert_eq!(reign.look(&[primary(3), primary(2)]), [Part::Primary, Part::Fenced]);
}

proptest! {
    /// Whatever Patroni says: nobody is crowned who says that it follows, nobody whom it does not name, and timelines do
    /// not fall.
    #[test]
    fn patroni_takes_rights_away_and_gives_none(
        rounds in prop::collection::vec(
            prop::collection::vec((any::<bool>(), any::<bool>(), 1_u32..4, 0_u8..3), 3),
            1..20,
        ),
    ) {
        let (mut reign, mut last) = (Reign::default(), 0);
        for round in rounds {
            let heard: Vec<Heard> = round
                .into_iter()
                .map(|(there, follows, timeline, vote)| {
                    let vote = [Vote::Silent, Vote::Leader, Vote::Other][usize::from(vote)];
                    voted(vote, if there { said(follows, timeline) } else { SILENT })
                })
                .collect();
            let parts = reign.look(&heard);
            for (heard, part) in heard.iter().zip(&parts) {
                if *part == Part::Primary && let Some(report) = heard.report {
                    prop_assert!(!report.in_recovery);
                    prop_assert!(heard.vote != Vote::Other);
                }
            }
            prop_assert!(parts.iter().filter(|part| **part == Part::Primary).count() <= 1);
            prop_assert!(reign.timeline() >= last);
            last = reign.timeline();
        }
    }
}

#[test]
fn a_remembered_timeline_fences_what_is_older() {
    let mut reign = Reign::default();
    assert!(reign.remember(2));
    assert!(!reign.has_been());
    assert_eq!(reign.look(&[primary(1), SILENT]), [Part::Fenced, Part::Unknown]);
    assert_eq!(reign.look(&[primary(1), primary(2)]), [Part::Fenced, Part::Primary]);
    assert!(!reign.remember(2) && !reign.remember(1), "nothing new");
    assert_eq!(reign.primary(), Some(1));
    assert!(reign.remember(3), "there is one that is not to be seen from here");
    assert_eq!(reign.look(&[primary(1), primary(2)]), [Part::Fenced, Part::Fenced]);
    assert_eq!(reign.primary(), None);
}
