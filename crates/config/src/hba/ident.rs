//! `pg_ident.conf`: maps from names of the operating system, or of certificates, to users.

use std::collections::BTreeMap;

use super::lines::{Record, Token};
use super::name::{Name, Pattern};
use crate::error::Mistake;

const KEY: &str = "auth.ident";
/// Stands for what the first pair of brackets of the expression has matched.
const GROUP: &str = "\\1";

/// Every map by its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Maps {
    by_name: BTreeMap<String, Vec<Entry>>,
}

/// One line of a map.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    known: Known,
    user: Name,
}

/// The name that a client is known by.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Literal(String),
    Pattern(Pattern),
}

/// The maps that these records make.
pub(super) fn maps(records: &[Record], mistakes: &mut Vec<Mistake>) -> Maps {
    let mut maps = Maps::default();
    for record in records {
        match entry(record) {
            Ok((map, entry)) => maps.by_name.entry(map).or_default().push(entry),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    maps
}

fn entry(record: &Record) -> Result<(String, Entry), Mistake> {
    let wrong = |token: &Token, message: &str| token.at.mistake(KEY, message);
    let list = record.fields.iter().find_map(|field| field.get(1));
    if let Some(second) = list {
        return Err(wrong(second, "is a list, must be one word"));
    }
    let columns: Vec<&Token> = record.fields.iter().filter_map(|field| field.first()).collect();
    let &[map, known, user] = columns.as_slice() else {
        let message = "has not three columns, must be a map, a name of the system, and a user";
        return Err(record.at.mistake(KEY, message));
    };
    let known_as = match known.text.strip_prefix('/') {
        Some(text) => Known::Pattern(Pattern::parse(text).map_err(|message| wrong(known, &message))?),
        None => Known::Literal(known.text.clone()),
    };
    let name = Name::user(user).map_err(|message| wrong(user, &message))?;
    if let (Known::Pattern(pattern), Name::Literal(name)) = (&known_as, &name)
        && name.contains(GROUP)
        && !pattern.has_group()
    {
        return Err(wrong(
            user,
            "\\1 stands for the first pair of brackets, of which the expression has none",
        ));
    }
    Ok((map.text.clone(), Entry { known: known_as, user: name }))
}

impl Maps {
    pub(super) fn has(&self, map: &str) -> bool {
        self.by_name.contains_key(map)
    }

    /// Whether a line of the map lets `known` log in as `user`.
    pub(super) fn permits(&self, map: &str, known: &str, user: &str) -> bool {
        self.by_name.get(map).is_some_and(|entries| entries.iter().any(|entry| entry.permits(known, user)))
    }
}

impl Entry {
    fn permits(&self, known: &str, user: &str) -> bool {
        match (&self.known, &self.user) {
            (Known::Literal(literal), _) => literal == known && self.user.is_user(user),
            (Known::Pattern(pattern), Name::Literal(name)) if name.contains(GROUP) => {
                // what was captured is a name and nothing else, whatever it looks like
                pattern.captured(known).is_some_and(|group| name.replacen(GROUP, group, 1) == user)
            }
            (Known::Pattern(pattern), _) => pattern.is_in(known) && self.user.is_user(user),
        }
    }
}
