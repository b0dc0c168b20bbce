//! Whatever fails, and however often: never two promotions from one timeline.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::World;
use super::*;

const INSTANCES: usize = 3;
const SERVERS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Half a second passes, all ask all and have their turn.
    Beat,
    Pass(u64),
    Probe(usize),
    Round(usize),
    /// What an instance has ordered arrives, or is refused.
    Land(usize, bool),
    Cut(usize, usize),
    Heal(usize),
    Alone(usize),
    Restart(usize),
    Kill(usize),
    Start(usize),
    /// The primaries write, and some replicas receive it.
    Write(u64, usize),
    /// A server follows another one.
    Follow(usize, usize),
    /// Everything that was kept in common is lost.
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    let (i, s) = (0..INSTANCES, 0..SERVERS);
    prop_oneof![
        40 => Just(Step::Beat),
        4 => (1u64..6_000).prop_map(Step::Pass),
        6 => i.clone().prop_map(Step::Probe),
        8 => i.clone().prop_map(Step::Round),
        6 => (i.clone(), prop::bool::weighted(0.2)).prop_map(|(i, refused)| Step::Land(i, refused)),
        3 => (i.clone(), s.clone()).prop_map(|(i, s)| Step::Cut(i, s)),
        3 => i.clone().prop_map(Step::Heal),
        2 => i.clone().prop_map(Step::Alone),
        2 => i.prop_map(Step::Restart),
        4 => s.clone().prop_map(Step::Kill),
        2 => s.clone().prop_map(Step::Start),
        4 => (1u64..40, s.clone()).prop_map(|(n, s)| Step::Write(n, s)),
        2 => (s.clone(), s).prop_map(|(s, of)| Step::Follow(s, of)),
    ]
}

fn terms() -> Terms {
    Terms { timeout: Duration::from_secs(4), instances: 3, ..TERMS }
}

fn take(world: &mut World, step: Step) {
    match step {
        Step::Beat => {
            world.now += Duration::from_millis(500);
            for at in 0..INSTANCES {
                world.probe(at);
                world.round(at);
            }
        }
        Step::Pass(ms) => world.now += Duration::from_millis(ms),
        Step::Probe(at) => world.probe(at),
        Step::Round(at) => drop(world.round(at)),
        Step::Land(at, refused) => world.land(at, refused),
        Step::Cut(at, server) => drop(world.instances[at].cut.insert(server)),
        Step::Heal(at) => {
            world.instances[at].cut.clear();
            world.instances[at].alone = false;
        }
        Step::Alone(at) => world.instances[at].alone = true,
        Step::Restart(at) => world.restart(at),
        Step::Kill(at) => world.servers[at].alive = false,
        Step::Start(at) => world.servers[at].alive = true,
        Step::Write(bytes, lags) => write(world, bytes, lags),
        Step::Follow(at, of) => {
            let (timeline, position) = (world.servers[of].timeline, world.servers[of].position);
            if world.servers[of].primary && at != of && world.servers[at].timeline < timeline {
                let server = &mut world.servers[at];
                (server.primary, server.timeline, server.position) = (false, timeline, position);
            }
        }
        Step::Forget => world.kept = Default::default(),
    }
}

fn write(world: &mut World, bytes: u64, lags: usize) {
    let Some(primary) = world.servers.iter().position(|server| server.primary && server.alive) else {
        return;
    };
    world.servers[primary].position += bytes;
    let (timeline, position) = (world.servers[primary].timeline, world.servers[primary].position);
    for (at, server) in world.servers.iter_mut().enumerate() {
        if server.alive && !server.primary && server.timeline == timeline && at != lags {
            server.position = position;
        }
    }
}

/// From each timeline at most one server.
fn once(world: &World) -> bool {
    let from: BTreeSet<u32> = world.promoted.iter().map(|(timeline, _)| *timeline).collect();
    from.len() == world.promoted.len()
}

fn beats(world: &mut World, n: usize) {
    for _ in 0..n {
        take(world, Step::Beat);
        for at in 0..INSTANCES {
            world.land(at, false);
        }
    }
}

#[test]
fn a_dead_primary_is_followed_by_the_replica_that_has_most() {
    let mut world = World::new(INSTANCES, SERVERS, terms());
    beats(&mut world, 12);
    write(&mut world, 30, 1);
    beats(&mut world, 1);
    world.servers[0].alive = false;
    beats(&mut world, 30);
    assert_eq!(world.promoted, [(1, 2)]);
    // and so on, once others follow it; the old one comes back and is none any more
    take(&mut world, Step::Start(0));
    beats(&mut world, 20);
    take(&mut world, Step::Follow(1, 2));
    take(&mut world, Step::Follow(0, 2));
    beats(&mut world, 4);
    world.servers[2].alive = false;
    beats(&mut world, 30);
    assert_eq!(world.promoted, [(1, 2), (2, 0)]);
}

#[test]
fn as_long_as_most_see_the_primary_it_stays() {
    let mut world = World::new(INSTANCES, SERVERS, terms());
    beats(&mut world, 12);
    take(&mut world, Step::Cut(0, 0));
    beats(&mut world, 60);
    assert_eq!(world.promoted, []);
    // those who see it cannot say so any more: silence is no vote
    take(&mut world, Step::Alone(1));
    take(&mut world, Step::Alone(2));
    beats(&mut world, 60);
    assert_eq!(world.promoted, []);
    take(&mut world, Step::Heal(1));
    take(&mut world, Step::Cut(1, 0));
    beats(&mut world, 60);
    assert_eq!(world.promoted, [(1, 1)]);
}

#[test]
fn what_one_instance_leaves_undone_another_one_finishes() {
    let (mut world, at) = with_an_order_on_its_way();
    // it never arrives, and its sender begins anew
    world.instances[at].order = None;
    take(&mut world, Step::Restart(at));
    beats(&mut world, 60);
    assert_eq!(world.promoted, [(1, 1)]);
}

#[test]
fn who_reaches_no_replica_leaves_it_to_others() {
    let mut world = World::new(INSTANCES, SERVERS, terms());
    beats(&mut world, 12);
    world.servers[0].alive = false;
    // the first in turn takes the lock first
    take(&mut world, Step::Cut(0, 1));
    take(&mut world, Step::Cut(0, 2));
    beats(&mut world, 60);
    assert_eq!(world.promoted, [(1, 1)]);
}

/// The primary is dead, and an instance has sent its order to promote server 1, which has not arrived yet.
fn with_an_order_on_its_way() -> (World, usize) {
    let mut world = World::new(INSTANCES, SERVERS, terms());
    beats(&mut world, 12);
    world.servers[0].alive = false;
    let mut turns = 0..200;
    let sender = turns.find_map(|_| {
        take(&mut world, Step::Beat);
        world.instances.iter().position(|instance| instance.order.is_some())
    });
    (world, sender.expect("somebody orders it"))
}

/// Everybody else loses sight of server 1, and waits for long.
fn others_lose_it(world: &mut World, sender: usize) {
    for at in (0..INSTANCES).filter(|at| *at != sender) {
        take(world, Step::Cut(at, 1));
    }
    for _ in 0..60 {
        take(world, Step::Beat);
        for at in (0..INSTANCES).filter(|at| *at != sender) {
            world.land(at, false);
        }
    }
}

#[test]
fn a_claim_is_not_taken_back_while_an_order_of_another_may_be_on_its_way() {
    let (mut world, sender) = with_an_order_on_its_way();
    // another one goes on with it, and is refused
    let mut turns = 0..200;
    let other = turns.find_map(|_| {
        take(&mut world, Step::Beat);
        (0..INSTANCES).find(|at| *at != sender && world.instances[*at].order.is_some())
    });
    world.land(other.expect("somebody goes on with it"), true);
    others_lose_it(&mut world, sender);
    world.land(sender, false);
    assert_eq!(world.promoted, [(1, 1)]);
}

#[test]
fn what_instances_remember_of_a_claim_is_written_down_again() {
    let (mut world, sender) = with_an_order_on_its_way();
    take(&mut world, Step::Beat);
    take(&mut world, Step::Forget);
    others_lose_it(&mut world, sender);
    world.land(sender, false);
    assert_eq!(world.promoted, [(1, 1)]);
}

#[test]
fn what_was_just_begun_to_be_kept_in_common_is_not_relied_on() {
    let mut world = World::new(INSTANCES, SERVERS, terms());
    beats(&mut world, 12);
    world.servers[0].alive = false;
    beats(&mut world, 8);
    take(&mut world, Step::Forget);
    let mut promotes = || {
        take(&mut world, Step::Beat);
        world.instances.iter().any(|instance| instance.order.is_some())
    };
    assert!((0..7).all(|_| !promotes()));
    assert!((0..7).any(|_| promotes()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_makes_it_happen_twice(steps in prop::collection::vec(step(), 20..160)) {
        let mut world = World::new(INSTANCES, SERVERS, terms());
        beats(&mut world, 12);
        for step in steps {
            take(&mut world, step);
            prop_assert!(once(&world), "{:?}", world.promoted);
        }
    }

    /// Where everybody who is there reaches everything else that is there, not even the loss of what was written down.
    #[test]
    fn losing_what_was_written_down_does_not_either(
        steps in prop::collection::vec(prop_oneof![6 => step(), 1 => Just(Step::Forget)], 20..160),
    ) {
        let mut world = World::new(INSTANCES, SERVERS, terms());
        beats(&mut world, 12);
        for step in steps {
            // whoever does not come back has told nobody
            let hides = matches!(step, Step::Cut(..) | Step::Alone(_))
                || matches!(step, Step::Kill(at) if at != 0 && !world.servers[at].primary);
            if !hides {
                take(&mut world, step);
            }
            prop_assert!(once(&world), "{:?}", world.promoted);
        }
    }
}
