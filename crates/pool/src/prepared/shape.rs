//! What a server has said of a statement's parameters and of its rows, as fingerprints: enough to tell whether it is what
//! a client was told, small enough to be kept for every name of every client.
//!
//! Compared is what PostgreSQL compares before it says that a cached plan must not change its result type: names, types
//! and type modifiers of the columns, and beyond that the types of the parameters. Not compared is the table that a
//! column comes from, which DROP and CREATE change, nor the format, which a portal has and a statement has not.
//!
//! The hash is keyed with a number that this process has drawn for itself: nobody can make two descriptions that
//! differ and pass for the same.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZeroU64;
use std::sync::{LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use wire::backend::describe;
use wire::backend::row::{self, RowDescription};

/// So many different sets of parameter types are remembered for one statement.
const MOST_SETS: usize = 4;

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A fingerprint.
pub type Print = NonZeroU64;

/// What is known of a statement's description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The types of its parameters.
    pub params: Option<Print>,
    /// The columns of its rows, or that it has none.
    pub rows: Option<Print>,
}

/// How what a client was told compares with what a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// All that the client was told holds.
    Same,
    /// It does not.
    Differs,
    /// The server has not said yet.
    Unknown,
}

impl Shape {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { params: None, rows: None };

    /// Whether nothing is known.
    #[inline]
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self == Self::UNKNOWN
    }

    /// What a client was told, held against what a server has.
    #[inline]
    #[must_use]
    pub fn against(self, there: Self) -> Compared {
        let differs =
            |told: Option<Print>, there: Option<Print>| told.is_some() && there.is_some() && told != there;
        let unknown = |told: Option<Print>, there: Option<Print>| told.is_some() && there.is_none();
        if differs(self.params, there.params) || differs(self.rows, there.rows) {
            Compared::Differs
        } else if unknown(self.params, there.params) || unknown(self.rows, there.rows) {
            Compared::Unknown
        } else {
            Compared::Same
        }
    }

    /// Takes over what is known in another.
    pub fn learn(&mut self, news: Self) {
        *self = Self { params: news.params.or(self.params), rows: news.rows.or(self.rows) };
    }
}

/// An answer to Describe, as it comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The number of the statement.
    pub id: u64,
    /// The client's name for it, if it is the client that is told.
    pub name: Option<Bytes>,
    /// What was said so far.
    pub shape: Shape,
    /// The types of the parameters, as a Parse message would declare them.
    pub types: Option<Bytes>,
}

impl Described {
    /// Of this statement, to this client's name, or to us alone.
    #[must_use]
    pub fn new(id: u64, name: Option<Bytes>) -> Box<Self> {
        Box::new(Self { id, name, ..Self::default() })
    }

    /// A message of the answer.
    pub fn hear(&mut self, tag: u8, body: &[u8]) {
        if tag == describe::TAG {
            self.shape.params = Some(print(|hasher| hasher.write(body)));
            let whole = body
                .split_first_chunk()
                .is_some_and(|(count, oids)| oids.len() == 4 * usize::from(u16::from_be_bytes(*count)));
            self.types = whole.then(|| Bytes::copy_from_slice(body));
        } else {
            self.shape.rows = Some(rows(tag, body));
        }
    }
}

/// The fingerprint of a RowDescription, or of NoData.
fn rows(tag: u8, body: &[u8]) -> Print {
    print(|hasher| {
        hasher.write_u8(tag);
        if tag != row::DESCRIPTION {
            return;
        }
        let Ok(description) = RowDescription::parse(body) else {
            // no server says such a thing; only the very same bytes are the same then
            return hasher.write(body);
        };
        for column in description.columns() {
            hasher.write(column.name);
            // no name has a zero byte in it, so no two lists of columns make the same bytes
            hasher.write_u8(0);
            hasher.write_u32(column.oid);
            hasher.write_i32(column.modifier);
        }
    })
}

fn print(write: impl FnOnce(&mut std::hash::DefaultHasher)) -> Print {
    let mut hasher = KEY.build_hasher();
    write(&mut hasher);
    Print::new(hasher.finish()).unwrap_or(Print::MIN)
}

/// Sets of parameter types that servers have found for a statement, where its Parse left any open: it is prepared
/// again with those that the client was told of.
#[derive(Debug, Default)]
pub(super) struct Found(Mutex<VecDeque<(Print, Bytes)>>);

impl Found {
    /// Remembers a set; the one that came first goes if there are too many.
    pub(super) fn add(&self, print: Print, types: &Bytes) {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.iter().any(|(known, _)| *known == print) {
            return;
        }
        if sets.len() == MOST_SETS {
            sets.pop_front();
        }
        sets.push_back((print, types.clone()));
    }

    /// The set with this fingerprint.
    pub(super) fn get(&self, print: Print) -> Option<Bytes> {
        let sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.iter().find(|(known, _)| *known == print).map(|(_, types)| types.clone())
    }
}

/// What servers have found makes no difference to what a statement is.
impl PartialEq for Found {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Found {}

#[cfg(test)]
mod tests;
