//! `cargo xtask test`: the whole test suite, set-up included.
//!
//! Cargo's own test runner does the work and its closing line is the last that is printed; before it stand the
//! totals of all test programs and what was skipped.

mod totals;

use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::process::Command;

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
    let failed =
        |error: io::Error| Error::Program { program: "cargo test".to_owned(), why: error.to_string() };
    // one pipe for both outputs, so that their order stays
    let (printed, out) = io::pipe().map_err(failed)?;
    let mut command = Command::new(cargo());
    command.arg("test").args(args).current_dir(checkout::root());
    command.stderr(out.try_clone().map_err(failed)?).stdout(out);
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.spawn().map_err(failed)?;
    // it holds our ends for writing, which have to be closed for the pipe to end
    drop(command);
    for line in BufReader::new(printed).split(b'\n') {
        let line = String::from_utf8_lossy(&line.map_err(failed)?).into_owned();
        print!("{}", totals.take(line));
        // a line in time for whoever watches, also where it is no terminal
        io::stdout().flush().map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
