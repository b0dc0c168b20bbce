//! With replicas that are two seconds behind, no session ever reads less than it has written, however it writes; who has
//! not written reads from replicas all the while, and from none that is further behind than is allowed.
//!
//! `PGWEIR_TEST_LOOPS` says how often all sessions together write and read; 10 000 times if it says nothing.

mod onlookers;
mod writing;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use testkit::{Client, Cluster, Postgres, Proxy, messages as m, wait};

use crate::console::{admin, show};
use crate::scene::Dice;
use crate::split::scene::Scene;
use onlookers::Onlookers;
use writing::Hand;

const SESSIONS: u64 = 16;
/// How far behind a replica may be.
const MAX_LAG: u64 = 4;
/// What a session has written; a view that tells where it is read; ways to write that no text shows.
const TABLES: &str = "CREATE TABLE own (who int, a int); CREATE INDEX ON own (who, a); CREATE TABLE beats (n int); CREATE INDEX ON beats (n);\
    INSERT INTO beats VALUES (0); INSERT INTO own SELECT who, 0 FROM generate_series(0, 15) who;\
    CREATE FUNCTION bump(int, int) RETURNS int LANGUAGE sql AS 'INSERT INTO own VALUES ($1, $2) RETURNING a';\
    CREATE PROCEDURE bump_too(int, int) LANGUAGE sql AS 'INSERT INTO own VALUES ($1, $2)'";

fn loops() -> u64 {
    std::env::var("PGWEIR_TEST_LOOPS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

fn two_seconds_behind() -> Scene {
    let mut cluster = Cluster::start(0);
    for _ in 0..2 {
        cluster.add_replica(Postgres::builder().set("recovery_min_apply_delay", "2s"));
    }
    cluster.primary.psql(TABLES);
    Scene::with(cluster, |builder| {
        builder
            .pool_size(10)
            .set("route.max_lag", &format!("\"{MAX_LAG}s\""))
            .set("route.wait", "\"5ms\"")
            .set("admin.users", r#"["admin"]"#)
    })
}

#[test]
fn of_ten_thousand_reads_behind_writes_none_is_stale_with_replicas_two_seconds_behind() {
    let scene = two_seconds_behind();
    let bump = scene.cluster.primary.psql("SELECT 'bump'::regproc::oid::int").parse().unwrap();
    let (turns, primary) = (loops().div_ceil(SESSIONS), scene.primary());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Over(&over);
        let sessions: Vec<_> = (0..SESSIONS)
            .map(|who| Session::new(&scene.proxy, Hand { who, bump }, &primary))
            .map(|session| scope.spawn(|| session.work(turns, &over)))
            .collect();
        let onlookers = Onlookers::start(&scene, scope);
        left_and_taken_back(&scene, &onlookers);
        // the first that fails says why
        for session in sessions {
            session.join().unwrap();
        }
        onlookers.stop();
    });
    let own = scene.counted("primary", "own_writes");
    assert!(own > loops() / 2, "{own} reads had to go to the primary:\n{}", scene.routed());
}

/// One replica stands still: nobody reads from it when it is too far behind, and everybody does when it has caught up.
fn left_and_taken_back(scene: &Scene, onlookers: &Onlookers) {
    let [steady, still] = &scene.cluster.replicas[..] else { unreachable!() };
    let mut console = admin(&scene.proxy);
    let mut fit = |server: &Postgres| {
        let port = server.port().to_string();
        show(&mut console, "SHOW REPLICAS").get("fit", &[("port", &port)]).to_owned()
    };
    onlookers.wait_for_reads_from(still);
    still.psql("SELECT pg_wal_replay_pause()");
    wait::until(wait::PATIENCE, "it is too far behind", || fit(still) == "too far behind");
    onlookers.wait_until_older(still, 2 * MAX_LAG);
    let before = onlookers.reads_from(still);
    for _ in 0..3 {
        onlookers.wait_for_reads_from(steady);
    }
    assert_eq!(onlookers.reads_from(still), before, "it is read from all the same");
    assert_eq!(fit(still), "too far behind");
    still.psql("SELECT pg_wal_replay_resume()");
    onlookers.wait_for_reads_from(still);
}

/// Ends the sessions when the test ends, however it does.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One that writes and reads, and another one that it tells how far it has come.
struct Session {
    hand: Hand,
    client: Client,
    told: Client,
    /// The port of the primary.
    primary: String,
}

impl Session {
    fn new(proxy: &Proxy, hand: Hand, primary: &str) -> Self {
        let (mut client, told) = (proxy.connect().open(), proxy.connect().open());
        hand.prepare(&mut client);
        Self { hand, client, told, primary: primary.to_owned() }
    }

    fn work(mut self, turns: u64, over: &AtomicBool) {
        let mut dice = Dice(self.hand.who * 7919 + 17);
        for n in 1..=turns {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let way = dice.below(Hand::WAYS);
            let seen = match self.hand.write(&mut self.client, way, n) {
                Some(seen) => seen,
                None => self.read(dice.below(5)),
            };
            self.check(seen, n, way, over);
            // more than once, and then as long as it takes a replica to have it
            let quiet = n % (turns / 3).max(1) == 0;
            if quiet || dice.below(4) == 0 {
                let until_elsewhere = |session: &mut Self| {
                    let (seen, port) = session.where_it_is();
                    session.check(seen, n, way, over);
                    !quiet || port != session.primary
                };
                wait::until(wait::PATIENCE, "a replica has it", || until_elsewhere(&mut self));
            }
        }
    }

    fn check(&self, seen: String, n: u64, way: u64, over: &AtomicBool) {
        if seen != n.to_string() {
            over.store(true, Ordering::Relaxed);
        }
        assert_eq!(seen, n.to_string(), "session {}, written in way {way}", self.hand.who);
    }

    /// What this session, or the one that it tells of its writes, sees.
    fn read(&mut self, way: u64) -> String {
        let who = self.hand.who;
        let sql = format!("SELECT max(a) FROM own WHERE who = {who}");
        match way {
            0 => {
                let token = self.client.rows("SHOW pgweir.token");
                self.told.rows(&format!("SET pgweir.token = '{token}'"));
                self.told.rows(&sql)
            }
            1 => {
                self.client.rows("BEGIN READ ONLY");
                let seen = self.client.rows(&sql);
                self.client.rows("COMMIT");
                seen
            }
            2 => {
                let who = who.to_string();
                let read = [m::bind("", "read", &[Some(who.as_bytes())]), m::execute("", 0), m::sync()];
                self.client.send(&read.concat());
                writing::row(&self.client.read_until_ready())
            }
            // two at once: either has to show it
            3 => {
                self.client.send(&[m::query(&sql), m::query(&sql)].concat());
                let [one, other] = [(); 2].map(|()| writing::row(&self.client.read_until_ready()));
                if one == other { one } else { format!("{one} and {other}") }
            }
            _ => self.client.rows(&sql),
        }
    }

    /// What it sees, and on which server.
    fn where_it_is(&mut self) -> (String, String) {
        let sql = format!("SELECT max(a), max(port) FROM own, here WHERE who = {}", self.hand.who);
        let row = self.client.rows(&sql);
        let (seen, port) = row.split_once('|').unwrap();
        (seen.to_owned(), port.to_owned())
    }
}
