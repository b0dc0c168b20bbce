//! Pools that a reload has removed: those still in use by somebody, and what those had counted that are gone.
//!
//! Counters that are shown must never go back, so what a pool has counted outlives it.

use std::collections::HashMap;
use std::sync::Arc;

use telemetry::counters::Totals;

use crate::pool::{Key, Pool, Seat};

/// So many names are told apart among what pools that are gone had counted; clients may make names up.
const NAMES: usize = 1000;
/// Stands for database and user of all others.
const OTHERS: &str = "(others)";

/// Removed pools.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Clients or servers still hold them.
    leaving: Vec<Arc<Pool>>,
    gone: HashMap<Key, Totals>,
}

impl Past {
    /// A pool that was just removed.
    pub(crate) fn add(&mut self, pool: Arc<Pool>) {
        self.leaving.push(pool);
    }

    /// Lets go of pools that nobody else holds any more; what they counted stays.
    pub(crate) fn settle(&mut self) {
        let gone: Vec<_> = self.leaving.extract_if(.., |pool| Arc::strong_count(pool) == 1).collect();
        for pool in gone {
            self.keep(&pool);
        }
    }

    /// Keeps what a pool has counted that is gone now.
    pub(crate) fn keep(&mut self, pool: &Pool) {
        let others = || Key { database: OTHERS.to_owned(), user: OTHERS.to_owned(), seat: Seat::Primary };
        let told_apart = self.gone.len() < NAMES || self.gone.contains_key(&pool.key);
        let key = if told_apart { pool.key.clone() } else { others() };
        *self.gone.entry(key).or_default() += pool.stats.totals();
    }

    /// Those still in use.
    pub(crate) fn leaving(&self) -> &[Arc<Pool>] {
        &self.leaving
    }

    /// What the others had counted.
    pub(crate) fn gone(&self) -> Vec<(Key, Totals)> {
        self.gone.iter().map(|(key, totals)| (key.clone(), *totals)).collect()
    }
}
