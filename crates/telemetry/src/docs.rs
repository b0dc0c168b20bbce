//! `docs/metrics.md`, written from the catalogues of metrics and log fields. It is never edited by hand:
//! a test fails when the file in the tree is not what stands here, and rewrites it when it is run with
//! `UPDATE_GENERATED=1`.

use std::fmt::{self, Write};

use crate::fields;
use crate::metrics::{CATALOGUE, Kind, Label};
use crate::prometheus::{BOUNDS_US, Seconds};

/// The whole document.
#[must_use]
pub fn metrics_md() -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut out);
    out
}

fn write_all(out: &mut String) -> fmt::Result {
    out.push_str(
        "# Metrics and log fields\n\n\
         <!-- generated from crates/telemetry; do not edit: UPDATE_GENERATED=1 cargo test -p pgweir-telemetry -->\n\n\
         `GET /metrics` on `admin.http` gives these in the text format of Prometheus. `GET /metrics/json` and the\n\
         console's `SHOW STATS` and `SHOW POOLS` are written from the same figures. Counters only grow until the\n\
         process ends; those of a pool end with the pool. Times are in seconds, sizes in bytes.\n\n\
         ## Metrics\n\n\
         | name | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for metric in CATALOGUE {
        let labels: Vec<_> = metric.labels.iter().map(|label| label.name()).collect();
        writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            metric.name,
            metric.kind.word(),
            labels.join(", "),
            metric.help
        )?;
    }
    out.push_str("\n## Labels\n\n| label | values |\n|---|---|\n");
    for label in Label::ALL {
        writeln!(out, "| `{}` | {} |", label.name(), label.values())?;
    }
    write_reasons(out)?;
    let bounds: Vec<_> = BOUNDS_US.iter().map(|us| Seconds(*us).to_string()).collect();
    writeln!(
        out,
        "\n## Histograms\n\nBounds of the buckets, in seconds: {}.\n\
         Each bucket counts right to within one percent of its bound; `_sum` and `_count` are exact.\n",
        bounds.join(", ")
    )?;
    let histograms = CATALOGUE.iter().filter(|metric| metric.kind == Kind::Histogram).count();
    writeln!(
        out,
        "The {histograms} histograms are for the whole process; a pool has the sums and counts, from which\n\
         its averages follow.\n"
    )?;
    out.push_str("## Log fields\n\n| field | meaning |\n|---|---|\n");
    for (name, help) in fields::CATALOGUE {
        writeln!(out, "| `{name}` | {help} |")?;
    }
    Ok(())
}

/// The words that `reason` and `result` take, metric by metric.
fn write_reasons(out: &mut String) -> fmt::Result {
    out.push_str("\n## Reasons and results\n\n| metric | value | what happened |\n|---|---|---|\n");
    for event in crate::events::Event::ALL {
        let (metric, values) = event.metric();
        for value in values {
            writeln!(out, "| `{}` | `{value}` | {} |", metric.name, event.help())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_document_in_the_tree_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        let want = metrics_md();
        if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &want).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == want,
            "docs/metrics.md is stale: run UPDATE_GENERATED=1 cargo test -p pgweir-telemetry"
        );
    }

    #[test]
    fn every_metric_label_and_field_is_named() {
        let text = metrics_md();
        for metric in CATALOGUE {
            assert!(text.contains(&format!("| `{}` |", metric.name)), "{}", metric.name);
        }
        for (name, _) in fields::CATALOGUE {
            assert!(text.contains(&format!("| `{name}` |")), "{name}");
        }
        assert!(text.contains("| `pgweir_client_logins_failed_total` | `timeout` |"));
    }
}
