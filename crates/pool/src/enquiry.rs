//! What to ask a server whose session a client may have changed, and how to read its answer.
//!
//! The text of a statement says what it may have changed; whether it has, and to what, only the server knows:
//! it has resolved the names, run the functions, and rolled back or not. So it is asked, in one message, when the
//! transaction is over. Every row of the answer is a kind, a name and a value.

use wire::Error;
use wire::backend::row::{DATA, DataRow};

use crate::left::{Marks, Name, Pins, Traces};
use crate::params::{Params, quote_literal};

/// What the answer is to tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Enquiry {
    /// Settings whose value is asked for.
    values: Vec<Box<str>>,
    /// Settings that may have gone back to what a new connection has.
    defaults: Vec<Box<str>>,
    /// Any setting may have been changed.
    all: bool,
    /// What else may be there.
    things: Pins,
}

/// What is there, as the server says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Settings and their values; `None`: there is no such setting.
    pub values: Vec<(String, Option<String>)>,
    /// Settings of the session's own, in lower case, with their values.
    pub own: Vec<(String, String)>,
    /// What the session holds.
    pub things: Pins,
    /// The channels it listens to.
    pub channels: Vec<Vec<u8>>,
    /// Values come as UTF-8; only ASCII is sure to mean the same in any other encoding.
    pub utf8: bool,
    /// A value is no text that can be carried.
    pub unreadable: bool,
}

/// What a session can hold beside its settings, what may have brought it about, and how to see whether it is there.
const THINGS: [(Pins, Marks, &str); 4] = [
    (
        Pins::TEMPORARY,
        Marks::TEMPORARY,
        "NULL WHERE pg_catalog.pg_my_temp_schema() OPERATOR(pg_catalog.<>) 0 AND (\
         EXISTS (SELECT FROM pg_catalog.pg_class \
         WHERE relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()) OR \
         EXISTS (SELECT FROM pg_catalog.pg_type \
         WHERE typnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()) OR \
         EXISTS (SELECT FROM pg_catalog.pg_proc \
         WHERE pronamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()))",
    ),
    (Pins::CURSOR, Marks::HOLDS, "NULL WHERE EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)"),
    (
        Pins::LOCK,
        Marks::LOCKS,
        "NULL WHERE EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'advisory' \
         AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())",
    ),
    (Pins::CHANNEL, Marks::LISTENS, "pg_catalog.pg_listening_channels()"),
];

impl Enquiry {
    /// What has to be asked, given what is suspected, what is in force on the server by our knowledge, and why it
    /// stays with its client so far. `None`: nothing.
    #[must_use]
    pub fn about(suspected: &Traces, have: &Params, pins: Pins) -> Option<Self> {
        let marks = suspected.marks;
        let mut enquiry = Self { all: marks.contains(Marks::UNKNOWN), ..Self::default() };
        for touched in &suspected.settings {
            match &touched.name {
                // of these it tells by itself
                Name::Known(name) if have.is_reported(name) => {}
                Name::Known(name) if touched.to_default => enquiry.defaults.push(name.clone()),
                Name::Known(name) => enquiry.values.push(name.clone()),
                Name::Bound(_) => enquiry.all = true,
            }
        }
        if marks.has_any(Marks::RESETS_ALL.union(Marks::DISCARDS_ALL)) {
            enquiry.defaults.extend(have.unreported().map(Into::into));
        }
        if enquiry.all {
            enquiry.values.extend(have.unreported().map(Into::into));
        }
        let ended = Marks::RELEASES.union(Marks::DISCARDS_ALL);
        for (thing, mark, _) in THINGS {
            let may_be_gone = pins.contains(thing) && marks.has_any(ended);
            if marks.has_any(mark.union(Marks::UNKNOWN)) || may_be_gone {
                enquiry.things.insert(thing);
            }
        }
        enquiry.is_needed().then_some(enquiry)
    }

    fn is_needed(&self) -> bool {
        self.all || !self.values.is_empty() || !self.defaults.is_empty() || !self.things.is_empty()
    }

    /// Whether one of these things is asked for.
    pub(crate) fn is_about(&self, things: Pins) -> bool {
        self.things.has_any(things)
    }

    /// The question. It does not depend on the session's `search_path`.
    #[must_use]
    pub fn sql(&self) -> String {
        let mut sql = String::new();
        let mut names = self.values.iter().chain(&self.defaults).peekable();
        if names.peek().is_some() {
            sql.push_str("SELECT 'v',n,pg_catalog.current_setting(n,true) FROM (VALUES (");
            for (i, name) in names.enumerate() {
                sql.push_str(if i == 0 { "" } else { "),(" });
                quote_literal(&mut sql, name);
                sql.push_str("::pg_catalog.text");
            }
            sql.push_str(")) AS v(n);");
        }
        if self.all || !self.defaults.is_empty() {
            sql.push_str(
                "SELECT 'o',pg_catalog.lower(name),pg_catalog.current_setting(name) \
                 FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) 'session';",
            );
        }
        for (thing, _, found) in THINGS {
            if self.things.contains(thing) {
                sql.push_str("SELECT 't','");
                sql.push_str(&thing.to_string());
                sql.push_str("',");
                sql.push_str(found);
                sql.push(';');
            }
        }
        sql
    }

    /// Whether this setting may have gone back to what a new connection has.
    fn has_default(&self, name: &str) -> bool {
        self.defaults.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// What is in force now, given what was so by our knowledge, and the user that the server was logged in to as;
    /// second, why the server stays with its client.
    #[must_use]
    pub fn resolve(&self, answer: &Answer, have: &Params, pins: Pins, login: &str) -> (Params, Pins) {
        let mut now = have.clone();
        let own = |name: &str| answer.own.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        for (name, value) in &answer.values {
            // a custom setting stays known to the server for ever, as an empty one
            let custom = name.contains('.');
            let back = match value {
                None => true,
                Some(value) if name.eq_ignore_ascii_case("role") => value == "none",
                Some(value) if name.eq_ignore_ascii_case("session_authorization") => value == login,
                Some(value) if self.has_default(name) && custom => value.is_empty(),
                Some(_) => self.has_default(name) && !own(name),
            };
            match value {
                Some(value) if !back => now.put(name, value),
                _ => now.remove(name),
            }
        }
        if self.all {
            for (name, value) in answer.own.iter().filter(|(name, _)| is_settable(name)) {
                if !now.is_reported(name) {
                    now.put(name, value);
                }
            }
        }
        let mut pins = pins.without(self.things).union(answer.things);
        if answer.unreadable || now.is_too_much() {
            pins.insert(Pins::SETTING);
        }
        (now, pins)
    }
}

/// What belongs to a transaction is no setting of the session, whatever the server says of the one that asks.
fn is_settable(name: &str) -> bool {
    !name.starts_with("transaction_") || name == "transaction_timeout"
}

impl Answer {
    /// Takes one DataRow.
    ///
    /// # Errors
    /// It is not one that was asked for.
    pub fn take(&mut self, body: &[u8]) -> Result<(), Error> {
        let row = DataRow::parse(body)?;
        let mut values = row.values();
        let (Some(kind), Some(name), Some(value)) = (values.next(), values.next(), values.next()) else {
            return Err(Error::Unexpected { expected: "a row of three columns", got: DATA });
        };
        let name = String::from_utf8_lossy(name.unwrap_or_default()).into_owned();
        let utf8 = self.utf8;
        let text = |value: &[u8]| {
            let text = str::from_utf8(value).ok().filter(|text| utf8 || text.is_ascii());
            text.map(str::to_owned)
        };
        match (kind, value) {
            (Some(b"v"), None) => self.values.push((name, None)),
            (Some(b"v"), Some(value)) => match text(value) {
                Some(value) => self.values.push((name, Some(value))),
                None => self.unreadable = true,
            },
            (Some(b"o"), Some(value)) => match text(value) {
                Some(value) => self.own.push((name, value)),
                None => self.unreadable = true,
            },
            (Some(b"t"), value) => {
                let known = Pins::WORDS.iter().find(|(_, word)| *word == name);
                self.things.insert(known.map(|(pin, _)| *pin).unwrap_or_default());
                self.channels.extend(value.map(<[u8]>::to_vec));
            }
            (_, _) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
