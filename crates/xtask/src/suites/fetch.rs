//! The sources of the suites and the runtimes they need, fetched once into the kit's directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::dir;

use super::known::Suite;
use crate::checkout;
use crate::error::Error;
use crate::program;

/// Where a suite is run.
pub(super) struct Sources {
    /// The directory of its sources.
    pub(super) dir: PathBuf,
    /// Its own Python, if it is in Python.
    pub(super) python: PathBuf,
}

/// Django's settings for its own tests.
const DJANGO_SETTINGS: &str = r#"import os
def _database(name):
    return {"ENGINE": "django.db.backends.postgresql", "NAME": name, "USER": "postgres",
            "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"]}
DATABASES = {"default": _database("django"), "other": _database("other")}
SECRET_KEY = "of no importance"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
"#;

/// Fetches what is not there yet.
pub(super) fn fetch(suite: &Suite) -> Result<Sources, Error> {
    let home = dir::home().join("suites").join(suite.pins);
    let pin_file = checkout::root().join("tests/kit/suites").join(format!("{}.txt", suite.pins));
    let pins = checkout::read(&pin_file)?;
    let sources = Sources { dir: home.join("sources"), python: home.join("venv/bin/python") };
    if checkout::read(&home.join("pinned-by")).is_ok_and(|text| text == pins) {
        return Ok(sources);
    }
    eprintln!("fetching {} into {}", suite.pins, home.display());
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|error| Error::File(home.clone(), error))?;
    }
    fs::create_dir_all(&home).map_err(|error| Error::File(home.clone(), error))?;
    let wanted = pins.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    let (name, version) = wanted.split_once("==").unwrap_or((wanted, ""));
    if suite.pins == "tokio-postgres" {
        crate_sources(name, version, &sources.dir)?;
    } else {
        program::output(Command::new("python3").args(["-m", "venv"]).arg(home.join("venv")))?;
        program::output(pip(&sources.python).args(["install", "--quiet", "-r"]).arg(&pin_file))?;
        if suite.pins == "psycopg" {
            let url = "https://github.com/psycopg/psycopg";
            let clone = ["clone", "--quiet", "--depth=1", "--branch", version, url];
            program::output(Command::new("git").args(clone).arg(&sources.dir))?;
        } else {
            python_sources(&sources, wanted)?;
        }
    }
    if suite.pins == "django" {
        checkout::write(&sources.dir.join("tests/pgweir_settings.py"), DJANGO_SETTINGS)?;
    }
    checkout::write(&home.join("pinned-by"), &pins)?;
    Ok(sources)
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "--disable-pip-version-check"]);
    pip
}

/// A package's sources, which have its tests in them.
fn python_sources(sources: &Sources, wanted: &str) -> Result<(), Error> {
    let archives = sources.dir.with_extension("archives");
    let options = ["download", "--quiet", "--no-deps", "--no-binary=:all:", wanted, "--dest"];
    program::output(pip(&sources.python).args(options).arg(&archives))?;
    unpack(&archives, &sources.dir)
}

/// A crate's sources, taken from the registry by its ordinary client.
fn crate_sources(name: &str, version: &str, dir: &Path) -> Result<(), Error> {
    let registry = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default()
        .join("registry/src");
    program::output(Command::new(checkout::cargo()).arg("fetch").current_dir(checkout::root()))?;
    let found = fs::read_dir(&registry).map_err(|error| Error::File(registry.clone(), error))?;
    let sources = found
        .flatten()
        .map(|index| index.path().join(format!("{name}-{version}")))
        .find(|path| path.exists())
        .ok_or(Error::Output { program: "cargo fetch", missing: "crate's sources" })?;
    program::output(Command::new("cp").arg("-r").arg(sources).arg(dir))?;
    // a workspace of its own
    let manifest = dir.join("Cargo.toml");
    let text = checkout::read(&manifest)?;
    checkout::write(&manifest, &format!("{text}\n[workspace]\n"))
}

fn unpack(archives: &Path, dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|error| Error::File(dir.to_owned(), error))?;
    for archive in fs::read_dir(archives).map_err(|error| Error::File(archives.to_owned(), error))?.flatten()
    {
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(archive.path()).arg("--strip-components=1").arg("-C").arg(dir);
        program::output(&mut tar)?;
    }
    Ok(())
}
