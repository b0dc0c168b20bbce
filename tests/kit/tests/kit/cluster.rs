//! The kit's cluster: what the primary writes is on the replicas once they have caught up.

use testkit::{Cluster, Postgres};

#[test]
fn replicas_follow_the_primary_and_take_no_writes() {
    let cluster = Cluster::start_from(&Postgres::builder().user("app", "secret"), 2);
    cluster.primary.psql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS x");
    cluster.wait_until_caught_up();
    for replica in &cluster.replicas {
        assert_eq!(replica.psql("SELECT count(*), pg_is_in_recovery() FROM t"), "1000|t");
        let refused = replica.door().open().try_rows("DELETE FROM t");
        assert!(matches!(&refused, Err(testkit::Error::Server(e)) if e.code() == "25006"), "{refused:?}");
    }
}

#[test]
fn a_delayed_replica_is_behind_until_its_delay_is_lifted() {
    let mut cluster = Cluster::start(0);
    cluster.add_replica(Postgres::builder().set("recovery_min_apply_delay", "1h"));
    cluster.primary.psql("CREATE TABLE t AS SELECT 1 AS x");
    let [replica] = cluster.replicas.as_slice() else { panic!("one replica") };
    assert_eq!(replica.psql("SELECT to_regclass('t') IS NULL"), "t", "an hour behind");
    replica.configure("recovery_min_apply_delay = 0");
    replica.reload();
    cluster.wait_until_caught_up();
    assert_eq!(replica.psql("SELECT x FROM t"), "1");
}
