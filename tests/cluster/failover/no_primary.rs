//! While there is no primary, whoever needs one waits.

use testkit::{Cluster, Tap, messages, wait};

use super::{FENCED, before, before_at, client_of, with_ledger, without_primary, write};
use crate::scene::{last_words, server_error};

#[test]
fn writes_wait_while_there_is_no_primary_and_go_on_with_the_next() {
    let mut cluster = Cluster::start(1);
    with_ledger(&cluster);
    let proxy = before(&[&cluster.primary, &cluster.replicas[0]]).start();
    let mut clients: Vec<_> = (0..5).map(|_| proxy.connect().open()).collect();
    clients.iter_mut().for_each(|client| drop(write(client)));
    cluster.primary.kill9();
    proxy.wait_log("has no primary");
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&messages::query(&format!("INSERT INTO ledger VALUES ('waited {number}')")));
    }
    let mut newcomer = proxy.connect().open();
    cluster.replicas[0].promote();
    for client in &mut clients {
        let answer = client.read_until_ready();
        assert!(answer.iter().all(|message| message.tag != b'E'), "{answer:?}");
    }
    assert_eq!(write(&mut newcomer), cluster.replicas[0].port().to_string());
    let waited = cluster.replicas[0].psql("SELECT count(*) FROM ledger WHERE id LIKE 'waited %'");
    assert_eq!(waited, "5");
}

#[test]
fn who_waits_for_too_long_is_told_what_is_known_of_each_server() {
    let mut cluster = Cluster::start(1);
    with_ledger(&cluster);
    let proxy =
        before(&[&cluster.primary, &cluster.replicas[0]]).set("pool.acquire_timeout", "\"1s\"").start();
    let mut client = client_of(&proxy);
    write(&mut client);
    cluster.primary.kill9();
    proxy.wait_log("has no primary");
    let error = server_error(client.try_rows("INSERT INTO ledger VALUES ('x')"));
    assert_eq!((error.code(), error.field(b'S')), ("57P03", "ERROR"), "{error}");
    assert_eq!(error.message(), "database \"postgres\" has no primary server at the moment");
    let (primary, replica) = (cluster.primary.port(), cluster.replicas[0].port());
    for part in
        ["there has been none for", &format!("{primary}: primary, down"), &format!("{replica}: replica, up")]
    {
        assert!(error.field(b'D').contains(part), "{part}: {}", error.field(b'D'));
    }
    assert!(error.field(b'H').contains("promote a replica"), "{error}");
    cluster.primary.restart();
    wait::until(wait::PATIENCE, "it takes writes again", || {
        client.try_rows("INSERT INTO ledger VALUES (gen_random_uuid())").is_ok()
    });
}

#[test]
fn a_primary_that_restarts_costs_those_who_wait_nothing_but_time() {
    let mut cluster = Cluster::start(1);
    with_ledger(&cluster);
    let proxy = before(&[&cluster.primary, &cluster.replicas[0]]).start();
    let mut clients: Vec<_> = (0..3).map(|_| proxy.connect().open()).collect();
    for round in 0..3 {
        clients.iter_mut().for_each(|client| drop(write(client)));
        cluster.primary.kill9();
        for client in &mut clients {
            client.send(&messages::query(&format!(
                "INSERT INTO ledger VALUES (gen_random_uuid() || '{round}')"
            )));
        }
        cluster.primary.restart();
        for client in &mut clients {
            let answer = client.read_until_ready();
            assert!(answer.iter().all(|message| message.tag != b'E'), "round {round}: {answer:?}");
        }
    }
}

#[test]
fn a_primary_behind_a_dead_network_is_given_up_and_its_clients_are_told() {
    let cluster = Cluster::start(1);
    with_ledger(&cluster);
    let (primary, replica) = (&cluster.primary, &cluster.replicas[0]);
    let tap = Tap::start(primary.host(), primary.port());
    let servers = [testkit::proxy::Server::at("127.0.0.1", tap.port()), replica.into()];
    let proxy = before_at(&servers).start();
    let mut idle = client_of(&proxy);
    write(&mut idle);
    let mut stuck = proxy.connect().open();
    stuck.rows("BEGIN");
    stuck.rows("INSERT INTO ledger VALUES ('stuck')");
    for direction in [testkit::tap::Direction::ToServer, testkit::tap::Direction::ToClient] {
        tap.stall(direction);
    }
    // the server never hears of it, or nobody hears of its answer
    stuck.send(&messages::query("COMMIT"));
    proxy.wait_log("has no primary");
    replica.promote();
    let said = last_words(&mut stuck);
    assert_eq!(said.iter().map(|error| error.code()).collect::<Vec<_>>(), ["57P01"], "{said:?}");
    assert_eq!(write(&mut idle), replica.port().to_string());
    for direction in [testkit::tap::Direction::ToServer, testkit::tap::Direction::ToClient] {
        tap.resume(direction);
    }
    proxy.wait_log(FENCED);
    assert_eq!(write(&mut idle), replica.port().to_string());
}

#[test]
fn a_reload_that_leaves_one_server_ends_the_waiting_for_a_primary() {
    let (mut cluster, proxy, mut client) = without_primary();
    client.send(&messages::query("INSERT INTO ledger VALUES ('waited')"));
    let other = format!("[[database.server]]\nhost = \"127.0.0.1\"\nport = {}\n", cluster.replicas[0].port());
    proxy.edit_config(&other, "");
    proxy.reload();
    proxy.wait_log("configuration reloaded");
    cluster.primary.restart();
    let answer = client.read_until_ready();
    assert!(answer.iter().all(|message| message.tag != b'E'), "{answer:?}");
}

#[test]
fn users_are_looked_up_on_the_new_primary() {
    let mut cluster = Cluster::start(1);
    cluster
        .primary
        .psql("CREATE ROLE asks SUPERUSER LOGIN PASSWORD 'secret'; CREATE ROLE app LOGIN PASSWORD 'one'");
    cluster.wait_until_caught_up();
    let query = "{ user = \"asks\", password = \"secret\", database = \"postgres\" }";
    let proxy = before(&[&cluster.primary, &cluster.replicas[0]])
        .auth("scram-sha-256")
        .set("auth.query", query)
        .set("route.probe", "{ user = \"asks\", password = \"secret\" }")
        .start();
    let connect = |password: &str| proxy.connect().user("app").password(password);
    drop(connect("one").open());
    proxy.wait_log("writes go to the server");
    cluster.primary.kill9();
    let new = &cluster.replicas[0];
    new.promote();
    new.psql("ALTER ROLE app PASSWORD 'two'");
    proxy.wait_log(&format!("server=\"127.0.0.1:{}\" timeline", new.port()));
    assert_eq!(connect("two").open().rows("SELECT current_setting('port')"), new.port().to_string());
    assert_eq!(server_error(connect("one").try_open()).code(), "28P01");
}
