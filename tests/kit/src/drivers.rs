//! The runtimes of other people's drivers, which `cargo xtask test` puts into the kit's directory.
//!
//! Each function gives what is there, or prints a visible line that the test is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dir;
use crate::fail::OrFail;
use crate::process::which;
use crate::skip::skipped;

/// Python with psycopg, psycopg2, asyncpg, pg8000, pyodbc, SQLAlchemy and Django (`tests/kit/drivers/requirements.txt`).
#[must_use]
pub fn python(test: &str) -> Option<Command> {
    let python = there(test, &dir::home().join("venv/bin/python"), "Python's drivers")?;
    let mut command = Command::new(python);
    command.env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

/// Patroni with its own Raft (`tests/kit/drivers/patroni.txt`), for the user of servers to run.
#[must_use]
pub fn patroni(test: &str) -> Option<PathBuf> {
    there(test, &dir::home().join("patroni/bin/patroni"), "Patroni")
}

/// Node with pg, pg-cursor and postgres (`tests/kit/drivers/package.json`); scripts find them by `require`, and
/// by `import` when they lie in, or are linked from, [`node_home`].
#[must_use]
pub fn node(test: &str) -> Option<Command> {
    let modules = there(test, &node_home().join("node_modules/pg"), "Node's drivers")?;
    let node = which("node")?;
    let mut command = Command::new(node);
    command.env("NODE_PATH", modules.parent().unwrap_or(&modules)).current_dir(node_home());
    Some(command)
}

/// The directory that holds `node_modules`.
#[must_use]
pub fn node_home() -> PathBuf {
    dir::home().join("node")
}

/// `java` with PostgreSQL's JDBC driver in its class path; give it a single source file.
#[must_use]
pub fn java(test: &str) -> Option<Command> {
    let jar = there(test, Path::new("/usr/share/java/postgresql.jar"), "the JDBC driver")?;
    let compiler = which("javac").or_else(|| {
        skipped(test, "a Java compiler is missing");
        None
    })?;
    let mut command = Command::new(compiler.with_file_name("java"));
    command.arg("-cp").arg(jar);
    Some(command)
}

/// PHP with its drivers for PostgreSQL.
#[must_use]
pub fn php(test: &str) -> Option<Command> {
    interpreter(
        test,
        "php",
        &["-r", "exit(extension_loaded('pdo_pgsql') && extension_loaded('pgsql') ? 0 : 1);"],
    )
}

/// Ruby with its `pg`.
#[must_use]
pub fn ruby(test: &str) -> Option<Command> {
    interpreter(test, "ruby", &["-rpg", "-e", ""])
}

/// Perl with DBD::Pg.
#[must_use]
pub fn perl(test: &str) -> Option<Command> {
    interpreter(test, "perl", &["-MDBD::Pg", "-e", "1"])
}

/// Python whose pyodbc finds PostgreSQL's driver for ODBC.
#[must_use]
pub fn odbc(test: &str) -> Option<Command> {
    let python = python(test)?;
    let asks = "import pyodbc, sys; sys.exit('PostgreSQL Unicode' not in pyodbc.drivers())";
    let program = PathBuf::from(python.get_program());
    if !answers(&program, &["-c", asks]) {
        skipped(test, "PostgreSQL's driver for ODBC is missing (odbc-postgresql)");
        return None;
    }
    Some(python)
}

/// A single source file in Go, built with lib/pq of the distribution.
#[must_use]
#[track_caller]
pub fn go(test: &str, source: &Path) -> Option<Command> {
    there(test, Path::new("/usr/share/gocode/src/github.com/lib/pq"), "lib/pq")?;
    let Some(go) = which("go") else {
        skipped(test, "Go is missing");
        return None;
    };
    let _lock = dir::lock("go");
    let built = dir::home().join("go").join(source.file_stem().unwrap_or_default());
    let mut build = Command::new(go);
    build.arg("build").arg("-o").arg(&built).arg(source);
    build.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("CGO_ENABLED", "0");
    let output = build.env("GOCACHE", dir::home().join("go/cache")).output().or_fail("go build");
    if !output.status.success() {
        panic!("{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
    }
    Some(Command::new(built))
}

/// An interpreter that can load what the test needs.
fn interpreter(test: &str, name: &str, asks: &[&str]) -> Option<Command> {
    let program = which(name).filter(|program| answers(program, asks));
    if program.is_none() {
        skipped(test, &format!("{name} or its driver is missing; `cargo xtask test` installs them"));
    }
    program.map(Command::new)
}

fn answers(program: &Path, asks: &[&str]) -> bool {
    Command::new(program).args(asks).output().is_ok_and(|output| output.status.success())
}

fn there(test: &str, path: &Path, what: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path.to_owned());
    }
    skipped(test, &format!("{what} missing ({}); `cargo xtask test` fetches it", path.display()));
    None
}
