//! The command line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{assemble, classify, doctor};

/// A pooling proxy for PostgreSQL.
#[derive(Parser)]
#[command(version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the proxy in the foreground. SIGHUP reloads, SIGTERM drains, SIGINT stops fast, SIGQUIT at once.
    Run {
        /// The configuration.
        #[arg(short, long)]
        config: PathBuf,
    },
    /// Print every mistake of a configuration, and exit with 1 if there is one.
    Check {
        /// The configuration.
        #[arg(short, long)]
        config: PathBuf,
    },
    /// Connect to every server of a configuration and tell what is missing for each feature, with the fix; exit with 1 if
    /// something does not work.
    Doctor {
        /// The configuration.
        #[arg(short, long)]
        config: PathBuf,
    },
    /// Tell how a statement would be routed and why. Without one, read JSON lines {"id":…,"sql":…,"settings":{…}} from
    /// standard input and write one for each. No server is needed.
    Classify {
        /// The configuration: its mistakes are told first.
        #[arg(short, long)]
        config: Option<PathBuf>,
        /// The statement.
        sql: Option<String>,
    },
}

/// Does what the arguments say.
pub(crate) fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { config } => match config::Config::load(&config) {
            Ok(config) => assemble::run(config),
            Err(mistakes) => fail(mistakes.iter().map(ToString::to_string)),
        },
        Command::Check { config } => check(&config),
        Command::Doctor { config } => match config::Config::load(&config) {
            Ok(config) => doctor::examine(config),
            Err(mistakes) => fail(mistakes.iter().map(ToString::to_string)),
        },
        Command::Classify { config: Some(config), .. } if config::check(&config).is_err() => check(&config),
        Command::Classify { sql: Some(sql), .. } => classify::one(&sql),
        Command::Classify { sql: None, .. } => classify::lines(),
    }
}

fn check(path: &Path) -> ExitCode {
    match config::check(path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => fail(text.lines().map(str::to_owned)),
    }
}

/// Standard error may be closed; there is nobody left to tell then.
fn fail(lines: impl Iterator<Item = String>) -> ExitCode {
    let mut out = std::io::stderr().lock();
    for line in lines {
        let _told = writeln!(out, "{line}");
    }
    ExitCode::FAILURE
}
