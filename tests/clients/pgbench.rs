//! pgbench in each of its protocols and with a pipeline: no transaction fails, and no money is lost.

use std::path::Path;

use crate::stage::Stage;
use crate::transcript::output;

/// Twenty clients with fifty transactions each, over two server connections.
///
/// Each has a thread of its own: to connect and to prepare, pgbench stops the thread until the answer is there,
/// and the other clients of that thread would sit on the servers that it waits for.
fn bench(args: &[&str]) {
    let stage = Stage::new();
    let mut init = stage.program("pgbench");
    init.args(["--initialize", "--quiet", "--scale=1"]);
    output(init, stage.pooled());
    let mut run = stage.program("pgbench");
    run.args(["--no-vacuum", "--client=20", "--jobs=20", "--transactions=50"]).args(args);
    let printed = output(run, stage.pooled());
    assert!(printed.contains("actually processed: 1000/1000"), "{printed}");
    assert!(printed.contains("number of failed transactions: 0 "), "{printed}");
    let sums = stage.admin(
        "select count(*), (select sum(abalance) from pgbench_accounts) = sum(delta), \
         (select sum(tbalance) from pgbench_tellers) = sum(delta), \
         (select sum(bbalance) from pgbench_branches) = sum(delta) from pgbench_history",
    );
    assert_eq!(sums.trim(), "1000|t|t|t");
    stage.check();
}

#[test]
fn pgbench_simple() {
    bench(&["--protocol=simple"]);
}

#[test]
fn pgbench_extended() {
    bench(&["--protocol=extended"]);
}

#[test]
fn pgbench_prepared() {
    bench(&["--protocol=prepared"]);
}

#[test]
fn pgbench_connecting_for_every_transaction() {
    bench(&["--protocol=prepared", "--connect"]);
}

fn pipeline(protocol: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/pgbench/pipeline.sql");
    bench(&[protocol, "--define=scale=1", &format!("--file={}", script.display())]);
}

#[test]
fn pgbench_extended_pipeline() {
    pipeline("--protocol=extended");
}

#[test]
fn pgbench_prepared_pipeline() {
    pipeline("--protocol=prepared");
}
