//! What differs between the two runs of a suite, and which of it is explained.

use std::fmt;

use super::known::Suite;
use super::outcome::{Outcome, Outcomes};
use crate::checkout;
use crate::error::Error;

/// Both runs of a suite.
pub(super) struct Report {
    name: &'static str,
    direct: Outcomes,
    pooled: Outcomes,
    different: Vec<Difference>,
}

/// A test that ends differently.
struct Difference {
    test: String,
    direct: Option<Outcome>,
    pooled: Option<Outcome>,
    reason: Option<String>,
}

impl Report {
    /// Compares; the reasons come from `tests/kit/suites/differences.txt`.
    pub(super) fn new(suite: &Suite, direct: Outcomes, pooled: Outcomes) -> Result<Self, Error> {
        let reasons = checkout::read(&checkout::root().join("tests/kit/suites/differences.txt"))?;
        let mut tests: Vec<&String> = direct.keys().chain(pooled.keys()).collect();
        tests.sort();
        tests.dedup();
        let different = tests
            .into_iter()
            .map(|test| (test, direct.get(test).copied(), pooled.get(test).copied()))
            .filter(|(_, direct, pooled)| direct != pooled)
            .map(|(test, direct, pooled)| {
                let reason = reason(&reasons, suite.name, test).map(str::to_owned);
                Difference { test: test.clone(), direct, pooled, reason }
            })
            .collect();
        Ok(Self { name: suite.name, direct, pooled, different })
    }

    /// How many differences have no reason, or one where nothing ran at all.
    pub(super) fn unexplained(&self) -> usize {
        let open = self.different.iter().filter(|difference| difference.reason.is_none()).count();
        open + usize::from(self.direct.is_empty())
    }
}

/// A line is `suite: beginning of the test's name: why`.
fn reason<'a>(reasons: &'a str, suite: &str, test: &str) -> Option<&'a str> {
    reasons.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (prefix, why) = line.strip_prefix(suite)?.strip_prefix(": ")?.rsplit_once(": ")?;
        test.starts_with(prefix).then_some(why)
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (side, outcomes) in [("direct", &self.direct), ("pgweir", &self.pooled)] {
            let count = |wanted| outcomes.values().filter(|outcome| **outcome == wanted).count();
            writeln!(
                f,
                "{} {side}: {} passed, {} failed, {} skipped",
                self.name,
                count(Outcome::Passed),
                count(Outcome::Failed),
                count(Outcome::Skipped)
            )?;
        }
        let told = |outcome: &Option<Outcome>| outcome.map_or("not run".to_owned(), |it| it.to_string());
        for Difference { test, direct, pooled, reason } in &self.different {
            let reason = reason.as_deref().unwrap_or("NOT EXPLAINED");
            writeln!(f, "  {test}: {} directly, {} through pgweir: {reason}", told(direct), told(pooled))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_by_the_beginning_of_the_name() {
        let reasons = "# a: b::c: no\na: tests/x.py::one: it has a reason\n";
        assert_eq!(reason(reasons, "a", "tests/x.py::one[1]"), Some("it has a reason"));
        assert_eq!(reason(reasons, "a", "tests/x.py::two"), None);
        assert_eq!(reason(reasons, "b", "tests/x.py::one"), None);
    }
}
