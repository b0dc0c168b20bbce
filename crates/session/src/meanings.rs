//! What the names in texts mean, for each database that has several servers: the verdicts on its texts, what was read of
//! its catalogue, and whether that may be out of date.
//!
//! They are of a database of a server: those behind `*` have each their own. There may be only so many; who comes then
//! shares one of which no catalogue is read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use classify::{Catalogue, Memo};
use pool::definitions::Definitions;
use tokio::sync::Notify;

/// Verdicts are remembered for so many shapes of texts of a database.
const SHAPES: usize = 20_000;
/// So many databases have their own.
const MOST: usize = 64;

/// What the names of one database mean.
#[derive(Debug)]
pub struct Meanings {
    /// The `[[database]]` by its name.
    pub entry: String,
    /// The database, by its name on the server.
    pub dbname: String,
    /// A name that clients ask for it by.
    pub asked: String,
    /// What texts were found to do, by their shape.
    pub memo: Memo,
    /// What is defined anew.
    pub definitions: Arc<Definitions>,
    /// Tells those apart that have taken each other's place.
    number: u64,
    told: Mutex<Told>,
}

/// What is known of the catalogue, for people.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// When it was read; none if it is not known.
    pub read: Option<Instant>,
    /// When it was looked at.
    pub looked: Option<Instant>,
    /// How many names of what it has.
    pub names: Names,
    /// Why it is not known, or could not be looked at.
    pub why: Option<String>,
    /// What was vouched for when nothing was known.
    vouched: Option<Vec<String>>,
}

/// How many names there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// All of them.
    pub all: usize,
    /// Those behind which there is something that does not only read, for all that is known.
    pub harmful: usize,
    /// Functions.
    pub functions: usize,
    /// Views, sequences, tables that are not logged or have policies.
    pub relations: usize,
    /// Operators.
    pub operators: usize,
    /// Types.
    pub types: usize,
}

impl Meanings {
    fn new(entry: &str, dbname: &str, asked: &str, number: u64) -> Self {
        Self {
            entry: entry.to_owned(),
            dbname: dbname.to_owned(),
            asked: asked.to_owned(),
            memo: Memo::new(SHAPES),
            definitions: Arc::default(),
            number,
            told: Mutex::default(),
        }
    }

    /// As long as this is the same, so is every verdict. Asked for before the verdict that is kept with it.
    #[inline]
    #[must_use]
    pub fn stamp(&self) -> u64 {
        (self.number << 32) ^ self.memo.generation()
    }

    /// Nothing is known of the catalogue, for this reason; somebody vouches for these functions.
    pub fn disown(&self, vouched: &[String], why: Option<String>) {
        let mut told = self.told();
        if told.read.is_some() || told.vouched.as_deref() != Some(vouched) {
            self.memo.adopt(Arc::new(Catalogue::vouched(vouched)));
        }
        // not before: what was read may be in doubt
        self.definitions.follow(false);
        let vouched = Some(vouched.to_vec());
        *told = Told { looked: told.looked, why, vouched, ..Told::default() };
    }

    /// From now on names mean this, of which there are so many.
    pub fn adopt(&self, catalogue: Catalogue, names: Names) {
        let mut told = self.told();
        self.memo.adopt(Arc::new(catalogue));
        (told.read, told.names) = (Some(Instant::now()), names);
    }

    /// What is known of the catalogue. What it guards is whole between any two statements.
    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The meanings of all databases.
#[derive(Debug)]
pub struct Dictionary {
    books: Mutex<Books>,
    /// Those for whom there was no place.
    others: Arc<Meanings>,
    /// There is one more.
    added: Notify,
}

#[derive(Debug, Default)]
struct Books {
    known: HashMap<(String, String), Arc<Meanings>>,
    /// The last number that was given.
    last: u64,
}

impl Default for Dictionary {
    fn default() -> Self {
        let others = Arc::new(Meanings::new("", "", "", 0));
        Self { books: Mutex::default(), others, added: Notify::new() }
    }
}

impl Dictionary {
    /// What names mean in this database of this `[[database]]`, which clients ask for by that name.
    #[must_use]
    pub fn of(&self, entry: &str, dbname: &str, asked: &str) -> Arc<Meanings> {
        let mut books = self.books();
        let key = (entry.to_owned(), dbname.to_owned());
        if let Some(known) = books.known.get(&key) {
            return Arc::clone(known);
        }
        if books.known.len() >= MOST {
            books.known.retain(|_, meanings| is_used(meanings));
        }
        if books.known.len() >= MOST {
            return Arc::clone(&self.others);
        }
        books.last += 1;
        let new = Arc::new(Meanings::new(entry, dbname, asked, books.last));
        books.known.insert(key, Arc::clone(&new));
        drop(books);
        self.added.notify_waiters();
        new
    }

    /// Those of this `[[database]]`.
    #[must_use]
    pub fn of_entry(&self, entry: &str) -> Vec<Arc<Meanings>> {
        self.books().known.values().filter(|meanings| meanings.entry == entry).cloned().collect()
    }

    /// All of them, in the order of their names.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Meanings>> {
        let mut all: Vec<_> = self.books().known.values().cloned().collect();
        all.sort_by(|one, other| (&one.entry, &one.dbname).cmp(&(&other.entry, &other.dbname)));
        all
    }

    /// Keeps only those of these `[[database]]`s.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.books().known.retain(|(entry, _), _| keep(entry));
    }

    /// Becomes ready when there is one more than there was at this call.
    pub fn added(&self) -> tokio::sync::futures::Notified<'_> {
        self.added.notified()
    }

    /// What it guards is whole between any two statements.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session has it, or a pool whose statements were judged by it. Who reads the catalogue has its definitions too.
fn is_used(meanings: &Arc<Meanings>) -> bool {
    Arc::strong_count(meanings) > 1 || Arc::strong_count(&meanings.definitions) > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_has_its_own_and_no_more_than_so_many_are_kept() {
        let dictionary = Dictionary::default();
        let (one, other) = (dictionary.of("*", "a", "a"), dictionary.of("*", "b", "b"));
        assert!(!Arc::ptr_eq(&one, &other) && Arc::ptr_eq(&one, &dictionary.of("*", "a", "a")));
        assert_ne!(one.stamp(), other.stamp());
        let kept: Vec<_> = (2..MOST).map(|n| dictionary.of("*", &n.to_string(), "")).collect();
        let late = dictionary.of("*", "late", "late");
        assert!(Arc::ptr_eq(&late, &dictionary.others));
        drop(kept);
        let late = dictionary.of("*", "late", "late");
        assert!(!Arc::ptr_eq(&late, &dictionary.others));
        // a pool may have statements that were judged by it
        let before = (other.stamp(), Arc::clone(&other.definitions), Arc::clone(&other.definitions));
        drop(other);
        for n in 2..MOST {
            let _dropped = dictionary.of("*", &n.to_string(), "");
        }
        assert_eq!(dictionary.of("*", "b", "b").stamp(), before.0);
        dictionary.retain(|entry| entry != "*");
        assert!(dictionary.all().is_empty());
    }

    #[test]
    fn a_stamp_is_worth_nothing_once_another_catalogue_is_known() {
        let meanings = Dictionary::default().of("app", "app", "app");
        let before = meanings.stamp();
        meanings.adopt(Catalogue::default(), Names::default());
        assert_ne!(meanings.stamp(), before);
    }
}
