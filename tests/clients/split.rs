//! Drivers where reads go to a replica and a BEGIN is answered without a server: they print what they print directly.

use std::process::Command;

use crate::jdbc;
use crate::python::script;
use crate::stage::{READS, Stage};
use crate::transcript::same;

/// Runs it; reads have gone to the replica, and, if it is one that begins with a BEGIN alone, transactions were begun without a
/// server.
#[track_caller]
fn run(begins: bool, program: impl Fn() -> Command) {
    let stage = Stage::with_replicas(1);
    same(&stage, program);
    stage.counted(READS);
    if begins {
        stage.counted("pgweir_virtual_begins_total");
    }
}

#[test]
fn psycopg() {
    let Some(script) = script("psycopg/queries.py", &["default"]) else { return };
    run(true, script);
}

#[test]
fn psycopg_in_pipeline_mode() {
    let Some(script) = script("psycopg/pipeline.py", &[]) else { return };
    run(true, script);
}

#[test]
fn psycopg2() {
    let Some(script) = script("psycopg2/queries.py", &[]) else { return };
    run(true, script);
}

#[test]
fn asyncpg() {
    let Some(script) = script("asyncpg/queries.py", &["cache"]) else { return };
    run(true, script);
}

#[test]
fn sqlalchemy() {
    let Some(script) = script("sqlalchemy/orm.py", &["psycopg"]) else { return };
    run(true, script);
}

#[test]
fn django() {
    let Some(script) = script("django/orm.py", &["queries"]) else { return };
    run(true, script);
}

/// It sends BEGIN in one batch with the first statement.
#[test]
fn jdbc() {
    let Some(program) = jdbc::program(&["1", "autosave=always", "prepareThreshold=1"]) else { return };
    run(false, program);
}
