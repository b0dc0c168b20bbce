//! How each test ended, read from what its runner prints.

use std::collections::BTreeMap;
use std::fmt;

/// How a test ended; of several that are told for one test the worst holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// It was not run, or was expected to fail and did.
    Skipped,
    /// It passed.
    Passed,
    /// It failed.
    Failed,
}

/// Test by test.
pub(super) type Outcomes = BTreeMap<String, Outcome>;

/// The form of what a runner prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Printed {
    /// `file.py::test[parameters] PASSED`
    Pytest,
    /// `test (module.Class.test) ... ok`, with a line between if the test has a description.
    Unittest,
    /// `test module::name ... ok`
    Cargo,
}

impl Printed {
    /// What the text tells.
    pub(super) fn outcomes(self, text: &str) -> Outcomes {
        let mut outcomes = Outcomes::new();
        let mut named = None;
        for line in text.lines() {
            let told = match self {
                Self::Pytest => pytest(line),
                Self::Unittest => unittest(line, &mut named),
                Self::Cargo => cargo(line),
            };
            if let Some((test, outcome)) = told {
                let known = outcomes.entry(test).or_insert(outcome);
                *known = outcome.max(*known);
            }
        }
        outcomes
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skipped => "skipped",
            Self::Passed => "passed",
            Self::Failed => "failed",
        })
    }
}

fn pytest(line: &str) -> Option<(String, Outcome)> {
    let words = [
        (" PASSED", Outcome::Passed),
        (" FAILED", Outcome::Failed),
        (" ERROR", Outcome::Failed),
        (" XPASS", Outcome::Passed),
        (" XFAIL", Outcome::Skipped),
        (" SKIPPED", Outcome::Skipped),
    ];
    let file = line.split_once("::").map(|(file, _)| file)?;
    if !file.ends_with(".py") || file.contains(' ') {
        return None;
    }
    let find = |(word, outcome): &(&str, Outcome)| line.rfind(word).map(|at| (at, *outcome));
    let (at, outcome) = words.iter().filter_map(find).max_by_key(|(at, _)| *at)?;
    Some((line.get(..at)?.to_owned(), outcome))
}

fn unittest(line: &str, named: &mut Option<String>) -> Option<(String, Outcome)> {
    let (before, after) = line.split_once(" ... ").unwrap_or((line, ""));
    let name = before.trim_start().split_once(" (").and_then(|(test, rest)| {
        let word = test.starts_with("test") || test.starts_with("setUp") || test.starts_with("tearDown");
        let path = rest.split(')').next()?;
        (word && !test.contains(' ') && path.contains('.')).then(|| path.to_owned())
    });
    if name.is_some() {
        *named = name;
    }
    let outcome = match after.trim_end() {
        "" => return None,
        text if text.starts_with("skipped") || text.starts_with("expected failure") => Outcome::Skipped,
        text if text.ends_with("FAIL") || text.ends_with("ERROR") => Outcome::Failed,
        text if text.ends_with("ok") => Outcome::Passed,
        _ => return None,
    };
    Some((named.take()?, outcome))
}

fn cargo(line: &str) -> Option<(String, Outcome)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let outcome = match rest.split_whitespace().last()? {
        "ok" => Outcome::Passed,
        "FAILED" => Outcome::Failed,
        _ => Outcome::Skipped,
    };
    Some((name.to_owned(), outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(printed: Printed, text: &str) -> Vec<(String, Outcome)> {
        printed.outcomes(text).into_iter().collect()
    }

    #[test]
    fn pytest_tells_outcomes() {
        let text = "collected 3\ntests/a.py::one[x PASSED y] FAILED\ntests/a.py::two SKIPPED (why)\n\
                    tests/a.py::three PASSED\ntests/a.py::three ERROR\nFAILED tests/a.py::one - why\n";
        let wanted = [
            ("tests/a.py::one[x PASSED y]", Outcome::Failed),
            ("tests/a.py::three", Outcome::Failed),
            ("tests/a.py::two", Outcome::Skipped),
        ];
        assert_eq!(told(Printed::Pytest, text), wanted.map(|(test, outcome)| (test.to_owned(), outcome)));
    }

    #[test]
    fn unittest_tells_outcomes_on_one_line_or_two() {
        let text = "test_a (m.C.test_a) ... ok\ntest_b (m.C.test_b)\nWhat it does. ... ERROR\n\
                    test_c (m.C.test_c) ... skipped 'why'\n  test_d (m.C.test_d) (x=1) ... FAIL\nRan 3 tests\n";
        let wanted = [
            ("m.C.test_a", Outcome::Passed),
            ("m.C.test_b", Outcome::Failed),
            ("m.C.test_c", Outcome::Skipped),
            ("m.C.test_d", Outcome::Failed),
        ];
        assert_eq!(told(Printed::Unittest, text), wanted.map(|(test, outcome)| (test.to_owned(), outcome)));
    }

    #[test]
    fn cargo_tells_outcomes() {
        let text = "running 2 tests\ntest a::b ... ok\ntest c ... FAILED\ntest result: FAILED. 1 passed\n";
        let wanted = [("a::b", Outcome::Passed), ("c", Outcome::Failed)];
        assert_eq!(told(Printed::Cargo, text), wanted.map(|(test, outcome)| (test.to_owned(), outcome)));
    }
}
