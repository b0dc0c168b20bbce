//! The console and the HTTP endpoint show the same figures, and these are what happened.

use testkit::wait::{self, PATIENCE};
use testkit::{Client, Postgres, Proxy, messages};

use crate::scene::page;

use super::{admin, before, done, refused, show};

fn get(proxy: &Proxy, path: &str) -> (u16, String) {
    page(proxy, path).unwrap()
}

/// The value of a sample, by everything before it in its line.
#[track_caller]
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

/// Each part is sent and answered before the next.
fn run(client: &mut Client, parts: &[Vec<u8>]) {
    client.send(&parts.concat());
    client.read_until_ready();
}

#[test]
fn counts_equal_a_scripted_workload() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let (mut queries, mut xacts, mut received) = (0, 0, 0);
    let mut query = |client: &mut Client, sql: &str, ends: bool| {
        client.query(sql);
        queries += 1;
        xacts += u64::from(ends);
        received += messages::query(sql).len() as u64;
    };
    for _ in 0..10 {
        query(&mut client, "SELECT 1", true);
    }
    query(&mut client, "BEGIN", false);
    query(&mut client, "SELECT 2", false);
    query(&mut client, "COMMIT", true);
    query(&mut client, "SELECT 1/0", true);
    let prepare = [messages::parse("s", "SELECT 3", &[]), messages::sync()];
    let execute = [messages::bind("", "s", &[]), messages::execute("", 0), messages::sync()];
    run(&mut client, &prepare);
    for _ in 0..5 {
        run(&mut client, &execute);
    }
    received += (prepare.concat().len() + 5 * execute.concat().len()) as u64;
    let (queries, xacts) = (queries + 6, xacts + 6);
    let mut console = admin(&proxy);
    let row = [("database", "postgres")];
    // a reply is counted just after it was sent, and before its server is given back
    wait::until(PATIENCE, "the server is back", || {
        show(&mut console, "SHOW POOLS").number("sv_idle", &row) == 1
    });
    let totals = show(&mut console, "SHOW STATS_TOTALS");
    for (column, want) in [
        ("query_count", queries),
        ("xact_count", xacts),
        ("server_assignment_count", xacts),
        ("bytes_received", received),
        ("client_parse_count", 1),
        ("server_parse_count", 1),
        ("bind_count", 5),
    ] {
        assert_eq!(totals.number(column, &row), want, "{column}");
    }
    let (sent, time) = (totals.number("bytes_sent", &row), totals.number("query_time", &row));
    assert!(sent > 0 && time > 0 && totals.number("xact_time", &row) >= time);
    let stats = show(&mut console, "SHOW STATS");
    assert_eq!(stats.number("total_query_count", &row), queries);
    assert_eq!(stats.number("total_sent", &row), sent);
    let all = show(&mut console, "SHOW TOTALS");
    assert!(all.number("value", &[("name", "total_query_count")]) >= queries + 2, "the console's own too");

    let (status, text) = get(&proxy, "/metrics");
    assert_eq!(status, 200);
    let pool = "{database=\"postgres\",user=\"postgres\"}";
    for (name, want) in [
        ("pgweir_pool_queries_total", queries),
        ("pgweir_pool_transactions_total", xacts),
        ("pgweir_pool_received_bytes_total", received),
        ("pgweir_pool_sent_bytes_total", sent),
    ] {
        assert_eq!(sample(&text, &format!("{name}{pool}")), want as f64, "{name}");
    }
    for (name, want) in [
        ("pgweir_query_duration_seconds_count", queries),
        ("pgweir_transaction_duration_seconds_count", xacts),
    ] {
        assert_eq!(sample(&text, name), want as f64, "{name}");
    }
    let lent = totals.number("server_assignment_count", &row);
    assert!(sample(&text, "pgweir_client_wait_duration_seconds_count") >= lent as f64);
    let (status, json) = get(&proxy, "/metrics/json");
    assert_eq!(status, 200);
    assert!(json.contains(&format!("\"query_count\":{queries},")), "{json}");
}

#[test]
fn health_tells_a_lost_server_and_readiness_does_not() {
    let mut postgres = Postgres::start();
    let proxy = before(&postgres).set("pool.acquire_timeout", "\"100ms\"").start();
    assert_eq!(get(&proxy, "/health").0, 200, "nobody needed it yet");
    let mut client = proxy.connect().open();
    client.rows("SELECT 1");
    assert!(get(&proxy, "/health").1.contains("\"servers\":\"up\""));
    postgres.kill9();
    wait::until(PATIENCE, "it is noticed", || {
        let _lost = proxy.connect().try_open().and_then(|mut client| client.try_query("SELECT 1"));
        get(&proxy, "/health").0 == 503
    });
    assert_eq!(get(&proxy, "/readyz"), (200, "running\n".to_owned()));
    assert_eq!(get(&proxy, "/livez").0, 200);
}

#[test]
fn pools_vanish_while_somebody_looks_and_no_count_goes_back() {
    let postgres = Postgres::start();
    let proxy = before(&postgres)
        .database("extra", testkit::proxy::Server::from(&postgres).key("dbname", "\"postgres\""))
        .start();
    let mut console = admin(&proxy);
    let whole = std::fs::read_to_string(proxy.config_path()).unwrap();
    let without = whole.replace("name = \"extra\"", "name = \"renamed\"");
    let mut last = 0.0;
    let mut client = proxy.connect().database("extra").open();
    for round in 0..20 {
        let _refused_while_gone = client.try_query("SELECT 1");
        let text = if round % 2 == 0 { &without } else { &whole };
        std::fs::write(proxy.config_path(), text).unwrap();
        assert_eq!(done(&mut console, "RELOAD"), "RELOAD");
        for view in ["POOLS", "CLIENTS", "SERVERS", "STATS", "DATABASES", "LISTS", "USERS", "MEM", "TOTALS"] {
            show(&mut console, &format!("SHOW {view}"));
        }
        let (status, metrics) = get(&proxy, "/metrics");
        assert_eq!(status, 200);
        let now = sample(&metrics, "pgweir_pool_queries_total{database=\"extra\",user=\"postgres\"}");
        assert!(now >= last, "{now} after {last} in round {round}");
        last = now;
        if round % 2 == 1 {
            client = proxy.connect().database("extra").open();
        }
    }
    assert!(last >= 5.0, "{last}");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

#[test]
fn no_password_is_shown_anywhere() {
    const CANARY: &str = "canary-3f9c2";
    let postgres = Postgres::builder().auth(testkit::postgres::Auth::Scram).user("app", CANARY).start();
    let server = testkit::proxy::Server::from(&postgres).login("app", CANARY).key("dbname", "\"postgres\"");
    let proxy = before(&postgres)
        .auth("scram-sha-256")
        .set("log.level", "\"trace\"")
        .user("admin", CANARY)
        .user("app", CANARY)
        .database("own", server)
        .start();
    let mut client = proxy.connect().user("app").password(CANARY).database("own").open();
    assert_eq!(client.rows("SELECT current_user"), "app");
    assert!(proxy.connect().user("app").password("wrong").database("own").try_open().is_err());
    let mut console = proxy.connect().user("admin").password(CANARY).database("pgweir").open();
    let mut shown = String::new();
    for view in super::views::names() {
        shown += &format!("{:?}", console.query(&format!("SHOW {view}")));
    }
    proxy.edit_config("[listen]", "[listen]\nnonsense = 1");
    shown += &format!("{}", refused(&mut console, "RELOAD"));
    for path in ["/metrics", "/metrics/json", "/health"] {
        shown += &get(&proxy, path).1;
    }
    shown += &proxy.log();
    assert!(shown.contains("own"));
    assert!(!shown.contains(CANARY), "{shown}");
}
