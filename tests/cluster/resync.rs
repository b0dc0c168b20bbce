//! A server can not follow the primary by itself: pgweir says why, and what helps does help.

use std::fs;

use testkit::postgres::{Builder, Stop};
use testkit::{Cluster, Postgres, Proxy, wait};

use crate::console::admin;
use crate::replicas::{asking_as, before, name, settled, told, until};
use crate::scene::metrics;

/// Told soon, and asked often.
fn quick(builder: testkit::proxy::Builder) -> testkit::proxy::Builder {
    builder.set("failover.resync_after", "\"1s\"").set("route.probe_interval", "\"200ms\"")
}

/// pg_rewind can work on servers like this, and nothing is kept for replicas.
fn frugal() -> Builder {
    Postgres::builder().set("wal_log_hints", "on").set("wal_keep_size", "0").set("full_page_writes", "on")
}

/// A primary that has written what nobody else has got, and a replica that was promoted meanwhile.
fn parted(like: &Builder) -> Cluster {
    let mut cluster = Cluster::start_from(like, 1);
    cluster.replicas[0].stop(Stop::Fast);
    cluster.primary.psql("CREATE TABLE lost AS SELECT generate_series(1, 1000) AS n");
    cluster.primary.stop(Stop::Immediate);
    cluster.replicas[0].restart();
    cluster.replicas[0].promote();
    cluster
}

fn before_both(cluster: &Cluster) -> Proxy {
    quick(before(&[&cluster.primary, &cluster.replicas[0]])).start()
}

#[test]
fn an_old_primary_that_has_more_is_rewound_by_the_command_that_is_told() {
    let mut cluster = parted(&frugal());
    let new = cluster.replicas.remove(0);
    let proxy = quick(before(&[&cluster.primary, &new])).start();
    let mut console = admin(&proxy);
    until(&mut console, &new, "part", "primary");
    let old = &mut cluster.primary;
    old.come_back_behind(&new);
    until(&mut console, old, "trouble", "diverged");
    assert!(told(&mut console, old, "hint").contains("changes that the primary has not"));
    let command = told(&mut console, old, "command");
    let data = old.data_dir().display().to_string();
    assert!(command.starts_with(&format!("pg_rewind --target-pgdata={data} ")), "{command}");
    assert!(command.contains(&format!("'host=127.0.0.1 port={} user=postgres ", new.port())), "{command}");
    let gauge = format!("pgweir_server_cut_off{{database=\"postgres\",server=\"{}\"}} ", name(old));
    assert!(metrics(&proxy).contains(&format!("{gauge}1\n")));
    old.mend(&command, false);
    until(&mut console, old, "trouble", "");
    until(&mut console, old, "fit", "fit");
    assert!(metrics(&proxy).contains(&format!("{gauge}0\n")));
    assert_eq!(old.psql("SELECT to_regclass('lost') IS NULL"), "t");
    assert_eq!(proxy.log().matches("the server can not follow the primary").count(), 1, "once");
}

#[test]
fn a_second_claimant_is_told_at_once_and_the_operators_command_runs_once() {
    let mut cluster = parted(&Postgres::builder());
    let out = cluster.primary.socket_dir().join("ran");
    let script = "env | grep ^PGWEIR | sort >> $0; echo first; echo last >&2; exit 4";
    let proxy = quick(before(&[&cluster.primary, &cluster.replicas[0]]))
        .set("failover.resync", "\"command\"")
        .set("failover.resync_command", &format!("[\"sh\", \"-c\", \"{script}\", \"{}\"]", out.display()))
        .start();
    let mut console = admin(&proxy);
    until(&mut console, &cluster.replicas[0], "part", "primary");
    cluster.primary.restart();
    until(&mut console, &cluster.primary, "trouble", "diverged");
    // nothing is known of checksums or hints in its favour
    assert!(told(&mut console, &cluster.primary, "command").starts_with("pg_basebackup --pgdata=/"));
    proxy.wait_log("resync_command has failed: exit status: 4");
    assert!(proxy.log().contains("first | last"));
    assert!(metrics(&proxy).contains("pgweir_resyncs_total{result=\"failed\"} 1\n"));
    let text = fs::read_to_string(&out).unwrap();
    for line in [
        "PGWEIR_REASON=diverged".to_owned(),
        format!("PGWEIR_SERVER={}", name(&cluster.primary)),
        format!("PGWEIR_PORT={}", cluster.primary.port()),
        format!("PGWEIR_PRIMARY_PORT={}", cluster.replicas[0].port()),
        format!("PGWEIR_DATA_DIRECTORY={}", cluster.primary.data_dir().display()),
        "PGWEIR_DATABASE=postgres".to_owned(),
    ] {
        assert_eq!(text.lines().filter(|known| **known == line).count(), 1, "{line} in {text}");
    }
    let asked = |proxy: &Proxy| {
        let figures = metrics(proxy);
        let line = figures.lines().find_map(|line| line.strip_prefix("pgweir_probes_total{result=\"ok\"} "));
        line.unwrap().parse::<u64>().unwrap()
    };
    let before = asked(&proxy);
    wait::until(wait::PATIENCE, "it was looked at again and again", || asked(&proxy) > before + 20);
    assert!(metrics(&proxy).contains("pgweir_resyncs_total{result=\"failed\"} 1\n"), "once");
    assert!(metrics(&proxy).contains("pgweir_resyncs_total{result=\"ok\"} 0\n"));
}

#[test]
fn a_replica_whose_log_is_gone_is_copied_anew_by_the_command_that_is_told() {
    let mut cluster =
        Cluster::start_from(&frugal().set("min_wal_size", "32MB").set("max_wal_size", "32MB"), 1);
    let proxy = before_both(&cluster);
    let mut console = admin(&proxy);
    settled(&mut console, &cluster);
    cluster.replicas[0].stop(Stop::Fast);
    let oldest = "SELECT min(substr(name, 9)) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'";
    let first = cluster.primary.psql(oldest);
    cluster.primary.psql("CREATE TABLE t (n int)");
    wait::until(wait::PATIENCE, "the first files are gone", || {
        cluster.primary.psql("INSERT INTO t VALUES (1); SELECT pg_switch_wal()");
        cluster.primary.psql("CHECKPOINT");
        cluster.primary.psql(oldest) > first
    });
    cluster.replicas[0].restart();
    until(&mut console, &cluster.replicas[0], "trouble", "wal_gone");
    let command = told(&mut console, &cluster.replicas[0], "command");
    cluster.replicas[0].mend(&command, true);
    until(&mut console, &cluster.replicas[0], "trouble", "");
    until(&mut console, &cluster.replicas[0], "fit", "fit");
}

#[test]
fn a_replica_that_asks_the_wrong_server_or_for_the_wrong_slot_is_told_so() {
    let cluster = Cluster::start(1);
    let proxy = before_both(&cluster);
    let (mut console, replica) = (admin(&proxy), &cluster.replicas[0]);
    settled(&mut console, &cluster);
    replica.psql("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1 user=postgres password=hush'");
    replica.psql("SELECT pg_reload_conf()");
    until(&mut console, replica, "trouble", "not_streaming");
    let hint = told(&mut console, replica, "hint");
    let primary = name(&cluster.primary);
    assert!(
        hint.contains(&format!("primary_conninfo names 127.0.0.1:1, and the primary is {primary}")),
        "{hint}"
    );
    let command = told(&mut console, replica, "command");
    assert!(
        command.contains("ALTER SYSTEM SET primary_conninfo") && command.contains("<PASSWORD>"),
        "{command}"
    );
    assert!(!command.contains("hush") && !proxy.log().contains("hush"));
    replica.follow_instead(&cluster.primary);
    until(&mut console, replica, "trouble", "");
    // the slot that it is to use is not there
    replica.psql("ALTER SYSTEM SET primary_slot_name = 'for_it'");
    replica.psql("SELECT pg_reload_conf()");
    until(&mut console, replica, "trouble", "not_streaming");
    assert!(told(&mut console, replica, "hint").contains("no replication slot \"for_it\""));
    assert!(told(&mut console, replica, "command").contains("pg_create_physical_replication_slot"));
    cluster.primary.psql("SELECT pg_create_physical_replication_slot('for_it')");
    until(&mut console, replica, "trouble", "");
}

#[test]
fn what_may_not_be_asked_is_a_placeholder_and_a_foreign_server_is_told() {
    let cluster = Cluster::start(1);
    cluster.primary.psql("CREATE ROLE plain LOGIN");
    cluster.wait_until_caught_up();
    let (stranger, replica) = (Postgres::builder().stranger().start(), &cluster.replicas[0]);
    stranger.psql("CREATE ROLE plain LOGIN");
    let proxy = quick(asking_as(&[&cluster.primary, replica, &stranger], "user", "\"plain\"")).start();
    let mut console = admin(&proxy);
    until(&mut console, &stranger, "trouble", "foreign");
    let command = told(&mut console, &stranger, "command");
    assert!(command.starts_with("pg_basebackup --pgdata='<DATA DIRECTORY>' --host=127.0.0.1 "), "{command}");
    assert!(command.contains("--username='<REPLICATION USER>'"), "{command}");
    until(&mut console, replica, "fit", "fit");
    replica.psql("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'");
    replica.psql("SELECT pg_reload_conf()");
    until(&mut console, replica, "trouble", "not_streaming");
    assert!(told(&mut console, replica, "hint").contains("see its log and its primary_conninfo"));
}
