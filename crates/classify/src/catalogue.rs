//! What a server's catalogue says about names, for the verdicts on texts that use them.
//!
//! [`Rows`] are what was read of `pg_proc`, `pg_class`, `pg_operator`, `pg_type` and `pg_cast`, of everything that is not
//! PostgreSQL's own; [`Catalogue::of`] makes of them what the scan looks up by name.

mod rows;

pub use rows::{Cast, Function, Operator, Relation, Rows, Type};

/// What is known of the names of one database. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    known: bool,
}

impl Catalogue {
    /// Makes names of rows. `harmless`: names of functions that somebody vouches for.
    #[must_use]
    pub fn of(_rows: &Rows, _harmless: &[String]) -> Self {
        Self { known: true }
    }

    /// Nothing is known of the catalogue; somebody vouches for these functions.
    #[must_use]
    pub fn vouched(_harmless: &[String]) -> Self {
        Self::default()
    }

    /// Whether a catalogue was read.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known
    }
}
