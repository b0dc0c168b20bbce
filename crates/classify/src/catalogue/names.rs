//! What the scan asks about names.

use std::cell::RefCell;

use super::{Catalogue, Sort};
use crate::verdict::Against;

/// Whom the scan asks: a catalogue, if there is one; and whether what it asks for is noted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names<'a> {
    catalogue: Option<&'a Catalogue>,
    noted: Option<&'a RefCell<Vec<u32>>>,
}

/// What is said of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing: nobody has this name.
    Nothing,
    /// All that has this name only reads.
    Harmless,
    /// Something of this name does more, or may do.
    Harmful(Against),
}

impl Said {
    /// Of two things that a name may mean, the worse one.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Harmful(why), _) | (_, Self::Harmful(why)) => Self::Harmful(why),
            (Self::Nothing, Self::Nothing) => Self::Nothing,
            (Self::Harmless, _) | (_, Self::Harmless) => Self::Harmless,
        }
    }
}

impl<'a> Names<'a> {
    pub(crate) fn of(catalogue: &'a Catalogue) -> Self {
        Self { catalogue: Some(catalogue), noted: None }
    }

    /// A catalogue that is being made: every name that was asked for and is in it is noted.
    pub(crate) fn noting(catalogue: &'a Catalogue, noted: &'a RefCell<Vec<u32>>) -> Self {
        Self { catalogue: Some(catalogue), noted: Some(noted) }
    }

    /// Whether what is not in the catalogue is not there.
    pub(crate) fn are_known(self) -> bool {
        self.catalogue.is_some_and(Catalogue::is_known)
    }

    /// What a call of this name runs, which may be a function or the conversion to a type.
    pub(crate) fn call(self, name: &[u8]) -> Said {
        self.look(Sort::Function, name, false).or(self.look(Sort::Type, name, false))
    }

    /// What `value.name` runs, if it runs anything.
    pub(crate) fn field(self, name: &[u8]) -> Said {
        self.look(Sort::Function, name, true)
    }

    /// Whether it matters which relations are named.
    pub(crate) fn have_relations(self) -> bool {
        self.has(Sort::Relation)
    }

    /// What reading from this relation does.
    pub(crate) fn relation(self, name: &[u8]) -> Said {
        self.look(Sort::Relation, name, false)
    }

    /// Whether it matters which operators stand behind words.
    pub(crate) fn have_operators(self) -> bool {
        self.has(Sort::Operator)
    }

    /// What an operator runs.
    pub(crate) fn operator(self, name: &[u8]) -> Said {
        self.look(Sort::Operator, if name == b"!=" { b"<>" } else { name }, false)
    }

    /// What the conversion to a type runs.
    pub(crate) fn kind(self, name: &[u8]) -> Said {
        match (self.look(Sort::Type, name, false), name) {
            // an array of it
            (Said::Nothing, [b'_', element @ ..]) => self.look(Sort::Type, element, false),
            (said, _) => said,
        }
    }

    fn has(self, sort: Sort) -> bool {
        self.catalogue.is_some_and(|catalogue| catalogue.has(sort))
    }

    fn look(self, sort: Sort, name: &[u8], field: bool) -> Said {
        let Some(catalogue) = self.catalogue else { return Said::Nothing };
        let said = self.look_exactly(catalogue, sort, name, field);
        if said != Said::Nothing || name.is_ascii() {
            return said;
        }
        match str::from_utf8(name) {
            // some encodings have other letters in lower case, too
            Ok(text) => self.look_exactly(catalogue, sort, text.to_lowercase().as_bytes(), field),
            // it is in another encoding: it may be any such name
            Err(_) if catalogue.odd && (field || sort == Sort::Relation) => {
                Said::Harmful(sort.not_harmless())
            }
            Err(_) => Said::Nothing,
        }
    }

    fn look_exactly(self, catalogue: &Catalogue, sort: Sort, name: &[u8], field: bool) -> Said {
        let Some(place) = catalogue.place(sort, name) else { return Said::Nothing };
        let Some(name) = catalogue.name(place).filter(|name| !field || name.takes_one) else {
            return Said::Nothing;
        };
        if let Some(noted) = self.noted {
            noted.borrow_mut().push(place);
        }
        name.against.map_or(Said::Harmless, Said::Harmful)
    }
}

impl Sort {
    /// What speaks against a replica where one is not harmless.
    pub(super) fn not_harmless(self) -> Against {
        match self {
            Self::Function => Against::UnknownFunction,
            Self::Relation => Against::UnknownView,
            Self::Operator => Against::UnknownOperator,
            Self::Type => Against::UnknownType,
        }
    }
}
