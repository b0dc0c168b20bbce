//! What is known of names that stand before an opening parenthesis.
//!
//! `functions.txt` has the names of all functions of `pg_catalog` and `information_schema`, of PostgreSQL 15 and
//! of 18, that leave nothing behind in the session, and those of their types, which convert when they are called.
//! Functions that do leave something behind are here. A name on neither list may do anything. A test with real
//! servers finds names that are missing on both.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Marks;
use super::keywords::BEFORE_PARENTHESIS;

/// What is known of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// A function that leaves nothing behind.
    Harmless {
        /// It only reads, and says the same on every server.
        reads: bool,
    },
    /// No function at all, unless it is quoted or qualified.
    Keyword,
    /// `set_config`
    Sets,
    /// A function that runs SQL it is given.
    Runs,
    /// A function that does this.
    Marks(Marks),
}

const HARMLESS: &str = include_str!("functions.txt");

/// Those of them that only read and say the same on every server of a cluster, whatever their arguments.
const READS: &str = include_str!("replica.txt");

/// Functions of `pg_catalog` that leave something behind, also of versions before 15.
pub(super) const NOT_HARMLESS: [(&str, Known); 26] = [
    ("set_config", Known::Sets),
    ("pg_advisory_lock", Known::Marks(Marks::LOCKS)),
    ("pg_advisory_lock_shared", Known::Marks(Marks::LOCKS)),
    ("pg_try_advisory_lock", Known::Marks(Marks::LOCKS)),
    ("pg_try_advisory_lock_shared", Known::Marks(Marks::LOCKS)),
    ("pg_advisory_unlock", Known::Marks(Marks::RELEASES)),
    ("pg_advisory_unlock_all", Known::Marks(Marks::RELEASES)),
    ("pg_advisory_unlock_shared", Known::Marks(Marks::RELEASES)),
    ("setseed", Known::Marks(Marks::LOADS)),
    ("pg_create_logical_replication_slot", Known::Marks(Marks::LOADS)),
    ("pg_create_physical_replication_slot", Known::Marks(Marks::LOADS)),
    ("pg_copy_logical_replication_slot", Known::Marks(Marks::LOADS)),
    ("pg_copy_physical_replication_slot", Known::Marks(Marks::LOADS)),
    ("pg_replication_origin_session_setup", Known::Marks(Marks::LOADS)),
    ("pg_replication_origin_session_reset", Known::Marks(Marks::RELEASES)),
    ("pg_backup_start", Known::Marks(Marks::LOADS)),
    ("pg_backup_stop", Known::Marks(Marks::RELEASES)),
    ("pg_start_backup", Known::Marks(Marks::LOADS)),
    ("pg_stop_backup", Known::Marks(Marks::RELEASES)),
    ("query_to_xml", Known::Runs),
    ("query_to_xmlschema", Known::Runs),
    ("query_to_xml_and_xmlschema", Known::Runs),
    ("cursor_to_xml", Known::Runs),
    ("cursor_to_xmlschema", Known::Runs),
    ("ts_stat", Known::Runs),
    ("ts_rewrite", Known::Runs),
];

/// Slots of the table, a power of two: most are empty, so that most searches end at the first.
const SLOTS: usize = 1 << 14;

/// Names by their hash; a slot has the place of an entry, from 1.
struct Table {
    entries: Vec<(&'static str, Known)>,
    slots: Box<[u16]>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// What is known of a word without quotes.
pub(super) fn find(word: &[u8]) -> Option<Known> {
    TABLE.find(word, |name| name.as_bytes().eq_ignore_ascii_case(word))
}

/// What is known of a name in quotes.
pub(super) fn find_exact(name: &[u8]) -> Option<Known> {
    TABLE.find(name, |other| other.as_bytes() == name)
}

impl Table {
    fn new() -> Self {
        let reads: HashSet<&str> = READS.lines().collect();
        let harmless = HARMLESS.lines().map(|name| (name, Known::Harmless { reads: reads.contains(name) }));
        let keywords = BEFORE_PARENTHESIS.split_whitespace().map(|name| (name, Known::Keyword));
        let mut table = Self { entries: Vec::new(), slots: vec![0; SLOTS].into() };
        for (name, known) in harmless.chain(NOT_HARMLESS).chain(keywords) {
            table.insert(name, known);
        }
        table
    }

    /// The first entry of a name stays: a function may have the name of a keyword.
    fn insert(&mut self, name: &'static str, known: Known) {
        if name.is_empty() || self.find(name.as_bytes(), |other| other == name).is_some() {
            return;
        }
        self.entries.push((name, known));
        let Ok(entry) = u16::try_from(self.entries.len()) else { return };
        let mut at = place(name.as_bytes());
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == 0 {
                *slot = entry;
                return;
            }
            at = (at + 1) % SLOTS;
        }
    }

    fn find(&self, name: &[u8], is: impl Fn(&str) -> bool) -> Option<Known> {
        let mut at = place(name);
        loop {
            let entry = usize::from(*self.slots.get(at)?);
            // the first entry is number one
            let (other, known) = self.entries.get(entry.checked_sub(1)?)?;
            if is(other) {
                return Some(*known);
            }
            at = (at + 1) % SLOTS;
        }
    }
}

/// Where a name is looked for first, whatever the case of its letters.
fn place(name: &[u8]) -> usize {
    let sum = name.iter().fold(0u32, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(b | 0x20)));
    let mixed = sum.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOTS.trailing_zeros());
    usize::try_from(mixed).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_postgresql_reads_them() {
        assert_eq!(find(b"Now"), Some(Known::Harmless { reads: true }));
        assert_eq!(find_exact(b"now"), Some(Known::Harmless { reads: true }));
        assert_eq!(find(b"nextval"), Some(Known::Harmless { reads: false }));
        assert_eq!(find_exact(b"Now"), None);
        assert_eq!(find(b"SET_CONFIG"), Some(Known::Sets));
        assert_eq!(find(b"values"), Some(Known::Keyword));
        assert_eq!(find(b"nobody_has_this"), None);
        assert_eq!(find(b""), None);
    }

    #[test]
    fn the_list_is_sorted_and_has_no_name_that_is_not_harmless() {
        let names: Vec<&str> = HARMLESS.lines().collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        for name in names {
            assert!(matches!(find_exact(name.as_bytes()), Some(Known::Harmless { .. })), "{name}");
        }
        let reads: Vec<&str> = READS.lines().collect();
        assert!(reads.is_sorted_by(|a, b| a < b));
        for name in reads {
            assert_eq!(find_exact(name.as_bytes()), Some(Known::Harmless { reads: true }), "{name}");
        }
        for (name, known) in NOT_HARMLESS {
            assert_eq!(find_exact(name.as_bytes()), Some(known), "{name}");
        }
    }

    #[test]
    fn most_searches_are_short() {
        let entries = &TABLE.entries;
        let at_home = |name: &str| {
            let slot = TABLE.slots.get(place(name.as_bytes())).copied().unwrap_or(0);
            entries.get(usize::from(slot).wrapping_sub(1)).is_some_and(|(other, _)| *other == name)
        };
        let home = entries.iter().filter(|(name, _)| at_home(name)).count();
        assert!(home * 10 > entries.len() * 8, "{home} of {}", entries.len());
    }
}
