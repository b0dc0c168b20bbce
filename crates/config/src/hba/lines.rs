//! Text to records of fields of tokens, with the files that it includes.
//!
//! Fields are apart by blanks, the tokens of one field by commas. Quotes keep blanks, commas and `#`, and take
//! the meaning from a word; a doubled quote inside is a quote. A backslash at the end of a line goes on with the
//! next. `@name` in a field stands for the tokens of a file, `include`, `include_if_exists` and `include_dir`
//! for the records of others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Mistake, quoted};

/// How deep files may include each other; PostgreSQL's limit.
const MOST_DEEP: usize = 10;
/// How many files one may include in all.
const MOST_FILES: usize = 1000;
/// How many bytes they may have together.
const MOST_BYTES: usize = 16 << 20;

/// Where text comes from.
pub(crate) trait Files {
    /// The text of a file.
    fn text(&self, path: &Path) -> Result<String, Error>;
    /// Whether there is a file.
    fn exists(&self, path: &Path) -> bool;
    /// What is in a folder.
    fn list(&self, folder: &Path) -> Result<Vec<PathBuf>, Error>;
}

/// A place in a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: Arc<Path>,
    pub(super) line: usize,
    pub(super) col: usize,
}

impl Place {
    pub(super) fn mistake(&self, key: &str, message: &str) -> Mistake {
        let Self { file, line, col } = self;
        Mistake { file: file.to_path_buf(), line: *line, col: *col, key: key.into(), message: message.into() }
    }
}

/// A word.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// It began with a quote, and so is never a word with a meaning.
    pub(super) quoted: bool,
    pub(super) at: Place,
}

impl Token {
    /// The text if it may be a word with a meaning.
    pub(super) fn word(&self) -> Option<&str> {
        (!self.quoted).then_some(&self.text)
    }
}

/// One line that is not empty; no field of it is empty.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) fields: Vec<Vec<Token>>,
    pub(super) at: Place,
}

/// Reads one file with everything that it includes.
pub(super) struct Reader<'a> {
    files: &'a dyn Files,
    key: &'static str,
    opened: usize,
    bytes: usize,
    /// What was wrong.
    pub(super) mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: &'a dyn Files, key: &'static str) -> Self {
        Self { files, key, opened: 0, bytes: 0, mistakes: Vec::new() }
    }

    /// The records of a file and of those that it includes, in order.
    pub(super) fn records(&mut self, path: &Path) -> Vec<Record> {
        let mut out = Vec::new();
        let at = Place { file: path.into(), line: 1, col: 1 };
        self.file(path, &at, 0, &mut out);
        out
    }

    fn wrong(&mut self, at: &Place, message: &str) {
        self.mistakes.push(at.mistake(self.key, message));
    }

    /// Opens a file for somebody at `at`.
    fn open(&mut self, path: &Path, at: &Place, depth: usize) -> Option<String> {
        self.opened += 1;
        if depth > MOST_DEEP {
            let message = format!("includes are more than {MOST_DEEP} deep here, must be less");
            self.wrong(at, &message);
            return None;
        }
        if self.opened > MOST_FILES || self.bytes > MOST_BYTES {
            // one mistake is enough, however many more would follow
            if self.opened == MOST_FILES + 1 || self.bytes != usize::MAX {
                let message = format!(
                    "the files included are more than {MOST_FILES}, or longer than {MOST_BYTES} bytes together"
                );
                self.wrong(at, &message);
                self.bytes = usize::MAX;
            }
            return None;
        }
        match self.files.text(path) {
            Ok(text) => {
                self.bytes = self.bytes.saturating_add(text.len());
                Some(text)
            }
            Err(error) => {
                self.wrong(at, &error.to_string());
                None
            }
        }
    }

    fn file(&mut self, path: &Path, at: &Place, depth: usize, out: &mut Vec<Record>) {
        let Some(text) = self.open(path, at, depth) else { return };
        let file: Arc<Path> = path.into();
        for line in joined(&text) {
            let Some(fields) = self.fields(&line, &file, depth) else { continue };
            let Some(at) = fields.first().and_then(|field| field.first()).map(|token| token.at.clone())
            else {
                continue;
            };
            match (Include::of(&fields), fields.as_slice()) {
                (None, _) => out.push(Record { fields, at }),
                (Some(include), [_, name]) if name.len() == 1 => {
                    let name = name.first().map(|token| token.text.clone()).unwrap_or_default();
                    self.include(include, &beside(path, &name), &at, depth + 1, out);
                }
                (Some(_), _) => {
                    self.wrong(&at, "an include is followed by one path, in quotes if it has blanks");
                }
            }
        }
    }

    fn include(&mut self, how: Include, path: &Path, at: &Place, depth: usize, out: &mut Vec<Record>) {
        match how {
            Include::IfExists if !self.files.exists(path) => {}
            Include::One | Include::IfExists => self.file(path, at, depth, out),
            Include::Folder => match self.files.list(path) {
                Ok(mut found) => {
                    let counts = |path: &PathBuf| {
                        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                        name.is_some_and(|name| name.ends_with(".conf") && !name.starts_with('.'))
                    };
                    found.retain(counts);
                    found.sort();
                    for path in found {
                        self.file(&path, at, depth, out);
                    }
                }
                Err(error) => self.wrong(at, &error.to_string()),
            },
        }
    }

    /// The fields of a line; none if something is wrong with it, which was noted.
    fn fields(&mut self, line: &Joined, file: &Arc<Path>, depth: usize) -> Option<Vec<Vec<Token>>> {
        let mut scan = Scan { line, file, offset: 0 };
        let mut fields = Vec::new();
        let before = self.mistakes.len();
        while let Some(field) = self.field(&mut scan, depth) {
            fields.push(field);
        }
        (self.mistakes.len() == before).then_some(fields)
    }

    /// The next field; none at the end of the line.
    fn field(&mut self, scan: &mut Scan<'_>, depth: usize) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        let mut begun = false;
        loop {
            let (token, more) = match scan.token() {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(at) => {
                    self.wrong(&at, "has a double quote without its counterpart");
                    return None;
                }
            };
            begun = true;
            match token.word().and_then(|word| word.strip_prefix('@')).filter(|name| !name.is_empty()) {
                Some(name) => self.named(name, &token.at, depth + 1, &mut tokens),
                None => tokens.push(token),
            }
            if !more {
                break;
            }
        }
        begun.then_some(tokens)
    }

    /// The tokens of a file that a field names.
    fn named(&mut self, name: &str, at: &Place, depth: usize, out: &mut Vec<Token>) {
        let path = beside(&at.file, name);
        let Some(text) = self.open(&path, at, depth) else { return };
        let before = (out.len(), self.mistakes.len());
        let file: Arc<Path> = path.as_path().into();
        for line in joined(&text) {
            for field in self.fields(&line, &file, depth).unwrap_or_default() {
                out.extend(field);
            }
        }
        if (out.len(), self.mistakes.len()) == before {
            let message =
                format!("file {} names nobody, write at least one name", quoted(&path.to_string_lossy()));
            self.wrong(at, &message);
        }
    }
}

/// A record that stands for those of other files.
#[derive(Clone, Copy)]
enum Include {
    One,
    IfExists,
    Folder,
}

impl Include {
    fn of(fields: &[Vec<Token>]) -> Option<Self> {
        match fields.first().map(Vec::as_slice) {
            Some([token]) => match token.word() {
                Some("include") => Some(Self::One),
                Some("include_if_exists") => Some(Self::IfExists),
                Some("include_dir") => Some(Self::Folder),
                Some(_) | None => None,
            },
            Some(_) | None => None,
        }
    }
}

/// A path that begins at the folder of `file`.
fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(name)
}

/// A line with those that a backslash has joined to it.
struct Joined {
    text: String,
    /// Where each line of the file begins in `text`, and its number.
    parts: Vec<(usize, usize)>,
}

fn joined(text: &str) -> Vec<Joined> {
    let mut out = Vec::new();
    let mut open: Option<Joined> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let mut current = open.take().unwrap_or(Joined { text: String::new(), parts: Vec::new() });
        current.parts.push((current.text.len(), number));
        match line.strip_suffix('\\') {
            Some(line) => {
                current.text.push_str(line);
                open = Some(current);
            }
            None => {
                current.text.push_str(line);
                out.push(current);
            }
        }
    }
    out.extend(open);
    out
}

struct Scan<'a> {
    line: &'a Joined,
    file: &'a Arc<Path>,
    offset: usize,
}

impl Scan<'_> {
    fn place(&self, offset: usize) -> Place {
        let Joined { text, parts } = self.line;
        let part = parts.iter().rev().find(|(start, _)| *start <= offset);
        let (start, line) = part.copied().unwrap_or((0, 1));
        let col = 1 + text.get(start..offset).map_or(0, |before| before.chars().count());
        Place { file: Arc::clone(self.file), line, col }
    }

    /// The next token, and whether a comma says that the field goes on; where a quote without an end stands.
    fn token(&mut self) -> Result<Option<(Token, bool)>, Place> {
        let rest = self.line.text.get(self.offset..).unwrap_or_default();
        let start = rest.find(|c: char| !is_blank(c) && c != ',').map(|skipped| self.offset + skipped);
        let Some(start) = start else { return Ok(None) };
        let mut text = String::new();
        let (mut inside, mut seen, mut first, mut may_double) = (false, false, false, false);
        let mut end = self.line.text.len();
        let (mut after, mut comma) = (end, false);
        for (index, c) in self.line.text.get(start..).unwrap_or_default().char_indices() {
            let at = start + index;
            if !inside && (is_blank(c) || c == '#' || c == ',') {
                end = at;
                // a comment hides everything behind it
                after = if c == '#' { self.line.text.len() } else { at + c.len_utf8() };
                comma = c == ',';
                break;
            }
            if c != '"' || may_double {
                text.push(c);
            }
            may_double = c == '"' && inside && !may_double;
            if c == '"' {
                inside = !inside;
                seen = true;
                first |= at == start;
            }
        }
        self.offset = after;
        if inside {
            return Err(self.place(start));
        }
        if end == start && !seen {
            // nothing but a comment
            return Ok(None);
        }
        Ok(Some((Token { text, quoted: first, at: self.place(start) }, comma)))
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\u{b}' | '\u{c}')
}
