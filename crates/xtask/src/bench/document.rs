//! The table's place in docs/performance.md, between two markers; the rest of the document is written by hand.

use std::path::Path;
use std::process::Command;

use super::contestant::{POOL_SIZE, pgbouncer_version};
use super::options::Options;
use super::stage::Stage;
use crate::checkout;
use crate::error::Error;
use crate::program;

const BEGIN: &str = "<!-- bench: written by `cargo xtask bench` -->";
const END: &str = "<!-- bench: end -->";

/// What was run on what, in a paragraph.
pub(super) fn circumstances(stage: &Stage, options: &Options) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if options.workers == 0 { cores.to_string() } else { options.workers.to_string() };
    let kernel = checkout::read(Path::new("/proc/sys/kernel/osrelease")).unwrap_or_default();
    let commit =
        program::output(Command::new("git").args(["log", "-1", "--format=%h"]).current_dir(checkout::root()));
    format!(
        "Medians of {} rounds of {} s; {cores} cores, Linux {}, PostgreSQL {}, PgBouncer {}, pgweir {} with {workers} \
         workers; pool size {POOL_SIZE}. tps: transactions per second; p50, p99: milliseconds; µs: CPU time of \
         the proxy per transaction.",
        options.rounds,
        options.seconds,
        kernel.trim(),
        stage.postgres().install().version(),
        pgbouncer_version(),
        commit.unwrap_or_default().trim(),
    )
}

/// Puts the paragraph and the table between the markers.
pub(super) fn update(heading: &str, table: &str) -> Result<(), Error> {
    let path = checkout::root().join("docs/performance.md");
    let text = checkout::read(&path)?;
    let new = replaced(&text, &format!("{heading}\n\n{table}"))
        .ok_or(Error::Output { program: "docs/performance.md", missing: "markers" })?;
    checkout::write(&path, &new)?;
    eprintln!("written: {}", path.display());
    Ok(())
}

fn replaced(text: &str, inside: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{inside}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(replaced(&text, "new"), Some(format!("a\n{BEGIN}\nnew\n{END}\nb\n")));
        assert_eq!(replaced("no markers", "new"), None);
    }

    #[test]
    fn the_document_has_the_markers() {
        let text = checkout::read(&checkout::root().join("docs/performance.md")).unwrap();
        assert!(replaced(&text, "").is_some());
    }
}
