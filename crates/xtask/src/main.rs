//! `cargo xtask`: the chores of a checkout, each with its set-up included.
//!
//! * [`demo`]: everything running, to look at
//! * [`test`]: the whole test suite, with the runtimes of other people's drivers ([`drivers`])
//! * [`bench`]: pgweir beside PgBouncer and a direct connection
//! * [`recovery`]: how long clients feel it when a server fails
//! * [`suites`]: the test suites of other people's drivers, directly and through pgweir
//! * [`corpus`]: other people's SQL, classified and run
//! * [`generate`]: documents that are written by the code
//!
//! Shared: [`setup`] (system packages), [`program`] (running others), [`checkout`] (where things are), [`stop`]
//! (Ctrl-C).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod bench;
mod checkout;
mod corpus;
mod demo;
mod drivers;
mod error;
mod generate;
mod program;
mod recovery;
mod setup;
mod stop;
mod suites;
mod test;

use std::process::ExitCode;

use error::Error;

const USAGE: &str = "\
cargo xtask demo [--binary PATH]
        a throw-away PostgreSQL primary with two replicas, Redis, pgweir in front; Ctrl-C removes everything
cargo xtask test [FILTER]
        the whole test suite, or the tests whose name contains FILTER
cargo xtask suites [--direct | --pooled | --report] [--split] [--binary PATH] [NAME…]
        other people's test suites (all, or these), directly and through pgweir, and what differs; --pooled compares
        with the direct run of last time, --report the last runs of both. Long, and not part of `test`;
        docs/compatibility.md tells the results
        --binary PATH: this pgweir instead of a fresh debug build
cargo xtask bench [--quick] [--rows a,b] [--contestants a,b] [--rounds N] [--seconds N] [--workers N] [--write]
        pgweir beside PgBouncer and a direct connection, in one run; writes the table of docs/performance.md
        --binary PATH: this pgweir instead of a fresh build; --against PATH: another one beside it, as \"before\"
        --quick: 16 clients, short runs, no writing: what did this change do to the cost of a transaction
cargo xtask recovery [--rounds N] [--binary PATH]
        how long clients feel it when a server fails, in milliseconds; docs/performance.md has the results
cargo xtask corpus [--18] [--kept FILE] [--binary PATH] [DIR…]
        runs the statements of the .sql files of each DIR on a primary, and those that begin like reads on its replica;
        tells which of them `pgweir classify` sends where they must not run, and which reads it keeps from replicas.
        Without DIR the report alone, from what was kept in FILE
cargo xtask generate
        writes the documents that the code generates
cargo xtask setup
        only what the other commands would install first";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match command.as_str() {
        "demo" => demo::run(&rest),
        "test" => test::run(&rest),
        "suites" => suites::run(&rest),
        "bench" => bench::run(&rest),
        "recovery" => recovery::run(&rest),
        "corpus" => corpus::run(&rest),
        "generate" => generate::run(&rest),
        "setup" => setup::run(&rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Error::Usage(format!("unknown command {other:?}"))),
    };
    match done {
        Ok(()) | Err(Error::Stopped) => ExitCode::SUCCESS,
        // the test runner has said what failed
        Err(Error::Tests(code)) => ExitCode::from(code),
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
