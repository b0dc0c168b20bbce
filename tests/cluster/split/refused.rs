//! What a replica refuses is run on the primary, and the client is told nothing of that.

use testkit::client::tags;
use testkit::cluster::Cluster;
use testkit::{Client, messages as m, wait};

use super::scene::{Scene, WHERE};

#[test]
fn what_a_replica_refuses_runs_on_the_primary_once() {
    let scene = Scene::start();
    scene.write("INSERT INTO u VALUES (5)");
    let mut client = scene.client();
    assert_eq!(client.rows("SELECT a FROM u"), "5");
    assert_eq!(client.rows("SELECT n FROM next"), "1");
    let refused = scene.retried("refused");
    assert_eq!(refused, 2);
    // the shape is remembered
    assert_eq!(client.rows("SELECT a FROM u WHERE a = 5"), "5");
    assert_eq!(client.rows("SELECT a FROM u WHERE a = 6"), "");
    assert_eq!(client.rows("SELECT n FROM next"), "2");
    assert_eq!(scene.retried("refused"), refused + 1);
    assert_ne!(client.rows(WHERE), scene.primary());
}

#[test]
fn so_it_is_in_the_extended_protocol_with_names_and_without() {
    let scene = Scene::start();
    let mut client = scene.client();
    let run = |name: &str| [m::bind("", name, &[]), m::describe_portal(""), m::execute("", 0)].concat();
    // the name is given by the very batch that is refused
    client.send(&[m::parse("s", "SELECT n FROM next", &[]), run("s"), m::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!((tags(&answer).as_str(), answer[3].texts()), ("12TDCZ", vec!["1".to_owned()]));
    assert_eq!(scene.retried("refused"), 1);
    for n in 2..5 {
        client.send(&[run("s"), m::sync()].concat());
        let answer = client.read_until_ready();
        assert_eq!((tags(&answer).as_str(), answer[2].texts()), ("2TDCZ", vec![n.to_string()]));
    }
    client.send(&[m::parse("", "SELECT n + 0 FROM next", &[]), run(""), m::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!((tags(&answer).as_str(), answer[3].texts()), ("12TDCZ", vec!["5".to_owned()]));
    // prepared first, and run later
    client.send(&[m::parse("p", "SELECT n * 1 FROM next", &[]), m::sync()].concat());
    assert_eq!(tags(&client.read_until_ready()), "1Z");
    for n in 6..9 {
        client.send(&[run("p"), m::sync()].concat());
        let answer = client.read_until_ready();
        assert_eq!((tags(&answer).as_str(), answer[2].texts()), ("2TDCZ", vec![n.to_string()]));
    }
    assert_eq!(scene.retried("refused"), 3);
}

#[test]
fn in_a_pipeline_what_was_answered_is_not_answered_again() {
    let scene = Scene::start();
    let mut client = scene.client();
    let sqls = ["SELECT 1", "SELECT 2", "SELECT 2 + n FROM next", "SELECT 4", "SELECT 4 + n - 1 FROM next"];
    let pipeline: Vec<u8> = sqls
        .iter()
        .flat_map(|sql| [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()].concat())
        .collect();
    client.send(&pipeline);
    for n in 1..=5 {
        let answer = client.read_until_ready();
        assert_eq!((tags(&answer).as_str(), answer[2].texts()), ("12DCZ", vec![n.to_string()]));
    }
}

#[test]
fn an_error_of_the_statement_itself_is_the_clients() {
    let scene = Scene::start();
    let mut client = scene.client();
    let error = client.try_rows("SELECT 1 / (port - port) FROM here").unwrap_err();
    assert!(error.to_string().contains("division by zero"), "{error}");
    assert_eq!((scene.retried("refused"), scene.retried("lost")), (0, 0));
}

#[test]
fn a_transaction_that_was_begun_on_a_replica_is_told_what_it_refuses() {
    let scene = Scene::start();
    let mut client = scene.client();
    client.rows("BEGIN READ ONLY");
    let error = client.try_rows("SELECT a FROM u").unwrap_err();
    assert!(error.to_string().contains("during recovery"), "{error}");
    client.rows("ROLLBACK");
    assert_eq!(client.rows("SELECT a FROM u"), "");
}

/// What waits on a replica for the lock that [`HeldUp`] has.
const READ: &str = "SELECT port, count(*) FROM here, t GROUP BY port";

/// A read that waits on a replica, because the primary has locked its table.
struct HeldUp {
    scene: Scene,
    client: Client,
    locker: Client,
    /// On each replica.
    doors: Vec<Client>,
    /// The replica, and the backend that waits.
    place: (usize, u32),
}

impl HeldUp {
    #[track_caller]
    fn start(request: &[u8]) -> Self {
        let scene = Scene::with(Cluster::start(2), |builder| {
            builder.set("route.consistency", "\"eventual\"").set("route.max_lag", "\"1h\"")
        });
        let mut locker = scene.cluster.primary.door().open();
        locker.rows("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
        let mut doors: Vec<_> = scene.cluster.replicas.iter().map(|replica| replica.door().open()).collect();
        for door in &mut doors {
            let locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 't'::regclass";
            wait::until(wait::PATIENCE, "the lock is replayed", || door.rows(locked) == "1");
        }
        let mut client = scene.client();
        client.send(request);
        let waits = "SELECT pid FROM pg_stat_activity \
                     WHERE query LIKE '%GROUP BY port' AND wait_event_type = 'Lock'";
        let mut place = (0, 0);
        let waits_there = wait::holds(wait::PATIENCE, || {
            let mut pids = doors.iter_mut().map(|door| door.rows(waits).parse().unwrap_or(0)).enumerate();
            pids.find(|(_, pid)| *pid != 0).inspect(|found| place = *found).is_some()
        });
        let all = "SELECT pid, state, wait_event_type, wait_event, query FROM pg_stat_activity";
        assert!(
            waits_there,
            "no replica holds it up: {:#?}\nprimary: {}\n{}",
            doors.iter_mut().map(|door| door.rows(all)).collect::<Vec<_>>(),
            scene.cluster.primary.psql(all),
            scene.routed()
        );
        Self { scene, client, locker, doors, place }
    }

    /// The replica has gone: the primary answers, and the client sees nothing else.
    #[track_caller]
    fn end_on_the_primary(mut self, answer: &str) {
        self.locker.rows("ROLLBACK");
        assert_eq!(tags(&self.client.read_until_ready()), answer);
        assert_eq!(self.scene.retried("lost"), 1);
    }
}

#[test]
fn a_read_that_a_replica_does_not_survive_runs_on_the_primary() {
    let mut held = HeldUp::start(&m::query(READ));
    let (replica, pid) = held.place;
    assert_eq!(held.doors[replica].rows(&format!("SELECT pg_terminate_backend({pid})")), "t");
    held.end_on_the_primary("TCZ");
}

#[test]
fn so_does_one_whose_replica_crashes_and_says_so() {
    let run = |sql: &str| [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0)].concat();
    // with its last words it says what it had to say to the statement before
    let batch = [run("SELECT 1"), run(READ), m::sync()].concat();
    for (request, answer) in [(m::query(READ), "TCZ"), (batch, "12DC12CZ")] {
        let mut held = HeldUp::start(&request);
        let (replica, _) = held.place;
        let own = held.doors[replica].rows("SELECT pg_backend_pid()").parse().unwrap();
        // the other backends are told to warn their clients and go
        held.scene.cluster.replicas[replica].kill_backend(own);
        held.end_on_the_primary(answer);
    }
}

/// The shape is not to blame for what happens to its replica.
#[test]
fn a_read_whose_replica_was_lost_goes_to_replicas_again() {
    let mut held = HeldUp::start(&m::query(READ));
    let (replica, pid) = held.place;
    held.doors[replica].rows(&format!("SELECT pg_terminate_backend({pid})"));
    held.locker.rows("ROLLBACK");
    held.client.read_until_ready();
    let reads = held.scene.counted("replica", "reads");
    held.client.rows(READ);
    assert_eq!(held.scene.counted("replica", "reads"), reads + 1);
}

#[test]
fn what_a_replica_does_not_have_yet_is_found_on_the_primary() {
    let scene = Scene::start();
    for replica in &scene.cluster.replicas {
        replica.psql("SELECT pg_wal_replay_pause()");
    }
    scene.cluster.primary.psql("CREATE TABLE young (a int); INSERT INTO young VALUES (3)");
    let mut client = scene.client();
    assert_eq!(client.rows("SELECT a FROM young"), "3");
    let error = client.try_rows("SELECT a FROM nobody").unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}
