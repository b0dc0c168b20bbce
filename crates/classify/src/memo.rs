//! Verdicts by shape, so that a text whose shape was seen is not looked at again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::quality::RandomState;

use crate::catalogue::Names;
use crate::grammar;
use crate::shape::{self, Keys, Shape};
use crate::verdict::{self, Against, LONGEST, Verdict};
use crate::{Catalogue, Lexis};

/// Workers seldom meet in one of so many parts.
const PARTS: usize = 16;

/// Verdicts of the shapes seen lately, with every hint and circumstance; bounded in number.
#[derive(Debug)]
pub struct Memo {
    keys: Keys,
    parts: [RwLock<Part>; PARTS],
    most: usize,
    /// Asked for only where a verdict is made.
    known: RwLock<Known>,
    /// That of the names, once every part has it.
    generation: AtomicU64,
}

/// What is known of names, and how many times that was another thing before.
#[derive(Clone, Debug, Default)]
struct Known {
    catalogue: Arc<Catalogue>,
    generation: u64,
}

/// Shapes of two ages: when the young are enough, they are the old ones, and the old ones are forgotten.
#[derive(Debug, Default)]
struct Part {
    /// That of the names by which its verdicts were made.
    generation: u64,
    young: HashMap<Shape, Verdict, RandomState>,
    old: HashMap<Shape, Verdict, RandomState>,
}

impl Memo {
    /// For so many shapes, about.
    #[must_use]
    pub fn new(shapes: usize) -> Self {
        Self {
            keys: Keys::default(),
            parts: Default::default(),
            most: shapes.div_ceil(2 * PARTS).max(1),
            known: RwLock::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// The verdict on a text, with the grammar's opinion where the scan finds nothing.
    #[must_use]
    pub fn verdict(&self, sql: &[u8], whole: bool, lexis: Lexis) -> Verdict {
        if sql.len() > LONGEST {
            return verdict::verdict(sql, whole, lexis);
        }
        let shape = shape::of(&self.keys, sql, whole, lexis);
        self.find(shape).unwrap_or_else(|| self.make(shape, |names| by_names(sql, whole, lexis, names)))
    }

    /// A replica has refused a text: its shape goes to the primary from now on.
    pub fn refused(&self, sql: &[u8], whole: bool, lexis: Lexis) {
        let shape = shape::of(&self.keys, sql, whole, lexis);
        let known = self.find(shape);
        self.make(shape, |names| {
            let verdict = known.unwrap_or_else(|| by_names(sql, whole, lexis, names));
            Verdict { against: Some(Against::Refused), ..verdict }
        });
    }

    /// Takes this for what is known of names from now on, and forgets every verdict. Once this has returned, no verdict is
    /// given that was made by what was known before.
    pub fn adopt(&self, catalogue: Arc<Catalogue>) {
        self.begin_anew(Some(catalogue));
    }

    /// Forgets everything: what texts mean may be another thing now.
    pub fn clear(&self) {
        self.begin_anew(None);
    }

    fn begin_anew(&self, catalogue: Option<Arc<Catalogue>>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(catalogue) = catalogue {
            known.catalogue = catalogue;
        }
        known.generation += 1;
        let generation = known.generation;
        for part in &self.parts {
            let forgotten = Part { generation, ..Part::default() };
            *part.write().unwrap_or_else(PoisonError::into_inner) = forgotten;
        }
        self.generation.store(generation, Ordering::Release);
    }

    /// Grows whenever everything is forgotten. Who keeps a verdict asks for this before the verdict: one that was kept
    /// under another number than today's may be another one now.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What is known of names.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.known().catalogue
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

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn find(&self, shape: Shape) -> Option<Verdict> {
        let part = self.part(shape)?;
        let (found, generation) = {
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(young) = part.young.get(&shape) {
                return Some(*young);
            }
            (*part.old.get(&shape)?, part.generation)
        };
        self.keep(shape, found, generation);
        Some(found)
    }

    /// Makes a verdict by what is known of names now, and keeps it.
    fn make(&self, shape: Shape, judge: impl FnOnce(&Catalogue) -> Verdict) -> Verdict {
        let known = self.known();
        let verdict = judge(&known.catalogue);
        self.keep(shape, verdict, known.generation);
        verdict
    }

    /// Keeps a verdict, unless something else is known of names by now than when it was made.
    fn keep(&self, shape: Shape, verdict: Verdict, generation: u64) {
        let Some(part) = self.part(shape) else { return };
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        if part.generation != generation {
            return;
        }
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
    by_names(sql, whole, lexis, &Catalogue::default())
}

/// The same, by what is known of names.
fn by_names(sql: &[u8], whole: bool, lexis: Lexis, catalogue: &Catalogue) -> Verdict {
    let names = Names::of(catalogue);
    let mut verdict = verdict::by_names(sql, whole, lexis, names);
    if verdict.reads() {
        verdict.against = grammar::against(sql, lexis, names);
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

    #[test]
    fn a_verdict_made_before_an_adoption_is_not_kept_after_it() {
        let memo = Memo::new(100);
        let shape = shape::of(&memo.keys, b"SELECT f(1)", true, PLAIN);
        let reads = verdict::verdict(b"SELECT 1", true, PLAIN);
        let late = memo.make(shape, |_| {
            memo.adopt(Arc::default());
            reads
        });
        assert!(late.reads());
        assert_eq!(memo.find(shape), None, "it was made by what was known before");
        memo.make(shape, |_| reads);
        assert_eq!(memo.find(shape), Some(reads));
        assert_eq!(memo.generation(), 1);
    }

    #[test]
    fn adopting_forgets_and_is_counted() {
        let memo = Memo::new(100);
        memo.refused(b"SELECT a FROM v", true, PLAIN);
        assert!(!read(&memo, "SELECT a FROM v"));
        memo.adopt(Arc::default());
        assert!(memo.is_empty());
        assert!(read(&memo, "SELECT a FROM v"));
        memo.clear();
        assert_eq!(memo.generation(), 2);
    }
}
