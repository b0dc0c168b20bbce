//! The settings (GUCs) that belong to a client and have to be in force on whatever server it is lent.
//!
//! A set is immutable and shared: the usual question – does this server have what this client wants – is a
//! comparison of two pointers. Values are those that the server itself reported, so they compare as text.
//! It covers what servers report (ParameterStatus) and what came with the start-up message; a SET of
//! anything else during the session is not seen here.

use std::sync::Arc;

/// Reported by servers, but not to be set: facts about the server or the log-in.
const FACTS: [&str; 7] = [
    "server_version",
    "server_encoding",
    "integer_datetimes",
    "is_superuser",
    "session_authorization",
    "in_hot_standby",
    "server_version_num",
];

/// Settings by name, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Params {
    pairs: Vec<(Box<str>, Box<str>)>,
}

impl Params {
    /// The set of these names and values; a name that comes twice has its last value.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut set = Self::default();
        for (name, value) in pairs {
            set.put(name, value);
        }
        set
    }

    /// Whether a reported parameter can be carried from one server to another.
    #[must_use]
    pub fn is_movable(name: &str) -> bool {
        !FACTS.contains(&name)
    }

    /// The value of `name`, compared as PostgreSQL compares names: without regard to case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).ok().and_then(|at| self.pairs.get(at)).map(|(_, value)| &**value)
    }

    /// Sets one value; the spelling of a name already there is kept.
    pub fn put(&mut self, name: &str, value: &str) {
        match self.find(name) {
            Ok(at) => {
                if let Some(pair) = self.pairs.get_mut(at) {
                    pair.1 = value.into();
                }
            }
            Err(at) => self.pairs.insert(at, (name.into(), value.into())),
        }
    }

    /// The set with one value changed: the same one if that value is already there.
    #[must_use]
    pub fn with(self: &Arc<Self>, name: &str, value: &str) -> Arc<Self> {
        if self.get(name) == Some(value) {
            return Arc::clone(self);
        }
        let mut changed = Self::clone(self);
        changed.put(name, value);
        Arc::new(changed)
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The SQL that turns `have` into `want`; `None` if there is nothing to do.
    ///
    /// `set_config` takes a value exactly as a start-up message does, where SET would read a list such as
    /// `search_path = 'a, b'` as one quoted name.
    #[must_use]
    pub fn difference(have: &Self, want: &Self) -> Option<String> {
        let mut sql = String::new();
        for (name, _) in have.iter().filter(|(name, _)| want.get(name).is_none()) {
            sql.push_str("RESET ");
            // a custom setting has a dot in its name, and each part is an identifier of its own
            for (i, part) in name.split('.').enumerate() {
                sql.push_str(if i == 0 { "" } else { "." });
                quote_identifier(&mut sql, part);
            }
            sql.push(';');
        }
        let mut first = true;
        for (name, value) in want.iter().filter(|(name, value)| have.get(name) != Some(*value)) {
            sql.push_str(if first { "SELECT " } else { "," });
            first = false;
            sql.push_str("pg_catalog.set_config(");
            quote_literal(&mut sql, name);
            sql.push(',');
            quote_literal(&mut sql, value);
            sql.push_str(",false)");
        }
        (!sql.is_empty()).then_some(sql)
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.pairs.binary_search_by(|(have, _)| {
            let have = have.bytes().map(|b| b.to_ascii_lowercase());
            have.cmp(name.bytes().map(|b| b.to_ascii_lowercase()))
        })
    }
}

/// Safe whatever `standard_conforming_strings` says: an escape string with quotes and backslashes doubled.
fn quote_literal(out: &mut String, text: &str) {
    out.push_str(" E'");
    for c in text.chars() {
        if c == '\'' || c == '\\' {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
}

fn quote_identifier(out: &mut String, name: &str) {
    out.push('"');
    for c in name.chars() {
        if c == '"' {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_keep_their_spelling() {
        let mut set = Params::new([("DateStyle", "ISO, MDY")]);
        set.put("datestyle", "German");
        assert_eq!(set.iter().collect::<Vec<_>>(), [("DateStyle", "German")]);
    }

    #[test]
    fn equal_sets_need_nothing_and_different_ones_only_the_difference() {
        let have = Params::new([("TimeZone", "UTC"), ("work_mem", "1MB"), ("a.b", "x")]);
        assert_eq!(Params::difference(&have, &have.clone()), None);
        let want = Params::new([("TimeZone", "Europe/Vienna"), ("work_mem", "1MB")]);
        assert_eq!(
            Params::difference(&have, &want).as_deref(),
            Some(r#"RESET "a"."b";SELECT pg_catalog.set_config( E'TimeZone', E'Europe/Vienna',false)"#)
        );
    }

    #[test]
    fn values_cannot_leave_their_quotes() {
        let want = Params::new([("application_name", r"'); drop table t; -- \' $u$")]);
        let sql = Params::difference(&Params::default(), &want).unwrap();
        assert_eq!(
            sql,
            r"SELECT pg_catalog.set_config( E'application_name', E'''); drop table t; -- \\'' $u$',false)"
        );
    }
}
