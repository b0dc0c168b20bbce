//! Instances that begin anew know what the others knew.

use super::*;
use crate::scene::server_error;

#[test]
fn an_old_primary_stays_fenced_for_an_instance_that_begins_anew() {
    let mut cluster = cluster();
    let redis = Redis::start();
    let proxy = instance("one", 1, &redis, &servers(&cluster)).start();
    until_relied_on(&mut admin(&proxy), &redis, "1");
    cluster.primary.kill9();
    assert_eq!(proxy.connect().open().rows(WRITE), port(&cluster.replicas[0]));
    until(&mut admin(&proxy), "timeline", "2");
    // time enough to tell the others
    wait::until(wait::PATIENCE, "it is remembered", || {
        let key = format!("pgweir:{{{}}}:reign", system(&cluster.replicas[1]));
        redis.command(&["HGET", &key, "timeline"]).unwrap().lines().nth(1) == Some("2")
    });
    drop(proxy);

    // the new one is not to be seen for a while, and the old one is back
    cluster.replicas[0].kill9();
    cluster.primary.restart();
    let proxy = instance("one", 1, &redis, &servers(&cluster)).set("pool.acquire_timeout", "\"2s\"").start();
    let error = server_error(proxy.connect().try_open());
    let fenced = format!("{}: fenced", address(&cluster.primary));
    assert!(error.code() == "57P03" && error.field(b'D').contains(&fenced), "{error}");
    proxy.wait_log("takes writes and is not the primary");
    cluster.replicas[0].restart();
    wait::until(wait::PATIENCE, "the new one takes writes", || {
        proxy.connect().try_open().is_ok_and(|mut client| client.rows(WRITE) == port(&cluster.replicas[0]))
    });
    assert_eq!(cluster.primary.psql("SELECT count(*) FROM ledger"), "0");
}

#[test]
fn an_instance_that_begins_while_the_primary_is_gone_finishes_what_others_have_begun() {
    let mut cluster = cluster();
    let redis = Redis::start();
    let proxy = instance("one", 1, &redis, &servers(&cluster)).start();
    until_relied_on(&mut admin(&proxy), &redis, "1");
    cluster.primary.kill9();
    proxy.wait_log("has no primary");
    drop(proxy);
    let proxy = instance("one", 1, &redis, &servers(&cluster)).start();
    assert_eq!(proxy.connect().open().rows(WRITE), port(&cluster.replicas[0]));
}

fn system(server: &Postgres) -> String {
    server.psql("SELECT system_identifier FROM pg_control_system()")
}
