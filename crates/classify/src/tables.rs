//! Which tables a text reads and writes, by the names that stand in it.
//!
//! A scan of tokens, as everything here that has to take any text: it does not recurse, takes time in proportion to the
//! text and is right where the grammar's tree is not (`FROM ONLY t`, SELECT INTO, COPY). Names of common table
//! expressions and of functions are left out. What a view, a trigger or a function reads is not in the text.

use std::ffi::CStr;

use crate::Lexis;
use crate::lexer::{Kind, Lexer, Token};
use crate::verdict::LONGEST;

/// The tables of a text, each once, in the order of the text: as they are written, in lower case unless quoted, with
/// the schema if that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// What rows are read from.
    pub reads: Vec<String>,
    /// What is written, made, changed or dropped.
    pub writes: Vec<String>,
    /// There are more names, or deeper ones, than are looked at.
    pub partial: bool,
}

impl Tables {
    /// Names in each list.
    pub const MOST: usize = 256;
}

/// Parentheses that are told apart.
const DEEPEST: usize = 256;

/// Finds the tables of a text. One that is too long to be looked at has none, and is partial.
#[must_use]
pub fn tables(sql: &[u8], lexis: Lexis) -> Tables {
    if sql.len() > LONGEST {
        return Tables { partial: true, ..Tables::default() };
    }
    let terminated = CStr::from_bytes_until_nul(sql).ok();
    let mut finder = Finder {
        lexer: Lexer::new(terminated.map_or(sql, CStr::to_bytes), lexis.backslashes),
        before: NOTHING,
        earlier: NOTHING,
        verb: NOTHING,
        here: Level::default(),
        outer: Vec::new(),
        too_deep: 0,
        found: Tables::default(),
    };
    loop {
        let token = finder.lexer.next();
        if token.kind == Kind::End {
            return finder.found;
        }
        finder.take(token);
    }
}

const NOTHING: Token = Token { kind: Kind::Semicolon, start: usize::MAX, end: usize::MAX };

/// What a name would be here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// Nothing of interest.
    #[default]
    Other,
    /// A table to read.
    Read,
    /// A table to write.
    Write,
    /// A common table expression.
    Common,
}

/// What is going on between two parentheses.
#[derive(Debug, Default)]
struct Level {
    /// What the next token would be the name of.
    next: Next,
    /// The same behind a comma.
    listed: Next,
    /// SELECT or its like stands here: FROM is a clause.
    is_query: bool,
    /// DELETE: the first FROM names what is written.
    deletes: bool,
    /// DELETE or MERGE: USING is like FROM.
    uses: bool,
    /// CREATE INDEX: the table stands behind ON.
    indexes: bool,
    /// WITH RECURSIVE: a name counts in its own query.
    recursive: bool,
    /// It is the query of the outer level's common table expression.
    is_common: bool,
    /// The common table expression that is being read.
    common: Option<String>,
    /// Those that have been read.
    commons: Vec<String>,
}

struct Finder<'a> {
    lexer: Lexer<'a>,
    before: Token,
    earlier: Token,
    /// The first word of the statement.
    verb: Token,
    here: Level,
    /// What goes on around it.
    outer: Vec<Level>,
    /// Parentheses beyond the deepest.
    too_deep: usize,
    found: Tables,
}

impl Finder<'_> {
    fn take(&mut self, token: Token) {
        if self.before.kind == Kind::Semicolon && self.outer.is_empty() {
            self.here = Level::default();
            self.verb = token;
        }
        match token.kind {
            Kind::Open => self.open(),
            Kind::Close => self.close(),
            Kind::Comma => self.here.next = self.here.listed,
            Kind::Word if self.word(token) => {}
            Kind::Word | Kind::Quoted => return self.name(token),
            Kind::End
            | Kind::Unicode
            | Kind::Text
            | Kind::Number
            | Kind::Param
            | Kind::CloseBracket
            | Kind::Semicolon
            | Kind::Dot
            | Kind::Cast
            | Kind::Equals
            | Kind::Operator => self.here.next = Next::Other,
        }
        self.earlier = self.before;
        self.before = token;
    }

    fn open(&mut self) {
        if self.outer.len() >= DEEPEST {
            self.too_deep += 1;
            self.found.partial = true;
            return;
        }
        let is_common = self.here.common.is_some() && self.says_one_of(self.before, &["as", "materialized"]);
        // parentheses around a join, or around a query
        let inside = if self.here.next == Next::Read { Next::Read } else { Next::Other };
        self.here.next = Next::Other;
        let is_query = inside == Next::Read;
        let level = Level { next: inside, listed: inside, is_common, is_query, ..Level::default() };
        self.outer.push(std::mem::replace(&mut self.here, level));
    }

    fn close(&mut self) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let Some(outer) = self.outer.pop() else { return };
        let inner = std::mem::replace(&mut self.here, outer);
        self.here.next = Next::Other;
        if inner.is_common
            && let Some(name) = self.here.common.take()
        {
            self.remember(name);
        }
    }

    /// A common table expression can be read from now on.
    fn remember(&mut self, name: String) {
        if self.here.commons.len() < Tables::MOST {
            self.here.commons.push(name);
        } else {
            self.found.partial = true;
        }
    }

    /// Whether a word is one of the grammar's here.
    fn word(&mut self, word: Token) -> bool {
        let mut lower = [0; 12];
        let bytes = self.lexer.bytes(word);
        let Some(lower) = lower.get_mut(..bytes.len()) else { return false };
        lower.copy_from_slice(bytes);
        lower.make_ascii_lowercase();
        let is_alias = self.here.next == Next::Other && self.says(self.before, "as") && !self.begins();
        if is_alias || self.before.kind == Kind::Dot {
            return true;
        }
        let next = match &*lower {
            b"select" => {
                self.here.is_query = true;
                Next::Other
            }
            b"with" if self.begins() => Next::Common,
            b"insert" | b"merge" | b"delete" | b"update" | b"table" | b"truncate" | b"lock" | b"copy"
            | b"create" | b"alter" | b"drop" | b"refresh"
                if self.begins() =>
            {
                self.verb(lower)
            }
            b"from" if self.here.is_query && self.here.deletes => {
                self.here.deletes = false;
                Next::Write
            }
            b"from" | b"join" if self.here.is_query && !self.is_distinct_from() => Next::Read,
            b"using" if self.here.uses && self.peek() != Kind::Open => Next::Read,
            b"into" if self.here.is_query => Next::Write,
            b"on" if self.here.indexes => Next::Write,
            b"where" | b"group" | b"having" | b"order" | b"limit" | b"offset" | b"fetch" | b"window"
            | b"union" | b"intersect" | b"except" | b"set" | b"returning" | b"values" => Next::Other,
            _ => return self.is_passed_over(lower),
        };
        self.here.next = next;
        // behind INTO comes one table, behind others may come more
        self.here.listed = if &*lower == b"into" { Next::Other } else { next };
        true
    }

    /// Words that may stand before the name of a table.
    fn is_passed_over(&mut self, word: &[u8]) -> bool {
        match (self.here.next, word) {
            (Next::Common, b"recursive") => {
                self.here.recursive = true;
                true
            }
            (Next::Read, b"only" | b"lateral") => true,
            (Next::Read, b"rows") => self.says(self.lexer.clone().next(), "from"),
            (
                Next::Write,
                b"only" | b"table" | b"temp" | b"temporary" | b"unlogged" | b"local" | b"global" | b"if"
                | b"not" | b"exists" | b"view" | b"materialized" | b"concurrently" | b"sequence" | b"foreign"
                | b"binary" | b"recursive" | b"or" | b"replace",
            ) => true,
            (Next::Read, b"binary") => self.says(self.before, "copy"),
            (Next::Read, b"table") => self.says(self.before, "lock"),
            (Next::Other | Next::Common | Next::Read | Next::Write, _) => false,
        }
    }

    /// What is named behind the first word of a statement, or of a query in parentheses.
    fn verb(&mut self, verb: &[u8]) -> Next {
        match verb {
            b"insert" | b"merge" | b"delete" => {
                self.here.is_query = true;
                self.here.deletes = verb == b"delete";
                self.here.uses = verb != b"insert";
                Next::Other
            }
            b"update" => {
                self.here.is_query = true;
                Next::Write
            }
            // once for a statement: it looks ahead
            b"copy" if self.before.kind == Kind::Semicolon && self.copies_from() => Next::Write,
            b"table" | b"lock" | b"copy" => Next::Read,
            b"truncate" | b"refresh" => Next::Write,
            _ => {
                const TABLES: [&str; 4] = ["table", "view", "sequence", "index"];
                let mut ahead = self.lexer.clone();
                let first = (0..4).map(|_| ahead.next()).find(|token| self.says_one_of(*token, &TABLES));
                let index = first.is_some_and(|token| self.says(token, "index"));
                self.here.indexes = index && verb == b"create";
                if first.is_some() && !index { Next::Write } else { Next::Other }
            }
        }
    }

    /// COPY is the current token: whether it writes its table.
    fn copies_from(&self) -> bool {
        let (mut ahead, mut depth) = (self.lexer.clone(), 0u32);
        loop {
            let token = ahead.next();
            if matches!(token.kind, Kind::End | Kind::Semicolon) {
                return false;
            }
            match token.kind == Kind::Close {
                true => depth = depth.saturating_sub(1),
                false => depth += u32::from(token.kind == Kind::Open),
            }
            if depth == 0 && self.says_one_of(token, &["from", "to"]) {
                return self.says(token, "from");
            }
        }
    }

    /// Whether a statement, or a query in parentheses, may begin with the current token.
    fn begins(&self) -> bool {
        const INTRODUCE: [&str; 8] =
            ["explain", "analyze", "analyse", "verbose", "union", "intersect", "except", "all"];
        let before = self.before;
        matches!(before.kind, Kind::Semicolon | Kind::Open)
            || self.says_one_of(before, &INTRODUCE)
            || (before.kind == Kind::Close
                && (self.here.listed == Next::Common || self.says(self.verb, "explain")))
            || (self.says(before, "as") && self.says_one_of(self.verb, &["prepare", "create"]))
    }

    /// IS [NOT] DISTINCT FROM: the current token is FROM.
    fn is_distinct_from(&self) -> bool {
        self.says(self.before, "distinct") && self.says_one_of(self.earlier, &["is", "not"])
    }

    fn peek(&self) -> Kind {
        self.lexer.clone().next().kind
    }

    /// A name begins with this token.
    fn name(&mut self, first: Token) {
        let (mut last, mut parts) = (first, vec![self.part(first)]);
        loop {
            let mut ahead = self.lexer.clone();
            if ahead.next().kind != Kind::Dot {
                break;
            }
            let part = ahead.next();
            if !matches!(part.kind, Kind::Word | Kind::Quoted) {
                break;
            }
            self.lexer = ahead;
            parts.push(self.part(part));
            last = part;
        }
        let next = std::mem::take(&mut self.here.next);
        let called = self.peek() == Kind::Open && !self.says_one_of(self.before, &["copy", "binary"]);
        match next {
            Next::Read if called || (parts.len() == 1 && self.is_common(&parts)) => {}
            Next::Read if parts.len() == 1 && self.says_one_of(first, &VALUES) => {}
            Next::Read => keep(&mut self.found.reads, &mut self.found.partial, &parts),
            Next::Write => keep(&mut self.found.writes, &mut self.found.partial, &parts),
            Next::Common => {
                self.here.common = parts.pop();
                if self.here.recursive
                    && let Some(name) = self.here.common.clone()
                {
                    self.remember(name);
                }
            }
            Next::Other => {}
        }
        self.earlier = self.before;
        self.before = last;
    }

    fn part(&self, token: Token) -> String {
        let bytes = self.lexer.bytes(token);
        let inside = bytes.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        match inside {
            Some(inside) => String::from_utf8_lossy(inside).replace("\"\"", "\""),
            None => String::from_utf8_lossy(&bytes.to_ascii_lowercase()).into_owned(),
        }
    }

    /// Whether this names a common table expression that is seen here.
    fn is_common(&self, parts: &[String]) -> bool {
        let levels = self.outer.iter().chain(std::iter::once(&self.here));
        levels.flat_map(|level| &level.commons).any(|name| parts.first() == Some(name))
    }

    fn says(&self, token: Token, word: &str) -> bool {
        token.kind == Kind::Word && self.lexer.bytes(token).eq_ignore_ascii_case(word.as_bytes())
    }

    fn says_one_of(&self, token: Token, words: &[&str]) -> bool {
        words.iter().any(|word| self.says(token, word))
    }
}

/// What looks like a table behind FROM and is a value.
const VALUES: [&str; 12] = [
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "system_user",
    "user",
];

fn keep(list: &mut Vec<String>, partial: &mut bool, parts: &[String]) {
    let name = parts.join(".");
    if list.contains(&name) {
        return;
    }
    if list.len() < Tables::MOST {
        list.push(name);
    } else {
        *partial = true;
    }
}

#[cfg(test)]
mod tests;
