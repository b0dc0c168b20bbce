//! Two deployments that migrate at once behind a session-level advisory lock, through a small pool with others in it.

use crate::stage::Stage;
use crate::transcript::outputs;
use crate::{neighbours, python};

/// Several at once, each migration once; afterwards no lock is left.
fn migrate(how: &str, pool: u32, copies: usize) {
    let Some(script) = python::script("psycopg/migrate.py", &[how]) else { return };
    let stage = Stage::with_pool(pool);
    neighbours::beside_one_who_throws_away(&stage, || {
        for said in outputs((0..copies).map(|_| script()).collect(), stage.pooled()) {
            assert_eq!(said.trim(), "migrated");
        }
    });
    let done = stage.admin(
        "select (select count(*) from schema_migrations), (select count(distinct mail) from account), \
         (select count(*) from pg_locks where locktype = 'advisory')",
    );
    assert_eq!(done.trim(), "5|100|0");
    stage.check();
}

#[test]
fn rails_migrates_through_a_pool_of_two() {
    migrate("rails", 2, 2);
}

#[test]
fn rails_migrates_through_a_pool_of_three() {
    migrate("rails", 3, 4);
}

#[test]
fn flyway_migrates_through_a_pool_of_two() {
    migrate("flyway", 2, 2);
}

#[test]
fn flyway_migrates_through_a_pool_of_three() {
    migrate("flyway", 3, 3);
}

/// Who waits for the lock holds a server while it waits.
#[test]
fn golang_migrate_migrates_through_a_pool_of_three() {
    migrate("golang", 3, 2);
}
