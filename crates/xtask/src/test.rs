//! `cargo xtask test`: the whole test suite, set-up included.
//!
//! Cargo's own test runner does the work and its closing line is the last that is printed; before it stand the
//! totals of all test programs and what was skipped.

mod totals;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use testkit::skip;

use crate::checkout::{self, cargo};
use crate::drivers;
use crate::error::Error;
use crate::setup::{self, Purpose};
use totals::Totals;

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    setup::ensure(Purpose::Test)?;
    let _ = fs::remove_file(skip::notes());
    drivers::fetch();
    let mut totals = Totals::default();
    // examples in documents first: their closing lines say little
    let documents =
        if args.is_empty() { cargo_test(&["--workspace", "--doc", "--quiet"], &mut totals)? } else { 0 };
    let mut words = vec!["--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"];
    words.extend(args.iter().map(String::as_str));
    let tests = cargo_test(&words, &mut totals)?;
    print!("{}", totals.summary(&fs::read_to_string(skip::notes()).unwrap_or_default()));
    match documents.max(tests) {
        0 => Ok(()),
        code => Err(Error::Tests(code)),
    }
}

/// Runs `cargo test`, showing what it prints, and gives its exit code.
fn cargo_test(args: &[&str], totals: &mut Totals) -> Result<u8, Error> {
    let failed = |why: String| Error::Program { program: "cargo test".to_owned(), why };
    let mut command = Command::new(cargo());
    command.arg("test").args(args).current_dir(checkout::root()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
    for line in lines.into_iter().flatten() {
        let line = line.map_err(|error| failed(error.to_string()))?;
        print!("{}", totals.take(line));
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
