//! `[log]`: what the program writes to stderr.

use crate::choice::{choice, one_of};
use crate::key::{Check, key, section};

section! {
    /// What the program writes to stderr.
    pub struct Log {
        /// The form of a line.
        pub format: LogFormat = key("log.format", one_of(), LogFormat::Text).restart(),
        /// The least important level that is written.
        pub level: LogLevel = key("log.level", one_of(), LogLevel::Info).live(),
    }
}

impl Check for Log {}

choice! {
    /// The form of a log line.
    pub enum LogFormat {
        /// A line for people.
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

choice! {
    /// How important a log line must be to be written.
    pub enum LogLevel {
        /// Only what needs a person.
        Error = "error",
        /// Also what went wrong and was handled.
        Warn = "warn",
        /// Also what happens in normal work.
        Info = "info",
        /// Also what helps to follow one client.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}
