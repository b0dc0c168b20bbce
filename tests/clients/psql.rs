//! psql, and pg_dump with pg_restore.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::dir::Dir;

use crate::stage::{NAME, Stage};
use crate::transcript::{equal, output, same};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/psql").join(name)
}

/// psql with a script; errors are part of what it prints.
fn psql(stage: &Stage, script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$@" 2>&1"#, "sh"]).arg(stage.program("psql").get_program());
    command.args(["-X", "-e", "-v", "table=typed", "-f"]).arg(file(script)).env("LC_ALL", "C.UTF-8");
    command
}

#[test]
fn psql_runs_a_script() {
    let stage = Stage::new();
    same(&stage, || psql(&stage, "session.sql"));
}

/// psql from arguments and pipes.
#[test]
fn psql_runs_commands() {
    let stage = Stage::new();
    same(&stage, || {
        let mut command = Command::new("sh");
        command.arg(file("commands.sh")).env("PSQL", stage.program("psql").get_program());
        command
    });
}

/// A database dumped and restored through pgweir is the database. What these two leave behind in a session
/// (settings, statements prepared by SQL) is not undone yet: each gets servers of its own.
#[test]
fn pg_dump_and_pg_restore() {
    let stage = Stage::new();
    output(psql(&stage, "library.sql"), stage.direct());
    let text = || {
        let mut command = stage.program("pg_dump");
        command.args(["--no-owner", "--restrict-key=clients"]);
        if !takes_a_key(&stage) {
            command = stage.program("pg_dump");
            command.arg("--no-owner");
        }
        command
    };
    let before = output(text(), stage.direct());
    equal(&before, &output(text(), stage.pooled()), "pgweir");
    stage.end_servers();
    let dir = Dir::new("dump");
    let archive = dir.path().join("library");
    let mut dump = stage.program("pg_dump");
    dump.arg("-Fc").arg("-f").arg(&archive);
    output(dump, stage.pooled());
    stage.end_servers();
    let mut restore = stage.program("pg_restore");
    restore.args(["--clean", "--if-exists", "--no-owner", "--exit-on-error", "-d", NAME]).arg(&archive);
    output(restore, stage.pooled());
    equal(&before, &output(text(), stage.direct()), "restored");
    stage.end_servers();
    let mut after = stage.program("psql");
    after.args(["-XAt", "-c", "select count(*) from book"]);
    assert_eq!(output(after, stage.pooled()).trim(), "500");
    stage.check();
}

/// Since 2025 a dump has a random key in it unless one is given.
fn takes_a_key(stage: &Stage) -> bool {
    let mut help = stage.program("pg_dump");
    help.arg("--help");
    output(help, stage.direct()).contains("--restrict-key")
}
