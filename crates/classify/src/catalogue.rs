//! What a server's catalogue says about names, for the verdicts on texts that use them.
//!
//! [`Rows`] are what was read of `pg_proc`, `pg_class`, `pg_operator`, `pg_type` and `pg_cast`, of everything that is not
//! PostgreSQL's own; [`Catalogue::of`] makes of them what the scan looks up by name. Every text in the rows (the body of a
//! function, a view, a condition) is judged by the same scan, once, with every name in it taken for harmless and noted;
//! what is not harmless then spreads from name to name.

mod body;
mod graph;
mod names;
mod plpgsql;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use foldhash::quality::RandomState;

pub(crate) use names::{Names, Said};
pub use rows::{Cast, Function, Operator, Relation, Rows, Type};

use crate::verdict::Against;
use graph::Graph;

/// What is known of the names of one database. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    known: bool,
    places: [HashMap<Box<[u8]>, u32, RandomState>; SORTS],
    names: Vec<Name>,
    /// A relation or a function that is not harmless has letters in its name that are not ASCII.
    odd: bool,
}

/// What a name names. Each sort has its own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Function,
    Relation,
    Operator,
    Type,
}

const SORTS: usize = 4;

/// What is known of everything that has this name.
#[derive(Clone, Copy, Debug)]
struct Name {
    sort: Sort,
    /// What speaks against a replica, if anything does.
    against: Option<Against>,
    /// Of a function: `(value).name` calls one of them.
    takes_one: bool,
    /// Of a function: somebody vouches for it.
    vouched: bool,
}

impl Catalogue {
    /// The most rows; of more, nothing is known.
    pub const MOST: usize = 400_000;

    /// Makes names of rows. `harmless`: names of functions that somebody vouches for.
    #[must_use]
    pub fn of(rows: &Rows, harmless: &[String]) -> Self {
        let Rows { functions, relations, operators, types, casts } = rows;
        let all = functions.len() + relations.len() + operators.len() + types.len() + casts.len();
        let mut catalogue = Self::vouched(harmless);
        if all <= Self::MOST {
            catalogue.known = true;
            Graph::make(&mut catalogue, rows);
        }
        catalogue
    }

    /// Nothing is known of the catalogue; somebody vouches for these functions.
    #[must_use]
    pub fn vouched(harmless: &[String]) -> Self {
        let mut catalogue = Self::default();
        for name in harmless {
            let place = catalogue.place_of(Sort::Function, name.as_bytes());
            if let Some(name) = catalogue.name_mut(place) {
                name.vouched = true;
            }
        }
        catalogue
    }

    /// Whether a catalogue was read.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// How many names there are, and how many of them are not harmless.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        (self.names.len(), self.names.iter().filter(|name| name.against.is_some()).count())
    }

    /// The place of a name, made if there is none.
    fn place_of(&mut self, sort: Sort, name: &[u8]) -> u32 {
        if let Some(place) = self.place(sort, name) {
            return place;
        }
        let place = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Name { sort, against: None, takes_one: false, vouched: false });
        if let Some(places) = self.places.get_mut(sort as usize) {
            places.insert(name.into(), place);
        }
        place
    }

    fn place(&self, sort: Sort, name: &[u8]) -> Option<u32> {
        self.places.get(sort as usize)?.get(name).copied()
    }

    fn name(&self, place: u32) -> Option<&Name> {
        self.names.get(usize::try_from(place).ok()?)
    }

    fn name_mut(&mut self, place: u32) -> Option<&mut Name> {
        self.names.get_mut(usize::try_from(place).ok()?)
    }

    /// Whether there are names of this sort.
    fn has(&self, sort: Sort) -> bool {
        self.places.get(sort as usize).is_some_and(|places| !places.is_empty())
    }
}
