//! TOML text to tables that know where they stand in the file and collect what is wrong with it.
//!
//! A mistake never stops the reading: it is noted and the rest is looked at, so that one run shows all of them.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Mistake, quoted};
use crate::later;
use crate::position::{Lines, Position, near};

/// What the readers of all sections share: where the text came from and what was found wrong with it.
pub(crate) struct Reading<'a> {
    file: &'a Path,
    lines: Lines<'a>,
    env: &'a dyn Fn(&str) -> Option<String>,
    found: RefCell<Vec<Found>>,
}

struct Found {
    offset: usize,
    key: String,
    error: Error,
}

impl<'a> Reading<'a> {
    /// Parses `text`; what is not TOML in it is noted, the rest is in the table.
    pub(crate) fn start(
        text: &'a str,
        file: &'a Path,
        env: &'a dyn Fn(&str) -> Option<String>,
    ) -> (Self, Spanned<DeTable<'a>>) {
        let reading = Self { file, lines: Lines::of(text), env, found: RefCell::default() };
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            let key = reading.lines.key_at(offset).unwrap_or_else(|| "syntax".into());
            let error = match error.message() {
                "duplicate key" => Error::Duplicate,
                message => {
                    let hint = if reading.lines.is_bare(offset) { " (text needs double quotes)" } else { "" };
                    Error::Syntax(format!("{}{hint}", message.replace('\n', " ")))
                }
            };
            reading.mistake(offset, key, error);
        }
        (reading, document)
    }

    /// Notes a mistake.
    pub(crate) fn mistake(&self, offset: usize, key: impl Into<String>, error: Error) {
        self.found.borrow_mut().push(Found { offset, key: key.into(), error });
    }

    /// How many mistakes there are so far.
    pub(crate) fn mistakes(&self) -> usize {
        self.found.borrow().len()
    }

    /// `FILE:LINE` of an offset, to point at something from elsewhere.
    pub(crate) fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.file.display(), self.lines.at(offset).line)
    }

    /// The folder of the configuration file, which relative paths begin at.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or_else(|| Path::new(""))
    }

    /// The path that `text` names.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        self.folder().join(text)
    }

    /// `text` with every `${NAME}` replaced by the environment's value; `$${` stands for a literal `${`.
    pub(crate) fn expand(&self, text: &str) -> Result<String, Error> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                let message = "has \"${\" without \"}\", write \"${NAME}\", or \"$${\" for the characters";
                return Err(Error::Variable(message.into()));
            };
            let Some(value) = (self.env)(name) else {
                let message = format!("environment variable {} is not set, set it", quoted(name));
                return Err(Error::Variable(message));
            };
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// All mistakes in the order of the file. What a line that is not TOML explains is left out.
    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        let Self { file, lines, found, .. } = self;
        let mut found = found.into_inner();
        found.sort_by_key(|found| found.offset);
        // lines that cannot be trusted: ascending, apart from each other
        let mut broken: Vec<RangeInclusive<usize>> = Vec::new();
        for found in found.iter().filter(|found| matches!(found.error, Error::Syntax(_))) {
            let line = lines.at(found.offset).line;
            if broken.last().is_none_or(|last| !last.contains(&line)) {
                broken.push(lines.reach(line));
            }
        }
        let is_broken = |line: usize| {
            let above = broken.partition_point(|lines| *lines.end() < line);
            broken.get(above).is_some_and(|lines| lines.contains(&line))
        };
        let mistake = |Found { offset, key, error }: Found| {
            let Position { line, col } = lines.at(offset);
            let explained = is_broken(line) || error.is_absence() && !broken.is_empty();
            let message = error.to_string();
            let mistake = Mistake { file: file.into(), line, col, key, message };
            (!explained || matches!(error, Error::Syntax(_))).then_some(mistake)
        };
        found.into_iter().filter_map(mistake).collect()
    }
}

/// One table of the file, or the place where it would stand.
pub(crate) struct Table<'a> {
    reading: &'a Reading<'a>,
    path: String,
    offset: usize,
    values: Option<&'a DeTable<'a>>,
    asked: RefCell<Vec<&'static str>>,
    mistakes_before: usize,
}

/// A step from a table to a value inside it.
pub(crate) enum Step {
    /// Under a key.
    Key(&'static str),
    /// The one with this number in a list.
    Number(usize),
}

/// One value of the file with the key it belongs to.
pub(crate) struct Item<'a> {
    /// What the readers share.
    pub(crate) reading: &'a Reading<'a>,
    /// The key with its section.
    pub(crate) key: String,
    /// Where the value stands.
    pub(crate) offset: usize,
    /// The value.
    pub(crate) value: &'a DeValue<'a>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(crate) fn root(reading: &'a Reading<'a>, document: &'a Spanned<DeTable<'a>>) -> Self {
        Self::at(reading, String::new(), document.span().start, Some(document.get_ref()))
    }

    fn at(reading: &'a Reading<'a>, path: String, offset: usize, values: Option<&'a DeTable<'a>>) -> Self {
        let mistakes_before = reading.mistakes();
        Self { reading, path, offset, values, asked: RefCell::default(), mistakes_before }
    }

    /// What the readers share.
    pub(crate) fn reading(&self) -> &'a Reading<'a> {
        self.reading
    }

    /// The value of a key of this table, if it is set.
    pub(crate) fn item(&self, name: &'static str) -> Option<Item<'a>> {
        self.asked.borrow_mut().push(name);
        let value = self.values?.get(name)?;
        let (key, offset) = (self.key(name), value.span().start);
        Some(Item { reading: self.reading, key, offset, value: value.get_ref() })
    }

    /// The table under a key; if the key is not set, an empty one that stands where this one does.
    pub(crate) fn child(&self, name: &'static str) -> Self {
        match self.item(name) {
            Some(item) => item.table(),
            None => Self::at(self.reading, self.key(name), self.offset, None),
        }
    }

    /// The tables under a key, `[[name]]` in the file; none if the key is not set.
    pub(crate) fn children(&self, name: &'static str) -> Vec<Self> {
        self.item(name).map(|item| item.tables()).unwrap_or_default()
    }

    /// Notes a mistake with one key of this table, at its value, or at the table if it is not set; with the
    /// whole table if the name is empty.
    pub(crate) fn mistake(&self, name: &'static str, error: Error) {
        let key = if name.is_empty() { self.path.clone() } else { self.key(name) };
        self.reading.mistake(self.offset_of(name), key, error);
    }

    /// Where the value of a key stands; where the table stands if it is not set.
    pub(crate) fn offset_of(&self, name: &str) -> usize {
        self.values.and_then(|values| values.get(name)).map_or(self.offset, |value| value.span().start)
    }

    /// Whether nothing wrong was found since this table was opened.
    pub(crate) fn is_clean(&self) -> bool {
        self.reading.mistakes() == self.mistakes_before
    }

    /// How many values the list under a key has, 0 if it is not set; none if it is no list.
    pub(crate) fn count(&self, name: &str) -> Option<usize> {
        match self.values.and_then(|values| values.get(name)) {
            Some(value) => value.get_ref().as_array().map(|list| list.len()),
            None => Some(0),
        }
    }

    /// Whether a key is set in this table.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.is_some_and(|values| values.contains_key(name))
    }

    /// The names of the tables in a list with their places, also of those that are wrong otherwise.
    pub(crate) fn names(&self, list: &'static str) -> Vec<(String, usize)> {
        let tables =
            self.values.and_then(|values| values.get(list)).and_then(|list| list.get_ref().as_array());
        let name = |table: &Spanned<DeValue<'_>>| {
            let name = table.get_ref().get("name")?;
            let text = self.reading.expand(name.get_ref().as_str()?).ok()?;
            Some((text, name.span().start))
        };
        tables.into_iter().flatten().filter_map(name).collect()
    }

    /// Where the value at the end of `steps` stands, or the last of them that is there.
    pub(crate) fn locate(&self, steps: &[Step]) -> usize {
        let mut offset = self.offset;
        let mut steps = steps.iter();
        let mut value = match (steps.next(), self.values) {
            (Some(Step::Key(name)), Some(values)) => values.get(*name),
            _ => None,
        };
        while let Some(found) = value {
            offset = found.span().start;
            value = match steps.next() {
                Some(Step::Key(name)) => found.get_ref().get(*name),
                Some(Step::Number(number)) => found.get_ref().get(*number),
                None => None,
            };
        }
        offset
    }

    /// Notes every key of this table that nobody asked for. To be called after all were read.
    pub(crate) fn finish(&self) {
        let Some(values) = self.values else { return };
        let asked = self.asked.borrow();
        for (name, _) in values.iter().filter(|(name, _)| !asked.contains(&name.get_ref().as_ref())) {
            let key = self.key(name.get_ref());
            let error = match later::remedy(&key) {
                Some(remedy) => Error::Later { what: "this key".into(), remedy: remedy.into() },
                None => Error::Unknown { near: near(name.get_ref(), &asked), allowed: asked.clone() },
            };
            self.reading.mistake(name.span().start, key, error);
        }
    }

    fn key(&self, name: &str) -> String {
        // a quoted key may hold anything; a message is one short line
        let plain = (1..=60).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let name = if plain { name.into() } else { quoted(name) };
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }
}

impl<'a> Item<'a> {
    /// Notes a mistake at this value.
    pub(crate) fn mistake(&self, error: Error) {
        self.reading.mistake(self.offset, self.key.clone(), error);
    }

    /// Notes that the value has the wrong type.
    pub(crate) fn wrong_type(&self, want: String) {
        let got = match self.value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.mistake(Error::Type { got, want });
    }

    /// The values of a list, each with the key of the list; a single value counts as a list of one.
    pub(crate) fn each(&self) -> Vec<Item<'a>> {
        let item = |value: &'a Spanned<DeValue<'a>>| Item {
            reading: self.reading,
            key: self.key.clone(),
            offset: value.span().start,
            value: value.get_ref(),
        };
        match self.value.as_array() {
            Some(values) => values.iter().map(item).collect(),
            None => vec![Item { key: self.key.clone(), ..*self }],
        }
    }

    /// The table that this value is; anything else is noted and read as an empty table.
    pub(crate) fn table(&self) -> Table<'a> {
        let table = Table::at(self.reading, self.key.clone(), self.offset, self.value.as_table());
        if table.values.is_none() {
            self.wrong_type("a table".into());
        }
        table
    }

    fn tables(&self) -> Vec<Table<'a>> {
        if self.value.as_array().is_none() {
            self.wrong_type(format!("a list of tables, each under [[{}]]", self.key));
            return Vec::new();
        }
        self.each().iter().map(Item::table).collect()
    }
}

/// The text of a file, but not more than `most` bytes of it.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String, Error> {
    let unreadable = |reason: String| Error::Unreadable { path: path.into(), reason };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| unreadable(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > most) {
        return Err(unreadable(format!("it is longer than {most} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = 1 + valid.filter(|byte| **byte == b'\n').count();
        unreadable(format!("line {line} is not UTF-8"))
    })
}
