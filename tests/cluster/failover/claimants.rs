//! Two servers that both take writes: one of them is the primary, and nobody writes to the other any more.

use testkit::{Cluster, Postgres, messages, wait};

use super::load::Load;
use super::{WRITE, before, client_of, with_ledger, write};
use crate::scene::{last_words, server_error};

/// The backends of pgweir's clients in this state.
fn backends(postgres: &Postgres, state: &str) -> String {
    postgres.psql(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() \
         AND application_name <> 'pgweir monitor' AND state = '{state}'"
    ))
}

#[test]
fn with_a_new_primary_whoever_is_on_the_old_one_is_told() {
    let cluster = Cluster::start(1);
    with_ledger(&cluster);
    cluster.primary.psql("CREATE ROLE app LOGIN; GRANT ALL ON ledger TO app");
    cluster.wait_until_caught_up();
    let (old, new) = (&cluster.primary, &cluster.replicas[0]);
    let proxy = before(&[old, new]).toml("[[user]]\nname = \"steady\"\nmode = \"session\"").start();
    old.psql("CREATE ROLE steady LOGIN; GRANT ALL ON ledger TO steady");
    let connect = || proxy.connect().user("app");
    drop(client_of(&proxy));
    let mut idle = connect().open();
    write(&mut idle);
    let mut listening = connect().open();
    listening.rows("LISTEN news");
    let mut in_transaction = connect().open();
    in_transaction.rows("BEGIN; INSERT INTO ledger VALUES ('in a transaction')");
    let mut pinned = connect().open();
    pinned.rows("CREATE TEMPORARY TABLE mine (x int)");
    let mut busy = connect().open();
    busy.send(&messages::query("INSERT INTO ledger SELECT 'busy' FROM pg_sleep(600)"));
    wait::until(wait::PATIENCE, "it is busy", || backends(old, "active") == "1");
    let mut steady = proxy.connect().user("steady").open();
    steady.rows("SELECT 1");

    new.promote();
    for (name, client) in [
        ("a transaction", &mut in_transaction),
        ("a pin", &mut pinned),
        ("a request", &mut busy),
        ("a session", &mut steady),
    ] {
        let said = last_words(client);
        let told: Vec<_> = said.iter().map(|error| (error.code(), error.field(b'S'))).collect();
        assert_eq!(told, [("57P01", "FATAL")], "{name}: {said:?}");
        assert!(said[0].message().contains("not the primary any more"), "{name}: {said:?}");
    }
    assert_eq!(write(&mut idle), new.port().to_string(), "who has no connection notices nothing");
    let warned = listening.expect(b'N').error().unwrap();
    assert_eq!(warned.message(), "notifications may have been missed", "{warned}");
    new.psql("NOTIFY news, 'from the new one'");
    listening.expect(b'A');
    wait::until(wait::PATIENCE, "nothing is left on the old one", || {
        ["active", "idle", "idle in transaction"].iter().all(|state| backends(old, state) == "0")
    });
    assert_eq!(
        old.psql("SELECT count(*) FROM ledger WHERE id <> ''"),
        "1",
        "only what was acknowledged before"
    );
}

#[test]
fn nothing_is_acknowledged_by_the_old_primary_once_the_new_one_is_known() {
    let cluster = Cluster::start(1);
    with_ledger(&cluster);
    let (old, new) = (&cluster.primary, &cluster.replicas[0]);
    let proxy = before(&[old, new]).start();
    drop(client_of(&proxy));
    let load = Load::start(&proxy, 8, 2);
    load.wait_for_more(10);
    // the old one runs on, and would take whatever comes
    new.promote();
    proxy.wait_log(&format!(
        "writes go to the server database=\"postgres\" server=\"127.0.0.1:{}\"",
        new.port()
    ));
    wait::until(wait::PATIENCE, "nobody is on the old one", || {
        ["active", "idle", "idle in transaction"].iter().all(|state| backends(old, state) == "0")
    });
    let on_old = old.psql("SELECT id FROM ledger");
    load.wait_for_more(20);
    let outcome = load.stop();
    assert_eq!(old.psql("SELECT id FROM ledger").len(), on_old.len(), "nothing was written there any more");
    let there = on_old + "\n" + &new.psql("SELECT id FROM ledger");
    let there: std::collections::HashSet<&str> = there.lines().collect();
    assert!(outcome.acknowledged.iter().all(|id| there.contains(id.as_str())), "acknowledged by nobody");
    assert!(outcome.errors.iter().all(|(_, errors)| errors.len() <= 1), "{:?}", outcome.errors);
    assert!(
        outcome.errors.iter().flat_map(|(_, errors)| errors).all(|code| code == "57P01"),
        "{:?}",
        outcome.errors
    );
}

#[test]
fn the_higher_timeline_is_the_primary_whichever_stands_first() {
    let cluster = Cluster::start(2);
    with_ledger(&cluster);
    let [first, second] = &cluster.replicas[..] else { panic!("two replicas") };
    second.follow_instead(first);
    let proxy = before(&[&cluster.primary, first, second]).start();
    drop(client_of(&proxy));
    // a write that is under way when the primary changes is cut off
    let written_by = |server: &Postgres| {
        let written = proxy.connect().open().try_rows(WRITE);
        written.is_ok_and(|port| port == server.port().to_string())
    };
    first.promote();
    wait::until(wait::PATIENCE, "the first is the primary", || written_by(first));
    second.promote();
    wait::until(wait::PATIENCE, "the second is", || written_by(second));
    let mut client = proxy.connect().open();
    for _ in 0..20 {
        assert_eq!(write(&mut client), second.port().to_string(), "and stays it");
    }
}

#[test]
fn a_server_of_another_cluster_gets_nothing() {
    let mut cluster = Cluster::start(1);
    with_ledger(&cluster);
    let stranger = Postgres::builder().stranger().start();
    stranger.psql("CREATE TABLE ledger (id text PRIMARY KEY)");
    let proxy = before(&[&cluster.primary, &stranger, &cluster.replicas[0]])
        .set("pool.acquire_timeout", "\"1s\"")
        .start();
    let mut client = client_of(&proxy);
    proxy.wait_log("belongs to another cluster");
    for _ in 0..20 {
        assert_eq!(write(&mut client), cluster.primary.port().to_string());
        assert_ne!(client.rows("SELECT current_setting('port')"), stranger.port().to_string());
    }
    cluster.primary.kill9();
    proxy.wait_log("has no primary");
    let error = server_error(client.try_rows("INSERT INTO ledger VALUES ('x')"));
    assert!(error.code() == "57P03" && error.field(b'D').contains("foreign"), "{error}");
    assert_eq!(stranger.psql("SELECT count(*) FROM ledger"), "0");
}
