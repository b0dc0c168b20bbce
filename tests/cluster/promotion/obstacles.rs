//! What keeps a replica from being promoted, and what does not.

use std::fs;
use std::io::ErrorKind;

use testkit::tap::Ending;
use testkit::{Redis, Tap, wait};

use super::*;

#[test]
fn as_long_as_another_instance_sees_the_primary_it_stays() {
    let mut cluster = cluster();
    let redis = Redis::start();
    let all = servers(&cluster);
    let tap = Tap::start(cluster.primary.host(), cluster.primary.port());
    let mut through = all.clone();
    through[0] = Server::at("127.0.0.1", tap.port());
    let cut = instance("cut", 2, &redis, &through).start();
    let sees = instance("sees", 2, &redis, &all).start();
    let mut console = admin(&cut);
    until_relied_on(&mut console, &redis, "2");
    tap.refuse();
    tap.cut_now(Ending::Reset);
    until(&mut console, "state", "no majority");
    assert_eq!((told(&mut console, "missing"), told(&mut console, "seen")), ("1".into(), "2".into()));
    assert_eq!(sees.connect().open().rows(WRITE), port(&cluster.primary));
    assert!(cluster.replicas.iter().all(Postgres::is_replica));
    cut.wait_log("no majority");

    // now the other one misses it too
    cluster.primary.kill9();
    assert_eq!(sees.connect().open().rows(WRITE), cut.connect().open().rows(WRITE));
    assert_eq!(cluster.replicas.iter().filter(|replica| !replica.is_replica()).count(), 1);
}

#[test]
fn without_what_instances_have_in_common_nothing_is_promoted() {
    let mut cluster = cluster();
    let mut redis = Redis::start();
    let proxy = instance("one", 1, &redis, &servers(&cluster)).start();
    let mut console = admin(&proxy);
    until_relied_on(&mut console, &redis, "1");
    redis.kill9();
    cluster.primary.kill9();
    until(&mut console, "state", "no lock");
    proxy.wait_log("no replica is promoted: no lock");
    assert!(told(&mut console, "error").contains("Redis"), "{}", told(&mut console, "error"));
    assert_eq!(orders(&proxy, "stuck"), 1);
    assert!(cluster.replicas.iter().all(Postgres::is_replica));

    // it comes back and has forgotten everything: it is not relied on at once
    redis.restart();
    until(&mut console, "state", "new lock");
    assert_eq!(proxy.connect().open().rows(WRITE), port(&cluster.replicas[0]));
}

#[test]
fn a_replica_that_lacks_too_much_is_not_promoted() {
    let mut cluster = cluster();
    let redis = Redis::start();
    let proxy = instance("one", 1, &redis, &servers(&cluster)).set("failover.max_lost", "\"0B\"").start();
    let mut console = admin(&proxy);
    until_relied_on(&mut console, &redis, "1");
    cluster.replicas.iter().for_each(starve);
    let mut client = proxy.connect().open();
    client.rows("INSERT INTO ledger SELECT 'row ' || n FROM generate_series(1, 10000) n");
    let at = cluster.primary.psql("SELECT pg_current_wal_lsn()");
    wait::until(wait::PATIENCE, "it is known how far the primary is", || {
        show(&mut console, "SHOW REPLICAS")
            .column("lag_bytes")
            .iter()
            .any(|lag| lag.parse().is_ok_and(|lag: u64| lag > 100_000))
    });
    cluster.primary.kill9();
    until(&mut console, "state", "too much lost");
    proxy.wait_log("no replica is promoted: too much lost");
    assert!(cluster.replicas.iter().all(Postgres::is_replica), "{at}");

    // the operator decides that it may be lost
    proxy.edit_config("max_lost = \"0B\"", "max_lost = \"1GiB\"");
    proxy.reload();
    assert_eq!(proxy.connect().open().rows(WRITE), port(&cluster.replicas[0]));
}

#[test]
fn whoever_may_not_promote_is_told_so_and_what_was_refused_is_tried_again() {
    let mut cluster = cluster();
    cluster.primary.psql("CREATE ROLE nobody LOGIN");
    cluster.wait_until_caught_up();
    let redis = Redis::start();
    // and that one may use nothing else of that Redis
    let acl = ["ACL", "SETUSER", "pgweir", "on", ">sesame", "~pgweir:*", "+@all"];
    assert_eq!(redis.command(&acl).unwrap(), "+OK\r\n");
    let lock = format!("{{ url = \"{}\", user = \"pgweir\", password = \"sesame\" }}", redis.url());
    let proxy = instance("one", 1, &redis, &servers(&cluster))
        .set("failover.lock", &lock)
        .set("failover.user", "\"nobody\"")
        .start();
    let mut console = admin(&proxy);
    until_relied_on(&mut console, &redis, "1");
    cluster.primary.kill9();
    proxy.wait_log("the server was not promoted");
    assert!(
        told(&mut console, "error").contains("permission denied for function pg_promote"),
        "{}",
        told(&mut console, "error")
    );
    assert_eq!(told(&mut console, "server"), address(&cluster.replicas[0]));
    proxy.edit_config("user = \"nobody\"", "user = \"postgres\"");
    proxy.reload();
    assert_eq!(proxy.connect().open().rows(WRITE), port(&cluster.replicas[0]));
    // the server says that it is the primary before it answers the order
    until(&mut console, "state", "watching");
    assert_eq!(orders(&proxy, "ok"), 1);
}

#[test]
fn a_command_is_told_what_to_promote_and_runs_once() {
    let mut cluster = cluster();
    let redis = Redis::start();
    let folder = cluster.primary.data_dir().parent().unwrap().join("told");
    let command = format!(
        "[\"/bin/sh\", \"-c\", \"env | grep -v KIT | grep ^PGWEIR_ | sort >> '{}'\"]",
        folder.display()
    );
    let proxy = instance("one", 1, &redis, &servers(&cluster))
        .set("failover.promote", "\"command\"")
        .set("failover.command", &command)
        .start();
    let mut console = admin(&proxy);
    until_relied_on(&mut console, &redis, "1");
    cluster.primary.kill9();
    // it has promoted nothing
    until(&mut console, "state", "ordered");
    let (host, new, old) = (cluster.replicas[0].host(), port(&cluster.replicas[0]), port(&cluster.primary));
    let expected = format!(
        "PGWEIR_DATABASE=postgres\nPGWEIR_HOST={host}\nPGWEIR_OLD_HOST={host}\nPGWEIR_OLD_PORT={old}\n\
         PGWEIR_PORT={new}\nPGWEIR_SERVER={host}:{new}\nPGWEIR_TIMELINE=1\n"
    );
    assert_eq!(fs::read_to_string(&folder).unwrap(), expected);
    // another process in its place does not run it a second time either
    drop(proxy);
    let proxy = instance("one", 1, &redis, &servers(&cluster))
        .set("failover.promote", "\"command\"")
        .set("failover.command", &command)
        .start();
    until(&mut admin(&proxy), "state", "claimed before");
    assert_eq!(fs::read_to_string(&folder).map_err(|error| error.kind()), Ok::<_, ErrorKind>(expected));
    cluster.replicas[0].promote();
    assert_eq!(proxy.connect().open().rows(WRITE), new);
}
