//! The statements that have a shared name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use bytes::Bytes;

use super::{About, PREFIX, Statement};
use crate::definitions::Definitions;

/// All statements with a shared name in one pool, alive for as long as a client or a server has them.
#[derive(Debug, Default)]
pub struct Catalog {
    known: Mutex<Known>,
    /// The last number that was given to a statement of any catalogue: names outlive pools, and one that stands for
    /// something else in the pool that took another's place would run the wrong statement.
    numbers: Arc<AtomicU64>,
    /// What is defined anew in the database, where somebody wants to know that.
    definitions: RwLock<Option<Arc<Definitions>>>,
}

#[derive(Debug, Default)]
struct Known {
    by_text: HashMap<(Bytes, Bytes), Weak<Statement>>,
    sweep_at: usize,
}

impl Catalog {
    /// One that takes its numbers from here.
    #[must_use]
    pub fn new(numbers: Arc<AtomicU64>) -> Self {
        Self { numbers, ..Self::default() }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The statement of this text and these types, with the name it has or a new one; `about` says what is known of
    /// the text, and is asked only if it is a new one.
    pub fn intern(&self, sql: &[u8], types: &[u8], about: impl FnOnce() -> About) -> Arc<Statement> {
        let key = (Bytes::copy_from_slice(sql), Bytes::copy_from_slice(types));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.by_text.get(&key).and_then(Weak::upgrade) {
            return found;
        }
        let id = self.number();
        let statement = Arc::new(Statement::new(id, format!("{PREFIX}{id}"), key.clone(), about()));
        known.by_text.insert(key, Arc::downgrade(&statement));
        // dead entries go when the map has doubled since the last look: constant work per insertion
        if known.by_text.len() > known.sweep_at {
            known.by_text.retain(|_, statement| statement.strong_count() > 0);
            known.sweep_at = known.by_text.len() * 2 + 64;
        }
        statement
    }

    /// A statement that SQL's PREPARE makes, of the text that `sql` gives for its name. It is one client's alone: the
    /// server would say to a second one that it is there already.
    pub fn prepare(&self, about: About, sql: impl FnOnce(&str) -> Bytes) -> Arc<Statement> {
        let id = self.number();
        let name = format!("{PREFIX}{id}");
        let text = (sql(&name), Bytes::from_static(b"\0\0"));
        Arc::new(Statement { by_sql: true, ..Statement::new(id, name, text, about) })
    }

    /// Something was defined anew that any of them may speak of: whoever prepares a known text from now on prepares it
    /// anew on the server. Names that clients gave before stand for what they stood for, and the server says, as it
    /// would to them directly, if that is out of date: a client may hold on to the columns it was told of.
    pub fn forget_texts(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).by_text.clear();
    }

    /// Where it is noted what is defined anew in the database, if it is.
    pub fn definitions(&self) -> Option<Arc<Definitions>> {
        self.definitions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it is noted there.
    pub fn define_in(&self, definitions: &Arc<Definitions>) {
        let mut own = self.definitions.write().unwrap_or_else(PoisonError::into_inner);
        *own = Some(Arc::clone(definitions));
    }

    /// How many texts are known, dead ones that were not swept yet included.
    pub fn len(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).by_text.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
