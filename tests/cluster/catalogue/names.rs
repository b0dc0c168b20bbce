//! Where texts go by what their names mean.

use testkit::client::tags;
use testkit::cluster::Cluster;
use testkit::install::{Install, Version};
use testkit::{Postgres, messages as m, wait};

use super::scene::Scene;

const NAMES: &str = "CREATE SEQUENCE s; CREATE UNLOGGED TABLE u (a int); CREATE VIEW next AS SELECT nextval('s') AS n;\
    CREATE VIEW plain AS SELECT a FROM t; CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);\
    CREATE FUNCTION steady() RETURNS int STABLE LANGUAGE sql AS 'SELECT a FROM t';\
    CREATE FUNCTION moody() RETURNS int VOLATILE LANGUAGE sql AS 'SELECT a FROM t';\
    CREATE FUNCTION sly(int DEFAULT nextval('s')) RETURNS int STABLE LANGUAGE sql AS 'SELECT 1'";
/// What makes one of them another function.
const NOW_VOLATILE: &str =
    "CREATE OR REPLACE FUNCTION steady() RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 2'";

/// Nothing is looked at but for a reason.
fn rarely(name: &str, cluster: Cluster) -> Scene {
    Scene::with(cluster, name, NAMES, |builder| builder.set("route.catalog_interval", "\"1h\""))
}

#[test]
fn names_are_known_by_the_catalogue() {
    known_by(Cluster::start(1));
}

#[test]
fn so_they_are_on_postgresql_18() {
    if Install::v18_or_skip("so_they_are_on_postgresql_18").is_none() {
        return;
    }
    let cluster = Cluster::start_from(&Postgres::builder().version(Version::V18), 1);
    cluster.primary.psql(
        "CREATE FUNCTION parsed() RETURNS int STABLE BEGIN ATOMIC SELECT 1; END;\
         CREATE FUNCTION sums() RETURNS int STABLE RETURN 1 + 1",
    );
    let scene = known_by(cluster);
    let mut client = scene.client();
    assert_eq!(scene.runs_on(&mut client, "SELECT parsed() + sums()"), "replica");
}

fn known_by(cluster: Cluster) -> Scene {
    let scene = rarely("postgres", cluster);
    scene.until("known");
    let mut client = scene.client();
    for sql in
        ["SELECT steady()", "SELECT a FROM plain", "SELECT a::even FROM t WHERE a = 2", "SELECT sly(1)"]
    {
        // a default counts whether it is used or not
        let on = if sql.contains("sly") { "primary" } else { "replica" };
        assert_eq!(scene.runs_on(&mut client, sql), on, "{sql}");
    }
    for sql in ["SELECT moody()", "SELECT n FROM next", "SELECT a FROM u", "SELECT sly()"] {
        assert_eq!(scene.runs_on(&mut client, sql), "primary", "{sql}");
    }
    assert_eq!(scene.refused(), 0, "nothing was tried on the replica that it refuses");
    scene
}

#[test]
fn a_function_is_not_believed_any_more_once_another_one_was_defined() {
    let scene = rarely("postgres", Cluster::start(1));
    scene.until("known");
    let (mut client, mut other) = (scene.client(), scene.client());
    other.send(&[m::parse("s", "SELECT steady()", &[]), m::sync()].concat());
    assert_eq!(tags(&other.read_until_ready()), "1Z");
    let run = [m::bind("", "s", &[]), m::execute("", 0), m::sync()].concat();
    let mut runs = || {
        let before = scene.counted("replica", "reads");
        other.send(&run);
        let answer = other.read_until_ready();
        assert_eq!(tags(&answer), "2DCZ", "{answer:?}");
        scene.counted("replica", "reads") - before
    };
    assert_eq!((runs(), runs()), (1, 1), "it is known, and was judged");
    for define in ["simple", "extended"] {
        client
            .rows("CREATE OR REPLACE FUNCTION steady() RETURNS int STABLE LANGUAGE sql AS 'SELECT a FROM t'");
        wait::until(wait::PATIENCE, "it is believed", || runs() == 1);
        if define == "simple" {
            client.rows(NOW_VOLATILE);
        } else {
            let parse = m::parse("", NOW_VOLATILE, &[]);
            client.send(&[parse, m::bind("", "", &[]), m::execute("", 0), m::sync()].concat());
            assert_eq!(tags(&client.read_until_ready()), "12CZ");
        }
        // at once, while it is read, and afterwards
        assert_eq!(runs(), 0, "{define}");
        assert_eq!(scene.runs_on(&mut client, "SELECT steady()"), "primary");
        scene.until("known");
        assert_eq!(runs(), 0, "{define}");
    }
}

#[test]
fn what_a_transaction_defines_counts_from_its_end_on() {
    let scene = rarely("postgres", Cluster::start(1));
    scene.until("known");
    let (mut client, mut other) = (scene.client(), scene.client());
    client.rows("BEGIN");
    client.rows(NOW_VOLATILE);
    client.rows("COMMIT");
    assert_eq!(scene.runs_on(&mut other, "SELECT steady()"), "primary");
    scene.until("known");
    assert_eq!(scene.runs_on(&mut other, "SELECT steady()"), "primary");
    assert_eq!(scene.runs_on(&mut other, "SELECT a FROM plain"), "replica");
}

#[test]
fn what_gives_no_name_another_meaning_costs_no_read() {
    let scene = rarely("postgres", Cluster::start(1));
    scene.until("known");
    let mut client = scene.client();
    for sql in ["CREATE TABLE more (a int)", "CREATE INDEX ON more (a)", "DROP TABLE more"] {
        client.rows(sql);
        assert_eq!(scene.runs_on(&mut client, "SELECT steady()"), "replica", "{sql}");
    }
    assert_eq!(scene.counted("primary", "catalogue"), 0);
}

#[test]
fn what_is_defined_around_pgweir_counts_after_the_next_look() {
    let scene = Scene::start(NAMES, |builder| builder.set("route.catalog_interval", "\"50ms\""));
    scene.until("known");
    let mut client = scene.client();
    assert_eq!(scene.runs_on(&mut client, "SELECT steady()"), "replica");
    scene.cluster.primary.psql(NOW_VOLATILE);
    wait::until(wait::PATIENCE, "it is known to be another one", || {
        scene.runs_on(&mut client, "SELECT steady()") == "primary"
    });
    let before = scene.counted("primary", "unknown_function");
    assert_eq!(scene.runs_on(&mut client, "SELECT steady()"), "primary");
    assert_eq!(scene.counted("primary", "unknown_function"), before + 1);
}

#[test]
fn tables_that_change_around_pgweir_are_looked_at_too() {
    let sql = "CREATE TABLE p (a int); CREATE UNLOGGED TABLE u (a int); \
               CREATE TABLE r (a int); CREATE DOMAIN bad AS int CHECK (txid_current() > 0)";
    let scene = Scene::start(sql, |builder| builder.set("route.catalog_interval", "\"50ms\""));
    scene.until("known");
    let mut client = scene.client();
    let changes = [
        ("SELECT a FROM p", "ALTER TABLE u INHERIT p", "unlogged"),
        ("SELECT '(1)'::r", "ALTER TABLE r ALTER a TYPE bad", "unknown_type"),
    ];
    for (sql, change, reason) in changes {
        assert_eq!(scene.runs_on(&mut client, sql), "replica", "{sql}");
        scene.cluster.primary.psql(change);
        wait::until(wait::PATIENCE, change, || {
            scene.runs_on(&mut client, sql);
            scene.counted("primary", reason) > 0
        });
    }
}

#[test]
fn each_database_behind_an_asterisk_has_a_catalogue_of_its_own() {
    let cluster = Cluster::start(1);
    cluster.primary.psql("CREATE DATABASE other");
    cluster.primary.psql_in("other", &format!("CREATE TABLE t (a int); {NAMES}; {NOW_VOLATILE}"));
    let scene = rarely("*", cluster);
    let mut other = scene.proxy.connect().database("other").open();
    let mut client = scene.client();
    scene.until("known");
    assert_eq!(scene.runs_on(&mut other, "SELECT a FROM t"), "replica");
    assert_eq!(scene.runs_on(&mut other, "SELECT steady()"), "primary");
    assert_eq!(scene.runs_on(&mut client, "SELECT steady()"), "replica");
}

#[test]
fn somebody_may_vouch_for_functions_while_it_runs() {
    let scene = Scene::start(NAMES, |builder| builder.set("route.harmless_functions", "[\"none\"]"));
    scene.until("known");
    let mut client = scene.client();
    assert_eq!(scene.runs_on(&mut client, "SELECT moody()"), "primary");
    scene.proxy.edit_config("[\"none\"]", "[\"moody\"]");
    scene.proxy.reload();
    wait::until(wait::PATIENCE, "the function is believed", || {
        scene.runs_on(&mut client, "SELECT moody()") == "replica"
    });
}

#[test]
fn another_primary_is_read_anew() {
    let mut scene = rarely("postgres", Cluster::start(2));
    scene.until("known");
    let (mut client, read) = (scene.client(), scene.looks("read"));
    scene.cluster.primary.kill9();
    scene.cluster.replicas[0].psql("SELECT pg_promote()");
    // somebody has to be there as whom it can be asked
    client.rows("/* pgweir: primary */ SELECT 1");
    wait::until(wait::PATIENCE, "the new primary's is read", || scene.looks("read") > read);
    scene.until("known");
}
