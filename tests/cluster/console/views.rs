//! Every view has PgBouncer's columns: names, types, order; by either protocol.

use testkit::{Client, Postgres, messages, wait};

use super::{Table, admin, before, columns, done, refused, show};
use crate::scene::server_error;

/// View, types (s text, i int4, q int8, N numeric), columns.
const VIEWS: &[(&str, &str, &str)] = &[
    (
        "STATS",
        "sNNNNNNNNNNNNNNNNNNNNNN",
        "database total_server_assignment_count total_xact_count total_query_count total_received total_sent \
         total_xact_time total_query_time total_wait_time total_client_parse_count total_server_parse_count \
         total_bind_count avg_server_assignment_count avg_xact_count avg_query_count avg_recv avg_sent \
         avg_xact_time avg_query_time avg_wait_time avg_client_parse_count avg_server_parse_count avg_bind_count",
    ),
    (
        "STATS_TOTALS",
        "sNNNNNNNNNNN",
        "database server_assignment_count xact_count query_count bytes_received bytes_sent xact_time query_time \
         wait_time client_parse_count server_parse_count bind_count",
    ),
    (
        "STATS_AVERAGES",
        "sNNNNNNNNNNN",
        "database server_assignment_count xact_count query_count bytes_received bytes_sent xact_time query_time \
         wait_time avg_client_parse_count avg_server_parse_count avg_bind_count",
    ),
    ("TOTALS", "sN", "name value"),
    (
        "POOLS",
        "ssiiiiiiiiiiiiiss",
        "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active \
         sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode \
         load_balance_hosts",
    ),
    ("PEER_POOLS", "iiiii", "peer_id cl_active_cancel_req cl_waiting_cancel_req sv_active_cancel sv_login"),
    ("CLIENTS", "ssssssisissiiississii", CONNECTION),
    ("SERVERS", "ssssssisissiiississii", CONNECTION),
    (
        "DATABASES",
        "ssissiiiissiiiiii",
        "name host port database force_user pool_size min_pool_size reserve_pool_size server_lifetime pool_mode \
         load_balance_hosts max_connections current_connections max_client_connections \
         current_client_connections paused disabled",
    ),
    (
        "USERS",
        "ssssiiii",
        "name pool_size reserve_pool_size pool_mode max_user_connections current_connections \
         max_user_client_connections current_client_connections",
    ),
    ("PEERS", "isii", "peer_id host port pool_size"),
    ("LISTS", "si", "list items"),
    ("MEM", "siiii", "name size used free memtotal"),
    ("STATE", "ss", "key value"),
    ("CONFIG", "ssss", "key value default changeable"),
    ("VERSION", "s", "version"),
    ("DNS_HOSTS", "sqs", "hostname ttl addrs"),
    ("DNS_ZONES", "sqi", "zonename serial count"),
];

const CONNECTION: &str = "type user database replication state addr port local_addr local_port connect_time \
                          request_time wait wait_us close_needed ptr link remote_pid tls application_name \
                          prepared_statements id";

/// The names of all views.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    VIEWS.iter().map(|(name, ..)| *name)
}

fn oid(letter: char) -> u32 {
    match letter {
        's' => 25,
        'i' => 23,
        'q' => 20,
        'N' => 1700,
        other => panic!("{other}"),
    }
}

#[test]
fn columns_are_those_of_pgbouncer_1_25_2() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).user("app", "secret").start();
    let mut client = proxy.connect().open();
    client.rows("SELECT 1");
    let mut console = admin(&proxy);
    for (view, types, names) in VIEWS {
        let want: Vec<_> = names.split_whitespace().map(str::to_owned).zip(types.chars().map(oid)).collect();
        assert_eq!(want.len(), types.len(), "{view}");
        let table = show(&mut console, &format!("SHOW {view};"));
        assert_eq!(table.columns, want, "{view}");
        assert!(table.rows.iter().all(|row| row.len() == want.len()), "{view}");
        assert_eq!(described(&mut console, view), want, "{view}, described");
    }
    for (view, word) in [("VERSION", "PgBouncer 1.25.2"), ("version", "PgBouncer 1.25.2")] {
        assert_eq!(console.rows(&format!("SELECT {view}")), word);
    }
    for later in ["CACHE", "DIGESTS", "LIMITS", "SOCKETS", "FDS"] {
        assert_eq!(refused(&mut console, &format!("SHOW {later}")).code(), "0A000");
    }
}

/// The columns that Parse and Describe tell.
fn described(console: &mut Client, view: &str) -> Vec<(String, u32)> {
    let batch = [
        messages::parse("", &format!("SHOW {view}"), &[]),
        messages::describe_statement(""),
        messages::sync(),
    ];
    console.send(&batch.concat());
    let answer = console.read_until_ready();
    assert_eq!(testkit::client::tags(&answer), "1tTZ", "{answer:?}");
    columns(&answer[2].body)
}

#[test]
fn pools_of_names_that_clients_made_up_are_forgotten() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).database("*", &postgres).start();
    for i in 0..20 {
        let nowhere = proxy.connect().database(&format!("nowhere{i}")).try_open();
        assert_eq!(server_error(nowhere).code(), "3D000");
    }
    proxy.connect().open().rows("SELECT 1");
    let mut console = admin(&proxy);
    wait::until(wait::PATIENCE, "only the pool of the configuration is left", || {
        !show(&mut console, "SHOW POOLS").column("database").iter().any(|name| name.starts_with("nowhere"))
    });
    assert!(show(&mut console, "SHOW POOLS").column("database").contains(&"postgres".to_owned()));
}

#[test]
fn what_is_shown_is_what_is_there() {
    let postgres = Postgres::builder().database("other").start();
    let proxy =
        before(&postgres).user("app", "secret").set("pool.size", "3").database("*", &postgres).start();
    let mut holder = proxy.connect().param("application_name", "holder").open();
    holder.rows("BEGIN");
    let backend = holder.rows("SELECT pg_backend_pid()");
    let mut other = proxy.connect().database("other").open();
    other.rows("SELECT 1");
    let mut console = admin(&proxy);
    wait::until(wait::PATIENCE, "the other server is back", || {
        show(&mut console, "SHOW SERVERS").get("state", &[("database", "other")]) == "idle"
    });

    let servers = show(&mut console, "SHOW SERVERS");
    let clients = show(&mut console, "SHOW CLIENTS");
    let row = [("remote_pid", backend.as_str())];
    assert_eq!(servers.get("state", &row), "active");
    let client = [("ptr", servers.get("link", &row))];
    assert_eq!(clients.get("application_name", &client), "holder", "found from the backend's pid");
    assert_eq!(clients.get("link", &client), servers.get("ptr", &row));
    assert_eq!(clients.get("state", &[("database", "other")]), "idle");
    assert_eq!(clients.get("addr", &client), "127.0.0.1");
    let connected = clients.get("connect_time", &client);
    assert!(connected.len() == 23 && connected.ends_with(" UTC"), "{connected}");

    let pools = show(&mut console, "SHOW POOLS");
    let of = |database| {
        [("database", database), ("user", if database == "pgbouncer" { database } else { "postgres" })]
    };
    for (database, column, want) in [
        ("postgres", "cl_active", 1),
        ("postgres", "sv_active", 1),
        ("postgres", "sv_idle", 0),
        ("other", "sv_active", 0),
        ("other", "sv_idle", 1),
        ("pgbouncer", "cl_active", 1),
    ] {
        assert_eq!(pools.number(column, &of(database)), want, "{database} {column}");
    }
    assert_eq!(pools.get("pool_mode", &of("postgres")), "transaction");

    let databases = show(&mut console, "SHOW DATABASES");
    let names: Vec<_> = databases.rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["other", "pgbouncer", "postgres"]);
    let row = [("name", "other")];
    assert_eq!(databases.number("pool_size", &row), 3);
    assert_eq!(databases.number("current_connections", &row), 1);
    assert_eq!(databases.number("current_client_connections", &row), 1);
    assert_eq!(databases.number("port", &row), u64::from(postgres.port()));
    let lists = show(&mut console, "SHOW LISTS");
    for (list, want) in
        [("databases", 3), ("pools", 3), ("used_clients", 3), ("login_clients", 0), ("used_servers", 2)]
    {
        assert_eq!(lists.number("items", &[("list", list)]), want, "{list}");
    }
    let config = show(&mut console, "SHOW CONFIG");
    assert_eq!(config.get("value", &[("key", "default_pool_size")]), "3");
    assert_eq!(config.get("value", &[("key", "pool.size")]), "3");
    assert_eq!(config.get("changeable", &[("key", "pool.size")]), "yes");
    assert_eq!(config.get("value", &[("key", "max_client_conn")]), "10000");
}

#[test]
fn help_is_a_notice_and_drivers_get_their_settings() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut console = admin(&proxy);
    let answer = console.query("SHOW HELP");
    assert_eq!(testkit::client::tags(&answer), "NCZ");
    assert!(answer[0].error().unwrap().field(b'D').contains("SHOW HELP|CONFIG"));
    for (name, value) in [
        ("server_version", "1.25.2/bouncer"),
        ("client_encoding", "UTF8"),
        ("server_encoding", "UTF8"),
        ("DateStyle", "ISO"),
        ("TimeZone", "GMT"),
        ("standard_conforming_strings", "on"),
        ("is_superuser", "on"),
    ] {
        assert_eq!(console.parameter(name), Some(value));
    }
    assert_eq!(console.rows("SHOW default_transaction_isolation"), "read committed");
    assert_eq!(Table::of(&console.query("SHOW DateStyle")).columns[0].0, "datestyle");
    assert_eq!(done(&mut console, "SET extra_float_digits = 3"), "SET");
    assert_eq!(refused(&mut console, "SET pool_mode = session").code(), "0A000");
    assert_eq!(refused(&mut console, "SELECT * FROM pools").code(), "42601");
    assert_eq!(
        proxy.connect().user("admin").database("pgbouncer").open().rows("SHOW VERSION"),
        "PgBouncer 1.25.2"
    );
}
