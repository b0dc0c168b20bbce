//! PostgreSQL's driver for JDBC.

use std::path::Path;
use std::process::Command;

use testkit::drivers;

use crate::stage::Stage;
use crate::transcript::{equal, output, same};

pub(crate) fn program(args: &[&str]) -> Option<impl Fn() -> Command + use<>> {
    drivers::java("jdbc/Queries.java")?;
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    Some(move || {
        let mut command = drivers::java("jdbc/Queries.java").unwrap();
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/jdbc/Queries.java"));
        command.args(&args);
        command
    })
}

#[test]
fn jdbc_by_default() {
    let Some(program) = program(&["1"]) else { return };
    same(&Stage::new(), program);
}

#[test]
fn jdbc_with_simple_queries() {
    let Some(program) = program(&["1", "preferQueryMode=simple"]) else { return };
    same(&Stage::new(), program);
}

#[test]
fn jdbc_with_a_savepoint_for_every_statement() {
    let Some(program) = program(&["1", "autosave=always", "prepareThreshold=1"]) else { return };
    same(&Stage::new(), program);
}

/// The program itself compares its threads with each other.
#[test]
fn jdbc_preparing_at_once_in_sixteen_threads() {
    let options = ["prepareThreshold=1", "preparedStatementCacheQueries=20"];
    let Some(one) = program(&[&["1"], &options[..]].concat()) else { return };
    let Some(many) = program(&[&["16"], &options[..]].concat()) else { return };
    let stage = Stage::new();
    equal(&output(one(), stage.direct()), &output(many(), stage.pooled()), "pgweir");
    stage.check();
}
