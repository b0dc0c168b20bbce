//! Large messages and slow readers: they pass, and cost no memory to speak of.

use std::time::Duration;

use testkit::client::tags;
use testkit::{Postgres, messages as m, wait};

use crate::scene::before;

const MB: usize = 1024 * 1024;
/// What the proxy may have resident, whatever passes through it.
const ROOM: u64 = 48 * 1024;

#[test]
fn a_row_of_a_hundred_megabytes_passes() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let answer = client.query("select repeat('x', 100 * 1024 * 1024), 'behind'");
    assert_eq!(tags(&answer), "TDCZ");
    let columns = answer[1].columns();
    assert_eq!(columns[0].as_ref().map(Vec::len), Some(100 * MB));
    assert_eq!(columns[1].as_deref(), Some(&b"behind"[..]));
    assert!(proxy.rss_kb() < ROOM, "{} kB", proxy.rss_kb());
}

#[test]
fn a_parameter_of_a_hundred_megabytes_passes() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let value = vec![b'x'; 100 * MB];
    // named, so that the head of the message is written anew
    for name in ["", "named"] {
        client.send(&m::parse(name, "select length($1::text)", &[]));
        client.send(&[m::bind("", name, &[Some(&value)]), m::execute("", 0), m::sync()].concat());
        let answer = client.read_until_ready();
        assert_eq!(tags(&answer), "12DCZ", "{name}");
        assert_eq!(answer[2].texts(), [(100 * MB).to_string()]);
    }
    assert!(proxy.rss_kb() < ROOM, "{} kB", proxy.rss_kb());
}

#[test]
fn a_client_that_does_not_read_stops_its_own_server_and_nothing_else() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).set("listen.workers", "1").start();
    let mut slow = proxy.connect().deadline(Duration::from_secs(60)).open();
    slow.send(&m::query("select repeat('x', 10000) from generate_series(1, 10000)"));
    // the server has filled every buffer on the way, and waits
    let stuck = "select count(*) from pg_stat_activity where wait_event = 'ClientWrite'";
    wait::until(wait::PATIENCE, "the server waits for its client", || postgres.psql(stuck) == "1");
    let mut other = proxy.connect().open();
    for i in 0..200 {
        assert_eq!(other.rows(&format!("select {i}")), i.to_string());
    }
    assert!(proxy.rss_kb() < ROOM, "{} kB", proxy.rss_kb());
    let answer = slow.read_until_ready();
    assert_eq!(answer.iter().filter(|message| message.tag == b'D').count(), 10_000);
    assert_eq!(slow.rows("select 1"), "1");
}
