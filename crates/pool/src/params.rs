//! The settings (GUCs) that belong to a client and have to be in force on whatever server it is lent.
//!
//! A set is immutable and shared: the usual question – does this server have what this client wants – is a
//! comparison of two pointers. Values are those that the server itself gave, so they compare as text.
//! It covers what servers report (ParameterStatus), what came with the start-up message, and what the client has
//! set since; a setting that is not in the set has the value that a new connection has.

use std::fmt::Write as _;
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

/// Who acts. What other settings may be set to depends on them, so they are the first to be reset and the last to
/// be set; and the user of the session before the role, which it resets.
const ACTORS: [&str; 2] = ["session_authorization", "role"];

/// Encodings of clients with characters whose second byte may be any (PostgreSQL documentation, "Supported Character
/// Sets": those that no server may have).
const ODD_ENCODINGS: [&str; 7] = ["BIG5", "GB18030", "GBK", "JOHAB", "SJIS", "SHIFT_JIS_2004", "UHC"];

/// The most settings of one client, and the most bytes in their names and values.
const MOST: (usize, usize) = (500, 64 * 1024);

/// Settings by name, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Params {
    pairs: Vec<Pair>,
    /// `standard_conforming_strings` is off.
    backslashes: bool,
    /// A byte of a character may look like a backslash.
    odd_encoding: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pair {
    name: Box<str>,
    value: Box<str>,
    /// Servers tell of its changes.
    reported: bool,
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

    /// The same, of what a server reports.
    pub fn reported<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut set = Self::new(pairs);
        set.pairs.iter_mut().for_each(|pair| pair.reported = true);
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
        self.pair(name).map(|pair| &*pair.value)
    }

    /// Whether servers tell of the changes of this setting.
    #[must_use]
    pub fn is_reported(&self, name: &str) -> bool {
        self.pair(name).is_some_and(|pair| pair.reported)
    }

    /// Whether a backslash escapes in an ordinary string: `standard_conforming_strings` is off.
    #[must_use]
    pub fn has_backslashes(&self) -> bool {
        self.backslashes
    }

    /// Whether a byte of a character may look like a backslash in the session's encoding.
    #[must_use]
    pub fn has_odd_encoding(&self) -> bool {
        self.odd_encoding
    }

    /// Whether it is more than is carried for one client.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        let bytes: usize = self.pairs.iter().map(|pair| pair.name.len() + pair.value.len()).sum();
        self.pairs.len() > MOST.0 || bytes > MOST.1
    }

    /// Sets one value; the spelling of a name already there is kept.
    pub fn put(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("standard_conforming_strings") {
            self.backslashes = value == "off";
        } else if name.eq_ignore_ascii_case("client_encoding") {
            self.odd_encoding = ODD_ENCODINGS.iter().any(|odd| odd.eq_ignore_ascii_case(value));
        }
        match self.find(name) {
            Ok(at) => {
                if let Some(pair) = self.pairs.get_mut(at) {
                    pair.value = value.into();
                }
            }
            Err(at) => {
                let pair = Pair { name: name.into(), value: value.into(), reported: false };
                self.pairs.insert(at, pair);
            }
        }
    }

    /// Takes a setting out of the set. What servers report stays: it has a value always.
    pub fn remove(&mut self, name: &str) {
        if let Ok(at) = self.find(name)
            && self.pairs.get(at).is_some_and(|pair| !pair.reported)
        {
            self.pairs.remove(at);
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
        if let Ok(at) = changed.find(name)
            && let Some(pair) = changed.pairs.get_mut(at)
        {
            pair.reported = true;
        }
        Arc::new(changed)
    }

    /// This set, with what `told` says of the reported settings in it: the spelling of values is the server's.
    #[must_use]
    pub fn spelt_as(self: &Arc<Self>, told: &Self) -> Arc<Self> {
        let mut spelt = Self::clone(self);
        for pair in told.pairs.iter().filter(|pair| pair.reported && self.get(&pair.name).is_some()) {
            spelt.put(&pair.name, &pair.value);
        }
        if spelt == **self { Arc::clone(self) } else { Arc::new(spelt) }
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (&*pair.name, &*pair.value))
    }

    /// What servers report of this set: all that is left of it on a server that was reset.
    #[must_use]
    pub fn only_reported(&self) -> Self {
        let pairs = self.pairs.iter().filter(|pair| pair.reported).cloned().collect();
        Self { pairs, backslashes: self.backslashes, odd_encoding: self.odd_encoding }
    }

    /// The names that servers do not report.
    pub fn unreported(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(|pair| !pair.reported).map(|pair| &*pair.name)
    }

    /// The SQL that turns `have` into `want`; `None` if there is nothing to do.
    ///
    /// `set_config` takes a value exactly as a start-up message does, where SET would read a list such as
    /// `search_path = 'a, b'` as one quoted name.
    #[must_use]
    pub fn difference(have: &Self, want: &Self) -> Option<String> {
        let same = |(name, value): &(&str, &str)| have.get(name) == Some(*value);
        let gone = |(name, _): &(&str, &str)| want.get(name).is_none();
        if !have.iter().any(|pair| gone(&pair)) && want.iter().all(|pair| same(&pair)) {
            return None;
        }
        let mut sql = String::new();
        let acting = ACTORS.iter().any(|actor| have.get(actor).is_some());
        if acting {
            // the role goes with it
            sql.push_str("SET SESSION AUTHORIZATION DEFAULT;");
        }
        let is_actor = |name: &str| ACTORS.iter().any(|actor| actor.eq_ignore_ascii_case(name));
        for (name, _) in have.iter().filter(gone).filter(|(name, _)| !is_actor(name)) {
            sql.push_str("RESET ");
            // a custom setting has a dot in its name, and each part is an identifier of its own
            for (i, part) in name.split('.').enumerate() {
                sql.push_str(if i == 0 { "" } else { "." });
                quote_identifier(&mut sql, part);
            }
            sql.push(';');
        }
        let others = want.iter().filter(|(name, _)| !is_actor(name)).filter(|pair| !same(pair));
        let actors = ACTORS.iter().filter_map(|actor| Some((*actor, want.get(actor)?)));
        let mut first = true;
        for (name, value) in others.chain(actors) {
            sql.push_str(if first { "SELECT " } else { "," });
            first = false;
            sql.push_str("pg_catalog.set_config(");
            quote_literal(&mut sql, name);
            sql.push(',');
            quote_literal(&mut sql, value);
            sql.push_str(",false)");
        }
        Some(sql)
    }

    fn pair(&self, name: &str) -> Option<&Pair> {
        self.find(name).ok().and_then(|at| self.pairs.get(at))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.pairs.binary_search_by(|have| {
            let have = have.name.bytes().map(|b| b.to_ascii_lowercase());
            have.cmp(name.bytes().map(|b| b.to_ascii_lowercase()))
        })
    }
}

/// Safe whatever `standard_conforming_strings` and `client_encoding` say: an escape string with quotes and
/// backslashes doubled, and by its number whatever is not ASCII.
pub(crate) fn quote_literal(out: &mut String, text: &str) {
    out.push_str(" E'");
    for c in text.chars() {
        if c.is_ascii() {
            if c == '\'' || c == '\\' {
                out.push(c);
            }
            out.push(c);
        } else {
            // writing to a String cannot fail
            let _written = write!(out, "\\U{:08X}", u32::from(c));
        }
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
mod tests;
