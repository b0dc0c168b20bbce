//! What is found, line by line.

use std::fmt;
use std::io::Write;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// It is as it should be.
    Ok,
    /// It works, but less well than it could.
    Warn,
    /// Something that is configured does not work.
    Fail,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) what: String,
    /// The statement, command or key that helps; empty if nothing has to be done.
    pub(super) fix: String,
}

impl Finding {
    pub(super) fn ok(what: impl Into<String>) -> Self {
        Self { level: Level::Ok, what: what.into(), fix: String::new() }
    }

    pub(super) fn warn(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Warn, what: what.into(), fix: fix.into() }
    }

    pub(super) fn fail(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Fail, what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, "  — fix: {}", self.fix) }
    }
}

/// Where findings are written to, each at once.
pub(super) struct Sheet<W> {
    out: W,
    failed: bool,
}

impl<W: Write> Sheet<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, failed: false }
    }

    /// Of a place, which is a database, or a database and one of its servers.
    pub(super) fn note(&mut self, place: &str, finding: &Finding) {
        let level = match finding.level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        self.failed |= finding.level == Level::Fail;
        // words of a server may be anything
        let line: String = format!("{level}  {place}  {finding}")
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        // whoever reads may have gone; what was found counts all the same
        let _told = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }

    /// Whether something does not work.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }
}

/// A name as it stands in SQL.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_and_one_failure_is_enough() {
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out);
        sheet.note("app", &Finding::ok("well"));
        sheet.note("app/db", &Finding::warn("so\nso", "GRANT x TO \"y\";"));
        assert!(!sheet.has_failed());
        sheet.note("app/db", &Finding::fail("bad", ""));
        sheet.note("app", &Finding::ok("well"));
        assert!(sheet.has_failed());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "ok    app  well\nwarn  app/db  so so  — fix: GRANT x TO \"y\";\nfail  app/db  bad\nok    app  well\n"
        );
    }
}
