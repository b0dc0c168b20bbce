//! Decisions: one per file, numbered without a gap, short, and with the same four headings.

use crate::tree::{Document, Violation};

const FOLDER: &str = "docs/adr/";
const LINES: usize = 60;
const HEADINGS: [&str; 4] = ["## Status", "## Context", "## Decision", "## Consequences"];

/// Every decision, and their numbers.
pub(crate) fn check(documents: &[Document]) -> Vec<Violation> {
    let mut found = Vec::new();
    let decisions: Vec<&Document> =
        documents.iter().filter(|document| document.path.starts_with(FOLDER)).collect();
    for (at, decision) in decisions.iter().enumerate() {
        found.extend(one(decision, at + 1).into_iter().map(|what| Violation::new(&decision.path, 0, what)));
    }
    found
}

fn one(decision: &Document, number: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = decision.path.trim_start_matches(FOLDER);
    if !name.starts_with(&format!("{number:04}-")) {
        wrong.push(format!("the decisions before it want its name to begin with {number:04}-"));
    }
    if !decision.text.starts_with(&format!("# {number:04}. ")) {
        wrong.push(format!("begins with `# {number:04}. ` and its title"));
    }
    let lines = decision.text.lines().count();
    if lines > LINES {
        wrong.push(format!("{lines} lines, at most {LINES}"));
    }
    let headings: Vec<&str> = decision.text.lines().filter(|line| line.starts_with("## ")).collect();
    if headings != HEADINGS {
        wrong.push(format!("has the headings {}", HEADINGS.join(", ")));
    }
    let status = decision.text.split("## Status").nth(1).unwrap_or_default().trim_start();
    if !status.starts_with("Accepted") && !status.starts_with("Superseded by [") {
        wrong.push("its status is Accepted, or Superseded by a link".to_owned());
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(number: u32, text: &str) -> Document {
        Document { path: format!("{FOLDER}{number:04}-a.md"), text: text.to_owned() }
    }

    fn whole(number: u32) -> String {
        format!(
            "# {number:04}. A\n\n## Status\n\nAccepted.\n\n## Context\n\n## Decision\n\n## Consequences\n"
        )
    }

    #[test]
    fn whole_decisions_pass() {
        let two =
            [decision(1, &whole(1)), decision(2, &whole(2).replace("Accepted", "Superseded by [3](x)"))];
        assert_eq!(check(&two), []);
    }

    #[test]
    fn a_gap_a_missing_heading_an_odd_status_and_a_long_text_are_found() {
        assert_eq!(check(&[decision(1, &whole(1)), decision(3, &whole(3))]).len(), 2);
        assert_eq!(check(&[decision(1, &whole(1).replace("## Context", "Context"))]).len(), 1);
        assert_eq!(check(&[decision(1, &whole(1).replace("Accepted", "Proposed"))]).len(), 1);
        assert_eq!(check(&[decision(1, &format!("{}{}", whole(1), "a\n".repeat(60)))]).len(), 1);
    }
}
