//! What a session keeps beyond a transaction, as drivers and what stands on them use it: settings, held cursors,
//! temporary tables, locks, statements prepared by SQL.

use std::path::{Path, PathBuf};

use testkit::drivers;

use crate::python;
use crate::stage::Stage;
use crate::transcript::same_for;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(name)
}

#[test]
fn psycopg_keeps_its_session() {
    let Some(script) = python::script("psycopg/session.py", &[]) else { return };
    same_for(&Stage::with_pool(4), 3, script);
}

#[test]
fn jdbc_in_a_connection_pool() {
    let name = "jdbc/Session.java";
    if drivers::java(name).is_none() {
        return;
    }
    let stage = Stage::new();
    same_for(&stage, 3, || {
        let mut command = drivers::java(name).unwrap();
        command.arg(path(name)).arg("pool");
        command
    });
    stage.nothing_was_pinned();
}
