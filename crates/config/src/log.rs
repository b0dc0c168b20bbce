//! `[log]`: what the program writes to stderr.

/// How the program logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Plain lines or JSON.
    pub format: LogFormat,
    /// The least important level that is written.
    pub level: LogLevel,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// How important a log line must be to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what needs a person.
    Error,
    /// Also what went wrong and was handled.
    Warn,
    /// Also what happens in normal work.
    Info,
    /// Also what helps to follow one client.
    Debug,
    /// Everything.
    Trace,
}
