//! Reports in, views out.

use std::path::Path;

use config::Config;
use proptest::prelude::*;

use super::*;
use crate::resync::Advice;

const FILE: &str = r#"
[listen]
address = "127.0.0.1:1"
[auth]
method = "trust"
[route]
max_lag = "5s"
max_lag_bytes = "1MiB"
[[database]]
name = "app"
[[database.server]]
host = "a"
[[database.server]]
host = "b"
[[database.server]]
host = "c"
name = "far"
"#;

fn cluster() -> Cluster {
    let config = Config::parse(FILE, Path::new("a.toml"), &|_| None).unwrap();
    Cluster::new(&config.databases[0], &config.servers)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn says(in_recovery: bool, timeline: u32, position: u64) -> Result<Report, Failure> {
    let took = Duration::from_millis(1);
    let position = Some(Lsn(position));
    let (system, timeline) = (Some(1), Some(timeline));
    Ok(Report {
        in_recovery,
        system,
        timeline,
        position,
        received: position,
        starved: false,
        receiving: in_recovery,
        took,
    })
}

fn primary(position: u64) -> Result<Report, Failure> {
    says(false, 1, position)
}

fn replica(position: u64) -> Result<Report, Failure> {
    says(true, 1, position)
}

const LOST: Result<Report, Failure> = Err(Failure::Connect);

fn fits(cluster: &Cluster, now: u64) -> Vec<Fitness> {
    cluster.view(at(now)).members.iter().map(|member| member.fit).collect()
}

fn healthy() -> Cluster {
    let mut cluster = cluster();
    cluster.report(0, at(0), primary(90));
    cluster.report(1, at(0), replica(100));
    cluster.report(2, at(0), replica(90));
    cluster.report(0, at(0), primary(100));
    cluster
}

#[test]
fn nothing_is_fit_before_it_is_known() {
    let mut cluster = cluster();
    assert_eq!(cluster.view(at(0)).primary, None);
    assert_eq!(fits(&cluster, 0), [Fitness::NotReplica; 3]);
    cluster.report(1, at(0), replica(100));
    assert_eq!(fits(&cluster, 0)[1], Fitness::NotReplica, "not all have been asked");
    cluster.report(2, at(0), LOST);
    assert_eq!(fits(&cluster, 0)[1], Fitness::NotReplica);
    cluster.report(1, at(1), replica(100));
    assert_eq!(fits(&cluster, 1)[1], Fitness::Unknown, "behind whom?");
    cluster.report(0, at(1), primary(100));
    assert_eq!(fits(&cluster, 1)[1], Fitness::Fit);
    assert_eq!(cluster.view(at(1)).primary, Some(0));
}

#[test]
fn the_cluster_is_that_of_most_servers_whoever_answers_first() {
    let stranger = |position| says(false, 1, position).map(|said| Report { system: Some(2), ..said });
    let mut cluster = cluster();
    assert_eq!(cluster.report(0, at(0), stranger(900)), [News::Health(0, health::State::Up)]);
    cluster.report(1, at(0), primary(100));
    let news = cluster.report(2, at(0), replica(100));
    assert!(news.contains(&News::NewPrimary(1, 1)) && news.contains(&News::Foreign(0)), "{news:?}");
    assert_eq!(cluster.view(at(0)).primary, Some(1));
    assert_eq!(fits(&cluster, 0), [Fitness::NotReplica, Fitness::NotReplica, Fitness::Fit]);
}

#[test]
fn what_is_of_another_timeline_is_at_no_position_of_ours() {
    let mut cluster = healthy();
    cluster.report(0, at(1), LOST);
    cluster.report(0, at(2), LOST);
    cluster.report(1, at(3), says(false, 2, 120));
    // it has got more of the old primary than the new one had
    cluster.report(2, at(3), replica(130));
    assert_eq!(fits(&cluster, 3)[2], Fitness::Unknown);
    cluster.position(2, at(3), Lsn(130));
    assert_eq!(fits(&cluster, 3)[2], Fitness::Unknown);
    // one that does not tell is not believed after a promotion
    let silent = |position| replica(position).map(|said| Report { timeline: None, ..said });
    cluster.report(2, at(4), silent(120));
    assert_eq!(fits(&cluster, 4)[2], Fitness::Unknown);
    cluster.report(2, at(5), says(true, 2, 120));
    assert_eq!(fits(&cluster, 5)[2], Fitness::Fit);
}

#[test]
fn a_replica_that_begins_anew_has_what_it_says() {
    let mut cluster = healthy();
    cluster.report(1, at(1), replica(80));
    assert_eq!(cluster.view(at(1)).members[1].replayed, Some(Lsn(80)));
    cluster.position(1, at(0), Lsn(99));
    assert_eq!(cluster.view(at(1)).members[1].replayed, Some(Lsn(80)), "asked before");
    cluster.position(1, at(2), Lsn(99));
    assert_eq!(cluster.view(at(2)).members[1].replayed, Some(Lsn(99)));
}

#[test]
fn a_server_that_lets_us_not_in_is_there_and_what_it_said_grows_old() {
    let mut cluster = healthy();
    for second in 1..=4 {
        cluster.report(0, at(second), Err(Failure::Login));
        cluster.report(1, at(second), Err(Failure::Login));
    }
    assert_eq!(cluster.view(at(4)).primary, Some(0));
    assert_eq!(fits(&cluster, 4)[1], Fitness::Fit);
    assert_eq!(fits(&cluster, 6)[1], Fitness::Behind);
    assert_eq!(cluster.told(1).unwrap().failed, Some(Failure::Login));
    assert!(cluster.has_looked());
    let mut strange = self::cluster();
    strange.report(0, at(0), Err(Failure::Login));
    strange.report(1, at(0), replica(100));
    strange.report(2, at(0), replica(100));
    assert!(!strange.has_looked(), "the one that is not known may be the primary");
    strange.report(0, at(1), LOST);
    assert!(strange.has_looked());
}

#[test]
fn what_is_known_of_a_server_goes_with_it() {
    let file = FILE.replace("host = \"a\"", "host = \"new\"\n[[database.server]]\nhost = \"a\"");
    let config = Config::parse(&file, Path::new("a.toml"), &|_| None).unwrap();
    let mut before = healthy();
    before.ban("far", true);
    let after = before.moved(&config.databases[0], &config.servers);
    assert_eq!(after.view(at(0)).primary, Some(1));
    let fitness = [Fitness::NotReplica, Fitness::NotReplica, Fitness::Fit, Fitness::Banned];
    assert_eq!(fits(&after, 0), fitness);
}

#[test]
fn a_replica_that_is_behind_leaves_and_returns() {
    let mut cluster = healthy();
    for second in 1..=6 {
        cluster.report(0, at(second), primary(100 + second));
        cluster.report(1, at(second), replica(100 + second));
        cluster.report(2, at(second), replica(100));
    }
    assert_eq!(fits(&cluster, 6), [Fitness::NotReplica, Fitness::Fit, Fitness::Behind]);
    let lag = cluster.view(at(6)).members[2].lag.unwrap();
    assert_eq!((lag.bytes, lag.time), (6, at(6)));
    cluster.report(2, at(6), replica(106));
    assert_eq!(fits(&cluster, 6)[2], Fitness::Fit);
    cluster.report(0, at(7), primary(106 + (2 << 20)));
    assert_eq!(fits(&cluster, 7)[2], Fitness::Behind, "in bytes");
}

#[test]
fn measurements_grow_old() {
    let cluster = healthy();
    assert_eq!(fits(&cluster, 5)[1], Fitness::Fit);
    assert_eq!(fits(&cluster, 6)[1], Fitness::Behind);
}

#[test]
fn one_lost_probe_takes_nothing_away_and_two_do() {
    let mut cluster = healthy();
    cluster.report(1, at(1), LOST);
    assert_eq!(fits(&cluster, 1)[1], Fitness::Fit);
    let news = cluster.report(1, at(2), LOST);
    assert!(news.contains(&News::Health(1, health::State::Down)));
    assert_ne!(fits(&cluster, 2)[1], Fitness::Fit);
    cluster.report(1, at(3), replica(100));
    assert_ne!(fits(&cluster, 3)[1], Fitness::Fit, "one lucky probe gives nothing back");
    cluster.report(0, at(4), primary(100));
    cluster.report(1, at(4), replica(100));
    assert_eq!(fits(&cluster, 4)[1], Fitness::Fit);
}

#[test]
fn a_promotion_is_followed_and_the_old_primary_is_fenced() {
    let mut cluster = healthy();
    cluster.report(0, at(1), LOST);
    cluster.report(0, at(2), LOST);
    assert_eq!(cluster.view(at(2)).primary, None);
    let news = cluster.report(1, at(3), says(false, 2, 120));
    assert_eq!(news, [News::NewPrimary(1, 2)]);
    assert_eq!(cluster.view(at(3)).primary, Some(1));
    cluster.report(0, at(4), primary(110));
    let news = cluster.report(0, at(5), primary(110));
    assert!(
        cluster.view(at(5)).primary == Some(1) && cluster.view(at(5)).members[0].part == Part::Fenced,
        "{news:?}"
    );
    assert_eq!(fits(&cluster, 3)[2], Fitness::Unknown, "what it had of the old timeline says nothing");
    cluster.report(2, at(5), says(true, 2, 120));
    assert_eq!(fits(&cluster, 5)[2], Fitness::Fit);
}

#[test]
fn a_banned_server_gets_nothing() {
    let mut cluster = healthy();
    assert_eq!(cluster.ban("nobody", true), 0);
    for (what, number) in [("far", 1), ("c", 1), ("c:5432", 1), ("c:5433", 0)] {
        assert_eq!(cluster.ban(what, true), number, "{what}");
        assert_eq!(fits(&cluster, 0)[2] == Fitness::Banned, number == 1, "{what}");
        cluster.ban(what, false);
    }
    assert_eq!(fits(&cluster, 0)[2], Fitness::Fit);
    cluster.ban("far", true);
    cluster.ban("far", false);
    assert_eq!(fits(&cluster, 0)[2], Fitness::Fit);
}

#[test]
fn a_replica_that_keeps_failing_is_left_alone_but_not_the_last_one() {
    let (mut cluster, loads) = (healthy(), Loads::new(3));
    let fail = |at| (0..10).for_each(|_| loads.outcome(at, Side::Read, false));
    fail(1);
    cluster.outcomes(&loads, at(0));
    assert_eq!(fits(&cluster, 0)[1..], [Fitness::Broken, Fitness::Fit]);
    fail(2);
    cluster.outcomes(&loads, at(0));
    assert_eq!(fits(&cluster, 0)[1..], [Fitness::Fit, Fitness::Fit]);
    assert_eq!(cluster.told(1).unwrap().outcomes[0], (0, 0), "counted anew once it is open");
    assert!(cluster.wants_probe(1, at(30)) && !cluster.wants_probe(1, at(29)));
    cluster.report(1, at(30), replica(100));
    cluster.report(0, at(30), primary(100));
    assert_eq!(fits(&cluster, 30)[1], Fitness::Fit);
}

#[test]
fn a_busy_machine_gets_less() {
    let mut cluster = healthy();
    let weight = |cluster: &Cluster| cluster.view(at(0)).members[1].weight;
    assert_eq!(weight(&cluster), 1_000);
    for (cpu, share) in [(0.5, 1_000), (0.8, 1_000), (0.9, 500), (0.99, 100), (1.5, 100)] {
        cluster.cpu(1, Some(cpu));
        assert!(weight(&cluster).abs_diff(share) <= 1, "{cpu}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is reported in whatever order: one primary at most, reads only to servers that have said to be
    /// replicas of its cluster within two probes, and nothing further behind than is allowed.
    #[test]
    fn views_keep_their_promises(
        steps in prop::collection::vec((0usize..3, 0u8..4, 0u64..500, 1u32..3), 1..80)
    ) {
        let mut cluster = cluster();
        let (mut now, mut position, mut last) = (0, 1_000, [None; 3]);
        for (server, what, step, timeline) in steps {
            now += step;
            position += step;
            let asked = Duration::from_millis(now);
            let answer = match what {
                0 => says(false, timeline, position),
                1 | 2 => says(true, timeline, position - 1_000 + step),
                _ => LOST,
            };
            cluster.report(server, asked, answer);
            last[server] = Some(what);
            let view = cluster.view(asked);
            let primaries = view.members.iter().filter(|member| member.part == Part::Primary).count();
            prop_assert!(primaries <= 1);
            for (at, member) in view.members.iter().enumerate() {
                if member.fit == Fitness::Fit {
                    prop_assert!(last[at] != Some(0), "it does not follow");
                    prop_assert!(member.lag.unwrap().time <= Duration::from_secs(5));
                    prop_assert!(member.lag.unwrap().bytes <= 1 << 20);
                }
            }
        }
    }
}

#[test]
fn who_can_not_follow_is_ill_after_a_while_and_well_when_it_is_fed_again() {
    let mut cluster = healthy();
    let condition = |cluster: &Cluster, server, now| cluster.condition(server, at(now), at(10));
    assert_eq!([0, 1].map(|server| condition(&cluster, server, 1)), [Condition::Well; 2]);
    let hungry = |position| replica(position).map(|report| Report { receiving: false, ..report });
    for second in 10..=20 {
        cluster.report(1, at(second), hungry(90));
        let expected = if second < 20 { Condition::Unsettled } else { Condition::Ill };
        assert_eq!(condition(&cluster, 1, second), expected, "after {second} s");
    }
    let plight = cluster.plight(1, at(20)).unwrap();
    assert_eq!((plight.hungry, plight.has_all, plight.part), (at(10), false, Part::Replica));
    let advice =
        Advice { trouble: crate::resync::Trouble::WalGone, why: String::new(), command: String::new() };
    assert!(cluster.advise(1, Some(advice.clone())) && !cluster.advise(1, Some(advice.clone())));
    cluster.report(1, at(21), LOST);
    assert_eq!(condition(&cluster, 1, 21), Condition::Unsettled, "perhaps somebody works on it");
    assert_eq!(cluster.advice(1), Some(&advice));
    cluster.report(1, at(22), replica(100));
    assert_eq!(condition(&cluster, 1, 22), Condition::Well);
    // who claims to be the primary is ill at once
    cluster.report(1, at(23), says(false, 2, 200));
    assert_eq!((condition(&cluster, 0, 23), condition(&cluster, 1, 23)), (Condition::Ill, Condition::Well));
    assert_eq!(cluster.began(), Some(Lsn(200)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever connections come to: as long as there is a replica that answers and is not too far behind, one is read
    /// from, and no open breaker is passed over while there is another one.
    #[test]
    fn breakers_never_take_the_last_replica(
        outcomes in prop::collection::vec((1usize..3, any::<bool>(), 0u64..20), 1..60)
    ) {
        let (mut cluster, loads, mut now) = (healthy(), Loads::new(3), Duration::ZERO);
        for (server, good, seconds) in outcomes {
            now += at(seconds);
            (0..6).for_each(|_| loads.outcome(server, Side::Read, good));
            cluster.outcomes(&loads, now);
            for (server, answer) in [(0, primary(100)), (1, replica(100)), (2, replica(100))] {
                cluster.report(server, now, answer);
            }
            let members = cluster.view(now).members;
            let fit = |at: usize| members[at].fit == Fitness::Fit;
            let closed = |at: usize| members[at].breakers[0] == breaker::State::Closed;
            prop_assert!(fit(1) || fit(2));
            prop_assert!((1..3).all(|at| fit(at) == (closed(at) || !(closed(1) || closed(2)))));
        }
    }

    /// The busier a machine, the less it gets: all of its share up to 80 %, and never nothing.
    #[test]
    fn a_busier_machine_never_gets_more(weight in 1u32..1_000, less in 0.0f64..1.2, more in 0.0f64..1.2) {
        let mut cluster = healthy();
        let file = FILE.replace("name = \"far\"", &format!("name = \"far\"\nweight = {weight}"));
        let config = Config::parse(&file, Path::new("a.toml"), &|_| None).unwrap();
        cluster = cluster.moved(&config.databases[0], &config.servers);
        let mut share = |cpu: f64| {
            cluster.cpu(2, Some(cpu));
            cluster.view(at(0)).members[2].weight
        };
        let (less, more) = (less.min(more), less.max(more));
        let (calm, busy) = (share(less), share(more));
        prop_assert!(0 < busy && busy <= calm && calm <= weight * 1_000);
        prop_assert!(more <= 0.81 || busy < weight * 1_000);
        prop_assert!(less > 0.8 || calm == weight * 1_000);
    }
}
