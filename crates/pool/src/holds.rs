//! Which databases lend no servers for now: each by its name, or all together, until an operator resumes them.
//!
//! The two are apart, as in PgBouncer: resuming all does not resume one that was paused by its name.

use std::collections::BTreeSet;

/// What is paused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Everything.
    pub all: bool,
    /// These databases.
    pub databases: BTreeSet<String>,
}

impl Holds {
    /// Whether this database lends nothing.
    #[must_use]
    pub fn holds(&self, database: &str) -> bool {
        self.all || self.databases.contains(database)
    }

    /// Pauses one database, or all.
    pub fn set(&mut self, database: Option<&str>) {
        match database {
            Some(name) => drop(self.databases.insert(name.to_owned())),
            None => self.all = true,
        }
    }

    /// Undoes [`Holds::set`]; false if that had not been done.
    pub fn release(&mut self, database: Option<&str>) -> bool {
        match database {
            Some(name) => self.databases.remove(name),
            None => std::mem::take(&mut self.all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_and_one_are_paused_apart() {
        let mut holds = Holds::default();
        assert!(!holds.release(None) && !holds.release(Some("a")));
        holds.set(Some("a"));
        holds.set(None);
        assert!(holds.holds("a") && holds.holds("b"));
        assert!(holds.release(None));
        assert!(holds.holds("a") && !holds.holds("b"));
        assert!(!holds.release(Some("b")) && holds.release(Some("a")));
        assert_eq!(holds, Holds::default());
    }
}
