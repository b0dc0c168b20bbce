//! Whom servers are asked as, and what comes of it if that is nobody in particular, nobody yet, or somebody who is not let
//! in.

use testkit::install::{Install, Version};
use testkit::{Cluster, Postgres, wait};

use super::{asking_as, name, settled, told, until};
use crate::console::{admin, done, show};
use crate::scene::page;

#[test]
fn who_asks_needs_no_rights() {
    rights_are_not_needed(&Cluster::start(2));
}

#[test]
fn who_asks_needs_no_rights_on_postgresql_18() {
    if Install::v18_or_skip("who_asks_needs_no_rights_on_postgresql_18").is_some() {
        rights_are_not_needed(&Cluster::start_from(&Postgres::builder().version(Version::V18), 2));
    }
}

fn rights_are_not_needed(cluster: &Cluster) {
    cluster.primary.psql("CREATE ROLE prober LOGIN");
    cluster.wait_until_caught_up();
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    let servers = [b, &cluster.primary, a];
    let start =
        || asking_as(&servers, "dbname", "\"postgres\"").toml("[route.probe]\nuser = \"prober\"").start();
    let proxy = start();
    let mut console = admin(&proxy);
    settled(&mut console, cluster);
    assert_eq!(told(&mut console, a, "timeline"), "1", "of the control file");
    drop((proxy, console));
    let functions = ["pg_control_system()", "pg_control_checkpoint()", "pg_control_recovery()"];
    for function in functions {
        cluster.primary.psql(&format!("REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC"));
    }
    cluster.wait_until_caught_up();
    let proxy = start();
    let mut console = admin(&proxy);
    settled(&mut console, cluster);
    assert_eq!(told(&mut console, a, "timeline"), "", "not even that");
    // from a reload on it may be somebody else
    proxy.edit_config("user = \"prober\"", "user = \"postgres\"");
    assert_eq!(done(&mut console, "RELOAD"), "RELOAD");
    let names = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'pgweir monitor'";
    wait::until(wait::PATIENCE, "another one asks", || a.psql(names) == "postgres");
    until(&mut console, a, "timeline", "1");
}

#[test]
fn without_rights_the_control_file_shows_whom_a_replica_follows() {
    let mut cluster = Cluster::start(2);
    cluster.primary.psql("CREATE ROLE prober LOGIN");
    cluster.wait_until_caught_up();
    let proxy = {
        let [a, b] = &cluster.replicas[..] else { unreachable!() };
        let probe = "[route.probe]\nuser = \"prober\"";
        asking_as(&[&cluster.primary, a, b], "dbname", "\"postgres\"").toml(probe).start()
    };
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    cluster.primary.kill9();
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    a.promote();
    until(&mut console, a, "part", "primary");
    b.follow_instead(a);
    a.psql("CHECKPOINT");
    Cluster::wait_until_replayed(b, &a.psql("SELECT pg_current_wal_lsn()"));
    b.psql("CHECKPOINT");
    until(&mut console, b, "fit", "fit");
}

#[test]
fn who_asks_and_is_not_let_in_takes_nothing_from_anybody() {
    let cluster = Cluster::start(1);
    let servers = [&cluster.primary, &cluster.replicas[0]];
    let probe = "[route.probe]\nuser = \"nobody\"";
    let proxy = asking_as(&servers, "dbname", "\"postgres\"").toml(probe).start();
    let mut console = admin(&proxy);
    until(&mut console, &cluster.primary, "probe", "login");
    until(&mut console, &cluster.replicas[0], "probe", "login");
    proxy.wait_log("cannot ask the server what it is");
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("SELECT pg_is_in_recovery()"), "f");
    assert_eq!(page(&proxy, "/health").unwrap().0, 200);
    // as soon as it is let in, all is known
    cluster.primary.psql("CREATE ROLE nobody LOGIN");
    settled(&mut console, &cluster);
}

#[test]
fn with_nobody_to_ask_as_it_waits_for_the_first_client() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    let proxy = asking_as(&[&cluster.primary, a, b], "dbname", "\"postgres\"").start();
    let mut console = admin(&proxy);
    assert_eq!(told(&mut console, a, "part"), "unknown");
    assert_eq!(told(&mut console, a, "probe"), "");
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("SELECT pg_is_in_recovery()"), "f");
    settled(&mut console, &cluster);
    let names = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'pgweir monitor'";
    assert_eq!(a.psql(names), "postgres");
    wait::until(wait::PATIENCE, "a connection of the client's pool is counted", || {
        let table = show(&mut console, "SHOW BREAKERS");
        table.number("good", &[("server", &name(&cluster.primary)), ("side", "write")]) >= 1
    });
}
