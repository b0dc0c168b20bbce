//! Why a chore could not be done.

use std::path::PathBuf;
use std::{fmt, io};

/// What stopped a command.
#[derive(Debug)]
pub(crate) enum Error {
    /// An unknown command or option; what it was.
    Usage(String),
    /// Programs are missing and cannot be installed from here; the command that installs them.
    Missing { packages: String, command: String },
    /// A program could not be started or ended with a failure.
    Program { program: String, why: String },
    /// A file could not be read or written.
    File(PathBuf, io::Error),
    /// A program's output was not what was expected.
    Output { program: &'static str, missing: &'static str },
    /// Something of ours did not come up; its log.
    Down { what: &'static str, log: String },
    /// Tests failed; the runner's exit code.
    Tests(u8),
    /// The command was told to stop.
    Stopped,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(f, "{what}\n\n{}", crate::USAGE),
            Self::Missing { packages, command } => {
                write!(f, "missing: {packages}\ninstall with:\n\n    {command}\n")
            }
            Self::Program { program, why } => write!(f, "{program}: {why}"),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Output { program, missing } => write!(f, "{program} did not say its {missing}"),
            Self::Down { what, log } => write!(f, "{what} did not start:\n{log}"),
            Self::Tests(code) => write!(f, "the test runner exited with {code}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::Usage(_)
            | Self::Missing { .. }
            | Self::Program { .. }
            | Self::Output { .. }
            | Self::Down { .. }
            | Self::Tests(_)
            | Self::Stopped => None,
        }
    }
}
