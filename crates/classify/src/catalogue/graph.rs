//! From rows to names: each text is judged once, and what is not harmless spreads to all that uses it.

use std::cell::RefCell;

use super::body::{self, Texts};
use super::{Cast, Catalogue, Function, Names, Operator, Relation, Rows, Said, Sort, Type};
use crate::Lexis;
use crate::effects;
use crate::verdict::Against;

/// The longest text that is judged; a longer one may do anything.
const LONGEST: usize = 64 * 1024;
/// The most that is judged in all.
const ALL: usize = 96 * 1024 * 1024;

const PLAIN: Lexis = Lexis { backslashes: false };

/// Names, and which of them use which.
pub(super) struct Graph<'a> {
    catalogue: &'a mut Catalogue,
    /// What is used, and what uses it.
    uses: Vec<(u32, u32)>,
    /// What the text that is being judged uses.
    noted: RefCell<Vec<u32>>,
    /// Bytes that may still be judged.
    left: usize,
}

impl<'a> Graph<'a> {
    pub(super) fn make(catalogue: &'a mut Catalogue, rows: &Rows) {
        let mut graph = Self { catalogue, uses: Vec::new(), noted: RefCell::default(), left: ALL };
        graph.name_all(rows);
        for function in &rows.functions {
            graph.function(function);
        }
        for relation in &rows.relations {
            graph.relation(relation);
        }
        for operator in &rows.operators {
            graph.operator(operator);
        }
        for kind in &rows.types {
            graph.kind(kind);
        }
        for cast in &rows.casts {
            graph.cast(cast);
        }
        graph.spread();
    }

    /// Names are there before any text is judged.
    fn name_all(&mut self, rows: &Rows) {
        for Function { name, takes_one, .. } in &rows.functions {
            let place = self.catalogue.place_of(Sort::Function, name.as_bytes());
            if let Some(name) = self.catalogue.name_mut(place) {
                name.takes_one |= takes_one;
            }
        }
        let relations = rows.relations.iter().map(|it| (Sort::Relation, &it.name));
        let operators = rows.operators.iter().map(|it| (Sort::Operator, &it.name));
        let types = rows.types.iter().map(|it| (Sort::Type, &it.name));
        for (sort, name) in relations.chain(operators).chain(types) {
            self.catalogue.place_of(sort, name.as_bytes());
        }
    }

    fn function(&mut self, function: &Function) {
        let user = self.catalogue.place_of(Sort::Function, function.name.as_bytes());
        if self.catalogue.name(user).is_some_and(|name| name.vouched) {
            return;
        }
        let texts = if function.volatile { None } else { body::texts(function) };
        let harmless = match texts {
            None => false,
            Some(Texts { sql, types }) => {
                for name in &types {
                    self.of_type(user, name);
                }
                sql.iter().all(|text| self.reads(user, text))
            }
        };
        let harmless = harmless
            && function.calls.iter().all(|name| self.calls(user, name))
            && (function.defaults.is_empty() || self.reads(user, &function.defaults));
        for name in &function.types {
            self.of_type(user, name.as_bytes());
        }
        if !harmless {
            self.speaks_against(user, Against::UnknownFunction);
        }
    }

    fn relation(&mut self, relation: &Relation) {
        let user = self.catalogue.place_of(Sort::Relation, relation.name.as_bytes());
        if relation.sequence {
            self.speaks_against(user, Against::Sequence);
        } else if relation.unlogged {
            self.speaks_against(user, Against::Unlogged);
        }
        for text in &relation.texts {
            if !self.reads(user, text) {
                self.speaks_against(user, Against::UnknownView);
            }
        }
        for part in &relation.parts {
            if let Some(part) = self.catalogue.place(Sort::Relation, part.as_bytes()) {
                self.uses.push((part, user));
            }
        }
    }

    fn operator(&mut self, operator: &Operator) {
        let user = self.catalogue.place_of(Sort::Operator, operator.name.as_bytes());
        if !self.calls(user, &operator.function) {
            self.speaks_against(user, Against::UnknownOperator);
        }
    }

    fn kind(&mut self, kind: &Type) {
        let user = self.catalogue.place_of(Sort::Type, kind.name.as_bytes());
        for text in &kind.texts {
            if !self.reads(user, text) {
                self.speaks_against(user, Against::UnknownType);
            }
        }
        for name in &kind.of {
            self.of_type(user, name.as_bytes());
        }
    }

    /// The function of a cast is run where the text names the target, and perhaps where it names the source only.
    fn cast(&mut self, cast: &Cast) {
        let also = effects::words_of_type(&cast.target).iter().copied();
        for name in also.chain([cast.target.as_str(), cast.source.as_str()]).filter(|name| !name.is_empty()) {
            let user = self.catalogue.place_of(Sort::Type, name.as_bytes());
            if !self.calls(user, &cast.function) {
                self.speaks_against(user, Against::UnknownType);
            }
        }
    }

    /// Whether a function of this name only reads, by itself.
    fn calls(&mut self, user: u32, name: &str) -> bool {
        let names = Names::noting(self.catalogue, &self.noted);
        let said = names.call(name.as_bytes());
        let harmless = match effects::reads_exactly(name.as_bytes()) {
            Some(reads) => reads && !matches!(said, Said::Harmful(_)),
            None => said == Said::Harmless,
        };
        self.take_noted(user);
        harmless
    }

    fn of_type(&mut self, user: u32, name: &[u8]) {
        let _said = Names::noting(self.catalogue, &self.noted).kind(name);
        self.take_noted(user);
    }

    /// Whether running a text does nothing but read, by itself.
    fn reads(&mut self, user: u32, text: &str) -> bool {
        if text.len() > LONGEST || text.len() > self.left {
            return false;
        }
        self.left -= text.len();
        let names = Names::noting(self.catalogue, &self.noted);
        let verdict = effects::judge(text.as_bytes(), true, PLAIN, names);
        self.take_noted(user);
        matches!(verdict.against, None | Some(Against::Empty))
    }

    fn take_noted(&mut self, user: u32) {
        let mut noted = self.noted.borrow_mut();
        noted.sort_unstable();
        noted.dedup();
        self.uses.extend(noted.drain(..).map(|used| (used, user)));
    }

    /// The first reason stays.
    fn speaks_against(&mut self, place: u32, why: Against) -> bool {
        let Some(name) = self.catalogue.name_mut(place) else { return false };
        let first = name.against.is_none() && !name.vouched;
        if first {
            name.against = Some(why);
        }
        first
    }

    /// Whatever uses what is not harmless is not harmless either.
    fn spread(mut self) {
        self.uses.sort_unstable();
        self.uses.dedup();
        let harmful =
            |(place, name): (usize, &super::Name)| name.against.and_then(|_| u32::try_from(place).ok());
        let mut reached: Vec<u32> = self.catalogue.names.iter().enumerate().filter_map(harmful).collect();
        while let Some(used) = reached.pop() {
            let first = self.uses.partition_point(|(other, _)| *other < used);
            let users: Vec<u32> = self
                .uses
                .get(first..)
                .unwrap_or_default()
                .iter()
                .take_while(|(other, _)| *other == used)
                .map(|(_, user)| *user)
                .collect();
            for user in users {
                let why = self.catalogue.name(user).map(|name| name.sort.not_harmless());
                if why.is_some_and(|why| self.speaks_against(user, why)) {
                    reached.push(user);
                }
            }
        }
        self.catalogue.odd = [Sort::Function, Sort::Relation].iter().any(|sort| self.catalogue.is_odd(*sort));
    }
}

impl Catalogue {
    /// Whether one that is not harmless has a name with other letters than those of ASCII.
    fn is_odd(&self, sort: Sort) -> bool {
        let harmful = |place: u32| self.name(place).is_some_and(|name| name.against.is_some());
        let mut places = self.places.get(sort as usize).into_iter().flatten();
        places.any(|(name, place)| !name.is_ascii() && harmful(*place))
    }
}
