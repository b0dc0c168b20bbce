//! `cargo xtask bench`: pgweir beside PgBouncer and a direct connection, in one run.
//!
//! Within a row every contestant is visited in turn, round after round, so that a machine that slows down
//! slows all of them; what is reported is the median over the rounds and the ratio of the medians.

mod contestant;
mod document;
mod options;
mod pgbench;
mod row;
mod stage;
mod table;

use std::path::Path;

use crate::checkout;
use crate::error::Error;
use crate::setup::{self, Purpose};
use contestant::Contestant;
use options::Options;
use pgbench::Sample;
use row::Row;
use stage::Stage;
use table::Figures;

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let options = Options::parse(args)?;
    setup::ensure(Purpose::Bench)?;
    let binary = match &options.binary {
        _ if !options.takes("pgweir") => None,
        Some(given) => Some(given.clone()),
        None => Some(checkout::release_binary()?),
    };
    warn_if_busy();
    let stage = Stage::set(&options, binary.as_deref())?;
    let mut figures = Vec::new();
    for row in &options.rows {
        eprintln!("{row}");
        figures.push(measure(&stage, row, &options)?);
    }
    let table = table::markdown(&figures);
    let heading = document::circumstances(&stage, &options);
    let (before, pooling) =
        (table::beside(&figures, "before", "before"), table::beside(&figures, "pooling", "one server"));
    println!("\n{heading}\n\n{table}{before}{pooling}");
    keep_rounds(&figures)?;
    if options.writes() { document::update(&heading, &format!("{table}{pooling}")) } else { Ok(()) }
}

/// One row: a warm-up for everybody, then the rounds.
fn measure(stage: &Stage, row: &Row, options: &Options) -> Result<Figures, Error> {
    let contestants = stage.contestants(row);
    for contestant in contestants {
        pgbench::warm_up(stage, contestant, row)?;
    }
    let mut samples: Vec<Vec<Sample>> = contestants.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (contestant, taken) in contestants.iter().zip(&mut samples) {
            let sample = pgbench::measure(stage, contestant, row, options.seconds)?;
            eprintln!("  {:<10} {sample}", contestant.name());
            taken.push(sample);
        }
    }
    let names = contestants.iter().map(Contestant::name);
    Ok(Figures { row: *row, taken: names.zip(samples).collect() })
}

/// The single rounds, for whoever wants to see how much they scatter.
fn keep_rounds(figures: &[Figures]) -> Result<(), Error> {
    let path = checkout::root().join("bench-out/rounds.csv");
    checkout::write(&path, &table::csv(figures))?;
    eprintln!("single rounds: {}", path.display());
    Ok(())
}

fn warn_if_busy() {
    let load = checkout::read(Path::new("/proc/loadavg")).unwrap_or_default();
    let load: f64 = load.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    if load > 0.5 {
        eprintln!("warning: this machine is busy (load {load}): trust the ratios at most");
    }
}
