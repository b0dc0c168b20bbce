//! What the views and breakers make of it when clients read from replicas.

use std::fs;

use testkit::{Cluster, Postgres, wait};

use super::{asking_as, before, name, settled, told, until};
use crate::console::{admin, done, show};

/// A view that tells whom it is read from, and looks like a table.
const HERE: &str = "CREATE VIEW here AS SELECT current_setting('port') AS port";

#[test]
fn views_sum_over_the_pools_to_all_servers() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    let proxy = before(&[a, &cluster.primary, b]).start();
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    let mut client = proxy.connect().open();
    let queries = |console: &mut _| {
        show(console, "SHOW STATS").number("total_query_count", &[("database", "postgres")])
    };
    let begin = queries(&mut console);
    client.rows(HERE);
    let mut asked = 1;
    let mut seen = std::collections::BTreeSet::new();
    wait::until(wait::PATIENCE, "both replicas were read from", || {
        seen.insert(client.rows("SELECT port FROM here"));
        asked += 1;
        seen.contains(&a.port().to_string()) && seen.contains(&b.port().to_string())
    });
    assert_eq!(queries(&mut console) - begin, asked, "each is counted once, wherever it ran");
    let whole = &[("database", "postgres")];
    let pools = show(&mut console, "SHOW POOLS");
    let of_database = pools.column("database").iter().filter(|database| *database == "postgres").count();
    assert_eq!(of_database, 1, "{:?}", pools.rows);
    let servers = show(&mut console, "SHOW SERVERS");
    let open = u64::try_from(servers.rows.len()).unwrap();
    assert!(open >= 3, "one to each server: {:?}", servers.rows);
    assert_eq!(pools.number("sv_idle", whole) + pools.number("sv_active", whole), open);
    assert_eq!(pools.number("cl_active", whole), 1);
    let databases = show(&mut console, "SHOW DATABASES");
    assert_eq!(databases.number("current_connections", &[("name", "postgres")]), open);
    let state = show(&mut console, "SHOW SERVERS_STATE");
    for server in [a, &cluster.primary, b] {
        let name = name(server);
        let row = [("server", name.as_str())];
        assert!(state.number("active", &row) + state.number("idle", &row) >= 1, "{:?}", state.rows);
    }
}

/// Whoever is called that is not let in any more.
fn shut_out(server: &Postgres, user: &str) {
    let path = server.data_dir().join("pg_hba.conf");
    let rules = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("host all {user} all reject\n{rules}")).unwrap();
    server.reload();
}

#[test]
fn a_replica_that_lets_clients_not_in_any_more_is_left_alone() {
    let cluster = Cluster::start(2);
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    cluster.primary.psql(&format!("CREATE ROLE app LOGIN; {HERE}; GRANT SELECT ON here TO app"));
    cluster.wait_until_caught_up();
    let probe = "[route.probe]\nuser = \"postgres\"";
    let proxy = asking_as(&[a, &cluster.primary, b], "dbname", "\"postgres\"").toml(probe).start();
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    let mut client = proxy.connect().user("app").database("postgres").open();
    let from = a.port().to_string();
    wait::until(wait::PATIENCE, "it is read from", || client.rows("SELECT port FROM here") == from);
    shut_out(a, "app");
    done(&mut console, "RECONNECT");
    wait::until(wait::PATIENCE, "its breaker is open", || {
        assert_eq!(client.rows("SELECT 1"), "1", "nobody notices");
        let row = [("server", &*name(a)), ("side", "read")];
        show(&mut console, "SHOW BREAKERS").get("state", &row) == "open"
    });
    until(&mut console, a, "fit", "breaker open");
    assert_eq!(told(&mut console, b, "fit"), "fit");
}
