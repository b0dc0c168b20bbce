//! What was counted at the ends of the last periods, for every database and for all together: what figures
//! per second come from.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use telemetry::averages::PERIOD;
use telemetry::{Averages, Recent, Totals, Window};

/// The ledger of the process.
#[derive(Debug)]
pub(crate) struct Ledger {
    start: Instant,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    rolled: Duration,
    all: Window,
    databases: BTreeMap<String, Window>,
}

impl Ledger {
    /// Starts to count now.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), pages: Mutex::default() }
    }

    /// Whether a period has ended.
    pub(crate) fn is_due(&self) -> bool {
        self.start.elapsed().saturating_sub(self.pages().rolled) >= PERIOD
    }

    /// Ends a period. Databases that are not counted any more are forgotten: clients may make names up.
    pub(crate) fn roll(&self, totals: &BTreeMap<&str, Totals>) {
        let at = self.start.elapsed();
        let mut pages = self.pages();
        let last = pages.rolled;
        pages.databases.retain(|database, _| totals.contains_key(database.as_str()));
        for (database, totals) in totals {
            // one that is new was at zero when the period began
            let window = pages.databases.entry((*database).to_owned()).or_insert_with(|| Window::new(last));
            window.roll(*totals, at);
        }
        pages.all.roll(totals.values().copied().sum(), at);
        pages.rolled = at;
    }

    /// The averages of a database over the last period.
    pub(crate) fn averages(&self, database: &str) -> Averages {
        self.pages().databases.get(database).map(Window::averages).unwrap_or_default()
    }

    /// The averages of everything over the last period.
    pub(crate) fn all(&self) -> Averages {
        self.pages().all.averages()
    }

    /// What was counted lately.
    pub(crate) fn recent(&self, totals: Totals) -> Recent {
        self.pages().all.recent(totals, self.start.elapsed())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_comes_later_is_counted_from_zero() {
        let ledger = Ledger::new();
        let one = Totals { query_time_us: 100, query_count: 10, ..Totals::default() };
        ledger.roll(&BTreeMap::from([("a", one)]));
        assert_eq!(ledger.averages("a").query_time_us, 10);
        let more = Totals { query_time_us: 300, query_count: 20, ..one };
        ledger.roll(&BTreeMap::from([("a", more), ("b", one)]));
        assert_eq!(ledger.averages("a").query_time_us, 20);
        assert_eq!(ledger.averages("b").query_time_us, 10);
        assert_eq!(ledger.all().query_time_us, 15);
        assert_eq!(ledger.averages("c"), Averages::default());
    }

    #[test]
    fn names_that_are_not_counted_any_more_are_forgotten() {
        let ledger = Ledger::new();
        let names: Vec<String> = (0..20_000).map(|number| format!("made-up-{number}")).collect();
        for some in names.chunks(100) {
            let counted = some.iter().map(String::as_str).chain(["real"]);
            ledger.roll(&counted.map(|name| (name, Totals::default())).collect());
            assert_eq!(ledger.pages().databases.len(), 101);
        }
        assert!(ledger.pages().databases.contains_key("real"));
    }
}
