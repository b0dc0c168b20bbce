//! Running other programs: seen by the user, or for their output.

use std::path::Path;
use std::process::Command;

use crate::error::Error;

/// Runs a program with our terminal; an error if it fails.
pub(crate) fn run(program: &str, args: &[&str], dir: &Path) -> Result<(), Error> {
    check(Command::new(program).args(args).current_dir(dir))
}

/// Runs a prepared command with our terminal; an error if it fails.
pub(crate) fn check(command: &mut Command) -> Result<(), Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Program { program: name, why: status.to_string() }),
        Err(error) => Err(Error::Program { program: name, why: error.to_string() }),
    }
}

/// Runs a prepared command and gives what it printed; what it complained of is in the error if it fails.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |why: String| Error::Program { program: name.clone(), why };
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))))
}
