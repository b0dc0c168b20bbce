//! Tests that cannot run here say so where it is seen, instead of passing silently.

use std::fs::File;
use std::io::Write;

use crate::dir;

/// Prints a line `SKIPPED: test: why`, past the test runner, which would swallow it, and notes it for
/// `cargo xtask test` to repeat at its end.
pub fn skipped(test: &str, why: &str) {
    let line = format!("SKIPPED: {test}: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Ok(mut notes) = File::options().create(true).append(true).open(notes()) {
        let _ = notes.write_all(line.as_bytes());
    }
}

/// Where skipped tests are noted.
#[must_use]
pub fn notes() -> std::path::PathBuf {
    dir::home().join("skipped.txt")
}
