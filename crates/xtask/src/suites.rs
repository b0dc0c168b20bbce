//! `cargo xtask suites`: the test suites that others wrote for their drivers, directly and through pgweir.
//!
//! Each suite runs twice, against a PostgreSQL of its own: with pgweir in transaction mode before it, and without.
//! A test that ends differently is named in the report; the command fails unless `tests/kit/suites/differences.txt`
//! gives the reason. This takes long and needs the network, so `cargo xtask test` does not do it.
//!
//! * [`known`]: the suites; [`fetch`]: their sources and runtimes; [`stage`]: what they run against
//! * [`outcome`]: how each test ended, from what the runners print; [`report`]: what differs

mod fetch;
mod known;
mod outcome;
mod report;
mod stage;

use testkit::dir;

use crate::checkout;
use crate::error::Error;
use crate::setup::{self, Purpose};
use report::Report;
use stage::Stage;

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let (sides, names) = match args.split_first() {
        Some((first, rest)) if first == "--direct" => ([true, false], rest),
        Some((first, rest)) if first == "--pooled" => ([false, true], rest),
        Some(_) | None => ([true, true], args),
    };
    let suites = known::named(names)?;
    setup::ensure(Purpose::Test)?;
    let binary = checkout::debug_binary()?;
    let mut unexplained = 0;
    for suite in suites {
        let [direct, pooled] = sides;
        let sources = fetch::fetch(suite)?;
        let file = |side: &str| dir::home().join("suites").join(format!("{}-{side}.log", suite.name));
        if direct {
            eprintln!("{}: directly", suite.name);
            Stage::direct(suite).run(suite, &sources, &file("direct"))?;
        }
        if pooled {
            eprintln!("{}: through pgweir, a pool of {}", suite.name, suite.pool);
            Stage::pooled(suite, &binary)?.run(suite, &sources, &file("pooled"))?;
        }
        let read = |side| checkout::read(&file(side)).map(|text| suite.printed.outcomes(&text));
        if pooled {
            let report = Report::new(suite, read("direct")?, read("pooled")?)?;
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
