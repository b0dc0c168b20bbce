//! pgweir promotes a replica: the one that has most, once, and only when most instances miss the primary.

mod obstacles;
mod restarts;

use testkit::postgres::Stop;
use testkit::proxy::{Builder, Server};
use testkit::{Client, Cluster, Postgres, Proxy, Redis, wait};

use crate::console::{admin, show};
use crate::failover::load::Load;
use crate::scene::{PGWEIR, metrics};

/// Writes a row; the answer is the port of the server that has.
const WRITE: &str = "INSERT INTO ledger VALUES (gen_random_uuid()) RETURNING current_setting('port')";

/// An instance of so many, called this, that promotes.
fn instance(name: &str, of: u32, redis: &Redis, servers: &[Server]) -> Builder {
    Proxy::builder(PGWEIR)
        .set("admin.users", r#"["admin"]"#)
        .database_on("postgres", servers)
        .set("route.probe_interval", "\"200ms\"")
        .set("route.probe_timeout", "\"1s\"")
        .set("pool.acquire_timeout", "\"60s\"")
        .set("failover.promote", "\"pg_promote\"")
        .set("failover.timeout", "\"5s\"")
        .set("failover.instances", &of.to_string())
        .set("failover.instance", &format!("\"{name}\""))
        .set("failover.lock", &format!("{{ url = \"{}\" }}", redis.url()))
        .set("route.probe", "{ user = \"postgres\" }")
}

fn servers(cluster: &Cluster) -> Vec<Server> {
    [&cluster.primary].into_iter().chain(&cluster.replicas).map(Server::from).collect()
}

/// Two replicas and a table.
fn cluster() -> Cluster {
    let cluster = Cluster::start(2);
    cluster.primary.psql("CREATE TABLE ledger (id text PRIMARY KEY)");
    cluster.wait_until_caught_up();
    cluster
}

fn port(server: &Postgres) -> String {
    server.port().to_string()
}

fn address(server: &Postgres) -> String {
    format!("{}:{}", server.host(), server.port())
}

/// What SHOW FAILOVER has in a column.
fn told(console: &mut Client, column: &str) -> String {
    show(console, "SHOW FAILOVER").get(column, &[("database", "postgres")]).to_owned()
}

/// Waits until SHOW FAILOVER has this in a column.
#[track_caller]
fn until(console: &mut Client, column: &str, value: &str) {
    let mut last = String::new();
    let holds = wait::holds(wait::PATIENCE, || {
        last = told(console, column);
        last == value
    });
    assert!(holds, "in vain: {column} is {value:?}, and not {last:?}");
}

/// Waits until so many instances speak to each other, and what they keep is old enough to be relied on.
#[track_caller]
fn until_relied_on(console: &mut Client, redis: &Redis, instances: &str) {
    until(console, "state", "watching");
    until(console, "seen", instances);
    until(console, "timeline", "1");
    let reply = redis.command(&["TIME"]).unwrap();
    let begun = seconds(&reply);
    wait::until(wait::PATIENCE, "it is kept for some time", || {
        seconds(&redis.command(&["TIME"]).unwrap()) > begun + 6
    });
}

fn seconds(time: &str) -> u64 {
    time.lines().nth(2).unwrap().parse().unwrap()
}

/// How many orders of an instance have had this result.
fn orders(proxy: &Proxy, result: &str) -> u64 {
    let name = format!("pgweir_promotions_total{{result=\"{result}\"}} ");
    metrics(proxy).lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

/// A replica that receives nothing any more.
#[track_caller]
fn starve(replica: &Postgres) {
    replica.psql("ALTER SYSTEM SET primary_conninfo = ''");
    replica.psql("SELECT pg_reload_conf()");
    wait::until(wait::PATIENCE, "it receives nothing", || {
        replica.psql("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
    });
}

#[test]
fn the_replica_that_has_received_most_follows_a_killed_primary_and_no_other() {
    let mut cluster = cluster();
    let redis = Redis::start();
    let all = servers(&cluster);
    let (one, two) = (instance("one", 2, &redis, &all).start(), instance("two", 2, &redis, &all).start());
    until_relied_on(&mut admin(&one), &redis, "2");
    let load = Load::start(&one, 4, 2);
    load.wait_for_more(5);
    let [first, second] = &cluster.replicas[..] else { unreachable!() };
    // the first has received less, and replayed more
    second.psql("SELECT pg_wal_replay_pause()");
    load.wait_for_more(5);
    let (far, written) = ("pg_last_wal_receive_lsn()", cluster.primary.psql("SELECT pg_current_wal_lsn()"));
    Cluster::wait_until_replayed(first, &written);
    starve(first);
    load.wait_for_more(20);
    let starved = first.psql(&format!("SELECT {far}"));
    assert_eq!(
        second.psql(&format!("SELECT {far} > '{starved}', pg_last_wal_replay_lsn() < '{starved}'")),
        "t|t"
    );
    cluster.primary.kill9();
    load.wait_for_more(20);
    drop(load.stop());

    let [first, second] = &cluster.replicas[..] else { unreachable!() };
    assert!(!second.is_replica() && first.is_replica());
    for proxy in [&one, &two] {
        assert_eq!(proxy.connect().open().rows(WRITE), port(second));
        until(&mut admin(proxy), "timeline", "2");
        until(&mut admin(proxy), "state", "watching");
    }
    assert_eq!(orders(&one, "ok") + orders(&two, "ok"), 1);
    assert_eq!(orders(&one, "failed") + orders(&two, "failed"), 0);

    // it thinks that it is the primary still
    cluster.primary.restart();
    for proxy in [&one, &two] {
        proxy.wait_log("takes writes and is not the primary");
        assert_eq!(proxy.connect().open().rows(WRITE), port(&cluster.replicas[1]));
    }
}

#[test]
fn what_was_acknowledged_and_received_is_there() {
    let mut cluster = cluster();
    let redis = Redis::start();
    let proxy = instance("one", 1, &redis, &servers(&cluster)).start();
    until_relied_on(&mut admin(&proxy), &redis, "1");
    cluster.primary.psql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 2 (replica0, replica1)'");
    cluster.primary.psql("SELECT pg_reload_conf()");
    let load = Load::start(&proxy, 4, 2);
    load.wait_for_more(20);
    cluster.primary.stop(Stop::Immediate);
    load.wait_for_more(20);
    let outcome = load.stop();
    let new = cluster.replicas.iter().find(|replica| !replica.is_replica()).unwrap();
    let there = new.psql("SELECT id FROM ledger");
    let lost: Vec<_> =
        outcome.acknowledged.iter().filter(|id| !there.lines().any(|line| line == *id)).collect();
    assert_eq!(lost, Vec::<&String>::new(), "acknowledged and lost");
}
