//! RECONNECT, KILL, KILL_CLIENT, RELOAD: what they do to clients and servers.

use testkit::wait::{self, PATIENCE};
use testkit::{Postgres, messages};

use super::{Table, admin, before, done, last_words, refused, show};

#[test]
fn reconnect_replaces_every_server_at_its_next_rest() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let mut console = admin(&proxy);
    let idle = client.rows("SELECT pg_backend_pid()");
    assert_eq!(done(&mut console, "RECONNECT"), "RECONNECT");
    let second = client.rows("SELECT pg_backend_pid()");
    assert_ne!(second, idle);
    client.rows("BEGIN");
    done(&mut console, "RECONNECT postgres");
    assert_eq!(client.rows("SELECT pg_backend_pid()"), second, "a transaction keeps its server");
    client.rows("COMMIT");
    assert_ne!(client.rows("SELECT pg_backend_pid()"), second);
    assert_eq!(refused(&mut console, "RECONNECT nowhere").code(), "3D000");
    assert_eq!(
        refused(&mut console, "RECONNECT pgbouncer").message(),
        "cannot reconnect admin db: pgbouncer"
    );
}

#[test]
fn kill_drops_clients_and_servers_until_resume() {
    let postgres = Postgres::builder().database("other").start();
    let proxy = before(&postgres).database("other", &postgres).start();
    let mut idle = proxy.connect().open();
    idle.rows("SELECT 1");
    let mut busy = proxy.connect().open();
    busy.rows("BEGIN");
    let mut running = proxy.connect().open();
    running.send(&messages::query("SELECT pg_sleep(600)"));
    let mut bystander = proxy.connect().database("other").open();
    bystander.rows("BEGIN");
    let mut console = admin(&proxy);
    wait::until(PATIENCE, "the sleeper runs", || {
        show(&mut console, "SHOW POOLS").number("sv_active", &[("database", "postgres")]) == 2
    });
    assert_eq!(done(&mut console, "KILL postgres"), "KILL");
    for client in [&mut idle, &mut busy, &mut running] {
        let errors = last_words(client);
        assert_eq!(errors.last().map(|error| error.code()), Some("57P01"), "{errors:?}");
    }
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND client_port > 0";
    wait::until(PATIENCE, "PostgreSQL has noticed", || postgres.psql(left) == "0");
    assert_eq!(bystander.rows("SELECT 1"), "1");
    let mut late = proxy.connect().open();
    late.send(&messages::query("SELECT 'late'"));
    wait::until(PATIENCE, "it waits", || {
        show(&mut console, "SHOW POOLS").number("cl_waiting", &[("database", "postgres")]) == 1
    });
    assert_eq!(done(&mut console, "RESUME postgres"), "RESUME");
    assert_eq!(Table::of(&late.read_until_ready()).rows, [["late"]]);
    assert_eq!(refused(&mut console, "KILL pgweir").message(), "cannot kill admin db: pgweir");

    assert_eq!(done(&mut console, "KILL"), "KILL");
    for client in [&mut bystander, &mut late] {
        assert_eq!(last_words(client).last().map(|error| error.code()), Some("57P01"));
    }
    assert_eq!(console.rows("SHOW VERSION"), "PgBouncer 1.25.2", "the console stays");
    done(&mut console, "RESUME");
    assert_eq!(proxy.connect().open().rows("SELECT 1"), "1");
}

#[test]
fn kill_client_drops_the_one_with_that_number() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut victim = proxy.connect().param("application_name", "victim").open();
    let mut bystander = proxy.connect().open();
    victim.rows("BEGIN");
    let mut console = admin(&proxy);
    let id = show(&mut console, "SHOW CLIENTS").get("id", &[("application_name", "victim")]).to_owned();
    assert_eq!(done(&mut console, &format!("KILL_CLIENT {id}")), "KILL_CLIENT");
    assert_eq!(last_words(&mut victim).last().map(|error| error.code()), Some("57P01"));
    assert_eq!(bystander.rows("SELECT 1"), "1");
    wait::until(PATIENCE, "its server is clean again", || {
        show(&mut console, "SHOW POOLS").number("sv_active", &[("database", "postgres")]) == 0
    });
    for (command, message) in [
        (format!("KILL_CLIENT {id}"), "client not found"),
        ("KILL_CLIENT 0x1".to_owned(), "invalid client pointer supplied"),
        ("KILL_CLIENT".to_owned(), "invalid client pointer supplied"),
    ] {
        assert_eq!(refused(&mut console, &command).message(), message);
    }
    let mut other = admin(&proxy);
    let ids = show(&mut console, "SHOW CLIENTS");
    let own = ids.rows.iter().filter(|row| row[2] == "pgweir").filter_map(|row| row.last()).max().unwrap();
    done(&mut console, &format!("KILL_CLIENT {own}"));
    assert_eq!(last_words(&mut other).last().map(|error| error.code()), Some("57P01"), "visitors too");
}

#[test]
fn reload_names_every_mistake_and_changes_nothing_then() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut console = admin(&proxy);
    proxy.edit_config("size = 1", "size = 0\nmin_sizes = 3");
    let error = refused(&mut console, "RELOAD");
    assert_eq!(error.code(), "F0000");
    for mistake in ["pool.size", "pool.min_sizes"] {
        assert!(error.field(b'D').contains(mistake), "{error}");
    }
    let value = |console: &mut testkit::Client| {
        show(console, "SHOW CONFIG").get("value", &[("key", "default_pool_size")]).to_owned()
    };
    assert_eq!(value(&mut console), "1");
    proxy.edit_config("size = 0\nmin_sizes = 3", "size = 7");
    assert_eq!(done(&mut console, "RELOAD"), "RELOAD");
    assert_eq!(value(&mut console), "7");
}
