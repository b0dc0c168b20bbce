//! Replicas that fail, and an old primary that comes back as one.

use testkit::{Cluster, Proxy, wait};

use super::{before, client_of, with_ledger, without_primary, write};

/// The port of the server that answers a read of a new client; nothing if none did.
fn read(proxy: &Proxy) -> String {
    proxy.connect().open().try_rows("SELECT port FROM here").unwrap_or_default()
}

#[test]
fn reads_go_on_while_there_is_no_primary() {
    let (_cluster, _proxy, mut client) = without_primary();
    for _ in 0..20 {
        assert_eq!(client.rows("SELECT count(*) FROM ledger"), "0");
    }
}

#[test]
fn an_old_primary_that_comes_back_as_a_replica_gets_reads() {
    let mut cluster = Cluster::start(1);
    with_ledger(&cluster);
    let proxy = before(&[&cluster.primary, &cluster.replicas[0]]).start();
    let mut client = client_of(&proxy);
    cluster.primary.kill9();
    cluster.replicas[0].promote();
    let new = cluster.replicas[0].port().to_string();
    assert_eq!(write(&mut client), new);
    let (old, primary) = (&mut cluster.primary, &cluster.replicas[0]);
    old.rejoin(primary);
    let port = old.port().to_string();
    wait::until(wait::PATIENCE, "it gets reads", || read(&proxy) == port);
    assert_eq!(write(&mut client), new);
}

#[test]
fn a_replica_that_stands_still_is_left_alone_until_it_goes_on() {
    let cluster = Cluster::start(2);
    with_ledger(&cluster);
    let [first, second] = &cluster.replicas[..] else { panic!("two replicas") };
    let proxy = before(&[&cluster.primary, first, second]).set("pool.query_timeout", "\"5s\"").start();
    let port = first.port().to_string();
    wait::until(wait::PATIENCE, "it gets reads", || read(&proxy) == port);
    first.freeze();
    proxy.wait_log("is down");
    for _ in 0..50 {
        let answered_by = read(&proxy);
        assert!(!answered_by.is_empty() && answered_by != port, "{answered_by:?}");
    }
    first.thaw();
    wait::until(wait::PATIENCE, "it gets reads again", || read(&proxy) == port);
}
