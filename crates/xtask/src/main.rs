//! `cargo xtask`: the chores of a checkout, each with its set-up included.
//!
//! * [`demo`]: everything running, to look at
//! * [`test`]: the whole test suite, with the runtimes of other people's drivers ([`drivers`])
//! * [`bench`]: pgweir beside PgBouncer and a direct connection
//! * [`generate`]: documents that are written by the code
//!
//! Shared: [`setup`] (system packages), [`program`] (running others), [`checkout`] (where things are).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod bench;
mod checkout;
mod error;
mod program;
mod setup;

use std::process::ExitCode;

use error::Error;

const USAGE: &str = "\
cargo xtask bench [--quick] [--rows a,b] [--contestants a,b] [--rounds N] [--seconds N] [--workers N] [--write]
        pgweir beside PgBouncer and a direct connection, in one run; writes the table of docs/performance.md
        --quick: 16 clients, short runs, no writing: what did this change do to the cost of a transaction";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match command.as_str() {
        "bench" => bench::run(&rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Error::Usage(format!("unknown command {other:?}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
