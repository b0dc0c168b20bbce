//! A server fails: nothing that was acknowledged is lost, nobody writes to two primaries, and whoever can wait notices
//! nothing but time.

mod claimants;
pub(crate) mod load;
mod no_primary;
mod reads;

use testkit::postgres::Stop;
use testkit::proxy::{Builder, Server};
use testkit::{Client, Cluster, Postgres, Proxy, wait};

use crate::scene::PGWEIR;
use load::Load;

/// What the log says of a server that only claims to be the primary.
const FENCED: &str = "takes writes and is not the primary";

/// Writes a row; the answer is the port of the server that has.
const WRITE: &str = "INSERT INTO ledger VALUES (gen_random_uuid()) RETURNING current_setting('port')";

/// A pgweir that lets everybody in, before all of these servers, and asks them often.
fn before(servers: &[&Postgres]) -> Builder {
    let servers: Vec<Server> = servers.iter().map(|server| Server::from(*server)).collect();
    before_at(&servers)
}

/// The same, where servers are not reached at their own address.
fn before_at(servers: &[Server]) -> Builder {
    Proxy::builder(PGWEIR)
        .database_on("postgres", servers)
        .set("route.probe_interval", "\"200ms\"")
        .set("route.probe_timeout", "\"1s\"")
        // what a view hides is not to be known
        .set("route.catalog_interval", "\"0s\"")
        .set("pool.acquire_timeout", "\"30s\"")
}

/// Writes, through whatever takes them now; the port of the server that has.
fn write(client: &mut Client) -> String {
    client.rows(WRITE)
}

/// A client, once it is known which server is the primary.
#[track_caller]
fn client_of(proxy: &Proxy) -> Client {
    let client = proxy.connect().open();
    proxy.wait_log("writes go to the server");
    client
}

/// A table for what is written, and a view that tells which server it is read on, on all servers.
fn with_ledger(cluster: &Cluster) {
    cluster.primary.psql("CREATE TABLE ledger (id text PRIMARY KEY)");
    // nobody can tell from its name that it asks for anything but data
    cluster.primary.psql("CREATE VIEW here AS SELECT current_setting('port') AS port");
    cluster.wait_until_caught_up();
}

/// A primary and a replica, pgweir before them, and a client of it; the primary was killed, and that is known.
#[track_caller]
fn without_primary() -> (Cluster, Proxy, Client) {
    let mut cluster = Cluster::start(1);
    with_ledger(&cluster);
    let proxy = before(&[&cluster.primary, &cluster.replicas[0]]).start();
    let client = client_of(&proxy);
    cluster.primary.kill9();
    proxy.wait_log("has no primary");
    (cluster, proxy, client)
}

/// Commits wait for this replica, so that it has whatever was acknowledged.
#[track_caller]
pub(crate) fn wait_for_first_replica(primary: &Postgres) {
    primary.psql("ALTER SYSTEM SET synchronous_standby_names = 'replica0'");
    primary.psql("SELECT pg_reload_conf()");
    wait::until(wait::PATIENCE, "commits wait for the replica", || {
        primary.psql("SELECT sync_state FROM pg_stat_replication WHERE application_name = 'replica0'")
            == "sync"
    });
}

#[test]
fn a_killed_primary_and_a_promoted_replica_cost_only_what_was_in_flight() {
    let mut cluster = Cluster::start(2);
    with_ledger(&cluster);
    wait_for_first_replica(&cluster.primary);
    let proxy = before(&[&cluster.primary, &cluster.replicas[0], &cluster.replicas[1]]).pool_size(6).start();
    let load = Load::start(&proxy, 6, 3);
    load.wait_for_more(20);
    cluster.primary.kill9();
    cluster.replicas[0].promote();
    load.wait_for_more(20);
    let outcome = load.stop();
    let there = cluster.replicas[0].psql("SELECT id FROM ledger");
    let lost: Vec<_> =
        outcome.acknowledged.iter().filter(|id| !there.lines().any(|line| line == *id)).collect();
    assert_eq!(lost, Vec::<&String>::new(), "acknowledged and lost");
    // backends die one after the other, and each had one request in flight at the most
    let errors: Vec<&String> = outcome.errors.iter().flat_map(|(_, errors)| errors).collect();
    assert!(errors.len() <= 6, "{:?}", outcome.errors);
    for error in errors {
        assert!(["08006", "57P01", "57P02"].contains(&error.as_str()), "{:?}", outcome.errors);
    }
}

#[test]
fn an_old_primary_that_comes_back_as_one_gets_nothing() {
    let mut cluster = Cluster::start(1);
    with_ledger(&cluster);
    let proxy = before(&[&cluster.primary, &cluster.replicas[0]]).start();
    let mut client = client_of(&proxy);
    assert_eq!(write(&mut client), cluster.primary.port().to_string());
    cluster.primary.stop(Stop::Immediate);
    cluster.replicas[0].promote();
    let new = cluster.replicas[0].port().to_string();
    assert_eq!(write(&mut client), new);

    // it thinks that it is the primary still
    cluster.primary.restart();
    assert!(!cluster.primary.is_replica());
    proxy.wait_log(FENCED);
    for _ in 0..20 {
        assert_eq!(write(&mut client), new);
        assert_eq!(client.rows("SELECT current_setting('port')"), new, "reads do not go there either");
    }
    assert_eq!(cluster.primary.psql("SELECT count(*) FROM ledger"), "1", "nothing new is on the old one");
}
