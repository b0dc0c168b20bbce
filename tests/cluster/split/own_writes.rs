//! A session sees what it has written, whatever server it reads from.

use std::thread;

use testkit::cluster::Cluster;
use testkit::{Postgres, wait};

use super::scene::{Scene, WHERE};

/// Replicas that are always behind.
fn behind() -> Scene {
    let mut cluster = Cluster::start(1);
    cluster.add_replica(Postgres::builder().set("recovery_min_apply_delay", "300ms"));
    Scene::with(cluster, |builder| builder.set("route.max_lag", "\"1h\""))
}

#[test]
fn a_session_reads_its_own_writes() {
    let scene = behind();
    let threads = 4;
    scene.write(&format!("INSERT INTO t SELECT generate_series(1, {threads}) * 0"));
    scene.write("CREATE TABLE own (who int, a int)");
    thread::scope(|scope| {
        for who in 0..threads {
            let mut client = scene.client();
            scope.spawn(move || {
                client.rows(&format!("INSERT INTO own VALUES ({who}, 0)"));
                for i in 1..200 {
                    client.rows(&format!("UPDATE own SET a = {i} WHERE who = {who}"));
                    let seen = client.rows(&format!("SELECT a FROM own WHERE who = {who}"));
                    assert_eq!(seen, i.to_string(), "session {who}");
                }
            });
        }
    });
}

#[test]
fn who_has_not_written_reads_from_replicas_all_the_same() {
    let scene = behind();
    let mut writer = scene.client();
    let mut reader = scene.client();
    for replica in &scene.cluster.replicas {
        replica.psql("SELECT pg_wal_replay_pause()");
    }
    writer.rows("INSERT INTO t VALUES (1)");
    for _ in 0..10 {
        assert_eq!(writer.rows(WHERE), scene.primary());
        assert_ne!(reader.rows(WHERE), scene.primary());
    }
    assert_eq!(writer.rows("SELECT count(*) FROM t"), "1");
    for replica in &scene.cluster.replicas {
        replica.psql("SELECT pg_wal_replay_resume()");
    }
    wait::until(wait::PATIENCE, "the writer is back on replicas", || writer.rows(WHERE) != scene.primary());
    assert_eq!(writer.rows("SELECT count(*) FROM t"), "1");
}

#[test]
fn a_read_may_wait_for_a_replica() {
    let scene = Scene::with(Cluster::start(1), |builder| builder.set("route.wait", "\"20s\""));
    let mut client = scene.client();
    for i in 1..10 {
        client.rows("INSERT INTO t VALUES (1)");
        assert_ne!(client.rows(WHERE), scene.primary());
        assert_eq!(client.rows("SELECT count(*) FROM t"), i.to_string());
    }
}
