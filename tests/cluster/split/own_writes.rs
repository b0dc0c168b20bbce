//! A session sees what it has written, whatever server it reads from.

use std::thread;

use testkit::cluster::Cluster;
use testkit::{Client, Message, Postgres, messages as m, wait};

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

/// A replica that stands still, once those who have written nothing read from it, and whose writes are seen.
fn standing_still(writes_seen: &str) -> (Scene, Client) {
    let scene = Scene::with(Cluster::start(1), |builder| {
        builder.set("route.max_lag", "\"1h\"").set("route.writes_seen", &format!("\"{writes_seen}\""))
    });
    let mut stranger = named(&scene, "stranger");
    wait::until(wait::PATIENCE, "the stranger reads from the replica", || {
        stranger.rows(WHERE) != scene.primary()
    });
    scene.cluster.replicas[0].psql("SELECT pg_wal_replay_pause()");
    (scene, stranger)
}

fn named(scene: &Scene, application: &str) -> Client {
    scene.proxy.connect().param("application_name", application).open()
}

#[test]
fn clients_of_one_application_name_see_each_others_writes() {
    let (scene, mut stranger) = standing_still("application_name");
    named(&scene, "visitor").rows("INSERT INTO t VALUES (1)");
    assert_eq!(named(&scene, "visitor").rows("SELECT count(*) FROM t"), "1");
    assert_eq!(stranger.rows("SELECT count(*) FROM t"), "0", "it is not to see it at once");
    let (mut writer, mut reader) = (named(&scene, "other"), named(&scene, "other"));
    assert_ne!(reader.rows(WHERE), scene.primary());
    writer.rows("BEGIN");
    writer.rows("INSERT INTO t VALUES (2)");
    assert_eq!(reader.rows(WHERE), scene.primary(), "it may be committed at any moment");
    writer.rows("COMMIT");
    assert_eq!(reader.rows("SELECT count(*) FROM t"), "2");
    stranger.rows("SET application_name = 'visitor'");
    assert_eq!(stranger.rows("SELECT count(*) FROM t"), "2");
    scene.cluster.replicas[0].psql("SELECT pg_wal_replay_resume()");
    wait::until(wait::PATIENCE, "they are back on the replica", || {
        [&mut writer, &mut reader, &mut stranger]
            .into_iter()
            .all(|client| client.rows(WHERE) != scene.primary())
    });
}

#[test]
fn clients_of_one_user_see_each_others_writes() {
    let (scene, mut other) = standing_still("user");
    named(&scene, "a").rows("INSERT INTO t VALUES (1)");
    assert_eq!(other.rows("SELECT count(*) FROM t"), "1");
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

/// Writes and reads of any kind in any order: no read shows less than its session has written.
#[test]
fn no_order_of_reads_and_writes_shows_a_session_less_than_it_has_written() {
    let scene = behind();
    scene.write("CREATE TABLE own (who int, a int)");
    thread::scope(|scope| {
        for who in 0..3u64 {
            let mut client = scene.client();
            scope.spawn(move || {
                client.rows(&format!("INSERT INTO own VALUES ({who}, 0)"));
                let (mut dice, mut wrote) = (who * 7919 + 17, 0);
                for _ in 0..150 {
                    dice =
                        dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let step = (dice >> 33) % 8;
                    if step < 4 {
                        wrote += 1;
                    }
                    assert_eq!(
                        go(&mut client, step, who, wrote),
                        wrote.to_string(),
                        "session {who}, step {step}"
                    );
                }
            });
        }
    });
    assert!(scene.counted("primary", "own_writes") + scene.counted("replica", "reads") > 100);
}

/// One step; what is seen behind it.
fn go(client: &mut Client, step: u64, who: u64, wrote: u64) -> String {
    let write = format!("UPDATE own SET a = {wrote} WHERE who = {who}");
    let read = format!("SELECT a FROM own WHERE who = {who}");
    let run = |sql: &str| [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0)].concat();
    let row = |answer: &[Message]| {
        answer.iter().find(|message| message.tag == b'D').map(|row| row.texts().concat())
    };
    match step {
        // a write alone, in a transaction, in a batch, and with its read behind it in one segment
        0 => drop(client.rows(&write)),
        1 => drop(client.rows(&format!("BEGIN; {write}; COMMIT"))),
        2 => {
            client.send(&[run(&write), m::sync()].concat());
            client.read_until_ready();
        }
        3 => {
            client.send(&[m::query(&write), run(&read), m::sync()].concat());
            client.read_until_ready();
            return row(&client.read_until_ready()).unwrap_or_default();
        }
        4 => {
            client.send(&[run(&read), m::sync()].concat());
            return row(&client.read_until_ready()).unwrap_or_default();
        }
        5 => {
            client.rows("BEGIN READ ONLY");
            let seen = client.rows(&read);
            client.rows("COMMIT");
            return seen;
        }
        _ => {}
    }
    client.rows(&read)
}
