//! `cargo xtask suites`: the test suites that others wrote for their drivers, directly and through pgweir.
//!
//! Each suite runs twice, against a PostgreSQL of its own: with pgweir in transaction mode before it, and without; with
//! `--split`, pgweir has a replica beside it and splits reads from writes. A test that ends differently is named in the
//! report; the command fails unless `tests/kit/suites/differences.txt` gives the reason. This takes long and needs the
//! network, so `cargo xtask test` does not do it.
//!
//! * [`known`]: the suites; [`fetch`]: their sources and runtimes; [`stage`]: what they run against
//! * [`outcome`]: how each test ended, from what the runners print; [`report`]: what differs

mod fetch;
mod known;
mod outcome;
mod report;
mod stage;

use std::path::PathBuf;

use testkit::dir;

use crate::checkout;
use crate::error::Error;
use crate::setup::{self, Purpose};
use report::Report;
use stage::Stage;

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let Options { direct, pooled, split, report, binary, names } = Options::parse(args)?;
    let through = if split { "split" } else { "pooled" };
    let suites = known::named(&names)?;
    setup::ensure(Purpose::Test)?;
    let binary = match binary {
        Some(given) => given,
        None if pooled => checkout::debug_binary()?,
        None => PathBuf::new(),
    };
    let mut unexplained = 0;
    for suite in suites {
        let sources = fetch::fetch(suite)?;
        let file = |side: &str| dir::home().join("suites").join(format!("{}-{side}.log", suite.name));
        if direct {
            eprintln!("{}: directly", suite.name);
            Stage::direct(suite).run(suite, &sources, &file("direct"))?;
        }
        if pooled {
            eprintln!("{}: through pgweir ({through}), a pool of {}", suite.name, suite.pool);
            Stage::pooled(suite, &binary, split)?.run(suite, &sources, &file(through))?;
        }
        let read = |side| checkout::read(&file(side)).map(|text| suite.printed.outcomes(&text));
        if report {
            let report = Report::new(suite, read("direct")?, read(through)?)?;
            print!("{report}");
            checkout::write(&file("report"), &report.to_string())?;
            unexplained += report.unexplained();
        }
    }
    match unexplained {
        0 => Ok(()),
        _ => Err(Error::Tests(1)),
    }
}

/// What the user asked for.
struct Options {
    /// Run the side without pgweir.
    direct: bool,
    /// Run the side with it.
    pooled: bool,
    /// With a replica.
    split: bool,
    /// Compare the two.
    report: bool,
    /// A pgweir to run instead of a fresh debug build.
    binary: Option<PathBuf>,
    /// The suites, or none for all.
    names: Vec<String>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, Error> {
        let mut options =
            Self { direct: true, pooled: true, split: false, report: true, binary: None, names: Vec::new() };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "--direct" => (options.pooled, options.report) = (false, false),
                "--pooled" => options.direct = false,
                "--report" => (options.direct, options.pooled) = (false, false),
                "--split" => options.split = true,
                "--binary" => {
                    let path = rest.next().ok_or_else(|| Error::Usage(format!("{arg} needs a value")))?;
                    options.binary = Some(PathBuf::from(path));
                }
                name => options.names.push(name.to_owned()),
            }
        }
        Ok(options)
    }
}
