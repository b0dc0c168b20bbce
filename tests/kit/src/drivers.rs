//! The runtimes of other people's drivers, which `cargo xtask test` puts into the kit's directory.
//!
//! Each function gives what is there, or prints a visible line that the test is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dir;
use crate::process::which;
use crate::skip::skipped;

/// Python with psycopg, psycopg2, asyncpg and pg8000 (`tests/kit/drivers/requirements.txt`).
#[must_use]
pub fn python(test: &str) -> Option<Command> {
    let python = there(test, &dir::home().join("venv/bin/python"), "Python's drivers")?;
    let mut command = Command::new(python);
    command.env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
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

fn there(test: &str, path: &Path, what: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path.to_owned());
    }
    skipped(test, &format!("{what} missing ({}); `cargo xtask test` fetches it", path.display()));
    None
}
