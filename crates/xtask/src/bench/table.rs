//! Medians, ratios, and the table made of them.

use std::fmt::Write as _;

use super::pgbench::Sample;
use super::row::{Mode, Row};

/// A row and what every contestant gave in every round.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) row: Row,
    pub(super) taken: Vec<(&'static str, Vec<Sample>)>,
}

impl Figures {
    fn median(&self, contestant: &str) -> Option<Sample> {
        let (_, samples) = self.taken.iter().find(|(name, _)| *name == contestant)?;
        let of = |field: fn(&Sample) -> f64| median(samples.iter().map(field).collect());
        Some(Sample {
            tps: of(|sample| sample.tps)?,
            p50: of(|sample| sample.p50)?,
            p99: of(|sample| sample.p99)?,
            cpu: median(samples.iter().filter_map(|sample| sample.cpu).collect()),
        })
    }
}

/// The table; a dash where nobody ran.
pub(super) fn markdown(figures: &[Figures]) -> String {
    let mut text = String::from(
        "| row | direct: tps / p50 / p99 | PgBouncer: tps / p50 / p99 / µs | pgweir: tps / p50 / p99 / µs \
         | pgweir ÷ PgBouncer: tps, p99, µs |\n|---|---|---|---|---|\n",
    );
    for one in figures {
        let [direct, pgbouncer, pgweir] =
            ["direct", "pgbouncer", "pgweir"].map(|contestant| one.median(contestant));
        let mark = if one.row.mode == Mode::Prepared { " ¹" } else { "" };
        let note = match one.row {
            Row { connect: true, .. } => " ²",
            Row { state: true, .. } => " ³",
            Row { split: true, .. } => " ⁴",
            _ => "",
        };
        let _ = writeln!(
            text,
            "| {}{note} | {} | {}{mark} | {} | {} |",
            one.row,
            cell(direct),
            cell(pgbouncer),
            cell(pgweir),
            ratios(pgweir, pgbouncer)
        );
    }
    text
}

/// pgweir beside another pgweir of the same rounds, if both were there: the one of this name, under this heading.
pub(super) fn beside(figures: &[Figures], other: &str, heading: &str) -> String {
    let mut text = String::new();
    for one in figures {
        if let (before @ Some(_), now @ Some(_)) = (one.median(other), one.median("pgweir")) {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                one.row,
                cell(before),
                cell(now),
                ratios(now, before)
            );
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\n| row | {heading} | pgweir | pgweir ÷ {heading}: tps, p99, µs |\n|---|---|---|---|\n{text}")
}

/// Every single round, separated by commas.
pub(super) fn csv(figures: &[Figures]) -> String {
    let mut text = String::from("row,contestant,round,tps,p50_ms,p99_ms,cpu_us_per_tx\n");
    for one in figures {
        for (name, samples) in &one.taken {
            for (round, sample) in samples.iter().enumerate() {
                let cpu = sample.cpu.map_or_else(String::new, |cpu| format!("{cpu:.3}"));
                let Sample { tps, p50, p99, .. } = sample;
                let _ = writeln!(text, "{},{name},{},{tps:.1},{p50:.3},{p99:.3},{cpu}", one.row, round + 1);
            }
        }
    }
    text
}

fn cell(sample: Option<Sample>) -> String {
    let Some(sample) = sample else { return "–".to_owned() };
    let mut text = format!("{:.0} / {:.2} / {:.2}", sample.tps, sample.p50, sample.p99);
    if let Some(cpu) = sample.cpu {
        let _ = write!(text, " / {cpu:.1}");
    }
    text
}

fn ratios(ours: Option<Sample>, theirs: Option<Sample>) -> String {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return "–".to_owned() };
    let mut text = format!("{:.2}, {:.2}", ours.tps / theirs.tps, ours.p99 / theirs.p99);
    if let (Some(ours), Some(theirs)) = (ours.cpu, theirs.cpu) {
        let _ = write!(text, ", **{:.2}**", ours / theirs);
    }
    text
}

/// The middle value; the mean of the two middle ones where their number is even.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = values.get(half)?;
    match values.len() % 2 {
        0 => values.get(half - 1).map(|lower| f64::midpoint(*lower, *upper)),
        _ => Some(*upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn a_row_shows_medians_and_their_ratios() {
        let row =
            Row { mode: Mode::Simple, clients: 16, connect: false, tls: false, state: false, split: false };
        let of = |tps: f64, cpu: f64| Sample { tps, p50: 0.4, p99: 0.8, cpu: Some(cpu) };
        let taken = vec![
            ("pgbouncer", vec![of(100.0, 10.0), of(300.0, 12.0), of(200.0, 11.0)]),
            ("pgweir", vec![of(220.0, 5.5)]),
        ];
        let text = markdown(&[Figures { row, taken }]);
        let last = text.lines().last().unwrap();
        assert_eq!(
            last,
            "| simple-16 | – | 200 / 0.40 / 0.80 / 11.0 | 220 / 0.40 / 0.80 / 5.5 | 1.10, 1.00, **0.50** |"
        );
    }
}
