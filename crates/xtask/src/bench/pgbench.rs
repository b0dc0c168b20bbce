//! Running pgbench against a contestant and reading what it says.

use std::fmt;
use std::fs;
use std::process::Command;

use super::contestant::Contestant;
use super::row::Row;
use super::stage::Stage;
use crate::checkout;
use crate::error::Error;
use crate::program;

/// The part of the transactions whose times pgbench writes down; all of them would slow it.
const SAMPLED: &str = "0.1";

/// What one run gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Transactions per second.
    pub(super) tps: f64,
    /// Time of a transaction, in milliseconds: the median.
    pub(super) p50: f64,
    /// The same: one in a hundred took longer.
    pub(super) p99: f64,
    /// CPU time of the proxy per transaction, in microseconds.
    pub(super) cpu: Option<f64>,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.0} tps  p50 {:>7.3} ms  p99 {:>7.3} ms", self.tps, self.p50, self.p99)?;
        self.cpu.map_or(Ok(()), |cpu| write!(f, "  {cpu:>6.2} µs/tx"))
    }
}

/// Opens the connections and fills the caches, without looking.
pub(super) fn warm_up(stage: &Stage, contestant: &Contestant, row: &Row) -> Result<(), Error> {
    let mut pgbench = command(stage, contestant, row);
    pgbench.args(["-t", if row.connect { "10" } else { "100" }, "bench"]);
    program::output(&mut pgbench).map(drop)
}

/// One run of so many seconds.
pub(super) fn measure(
    stage: &Stage,
    contestant: &Contestant,
    row: &Row,
    seconds: u32,
) -> Result<Sample, Error> {
    let mut pgbench = command(stage, contestant, row);
    pgbench.args(["-T", &seconds.to_string(), "--log", "--log-prefix"]).arg(stage.dir().join("log"));
    if !row.connect {
        pgbench.args(["--sampling-rate", SAMPLED]);
    }
    let before = contestant.cpu_us(row);
    let said = program::output(pgbench.arg("bench"))?;
    let after = contestant.cpu_us(row);
    let done = figure(&said, "number of transactions actually processed: ", "transactions")?;
    let mut times = take_log(stage)?;
    if done == 0.0 {
        // its seconds begin before it connects
        let why = format!("no transaction of {row} within {seconds} s");
        return Err(Error::Program { program: "pgbench".to_owned(), why });
    }
    times.sort_unstable();
    Ok(Sample {
        tps: figure(&said, "tps = ", "tps")?,
        p50: percentile(&times, 50),
        p99: percentile(&times, 99),
        cpu: before.zip(after).map(|(before, after)| float(after.saturating_sub(before)) / done),
    })
}

fn command(stage: &Stage, contestant: &Contestant, row: &Row) -> Command {
    let mut pgbench = Command::new(stage.postgres().install().program("pgbench"));
    pgbench.args(["-n", "-M", row.mode.name(), "-j", "1", "-c", &row.clients.to_string()]);
    if row.state {
        pgbench.arg("-D").arg("own=0").arg("-f").arg(checkout::root().join("benches/load/state.sql"));
    } else {
        pgbench.arg("-S");
    }
    pgbench.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &contestant.port(row).to_string()]);
    if row.connect {
        pgbench.arg("-C");
    }
    pgbench.env("PGSSLMODE", if row.tls { "require" } else { "disable" }).env("PGGSSENCMODE", "disable");
    pgbench.current_dir(stage.dir());
    pgbench
}

/// The number after `label` in pgbench's report.
fn figure(said: &str, label: &str, what: &'static str) -> Result<f64, Error> {
    said.lines()
        .find_map(|line| line.strip_prefix(label)?.split(['/', ' ']).next()?.parse().ok())
        .ok_or(Error::Output { program: "pgbench", missing: what })
}

/// Takes the times, in microseconds, from pgbench's log files, and removes them.
fn take_log(stage: &Stage) -> Result<Vec<u64>, Error> {
    let mut times = Vec::new();
    let files = fs::read_dir(stage.dir()).map_err(|error| Error::File(stage.dir().to_owned(), error))?;
    for file in files.flatten() {
        let path = file.path();
        let text = checkout::read(&path)?;
        // client, number, time, script, seconds, microseconds
        times.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
        fs::remove_file(&path).map_err(|error| Error::File(path, error))?;
    }
    Ok(times)
}

/// A percentile of sorted times, in milliseconds.
fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).map_or(0.0, |&time| float(time) / 1000.0)
}

/// Exact up to 2⁵³, far beyond what is counted here.
#[expect(clippy::cast_precision_loss, reason = "counts and microseconds of a run of seconds")]
fn float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_the_report() {
        let said = "scaling factor: 10\nnumber of transactions actually processed: 81234\n\
                    latency average = 0.4 ms\ntps = 40617.25 (without initial connection time)\n";
        assert_eq!(figure(said, "tps = ", "tps").unwrap(), 40617.25);
        let done = figure(said, "number of transactions actually processed: ", "transactions").unwrap();
        assert_eq!(done, 81234.0);
        assert!(figure("", "tps = ", "tps").is_err());
    }

    #[test]
    fn percentiles_are_taken_from_sorted_times() {
        let times: Vec<u64> = (1..=1000).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 99)), (0.5, 0.99));
        assert_eq!(percentile(&[], 99), 0.0);
    }
}
