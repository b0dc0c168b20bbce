//! tokio-postgres and sqlx.

mod sqlx;
mod tokio_postgres;

use std::future::Future;
use std::time::Duration;

use crate::stage::{Place, Stage};
use crate::transcript::equal;

/// Longer than either needs.
const PATIENCE: Duration = Duration::from_secs(300);

/// What `program` sees through pgweir is what it sees directly, also when sixteen of it run at once.
fn same_for_many<F: Future<Output = String> + Send + 'static>(program: fn(Place, usize) -> F) {
    let stage = Stage::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let run = |place, copy| runtime.spawn(tokio::time::timeout(PATIENCE, program(place, copy)));
    let finish = |task| match runtime.block_on(task) {
        Ok(Ok(said)) => said,
        Ok(Err(_)) => panic!("the program hangs"),
        Err(error) => panic!("the program failed: {error}"),
    };
    let wanted: String = finish(run(stage.direct(), 0));
    equal(&wanted, &finish(run(stage.pooled(), 0)), "pgweir");
    let tasks: Vec<_> = (1..=16).map(|copy| run(stage.pooled(), copy)).collect();
    for task in tasks {
        equal(&wanted, &finish(task), "one of sixteen");
    }
    stage.check();
}

#[test]
fn tokio_postgres_queries() {
    same_for_many(tokio_postgres::program);
}

#[test]
fn sqlx_queries() {
    same_for_many(sqlx::program);
}
