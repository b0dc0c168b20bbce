//! PAUSE returns when every server connection is closed; meanwhile clients wait and lose nothing.

use testkit::wait::{self, PATIENCE};
use testkit::{Client, Postgres, Proxy, messages};

use super::{Table, admin, before, done, refused, show};

/// Backends that pgweir holds open.
fn backends(postgres: &Postgres) -> String {
    postgres.psql(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND client_port > 0",
    )
}

fn is_paused(console: &mut Client) -> bool {
    show(console, "SHOW DATABASES").get("paused", &[("name", "postgres")]) == "1"
}

/// Sends a PAUSE that cannot succeed yet, and sees from another desk that it has begun.
fn begin_pause(proxy: &Proxy, sql: &str) -> (Client, Client) {
    let mut pausing = admin(proxy);
    pausing.send(&messages::query(sql));
    let mut watching = admin(proxy);
    wait::until(PATIENCE, "the pause has begun", || is_paused(&mut watching));
    (pausing, watching)
}

/// A client that waits for a server.
fn waiting(proxy: &Proxy, watching: &mut Client) -> Client {
    let mut client = proxy.connect().open();
    client.send(&messages::query("SELECT 'waited'"));
    wait::until(PATIENCE, "it waits", || {
        show(watching, "SHOW POOLS").number("cl_waiting", &[("database", "postgres")]) >= 1
    });
    client
}

#[test]
fn it_returns_when_the_last_transaction_has_ended_and_clients_wait_it_out() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).set("pool.acquire_timeout", "\"1s\"").start();
    let mut busy = proxy.connect().open();
    busy.rows("BEGIN");
    proxy.connect().open().rows("SELECT 1");
    for (pause, resume) in [("PAUSE", "RESUME"), ("PAUSE postgres", "RESUME postgres")] {
        let (mut pausing, mut watching) = begin_pause(&proxy, pause);
        let mut patient = waiting(&proxy, &mut watching);
        wait::until(PATIENCE, "idle servers are closed at once", || backends(&postgres) == "1");
        let servers = show(&mut watching, "SHOW SERVERS");
        assert_eq!(servers.get("close_needed", &[("state", "active")]), "1");
        assert_eq!(busy.rows("SELECT 1; COMMIT"), "1");
        assert_eq!(pausing.read_until_ready()[0].text(), "PAUSE");
        wait::until(PATIENCE, "PostgreSQL has noticed", || backends(&postgres) == "0");
        assert_eq!(done(&mut pausing, pause), "PAUSE", "again, at once");
        wait::until(PATIENCE, "it has waited for longer than it may", || {
            show(&mut watching, "SHOW POOLS").number("maxwait", &[("database", "postgres")]) >= 1
        });
        assert_eq!(done(&mut admin(&proxy), resume), "RESUME");
        assert_eq!(Table::of(&patient.read_until_ready()).rows, [["waited"]]);
        busy.rows("BEGIN; SELECT 1");
    }
    let mut console = admin(&proxy);
    assert_eq!(refused(&mut console, "RESUME").message(), "pooler is not paused/suspended");
    assert_eq!(refused(&mut console, "RESUME postgres").message(), "database postgres is not paused");
}

#[test]
fn a_new_user_and_a_new_pool_are_paused_too() {
    let postgres = Postgres::start();
    let proxy = before(&postgres)
        .database("later", testkit::proxy::Server::from(&postgres).key("dbname", "\"postgres\""))
        .start();
    let mut console = admin(&proxy);
    assert_eq!(show(&mut console, "SHOW STATE").get("value", &[("key", "paused")]), "no");
    done(&mut console, "PAUSE");
    assert_eq!(show(&mut console, "SHOW STATE").get("value", &[("key", "paused")]), "yes");
    let mut late = proxy.connect().database("later").unlogged();
    late.send_startup().unwrap();
    wait::until(PATIENCE, "it waits", || {
        show(&mut console, "SHOW POOLS").rows.iter().any(|row| row[0] == "later" && row[3] == "1")
    });
    assert_eq!(backends(&postgres), "0");
    done(&mut console, "RESUME");
    late.finish_login().unwrap();
    assert_eq!(late.rows("SELECT 1"), "1");
}

#[test]
fn it_can_be_given_up_by_time_by_cancel_and_by_resume() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut busy = proxy.connect().open();
    busy.rows("BEGIN");
    let mut console = admin(&proxy);
    let error = refused(&mut console, "PAUSE TIMEOUT 20ms");
    assert_eq!(error.code(), "57014", "{error}");
    assert!(!is_paused(&mut console));

    let (mut pausing, mut watching) = begin_pause(&proxy, "PAUSE postgres");
    pausing.cancel();
    assert_eq!(pausing.read_message().error().unwrap().code(), "57014");
    pausing.expect(b'Z');
    assert!(!is_paused(&mut watching));

    let (mut pausing, mut watching) = begin_pause(&proxy, "PAUSE");
    assert_eq!(done(&mut watching, "RESUME"), "RESUME");
    let error = pausing.read_message().error().unwrap();
    assert_eq!((error.code(), error.message()), ("57014", "PAUSE was ended by RESUME"));
    pausing.expect(b'Z');

    let (pausing, mut watching) = begin_pause(&proxy, "PAUSE");
    drop(pausing);
    assert!(is_paused(&mut watching), "an administrator who leaves has paused all the same");
    busy.rows("COMMIT");
    done(&mut watching, "RESUME");
    assert_eq!(busy.rows("SELECT 1"), "1");
}

#[test]
fn a_switchover_loses_nothing() {
    let old = Postgres::start();
    let new = Postgres::start();
    new.psql("CREATE TABLE here ()");
    let proxy = before(&old).start();
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("SELECT to_regclass('here') IS NULL"), "t");
    let mut console = admin(&proxy);
    done(&mut console, "PAUSE postgres TIMEOUT 10");
    let mut patient = waiting(&proxy, &mut console);
    proxy.edit_config(&format!("port = {}", old.port()), &format!("port = {}", new.port()));
    assert_eq!(done(&mut console, "RELOAD"), "RELOAD");
    assert!(is_paused(&mut console), "a reload resumes nothing");
    assert_eq!(backends(&new), "0");
    done(&mut console, "RESUME postgres");
    assert_eq!(Table::of(&patient.read_until_ready()).rows, [["waited"]]);
    assert_eq!(client.rows("SELECT to_regclass('here') IS NULL"), "f");
}

#[test]
fn it_closes_the_connection_that_listens_until_it_ends() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut console = admin(&proxy);
    let mut client = proxy.connect().open();
    client.rows("LISTEN c");
    let servers = show(&mut console, "SHOW SERVERS");
    assert_eq!(servers.get("state", &[("application_name", "pgweir: LISTEN")]), "active");
    for (pause, resume) in [("PAUSE", "RESUME"), ("RECONNECT", "SELECT 1")] {
        done(&mut console, pause);
        if pause == "PAUSE" {
            wait::until(PATIENCE, "PostgreSQL has noticed", || backends(&postgres) == "0");
            done(&mut console, resume);
        }
        assert_eq!(client.expect(b'N').error().unwrap().code(), "01000");
        postgres.psql("NOTIFY c");
        client.expect(b'A');
    }
}
