//! From what a server says of its catalogue to the words of those who judge texts.

use classify::catalogue::{Cast, Function, Operator, Relation, Type};
use classify::{Catalogue, Rows};
use pool::catalogue_rows::Row;
use session::meanings::Names;

/// The same in other words.
pub(super) fn rows(found: Vec<Row>) -> Rows {
    let mut rows = Rows::default();
    for row in found {
        match row {
            Row::Function(found) => rows.functions.push(Function {
                name: found.name,
                language: found.language,
                volatile: found.volatile,
                takes_one: found.takes_one,
                body: found.body,
                defaults: found.defaults,
                calls: found.calls,
                types: found.types,
            }),
            Row::Filtered(name, text) => {
                rows.relations.push(Relation { name, texts: vec![text], ..Relation::default() });
            }
            Row::Unlogged(name) => {
                rows.relations.push(Relation { name, unlogged: true, ..Relation::default() });
            }
            Row::Sequence(name) => {
                rows.relations.push(Relation { name, sequence: true, ..Relation::default() });
            }
            Row::Operator(name, function) => rows.operators.push(Operator { name, function }),
            Row::Type(name, of, text) => rows.types.push(Type {
                name,
                texts: text.into_iter().collect(),
                of: of.into_iter().collect(),
            }),
            Row::Cast(source, target, function) => rows.casts.push(Cast { source, target, function }),
        }
    }
    rows
}

/// How many names there are of what; of types and relations there may be several rows for a name.
pub(super) fn count(rows: &Rows, catalogue: &Catalogue) -> Names {
    let (all, harmful) = catalogue.count();
    let distinct =
        |names: &mut dyn Iterator<Item = &str>| names.collect::<std::collections::HashSet<_>>().len();
    Names {
        all,
        harmful,
        functions: distinct(&mut rows.functions.iter().map(|function| &*function.name)),
        relations: distinct(&mut rows.relations.iter().map(|relation| &*relation.name)),
        operators: distinct(&mut rows.operators.iter().map(|operator| &*operator.name)),
        types: distinct(&mut rows.types.iter().map(|of| &*of.name)),
    }
}
