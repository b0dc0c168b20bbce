//! A password or a stored secret that cannot be printed by accident, and where it may come from.
//!
//! It may stand in the file, also as `${NAME}`, or `{ file = "…" }` or `{ command = ["…"] }` says where to get
//! it: such a one may change while the program runs. Mistakes never repeat what was read.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use toml::de::DeValue;

use crate::amount::{ONE_DAY, Time};
use crate::changing::{Changing, Due, Renewed};
use crate::error::Error;
use crate::file::{Item, Table};
use crate::form::{Folder, Form, expanded};
use crate::source::{self, Origin};

/// Text that neither `Debug` nor `Display` shows. `==` says whether both are the same in the configuration: the
/// same text, or the same source, whatever that gives at the moment. It is not for log-ins.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Fixed(Arc<str>),
    Changing(Arc<Changing>),
}

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(Kind::Fixed(text.into()))
    }

    /// The text itself, as it was read last; the caller must not print or log it.
    pub fn expose(&self) -> Arc<str> {
        match &self.0 {
            Kind::Fixed(text) => Arc::clone(text),
            Kind::Changing(changing) => changing.text(),
        }
    }

    /// Whether it comes from a file or a command, and so may become another one.
    pub fn is_changing(&self) -> bool {
        matches!(self.0, Kind::Changing(_))
    }

    /// Whether a command gives it.
    pub fn is_of_command(&self) -> bool {
        matches!(&self.0, Kind::Changing(changing) if changing.is_of_command())
    }

    /// Whether it has to be read again before it is used.
    pub fn due(&self, now: Instant) -> Due {
        match &self.0 {
            Kind::Fixed(_) => Due::No,
            Kind::Changing(changing) => changing.due(now),
        }
    }

    /// It was refused somewhere: it has to be read again before it is used next, if it was not read within the
    /// last `age`.
    pub fn suspect(&self, now: Instant, age: Duration) {
        if let Kind::Changing(changing) = &self.0 {
            changing.suspect(now, age);
        }
    }

    /// Takes the right to read it again; false if somebody has it, or there is nothing to be read.
    pub fn begin(&self) -> bool {
        matches!(&self.0, Kind::Changing(changing) if changing.begin())
    }

    /// Reads it again. Blocks: a command may take its time. To be called by whoever has the right to, once.
    pub fn renew(&self) -> Renewed {
        match &self.0 {
            Kind::Fixed(_) => Renewed::Same,
            Kind::Changing(changing) => changing.renew(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A secret or where to get it.
pub(crate) struct SecretText;

impl Form for SecretText {
    type Value = Secret;

    fn read(&self, item: &Item<'_>) -> Option<Secret> {
        let secret = match item.value {
            DeValue::Table(_) => from_elsewhere(&item.table())?,
            DeValue::Array(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Float(_)
            | DeValue::Integer(_)
            | DeValue::String(_) => Secret::new(expanded(item, self.words())?),
        };
        let Some(got) = source::fault(&secret.expose()) else { return Some(secret) };
        item.mistake(Error::Value { got: got.into(), want: self.words() });
        None
    }

    fn show(&self, _value: &Secret) -> String {
        String::new()
    }

    fn words(&self) -> String {
        "text that is not empty, { file = \"…\" } or { command = [\"…\"], ttl = \"10min\" }".into()
    }
}

/// What a table `{ file = "…" }` or `{ command = ["…"] }` stands for.
fn from_elsewhere(table: &Table<'_>) -> Option<Secret> {
    let (file, command, ttl) = (table.item("file"), table.item("command"), table.item("ttl"));
    table.finish();
    let ttl = match ttl {
        Some(item) => Some(Time(Duration::from_millis(100), ONE_DAY).read(&item)?),
        None => None,
    };
    let (origin, item) = match (file, command) {
        (Some(item), None) => (Origin::File(Folder.read(&item)?), item),
        (None, Some(item)) => {
            let folder = table.reading().folder().to_owned();
            (Origin::Command { words: words(&item)?, folder }, item)
        }
        (None, None) => {
            table.mistake("file", Error::Missing { want: "set, or \"command\" instead".into() });
            return None;
        }
        (Some(_), Some(_)) => {
            table.mistake("command", Error::Conflict("stands beside \"file\", keep one of them".into()));
            return None;
        }
    };
    let changing = Changing::read(origin, ttl).map_err(|error| item.mistake(error)).ok()?;
    Some(Secret(Kind::Changing(Arc::new(changing))))
}

/// The words of a command. They may be anything, and are not repeated: some tools take tokens as arguments.
fn words(item: &Item<'_>) -> Option<Vec<String>> {
    let want = || "a list of the program and its arguments".to_owned();
    let words: Vec<Option<String>> = item.each().iter().map(|item| expanded(item, want())).collect();
    let words: Vec<String> = words.into_iter().collect::<Option<_>>()?;
    let got = match words.first().map(String::as_str) {
        None => "an empty list",
        Some("") => "a list without a program",
        Some(_) if words.iter().any(|word| word.contains('\0')) => "text with a zero byte",
        Some(_) => return Some(words),
    };
    item.mistake(Error::Value { got: got.into(), want: want() });
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_a_secret() {
        let secret = Secret::new("canary");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "… Secret(…) Secret(…)");
        assert_eq!(&*secret.expose(), "canary");
    }
}
