//! What is known of the servers of a database that has several: found out by asking them, whatever the configuration
//! says first, and found out again when it changes.

use testkit::proxy::{Builder, Server};
use testkit::{Client, Cluster, Postgres, Proxy, wait};

use crate::console::{Table, admin, show};
use crate::scene::{PGWEIR, metrics};

/// A pgweir before these servers, in this order, that asks them as the superuser.
fn before(servers: &[&Postgres]) -> Builder {
    let servers: Vec<Server> =
        servers.iter().map(|server| Server::from(*server).key("user", "\"postgres\"")).collect();
    Proxy::builder(PGWEIR)
        .set("admin.users", r#"["admin"]"#)
        .set("admin.stats_users", r#"["monitor"]"#)
        .database_on("postgres", &servers)
}

/// What a server is called where it has no name.
fn name(server: &Postgres) -> String {
    format!("{}:{}", server.host(), server.port())
}

/// What SHOW REPLICAS has in a column for a server.
fn told(console: &mut Client, server: &Postgres, column: &str) -> String {
    let table = show(console, "SHOW REPLICAS");
    table.get(column, &[("server", &name(server))]).to_owned()
}

#[track_caller]
fn until(console: &mut Client, server: &Postgres, column: &str, value: &str) {
    let what = format!("{column} of {} is {value:?}", name(server));
    let mut last = Table::of(&console.query("SHOW REPLICAS"));
    if !wait::holds(wait::PATIENCE, || {
        last = show(console, "SHOW REPLICAS");
        last.get(column, &[("server", &name(server))]) == value
    }) {
        panic!("in vain: {what}: {:?}", last.rows);
    }
}

/// How often servers were asked with this result.
fn probes(proxy: &Proxy, result: &str) -> u64 {
    let name = format!("pgweir_probes_total{{result=\"{result}\"}} ");
    metrics(proxy).lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

/// All is known, and both replicas may be read from.
#[track_caller]
fn settled(console: &mut Client, cluster: &Cluster) {
    until(console, &cluster.primary, "part", "primary");
    for replica in &cluster.replicas {
        until(console, replica, "fit", "fit");
    }
}

#[test]
fn roles_are_found_whatever_the_order_in_the_file() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    for servers in [[a, b, &cluster.primary], [&cluster.primary, a, b], [a, &cluster.primary, b]] {
        let proxy = before(&servers).start();
        let mut console = admin(&proxy);
        settled(&mut console, &cluster);
        assert_eq!(told(&mut console, a, "part"), "replica");
        assert_eq!(told(&mut console, a, "receiving"), "1");
        assert_eq!(told(&mut console, a, "timeline"), "1");
        // who writes gets the primary
        let mut client = proxy.connect().open();
        assert_eq!(client.rows("SELECT pg_is_in_recovery()"), "f");
        let databases = show(&mut console, "SHOW DATABASES");
        let port = databases.get("port", &[("name", "postgres")]);
        assert_eq!(port, cluster.primary.port().to_string());
    }
}

#[test]
fn an_idle_primary_is_no_lag_even_where_its_log_begins_a_new_file() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    let proxy = before(&[&cluster.primary, a, b]).set("route.max_lag", "\"1s\"").start();
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    cluster.primary.psql("SELECT pg_switch_wal()");
    cluster.wait_until_caught_up();
    // for as long as twice the lag that is allowed: each is asked four times within that
    let (before, more) = (probes(&proxy, "ok"), 3 * 8);
    wait::until(wait::PATIENCE, "all were asked again and again", || {
        for replica in &cluster.replicas {
            assert_eq!(told(&mut console, replica, "fit"), "fit");
            assert_eq!(told(&mut console, replica, "lag_bytes"), "0");
        }
        probes(&proxy, "ok") > before + more
    });
}
