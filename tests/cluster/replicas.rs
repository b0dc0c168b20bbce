//! What is known of the servers of a database that has several: found out by asking them, whatever the configuration
//! says first, and found out again when it changes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use testkit::postgres::Stop;
use testkit::proxy::{Builder, Server};
use testkit::{Client, Cluster, Postgres, Proxy, wait};

use crate::console::{Table, admin, done, refused, show, visitor};
use crate::scene::{PGWEIR, metrics, page};

mod asking;
mod used;

/// A pgweir before these servers, in this order, that asks them as the superuser.
pub(crate) fn before(servers: &[&Postgres]) -> Builder {
    asking_as(servers, "user", "\"postgres\"")
}

/// The same, but that the database has this key.
pub(crate) fn asking_as(servers: &[&Postgres], key: &str, value: &str) -> Builder {
    let servers: Vec<Server> = servers.iter().map(|server| Server::from(*server).key(key, value)).collect();
    Proxy::builder(PGWEIR)
        .set("admin.users", r#"["admin"]"#)
        .set("admin.stats_users", r#"["monitor"]"#)
        // what a view hides is not to be known
        .set("route.catalog_interval", "\"0s\"")
        .database_on("postgres", &servers)
}

/// What a server is called where it has no name.
pub(crate) fn name(server: &Postgres) -> String {
    format!("{}:{}", server.host(), server.port())
}

/// What SHOW REPLICAS has in a column for a server.
pub(crate) fn told(console: &mut Client, server: &Postgres, column: &str) -> String {
    let table = show(console, "SHOW REPLICAS");
    table.get(column, &[("server", &name(server))]).to_owned()
}

#[track_caller]
pub(crate) fn until(console: &mut Client, server: &Postgres, column: &str, value: &str) {
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
pub(crate) fn settled(console: &mut Client, cluster: &Cluster) {
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
    // in as many rounds as there are in twice the lag that is allowed; nothing but PostgreSQL's own work is written
    let (before, more) = (probes(&proxy, "ok"), 3 * 8);
    let (mut seen, mut looks) = (Vec::new(), 0);
    wait::until(wait::PATIENCE, "nobody is behind, or all were asked again and again", || {
        let table = show(&mut console, "SHOW REPLICAS");
        seen =
            [a, b].map(|replica| table.get("lag_bytes", &[("server", &name(replica))]).to_owned()).to_vec();
        let asked = probes(&proxy, "ok") - before;
        // what PostgreSQL itself has just written is lag until the next question; that is seen once, and not always
        looks += 1;
        asked > 6 && (seen == ["0", "0"] || (asked > more && looks > 30))
    });
    assert_eq!(seen, ["0", "0"]);
}

#[test]
fn a_replica_that_stands_still_falls_behind_and_comes_back() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    let proxy = before(&[&cluster.primary, a, b]).set("route.max_lag", "\"1s\"").start();
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    a.psql("SELECT pg_wal_replay_pause()");
    cluster.primary.psql("CREATE TABLE t AS SELECT generate_series(1, 1000)");
    until(&mut console, a, "fit", "too far behind");
    assert_eq!(told(&mut console, a, "state"), "up", "it answers");
    assert_eq!(told(&mut console, a, "receiving"), "0", "it is paused");
    assert!(told(&mut console, a, "lag_bytes").parse::<u64>().unwrap() > 0);
    assert!(told(&mut console, a, "lag_ms").parse::<u64>().unwrap() >= 1_000);
    assert_eq!(told(&mut console, b, "fit"), "fit");
    let figures = metrics(&proxy);
    let lag = |server: &Postgres| {
        let name = format!("pgweir_replica_lag_bytes{{database=\"postgres\",server=\"{}\"}} ", name(server));
        figures.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse::<u64>().unwrap()
    };
    assert!(lag(a) > 0 && lag(b) == 0);
    a.psql("SELECT pg_wal_replay_resume()");
    until(&mut console, a, "fit", "fit");
    until(&mut console, a, "lag_bytes", "0");
}

#[test]
fn a_replica_with_a_delay_is_read_from_as_long_as_the_delay_is_allowed() {
    let mut cluster = Cluster::start(1);
    cluster.add_replica(Postgres::builder().set("recovery_min_apply_delay", "1s"));
    let [a, late] = &cluster.replicas[..] else { unreachable!() };
    let proxy = before(&[&cluster.primary, a, late]).start();
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    cluster.primary.psql("CREATE TABLE t AS SELECT generate_series(1, 1000)");
    wait::until(wait::PATIENCE, "it is behind", || told(&mut console, late, "lag_bytes") != "0");
    assert_eq!(told(&mut console, late, "fit"), "fit");
    until(&mut console, late, "lag_bytes", "0");
}

#[test]
fn servers_that_stop_leave_and_return() {
    let mut cluster = Cluster::start(2);
    let proxy = {
        let [a, b] = &cluster.replicas[..] else { unreachable!() };
        before(&[a, &cluster.primary, b]).start()
    };
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    cluster.replicas[1].stop(Stop::Fast);
    until(&mut console, &cluster.replicas[1], "state", "down");
    assert!(probes(&proxy, "connect") + probes(&proxy, "not_ready") >= 2, "once would not do");
    assert_eq!(told(&mut console, &cluster.replicas[1], "fit"), "no replica");
    assert_eq!(told(&mut console, &cluster.replicas[0], "fit"), "fit");
    assert_eq!(page(&proxy, "/health").unwrap().0, 200, "the others serve");
    let up = format!("pgweir_server_up{{database=\"postgres\",server=\"{}\"}} ", name(&cluster.replicas[1]));
    assert!(metrics(&proxy).contains(&format!("{up}0\n")));
    cluster.replicas[1].restart();
    until(&mut console, &cluster.replicas[1], "fit", "fit");
    assert!(metrics(&proxy).contains(&format!("{up}1\n")));
    cluster.primary.kill9();
    until(&mut console, &cluster.primary, "state", "down");
    assert_eq!(page(&proxy, "/health").unwrap().0, 200, "replicas serve");
    cluster.replicas.iter_mut().for_each(Postgres::kill9);
    for replica in &cluster.replicas {
        until(&mut console, replica, "state", "down");
    }
    let (status, body) = page(&proxy, "/health").unwrap();
    assert_eq!(status, 503, "{body}");
    assert_eq!(page(&proxy, "/readyz").unwrap().0, 200);
    cluster.primary.restart();
    until(&mut console, &cluster.primary, "state", "up");
    assert_eq!(page(&proxy, "/health").unwrap().0, 200);
}

#[test]
fn a_server_is_taken_out_and_put_back_by_hand() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    let proxy = before(&[&cluster.primary, a, b]).start();
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    assert_eq!(done(&mut console, &format!("BAN {}", name(a))), "BAN");
    assert_eq!(told(&mut console, a, "fit"), "banned");
    assert_eq!(told(&mut console, b, "fit"), "fit");
    assert_eq!(done(&mut console, "RELOAD"), "RELOAD");
    assert_eq!(told(&mut console, a, "fit"), "banned", "a reload changes nothing of it");
    assert_eq!(done(&mut console, &format!("UNBAN {}", name(a))), "UNBAN");
    assert_eq!(told(&mut console, a, "fit"), "fit");
    let fail = refused(&mut console, "BAN 10.0.0.77");
    assert_eq!((fail.code(), fail.message()), ("42704", "no such server: 10.0.0.77"));
    assert_eq!(refused(&mut console, "BAN").code(), "42601");
    let mut monitor = visitor(&proxy, "monitor");
    assert_eq!(refused(&mut monitor, "BAN 127.0.0.1").code(), "42501");
    assert_eq!(told(&mut monitor, a, "fit"), "fit", "and may look");
}

#[test]
fn a_server_of_another_cluster_gets_nothing() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    let stranger = Postgres::builder().stranger().start();
    // first in the file, it would be the primary
    let proxy = before(&[&stranger, a, &cluster.primary, b]).start();
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    assert_eq!(told(&mut console, &stranger, "part"), "foreign");
    assert_eq!(told(&mut console, &stranger, "fit"), "no replica");
    assert!(proxy.log().contains("belongs to another cluster"));
    let mut client = proxy.connect().open();
    let port = client.rows("SELECT current_setting('port')");
    assert_eq!(port, cluster.primary.port().to_string());
}

#[test]
fn a_reload_adds_and_removes_servers() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    let proxy = before(&[a, &cluster.primary]).start();
    let mut console = admin(&proxy);
    until(&mut console, a, "fit", "fit");
    let one =
        |server: &Postgres| format!("[[database.server]]\nhost = \"127.0.0.1\"\nport = {}\n", server.port());
    proxy.edit_config(&one(a), &format!("{}{}", one(b), one(a)));
    assert_eq!(done(&mut console, "RELOAD"), "RELOAD");
    // what was known of those that stay is known at once, wherever they stand now
    assert_eq!(told(&mut console, &cluster.primary, "part"), "primary");
    assert_eq!(told(&mut console, a, "fit"), "fit");
    settled(&mut console, &cluster);
    proxy.edit_config(&one(a), "");
    assert_eq!(done(&mut console, "RELOAD"), "RELOAD");
    let left = show(&mut console, "SHOW REPLICAS").column("server");
    assert_eq!(left, [name(b), name(&cluster.primary)]);
    proxy.edit_config(&one(b), "");
    assert_eq!(done(&mut console, "RELOAD"), "RELOAD");
    assert!(show(&mut console, "SHOW REPLICAS").rows.is_empty(), "one server needs no monitor");
    let asking = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgweir monitor'";
    for server in [a, b, &cluster.primary] {
        wait::until(wait::PATIENCE, "nobody asks any more", || server.psql(asking) == "0");
    }
    assert_eq!(proxy.connect().open().rows("SELECT pg_is_in_recovery()"), "f");
}

#[test]
fn a_promotion_is_followed_and_the_primary_of_before_is_fenced() {
    let mut cluster = Cluster::start(2);
    let proxy = {
        let [a, b] = &cluster.replicas[..] else { unreachable!() };
        before(&[&cluster.primary, a, b]).start()
    };
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    let mut client = proxy.connect().open();
    client.rows("CREATE TABLE t (n int)");
    cluster.wait_until_caught_up();
    cluster.primary.kill9();
    cluster.replicas[0].promote();
    until(&mut console, &cluster.replicas[0], "part", "primary");
    assert_eq!(told(&mut console, &cluster.replicas[0], "timeline"), "2");
    assert_eq!(told(&mut console, &cluster.replicas[1], "fit"), "lag unknown", "it follows the old one");
    client = proxy.connect().open();
    client.rows("INSERT INTO t VALUES (1)");
    assert_eq!(cluster.replicas[0].psql("SELECT count(*) FROM t"), "1");
    cluster.replicas[1].follow_instead(&cluster.replicas[0]);
    until(&mut console, &cluster.replicas[1], "fit", "fit");
    assert!(metrics(&proxy).contains("pgweir_failovers_total 1\n"));
    // it comes back as if nothing had happened
    cluster.primary.restart();
    until(&mut console, &cluster.primary, "part", "fenced");
    assert!(metrics(&proxy).contains("pgweir_servers_fenced_total 1\n"));
    assert_eq!(told(&mut console, &cluster.replicas[0], "part"), "primary");
    assert_eq!(client.rows("INSERT INTO t VALUES (2); SELECT count(*) FROM t"), "2");
    let new = std::mem::take(&mut cluster.replicas);
    cluster.primary.rejoin(&new[0]);
    until(&mut console, &cluster.primary, "fit", "fit");
}

#[test]
fn a_busy_machine_gets_fewer_reads() {
    let cluster = Cluster::start(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let exporter = format!("http://{}/metrics", listener.local_addr().unwrap());
    // at first it rests, then it uses 95 % of its time
    thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let (at, mut request) = (u32::try_from(at).unwrap(), [0; 1024]);
            let (idle, user) = (1_000 + at * 5, 100 + at * 95);
            let body = format!(
                "node_cpu_seconds_total{{cpu=\"0\",mode=\"idle\"}} {idle}\n\
                 node_cpu_seconds_total{{cpu=\"0\",mode=\"user\"}} {user}\n"
            );
            let _ = stream.read(&mut request);
            let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{body}");
        }
    });
    let replica = &cluster.replicas[0];
    let proxy = before(&[&cluster.primary, replica])
        .set("route.probe_interval", "\"1s\"")
        .toml(&format!("node_exporter = \"{exporter}\""))
        .start();
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    until(&mut console, replica, "weight", "250");
    assert_eq!(told(&mut console, &cluster.primary, "weight"), "1000");
}
