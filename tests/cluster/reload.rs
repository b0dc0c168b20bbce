//! Reading the configuration again: all of it or nothing, and what has not changed is not touched.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{fs, thread};

use testkit::proxy::Server;
use testkit::{Client, Postgres, Proxy, wait};

use crate::scene::{PGWEIR, before, server_error};

/// How many reloads have ended, well or not.
fn reloads(proxy: &Proxy) -> usize {
    let log = proxy.log();
    log.matches("configuration reloaded").count() + log.matches("reload refused").count()
}

/// Reloads and waits until that has ended.
fn reload(proxy: &Proxy) {
    let before = reloads(proxy);
    proxy.reload();
    wait::until(wait::PATIENCE, "the reload has ended", || reloads(proxy) > before);
}

#[test]
fn a_thousand_reloads_under_load_cost_no_error_and_no_connection() {
    const RELOADS: usize = 1_000;
    let postgres = Postgres::start();
    let proxy = before(&postgres)
        .database("other", Server::from(&postgres).key("dbname", "\"postgres\""))
        .pool_size(4)
        .start();
    let good = fs::read_to_string(proxy.config_path()).unwrap();
    let mut witness = proxy.connect().database("other").open();
    let pid = witness.rows("SELECT pg_backend_pid()");
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let work = |mut client: Client| {
        while !stop.load(Ordering::Relaxed) {
            let number = done.fetch_add(1, Ordering::Relaxed);
            assert_eq!(client.rows(&format!("SELECT {number}")), number.to_string());
        }
    };
    thread::scope(|scope| {
        for _ in 0..8 {
            let (work, client) = (&work, proxy.connect().open());
            scope.spawn(move || work(client));
        }
        for round in 0..RELOADS {
            let text = match round % 4 {
                0 => good.clone(),
                1 => good.replace("size = 4", &format!("size = {}", 2 + round % 5)),
                2 => good.replace("size = 4", "size = \"many\""),
                _ => good[..good.len() / 2].to_owned() + "[[[",
            };
            fs::write(proxy.config_path(), text).unwrap();
            reload(&proxy);
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("{RELOADS} reloads during {} queries", done.load(Ordering::Relaxed));
    assert_eq!(witness.rows("SELECT pg_backend_pid()"), pid, "an untouched pool keeps its connections");
    let log = proxy.log();
    assert!(log.matches("configuration reloaded").count() >= RELOADS / 2);
    assert!(log.contains("reload refused"), "what is wrong is said");
}

#[test]
fn a_refused_reload_changes_nothing() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).auth("plain").user("app", "old").start();
    let app = proxy.connect().user("app");
    proxy.edit_config("\"old\"", "\"new\"");
    proxy.edit_config("[auth]", "[auth]\nnonsense = 1");
    reload(&proxy);
    assert_eq!(app.clone().password("new").try_open().map(drop).map_err(|_| ()), Err(()));
    assert!(proxy.log().contains("nonsense"), "{}", proxy.log());
    drop(app.password("old").try_open().map(drop));
}

#[test]
fn a_changed_password_holds_from_the_next_log_in_on() {
    let postgres = Postgres::builder().user("app", "whatever").start();
    for method in ["plain", "md5", "scram-sha-256"] {
        let proxy = before(&postgres).auth(method).user("app", "old").start();
        let app = proxy.connect().user("app");
        let mut inside = app.clone().password("old").open();
        proxy.edit_config("\"old\"", "\"new\"");
        reload(&proxy);
        assert_eq!(server_error(app.clone().password("old").try_open()).code(), "28P01", "{method}");
        assert_eq!(app.clone().password("new").open().rows("SELECT 1"), "1", "{method}");
        assert_eq!(inside.rows("SELECT 2"), "2", "{method}: who is in stays in");
    }
}

#[test]
fn a_changed_target_holds_from_the_next_transaction_on() {
    let (first, second) = (Postgres::start(), Postgres::start());
    for (postgres, name) in [(&first, "first"), (&second, "second")] {
        postgres.psql(&format!("CREATE TABLE place AS SELECT '{name}'::text AS name"));
    }
    let proxy = before(&first).start();
    let (mut idle, mut open) = (proxy.connect().open(), proxy.connect().open());
    assert_eq!(idle.rows("SELECT name FROM place"), "first");
    open.rows("BEGIN");
    assert_eq!(open.rows("SELECT name FROM place"), "first");
    proxy.edit_config(&format!("port = {}", first.port()), &format!("port = {}", second.port()));
    reload(&proxy);
    assert_eq!(idle.rows("SELECT name FROM place"), "second", "without a new log-in");
    assert_eq!(open.rows("SELECT name FROM place"), "first", "a transaction stays where it began");
    open.rows("COMMIT");
    assert_eq!(open.rows("SELECT name FROM place"), "second");
    let left = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    wait::until(wait::PATIENCE, "the old server is left alone", || first.psql(left) == "0");
}

#[test]
fn a_database_that_was_removed_is_gone_and_one_that_was_added_is_there() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("SELECT 1"), "1");
    proxy.edit_config("name = \"postgres\"", "name = \"renamed\"\ndbname = \"postgres\"");
    reload(&proxy);
    assert_eq!(server_error(proxy.connect().try_open()).code(), "3D000");
    assert_eq!(proxy.connect().database("renamed").open().rows("SELECT 2"), "2");
    let _ = client.try_query("SELECT 3");
    let _ = PGWEIR;
}

#[test]
fn servers_that_cannot_be_reached_do_not_hold_up_a_reload() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut client = proxy.connect().open();
    let pid = client.rows("SELECT pg_backend_pid()");
    let text = fs::read_to_string(proxy.config_path()).unwrap();
    let dead =
        "[[database]]\nname = \"dead\"\n[[database.server]]\nhost = \"no-such-host.invalid\"\nport = 1\n";
    fs::write(proxy.config_path(), text + dead).unwrap();
    reload(&proxy);
    assert!(proxy.log().contains("configuration reloaded"));
    assert_eq!(client.rows("SELECT pg_backend_pid()"), pid);
}
