//! The forms a value may have: how each is read, shown again, and described in a message.
//!
//! A form carries its own limits, so a key cannot be read with one limit and documented with another.

use std::borrow::Cow;
mod figure;
mod url;

use std::fmt::Display;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;

use toml::de::DeValue;

use crate::Network;
use crate::error::{Error, quoted};
use crate::file::Item;

use crate::matcher::Matcher;
pub(crate) use figure::{Digest, Share};
pub(crate) use url::{HttpUrl, RedisUrl};

/// A form of values.
pub(crate) trait Form {
    /// What it is read into.
    type Value;

    /// Reads a value; what is wrong with it is noted, and then there is none.
    fn read(&self, item: &Item<'_>) -> Option<Self::Value>;

    /// The value as it stands in a file; empty for one that is not set.
    fn show(&self, value: &Self::Value) -> String;

    /// What is allowed, to follow "must be".
    fn words(&self) -> String;

    /// Words that mean something by themselves, each with its meaning.
    fn meanings(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}

/// An integer from the first to the second.
pub(crate) struct Integer<T>(pub(crate) T, pub(crate) T);

impl<T: Copy + PartialOrd + Display + TryFrom<i128>> Form for Integer<T> {
    type Value = T;

    fn read(&self, item: &Item<'_>) -> Option<T> {
        let DeValue::Integer(integer) = item.value else {
            item.wrong_type(self.words());
            return None;
        };
        let value = i128::from_str_radix(integer.as_str(), integer.radix());
        let value = value.ok().and_then(|value| T::try_from(value).ok());
        let value = value.filter(|value| (self.0..=self.1).contains(value));
        if value.is_none() {
            let got: String = integer.to_string().chars().take(40).collect();
            item.mistake(Error::Value { got, want: self.words() });
        }
        value
    }

    fn show(&self, value: &T) -> String {
        value.to_string()
    }

    fn words(&self) -> String {
        format!("an integer from {} to {}", self.0, self.1)
    }
}

/// `true` or `false`.
pub(crate) struct Switch;

impl Form for Switch {
    type Value = bool;

    fn read(&self, item: &Item<'_>) -> Option<bool> {
        let value = item.value.as_bool();
        if value.is_none() {
            item.wrong_type(self.words());
        }
        value
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }

    fn words(&self) -> String {
        "true or false".into()
    }
}

/// Text that is not empty and holds no control characters.
pub(crate) struct Text;

impl Form for Text {
    type Value = String;

    fn read(&self, item: &Item<'_>) -> Option<String> {
        let text = expanded(item, self.words())?;
        if text.is_empty() || text.contains(char::is_control) {
            item.mistake(Error::Value { got: quoted(&text), want: self.words() });
            return None;
        }
        Some(text)
    }

    fn show(&self, value: &String) -> String {
        in_toml(value)
    }

    fn words(&self) -> String {
        "text, not empty and without control characters".into()
    }
}

/// An SQL statement with one parameter; it may have several lines.
pub(crate) struct Statement;

impl Form for Statement {
    type Value = String;

    fn read(&self, item: &Item<'_>) -> Option<String> {
        let text = expanded(item, self.words())?;
        if text.contains('\0') || !text.contains("$1") {
            item.mistake(Error::Value { got: quoted(&text), want: self.words() });
            return None;
        }
        Some(text)
    }

    fn show(&self, value: &String) -> String {
        in_toml(value)
    }

    fn words(&self) -> String {
        "an SQL statement with the parameter $1".into()
    }
}

/// A regular expression of the kind that takes time in proportion to the text.
pub(crate) struct Pattern;

impl Form for Pattern {
    type Value = Matcher;

    fn read(&self, item: &Item<'_>) -> Option<Matcher> {
        let text = expanded(item, self.words())?;
        let matcher = Matcher::new(&text).filter(|_| !text.is_empty() && !text.contains('\0'));
        if matcher.is_none() {
            item.mistake(Error::Value { got: quoted(&text), want: self.words() });
        }
        matcher
    }

    fn show(&self, value: &Matcher) -> String {
        in_toml(value.as_str())
    }

    fn words(&self) -> String {
        "a regular expression, not empty".into()
    }
}

/// A path, relative to the folder of the configuration file; nothing has to be there.
pub(crate) struct Folder;

impl Form for Folder {
    type Value = PathBuf;

    fn read(&self, item: &Item<'_>) -> Option<PathBuf> {
        let text = expanded(item, self.words())?;
        if text.is_empty() || text.contains('\0') {
            item.mistake(Error::Value { got: quoted(&text), want: self.words() });
            return None;
        }
        Some(item.reading.path(&text))
    }

    fn show(&self, value: &PathBuf) -> String {
        in_toml(&value.to_string_lossy())
    }

    fn words(&self) -> String {
        "a path".into()
    }
}

/// A file that is there and can be opened, relative to the folder of the configuration file.
pub(crate) struct ReadableFile;

impl Form for ReadableFile {
    type Value = PathBuf;

    fn read(&self, item: &Item<'_>) -> Option<PathBuf> {
        let path = Folder.read(item)?;
        let is_file = File::open(&path).and_then(|file| Ok(file.metadata()?.is_file()));
        let reason = match is_file {
            Ok(true) => return Some(path),
            Ok(false) => "it is not a file".into(),
            Err(error) => error.to_string(),
        };
        item.mistake(Error::Unreadable { path, reason });
        None
    }

    fn show(&self, value: &PathBuf) -> String {
        Folder.show(value)
    }

    fn words(&self) -> String {
        "the path of a readable file".into()
    }
}

/// An IP address and a port to listen on.
pub(crate) struct Address;

impl Form for Address {
    type Value = SocketAddr;

    fn read(&self, item: &Item<'_>) -> Option<SocketAddr> {
        let text = expanded(item, self.words())?;
        let address = text.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
        if address.is_none() {
            item.mistake(Error::Value { got: quoted(&without_login(&text)), want: self.words() });
        }
        address
    }

    fn show(&self, value: &SocketAddr) -> String {
        in_toml(&value.to_string())
    }

    fn words(&self) -> String {
        "an IP address and a port such as \"127.0.0.1:6432\", \"0.0.0.0:6432\" or \"[::]:6432\"".into()
    }
}

/// A range of addresses.
pub(crate) struct Range;

impl Form for Range {
    type Value = Network;

    fn read(&self, item: &Item<'_>) -> Option<Network> {
        let text = expanded(item, self.words())?;
        let network = Network::parse(&text);
        if network.is_none() {
            item.mistake(Error::Value { got: quoted(&text), want: self.words() });
        }
        network
    }

    fn show(&self, value: &Network) -> String {
        in_toml(&value.to_string())
    }

    fn words(&self) -> String {
        "an IP address such as \"10.0.0.1\", or a range of them such as \"10.0.0.0/8\" or \"fd00::/8\"".into()
    }
}

/// A value that may be absent; absence is not written, so only what is there is read here.
pub(crate) struct Optional<F>(pub(crate) F);

impl<F: Form> Form for Optional<F> {
    type Value = Option<F::Value>;

    fn read(&self, item: &Item<'_>) -> Option<Option<F::Value>> {
        self.0.read(item).map(Some)
    }

    fn show(&self, value: &Option<F::Value>) -> String {
        value.as_ref().map(|value| self.0.show(value)).unwrap_or_default()
    }

    fn words(&self) -> String {
        self.0.words()
    }

    fn meanings(&self) -> Vec<(&'static str, &'static str)> {
        self.0.meanings()
    }
}

/// A list of different values; one value may stand alone.
pub(crate) struct List<F> {
    /// The form of each value.
    pub(crate) of: F,
    /// The least number of values.
    pub(crate) least: usize,
}

impl<F: Form<Value: PartialEq>> Form for List<F> {
    type Value = Vec<F::Value>;

    fn read(&self, item: &Item<'_>) -> Option<Vec<F::Value>> {
        let items = item.each();
        if items.len() < self.least {
            item.mistake(Error::Value { got: "an empty list".into(), want: self.words() });
            return None;
        }
        let mut values: Vec<F::Value> = Vec::new();
        let mut all_right = true;
        for item in &items {
            match self.of.read(item) {
                Some(value) if values.contains(&value) => {
                    let what = self.of.show(&value);
                    item.mistake(Error::Conflict(format!("{what} is in the list twice, keep one of them")));
                    all_right = false;
                }
                Some(value) => values.push(value),
                None => all_right = false,
            }
        }
        all_right.then_some(values)
    }

    fn show(&self, values: &Vec<F::Value>) -> String {
        let values: Vec<String> = values.iter().map(|value| self.of.show(value)).collect();
        format!("[{}]", values.join(", "))
    }

    fn words(&self) -> String {
        format!("{}, or a list of such", self.of.words())
    }
}

/// The text of a value with its variables replaced; anything but text is noted.
pub(crate) fn expanded(item: &Item<'_>, want: String) -> Option<String> {
    let DeValue::String(text) = item.value else {
        item.wrong_type(want);
        return None;
    };
    item.reading.expand(text).map_err(|error| item.mistake(error)).ok()
}

/// A text that was to be an address, as it may stand in a message: a whole URL in its place may have a password in it.
pub(crate) fn without_login(text: &str) -> Cow<'_, str> {
    match text.rsplit_once('@') {
        Some((_, host)) if text.contains(':') => format!("…@{host}").into(),
        Some(_) | None => text.into(),
    }
}

/// Text as TOML would have it.
pub(crate) fn in_toml(text: &str) -> String {
    toml::Value::from(text).to_string()
}
