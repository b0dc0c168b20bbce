//! Adding up what many test programs report, without touching what they print but for the order of the last
//! lines.

/// What has been reported so far.
#[derive(Debug, Default)]
pub(super) struct Totals {
    programs: u32,
    passed: u32,
    failed: u32,
    ignored: u32,
    /// A closing line, and blank lines after it, until it is known whether it is the last.
    held: String,
}

impl Totals {
    /// Takes a line of the runner; gives what to print now.
    pub(super) fn take(&mut self, line: String) -> String {
        if line.is_empty() && !self.held.is_empty() {
            self.held.push('\n');
            return String::new();
        }
        let mut now = std::mem::take(&mut self.held);
        if let Some(figures) = line.strip_prefix("test result: ") {
            self.count(figures);
            self.held = line + "\n";
        } else {
            now.push_str(&line);
            now.push('\n');
        }
        now
    }

    /// The last lines: what was skipped, the totals, and the runner's closing line.
    pub(super) fn summary(self, skipped: &str) -> String {
        let Self { programs, passed, failed, ignored, held } = self;
        let totals = format!(
            "{passed} passed, {failed} failed, {ignored} ignored, {} skipped",
            skipped.lines().count()
        );
        let closing = if held.is_empty() { held } else { held.trim_end().to_owned() + "\n" };
        format!("{skipped}total: {totals}, in {programs} test programs\n{closing}")
    }

    fn count(&mut self, figures: &str) {
        let number = |name: &str| -> u32 {
            let part = figures.split(['.', ';']).find_map(|part| part.trim().strip_suffix(name));
            part.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
        };
        self.programs += 1;
        self.passed += number("passed");
        self.failed += number("failed");
        self.ignored += number("ignored");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str =
        "test result: ok. 6 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s";
    const BAD: &str = "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";

    #[test]
    fn everything_is_printed_once_and_the_closing_line_last() {
        let mut totals = Totals::default();
        let mut printed = String::new();
        for line in ["running 7 tests", OK, "", "running 5 tests", BAD, ""] {
            printed.push_str(&totals.take(line.to_owned()));
        }
        printed.push_str(&totals.summary("SKIPPED: a: b\n"));
        assert_eq!(
            printed,
            format!(
                "running 7 tests\n{OK}\n\nrunning 5 tests\nSKIPPED: a: b\n\
                 total: 8 passed, 3 failed, 1 ignored, 1 skipped, in 2 test programs\n{BAD}\n"
            )
        );
    }
}
