//! The text format of Prometheus (0.0.4), written from a snapshot: pure, and in the catalogue's order.
//! A metric without samples is left out. Label values may hold anything; they are escaped.

use std::fmt::{self, Write};

use crate::families::{Family, Value, families};
use crate::histogram::Distribution;
use crate::metrics::Metric;
use crate::snapshot::Snapshot;

/// The media type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the histograms' buckets, in microseconds.
pub const BOUNDS_US: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Everything in the snapshot.
#[must_use]
pub fn text(snapshot: &Snapshot) -> String {
    let pools = snapshot.merged_pools();
    let mut out = String::with_capacity(16 * 1024);
    for family in families(snapshot, &pools) {
        // Writing to a String cannot fail.
        let _ = write_family(&mut out, &family);
    }
    out
}

fn write_family(out: &mut String, family: &Family<'_>) -> fmt::Result {
    let metric = family.metric;
    if family.samples.is_empty() {
        return Ok(());
    }
    writeln!(out, "# HELP {} {}", metric.name, metric.help)?;
    writeln!(out, "# TYPE {} {}", metric.name, metric.kind.word())?;
    for sample in &family.samples {
        match sample.value {
            Value::Number(n) => {
                write_name(out, metric, "", &sample.labels, None)?;
                writeln!(out, " {n}")?;
            }
            Value::Micros(us) => {
                write_name(out, metric, "", &sample.labels, None)?;
                writeln!(out, " {}", Seconds(us))?;
            }
            Value::Times(times) => write_histogram(out, metric, &sample.labels, times)?,
        }
    }
    Ok(())
}

fn write_histogram(out: &mut String, metric: &Metric, labels: &[&str], times: &Distribution) -> fmt::Result {
    for bound in BOUNDS_US {
        write_name(out, metric, "_bucket", labels, Some(&Seconds(*bound)))?;
        writeln!(out, " {}", times.at_or_below(*bound))?;
    }
    write_name(out, metric, "_bucket", labels, Some(&"+Inf"))?;
    writeln!(out, " {}", times.count())?;
    write_name(out, metric, "_sum", labels, None)?;
    writeln!(out, " {}", Seconds(times.sum_us()))?;
    write_name(out, metric, "_count", labels, None)?;
    writeln!(out, " {}", times.count())
}

/// The name with its labels; `bound` is the bucket's own label `le`.
fn write_name(
    out: &mut String,
    metric: &Metric,
    suffix: &str,
    labels: &[&str],
    bound: Option<&dyn fmt::Display>,
) -> fmt::Result {
    write!(out, "{}{suffix}", metric.name)?;
    let mut open = '{';
    for (label, value) in metric.labels.iter().zip(labels) {
        write!(out, "{open}{}=\"", label.name())?;
        write_escaped(out, value);
        out.push('"');
        open = ',';
    }
    if let Some(bound) = bound {
        write!(out, "{open}le=\"{bound}\"")?;
        open = ',';
    }
    if open == ',' {
        out.push('}');
    }
    Ok(())
}

fn write_escaped(out: &mut String, value: &str) {
    for char in value.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            char => out.push(char),
        }
    }
}

/// Microseconds, shown in seconds without losing a digit.
pub(crate) struct Seconds(pub(crate) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{rest:06}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests;
