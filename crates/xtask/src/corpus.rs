//! `cargo xtask corpus`: what `pgweir classify` says of other people's SQL, beside what servers say.
//!
//! Every statement of the files (PostgreSQL's regression tests, say: they are not in this repository) runs on a
//! primary, in order, and those that begin like a read first on its replica. A statement for a replica that the
//! replica refuses because it is one, or answers in another way, is named. What the servers say is kept in a file of
//! JSON lines, from which the report can be made again.
//!
//! * [`cut`]: files into statements, as psql does; [`truth`]: what the servers say; [`report`]: beside the verdicts

mod cut;
mod report;
mod truth;

use std::path::PathBuf;

use testkit::dir;
use testkit::install::Version;

use crate::checkout;
use crate::error::Error;
use crate::setup::{self, Purpose};

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let mut binary = None;
    let mut kept = dir::home().join("corpus.jsonl");
    let mut version = Version::Installed;
    let mut dirs = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value =
            || rest.next().map(PathBuf::from).ok_or_else(|| Error::Usage(format!("{arg} needs a value")));
        match arg.as_str() {
            "--binary" => binary = Some(value()?),
            "--kept" => kept = value()?,
            "--18" => version = Version::V18,
            other => dirs.push(PathBuf::from(other)),
        }
    }
    if !dirs.is_empty() {
        setup::ensure(Purpose::Test)?;
        truth::write(version, &dirs, &kept)?;
    }
    let binary = match binary {
        Some(given) => given,
        None => checkout::debug_binary()?,
    };
    match report::print(&binary, &kept)? {
        0 => Ok(()),
        _ => Err(Error::Tests(1)),
    }
}
