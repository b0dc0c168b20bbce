//! What can go wrong here: only the setting-up of logs. Recording a figure never fails.

use std::fmt;

/// Why logs could not be set up or changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The level is not one; holds what was given.
    Level(String),
    /// Logs were set up before in this process.
    AlreadyStarted,
    /// What writes the logs is gone, so its level cannot change.
    Stopped,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(given) => write!(
                f,
                "invalid log level {given:?}; allowed are off, error, warn, info, debug, trace, \
                 and after a comma part=level for one part, as in info,pool=debug"
            ),
            Self::AlreadyStarted => f.write_str("logs were set up before"),
            Self::Stopped => f.write_str("logs are no longer written"),
        }
    }
}

impl std::error::Error for Error {}
