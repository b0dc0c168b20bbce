//! `cargo xtask generate`: writes the documents that the code generates.
//!
//! They are compared by ordinary tests of the crates they come from; told to, those tests write instead.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::checkout::{self, cargo};
use crate::error::Error;
use crate::program;

const VARIABLE: &str = "UPDATE_GENERATED";

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    if let Some(arg) = args.first() {
        return Err(Error::Usage(format!("unknown argument {arg:?}")));
    }
    let mut tests = Command::new(cargo());
    tests.arg("test").arg("--quiet").current_dir(checkout::root()).env(VARIABLE, "1");
    for package in packages()? {
        eprintln!("generating the documents of {package}");
        tests.args(["--package", &package]);
    }
    program::check(&mut tests)?;
    program::run("git", &["status", "--short", "--", "docs", "config"], &checkout::root())
}

/// The packages whose sources know the variable, but for this one.
fn packages() -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for group in ["crates", "tests"] {
        let group = checkout::root().join(group);
        let entries = fs::read_dir(&group).map_err(|error| Error::File(group.clone(), error))?;
        for package in entries.flatten().map(|entry| entry.path()) {
            let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
            let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
            match name {
                Some(name) if name != "xtask" && mentions(&package) => found.push(name.to_owned()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

fn mentions(path: &Path) -> bool {
    if path.is_dir() {
        return fs::read_dir(path).into_iter().flatten().flatten().any(|entry| mentions(&entry.path()));
    }
    path.extension().is_some_and(|end| end == "rs")
        && fs::read_to_string(path).is_ok_and(|text| text.contains(VARIABLE))
}
