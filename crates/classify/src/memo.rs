//! Verdicts by shape, so that a text whose shape was seen is not looked at again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use foldhash::quality::RandomState;

use crate::Lexis;
use crate::grammar;
use crate::shape::{self, Keys, Shape};
use crate::verdict::{self, Against, LONGEST, Verdict};

/// Workers seldom meet in one of so many parts.
const PARTS: usize = 16;

/// Verdicts of the shapes seen lately, with every hint and circumstance; bounded in number.
#[derive(Debug)]
pub struct Memo {
    keys: Keys,
    parts: [RwLock<Part>; PARTS],
    most: usize,
}

/// Shapes of two generations: when the young are enough, they are the old ones, and the old ones are forgotten.
#[derive(Debug, Default)]
struct Part {
    young: HashMap<Shape, Verdict, RandomState>,
    old: HashMap<Shape, Verdict, RandomState>,
}

impl Memo {
    /// For so many shapes, about.
    #[must_use]
    pub fn new(shapes: usize) -> Self {
        Self { keys: Keys::default(), parts: Default::default(), most: shapes.div_ceil(2 * PARTS).max(1) }
    }

    /// The verdict on a text, with the grammar's opinion where the scan finds nothing.
    #[must_use]
    pub fn verdict(&self, sql: &[u8], whole: bool, lexis: Lexis) -> Verdict {
        if sql.len() > LONGEST {
            return verdict::verdict(sql, whole, lexis);
        }
        let shape = shape::of(&self.keys, sql, whole, lexis);
        if let Some(known) = self.find(shape) {
            return known;
        }
        let verdict = thorough(sql, whole, lexis);
        self.keep(shape, verdict);
        verdict
    }

    /// A replica has refused a text: its shape goes to the primary from now on.
    pub fn refused(&self, sql: &[u8], whole: bool, lexis: Lexis) {
        let shape = shape::of(&self.keys, sql, whole, lexis);
        let known = self.find(shape).unwrap_or_else(|| thorough(sql, whole, lexis));
        self.keep(shape, Verdict { against: Some(Against::Refused), ..known });
    }

    /// Forgets everything: what texts mean may be another thing now.
    pub fn clear(&self) {
        for part in &self.parts {
            *part.write().unwrap_or_else(PoisonError::into_inner) = Part::default();
        }
    }

    /// How many shapes are known.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = |part: &RwLock<Part>| {
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            part.young.len() + part.old.len()
        };
        self.parts.iter().map(count).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, shape: Shape) -> Option<Verdict> {
        let part = self.part(shape)?;
        let found = {
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(young) = part.young.get(&shape) {
                return Some(*young);
            }
            *part.old.get(&shape)?
        };
        self.keep(shape, found);
        Some(found)
    }

    fn keep(&self, shape: Shape, verdict: Verdict) {
        let Some(part) = self.part(shape) else { return };
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        if part.young.len() >= self.most {
            part.old = std::mem::take(&mut part.young);
        }
        part.young.insert(shape, verdict);
    }

    fn part(&self, shape: Shape) -> Option<&RwLock<Part>> {
        let at = usize::try_from(shape.1 % PARTS as u64).ok()?;
        self.parts.get(at)
    }
}

/// The scan's verdict, and where that finds nothing against a replica, what the grammar says.
#[must_use]
pub fn thorough(sql: &[u8], whole: bool, lexis: Lexis) -> Verdict {
    let mut verdict = verdict::verdict(sql, whole, lexis);
    if verdict.reads() {
        verdict.against = grammar::against(sql, lexis);
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Lexis = Lexis { backslashes: false };

    fn read(memo: &Memo, sql: &str) -> bool {
        memo.verdict(sql.as_bytes(), true, PLAIN).reads()
    }

    #[test]
    fn one_shape_is_kept_once() {
        let memo = Memo::new(100);
        for n in 0..50 {
            assert!(read(&memo, &format!("SELECT a FROM t WHERE b = {n}")));
            assert!(!read(&memo, &format!("UPDATE t SET a = {n}")));
        }
        assert_eq!(memo.len(), 2);
        memo.clear();
        assert!(memo.is_empty());
    }

    #[test]
    fn what_a_replica_has_refused_goes_to_the_primary() {
        let memo = Memo::new(100);
        assert!(read(&memo, "SELECT a FROM v WHERE b = 1"));
        memo.refused(b"SELECT a FROM v WHERE b = 1", true, PLAIN);
        assert!(!read(&memo, "SELECT a FROM v WHERE b = 2"));
        assert!(read(&memo, "SELECT a FROM w WHERE b = 1"));
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let memo = Memo::new(320);
        for n in 0..10_000 {
            assert!(read(&memo, &format!("SELECT a{n} FROM t")));
            assert!(memo.len() <= 320 + 2 * PARTS);
        }
    }
}
