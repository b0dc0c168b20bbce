//! `pgweir doctor`: what is well is ok, what is missing is told with what helps, and that does help.

use std::fs;
use std::process::Command;

use testkit::postgres::{Auth, Stop};
use testkit::proxy::{Builder, Server};
use testkit::{Cluster, Postgres, Proxy, Redis, dir::Dir, wait};

use crate::replicas::{asking_as, before, name};
use crate::scene::PGWEIR;

/// What it has found.
struct Report {
    lines: Vec<String>,
    all_well: bool,
}

impl Report {
    /// Of the configuration that a pgweir would be started with.
    #[track_caller]
    fn of(builder: &Builder) -> Self {
        let dir = Dir::new("doctor");
        let file = dir.path().join("pgweir.toml");
        fs::write(&file, builder.config(6432, 9127)).unwrap();
        let output = Command::new(PGWEIR).arg("doctor").arg("-c").arg(&file).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { lines: text.lines().map(str::to_owned).collect(), all_well: output.status.success() }
    }

    /// The one line of this level about this place with these words.
    #[track_caller]
    fn line(&self, level: &str, place: &str, words: &str) -> &str {
        let begins = format!("{level:4}  {place}  ");
        let found: Vec<_> =
            self.lines.iter().filter(|line| line.starts_with(&begins) && line.contains(words)).collect();
        assert_eq!(found.len(), 1, "{level} {place} {words:?} in {:#?}", self.lines);
        found[0]
    }

    /// What helps, of all that is not well.
    fn fixes(&self) -> Vec<&str> {
        let bad = self.lines.iter().filter(|line| !line.starts_with("ok "));
        bad.map(|line| line.split_once("  — fix: ").map_or("", |(_, fix)| fix)).collect()
    }
}

fn place(server: &Postgres) -> String {
    format!("postgres/{}", name(server))
}

#[test]
fn a_healthy_cluster_is_well() {
    let cluster = Cluster::start(1);
    let replica = &cluster.replicas[0];
    let report = Report::of(&before(&[&cluster.primary, replica]).user("app", "secret"));
    assert!(report.all_well);
    assert_eq!(report.fixes(), Vec::<&str>::new(), "{:#?}", report.lines);
    report.line("ok", &place(&cluster.primary), "it is a primary on timeline 1");
    report.line("ok", &place(replica), "it is a replica on timeline 1 and is fed");
    report.line("ok", &place(replica), "reads that are in the way of replay are ended after 30 s");
    report.line("ok", &place(&cluster.primary), "user \"postgres\" gets in to database \"postgres\"");
    report.line("ok", &name(&cluster.primary), "it allows 297 connections, pgweir makes at most 101");
    report.line("ok", "postgres", &format!("writes go to {}", name(&cluster.primary)));
    let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'pgweir'";
    wait::until(wait::PATIENCE, "no connection is left", || cluster.primary.psql(left) == "0");
}

#[test]
fn a_redis_that_may_forget_or_is_not_there_is_told_of() {
    let cluster = Cluster::start(1);
    let mut redis = Redis::start();
    let builder = before(&[&cluster.primary, &cluster.replicas[0]])
        .user("app", "secret")
        .set("failover.promote", "\"pg_promote\"")
        .set("failover.instances", "1")
        .set("failover.lock", &format!("{{ url = \"{}\" }}", redis.url()));
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    let report = Report::of(&builder);
    assert!(report.all_well, "{:#?}", report.lines);
    report.line("warn", "failover.lock", "throw away");
    report.line("warn", "failover.lock", "forgets");
    for fix in report.fixes() {
        redis.command(&fix.split(' ').collect::<Vec<_>>()).unwrap();
    }
    assert_eq!(Report::of(&builder).fixes(), Vec::<&str>::new());
    redis.kill9();
    let report = Report::of(&builder);
    assert!(!report.all_well);
    report.line("fail", "failover.lock", "nothing is promoted without it");
}

#[test]
fn what_a_user_may_not_is_granted_by_the_statements_that_are_told() {
    let cluster = Cluster::start(1);
    cluster.primary.psql("CREATE ROLE \"pl ain\" LOGIN");
    cluster.primary.psql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
    cluster.wait_until_caught_up();
    let builder = asking_as(&[&cluster.primary, &cluster.replicas[0]], "user", "\"pl ain\"");
    let report = Report::of(&builder);
    assert!(report.all_well, "nothing that is configured needs it: {:#?}", report.lines);
    report.line("warn", &place(&cluster.replicas[0]), "fix: GRANT pg_read_all_stats TO \"pl ain\";");
    assert_eq!(report.fixes().len(), 6, "{:#?}", report.lines);
    for fix in report.fixes() {
        cluster.primary.psql(fix);
    }
    cluster.wait_until_caught_up();
    let report = Report::of(&builder);
    assert_eq!(report.fixes(), Vec::<&str>::new(), "{:#?}", report.lines);
}

#[test]
fn servers_that_are_down_foreign_or_cut_off_are_told() {
    let mut cluster = Cluster::start(3);
    let stranger = Postgres::builder().stranger().start();
    cluster.replicas[2].stop(Stop::Fast);
    let [well, cut_off, down] = &cluster.replicas[..] else { unreachable!() };
    cut_off.psql("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1 user=postgres password=hush'");
    cut_off.psql("SELECT pg_reload_conf()");
    wait::until(wait::PATIENCE, "it is cut off", || {
        cut_off.psql("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
    });
    let report = Report::of(&before(&[&stranger, well, cut_off, down, &cluster.primary]));
    assert!(!report.all_well);
    let line = report.line("fail", &place(&stranger), "belongs to another cluster");
    assert!(
        line.contains("  — fix: pg_basebackup --pgdata=")
            && line.contains(&format!("--port={}", cluster.primary.port()))
    );
    let line = report.line("fail", &place(cut_off), "its primary_conninfo names 127.0.0.1:1");
    assert!(line.contains("  — fix: psql --host=127.0.0.1 ") && !line.contains("hush"), "{line}");
    let line = report.line("fail", &place(down), "it cannot be reached");
    assert!(line.contains(&format!("pg_isready --host=127.0.0.1 --port={}", down.port())), "{line}");
    report.line("ok", &place(well), "is fed");
    report.line("ok", "postgres", &format!("writes go to {}", name(&cluster.primary)));
}

#[test]
fn a_cluster_without_a_primary_is_not_well() {
    let mut cluster = Cluster::start(1);
    cluster.primary.stop(Stop::Fast);
    let report = Report::of(&before(&[&cluster.primary, &cluster.replicas[0]]));
    assert!(!report.all_well);
    report.line("fail", "postgres", "none of its servers takes writes");
}

#[test]
fn users_who_do_not_get_in_are_told_and_no_password_is() {
    let postgres =
        Postgres::builder().auth(Auth::Scram).user("app", "right-one").user("finder", "find").start();
    postgres.psql("GRANT SELECT ON pg_shadow TO finder");
    let builder = |password: &str, sql: &str| {
        Proxy::builder(PGWEIR)
            .auth("scram-sha-256")
            .user("app", password)
            .database("postgres", Server::from(&postgres))
            .set(
                "auth.query",
                &format!(
                    "{{ user = \"finder\", password = \"find\", database = \"postgres\", sql = \"{sql}\" }}"
                ),
            )
    };
    let good = "SELECT usename, passwd FROM pg_shadow WHERE usename = $1";
    let report = Report::of(&builder("right-one", good));
    assert!(report.all_well, "{:#?}", report.lines);
    report.line("ok", &place(&postgres), "user \"app\" gets in");
    report.line("ok", &place(&postgres), "it takes writes");
    report.line("ok", "auth.query", "\"finder\" finds users");
    let report = Report::of(&builder("wrong-one", "SELECT usename, passwd FROM nowhere WHERE usename = $1"));
    assert!(!report.all_well);
    let line = report.line("fail", &place(&postgres), "it does not let \"app\" in");
    assert!(line.contains("fix: ALTER ROLE \"app\" LOGIN PASSWORD '…'"), "{line}");
    report.line("fail", "auth.query", "the query does not work");
    for secret in ["right-one", "wrong-one", "SCRAM-SHA"] {
        assert!(!report.lines.concat().contains(secret), "{:#?}", report.lines);
    }
}

#[test]
fn an_exporter_that_is_not_there_is_told() {
    let cluster = Cluster::start(1);
    let builder = before(&[&cluster.primary, &cluster.replicas[0]])
        .toml("node_exporter = \"http://127.0.0.1:1/metrics\"");
    let report = Report::of(&builder);
    assert!(!report.all_well);
    report.line("fail", &place(&cluster.replicas[0]), "its node_exporter does not tell");
}
