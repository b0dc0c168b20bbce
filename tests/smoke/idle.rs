//! What clients cost that are logged in and do nothing.

use crate::stage::{before, echo, serves};

#[test]
fn ten_thousand_idle_clients_cost_at_most_4_kb_each() {
    const CLIENTS: u64 = 10_000;
    let files = testkit::process::raise_file_limit();
    if files < CLIENTS + 500 {
        return testkit::skip::skipped(
            "ten_thousand_idle_clients",
            &format!("only {files} open files allowed"),
        );
    }
    let server = echo();
    let proxy = before(&server).set("pool.max_clients", "20000").start();
    let connect = proxy.connect();
    // what the first clients make it allocate for good is not theirs
    for _ in 0..100 {
        serves(&connect);
    }
    let empty = proxy.rss_kb();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect.open()).collect();
    let each = proxy.rss_kb().saturating_sub(empty) * 1024 / CLIENTS;
    println!("{CLIENTS} idle clients: {each} bytes each ({empty} kB without them)");
    assert!(each <= 4096, "{each} bytes for an idle client");
    for client in clients.iter_mut().step_by(997) {
        assert_eq!(client.rows("awake"), "awake");
    }
}
