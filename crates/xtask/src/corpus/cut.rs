//! Files of psql into statements: quotes, comments, variables, data of COPY, bodies of SQL functions.

use std::collections::HashMap;

/// A statement of a file.
#[derive(Debug)]
pub(super) struct Statement {
    /// The line it begins at.
    pub(super) line: usize,
    /// Its text.
    pub(super) sql: String,
    /// What stands behind a COPY FROM stdin.
    pub(super) data: String,
}

/// One pass over a file.
struct Cutter<'a> {
    rest: &'a str,
    line: usize,
    vars: HashMap<String, String>,
    sql: String,
    began: usize,
    /// Parentheses, and BEGIN ATOMIC and CASE of a definition.
    depth: i32,
    done: Vec<Statement>,
}

/// All statements; `vars` are those of psql.
pub(super) fn cut(text: &str, vars: &[(&str, String)]) -> Vec<Statement> {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut cutter =
        Cutter { rest: text, line: 1, vars, sql: String::new(), began: 1, depth: 0, done: Vec::new() };
    while let Some(first) = cutter.rest.chars().next() {
        cutter.step(first);
    }
    cutter.finish(false);
    cutter.done
}

impl Cutter<'_> {
    /// Takes so many bytes, and gives them.
    fn take(&mut self, bytes: usize) -> String {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken.to_owned()
    }

    fn keep(&mut self, bytes: usize) {
        if self.sql.trim().is_empty() {
            self.began = self.line;
        }
        let taken = self.take(bytes);
        self.sql.push_str(&taken);
    }

    fn step(&mut self, first: char) {
        let rest = self.rest;
        match first {
            '-' if rest.starts_with("--") => self.keep(rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => self.keep(comment(rest)),
            '\'' => {
                let escapes = self.sql.ends_with(['e', 'E'])
                    && !self.sql.get(..self.sql.len() - 1).is_some_and(|before| before.ends_with(is_word));
                self.keep(quoted(rest, '\'', escapes));
            }
            '"' => self.keep(quoted(rest, '"', false)),
            '$' => self.keep(dollars(rest, &self.sql)),
            '(' => {
                self.depth += 1;
                self.keep(1);
            }
            ')' => {
                self.depth -= 1;
                self.keep(1);
            }
            ';' if self.depth <= 0 => {
                self.take(1);
                self.finish(true);
            }
            '\\' => self.command(),
            ':' => self.variable(),
            first if is_word(first) => self.word(),
            first => self.keep(first.len_utf8()),
        }
    }

    fn word(&mut self) {
        let end = self.rest.find(|c| !is_word(c) && c != '$').unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or_default().to_lowercase();
        let begins = self.sql.trim_start().to_lowercase();
        if begins.starts_with("create") && (begins.contains("function") || begins.contains("procedure")) {
            match word.as_str() {
                "begin" => self.depth += 1,
                "case" if self.depth > 0 => self.depth += 1,
                "end" if self.depth > 0 => self.depth -= 1,
                _ => {}
            }
        }
        self.keep(end.max(1));
    }

    /// A command of psql: up to the end of the line. Those that send the statement end it.
    fn command(&mut self) {
        if self.rest.starts_with("\\;") {
            self.take(2);
            return self.sql.push(';');
        }
        let line = self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
        let mut words = line.split_whitespace();
        match words.next().unwrap_or_default() {
            "\\set" => {
                if let Some(name) = words.next() {
                    let value: String = words.map(|word| self.value(word)).collect();
                    self.vars.insert(name.to_owned(), value);
                }
            }
            "\\getenv" => {
                let value = words.clone().nth(1).and_then(|name| self.vars.get(name).cloned());
                if let (Some(name), Some(value)) = (words.next(), value) {
                    self.vars.insert(name.to_owned(), value);
                }
            }
            command if command.starts_with("\\g") || command.starts_with("\\crosstab") => self.finish(true),
            _ => {}
        }
    }

    fn value(&self, word: &str) -> String {
        match word.strip_prefix(':') {
            Some(name) => self.vars.get(name.trim_matches(['\'', '"'])).cloned().unwrap_or_default(),
            None => word.trim_matches('\'').to_owned(),
        }
    }

    fn variable(&mut self) {
        let rest = self.rest.get(1..).unwrap_or_default();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let name: String =
            rest.chars().skip(usize::from(quote.is_some())).take_while(|c| is_word(*c)).collect();
        match self.vars.get(&name).cloned() {
            Some(value) if !self.sql.ends_with(':') => {
                self.take(1 + name.len() + 2 * usize::from(quote.is_some()));
                let quote = quote.map(String::from).unwrap_or_default();
                self.sql.push_str(&format!("{quote}{value}{quote}"));
            }
            _ => self.keep(1),
        }
    }

    /// A statement ends; `sent`: it is one.
    fn finish(&mut self, sent: bool) {
        self.depth = 0;
        let sql = std::mem::take(&mut self.sql).trim().to_owned();
        let bare = sql.to_lowercase();
        if sql.is_empty() || !sent {
            return;
        }
        let mut data = String::new();
        let copies = bare.contains("copy") && bare.contains("from") && bare.contains("stdin");
        if copies && !bare.starts_with("select") {
            self.take(self.rest.find('\n').map_or(self.rest.len(), |end| end + 1));
            let end = self.rest.find("\\.\n").unwrap_or(0);
            data = self.take(end);
            self.take(if self.rest.starts_with("\\.") { 3 } else { 0 });
        }
        self.done.push(Statement { line: self.began, sql, data });
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long the comment is that the text begins with.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(next) = rest.find(['*', '/']) else { return text.len() };
        let rest = rest.get(next..).unwrap_or_default();
        at += next + if rest.starts_with("/*") || rest.starts_with("*/") { 2 } else { 1 };
        depth += i32::from(rest.starts_with("/*")) - i32::from(rest.starts_with("*/"));
        if depth == 0 {
            return at;
        }
    }
}

/// How long the quoted piece is that the text begins with.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// How long the string in dollars is that the text begins with; one if there is none.
fn dollars(text: &str, before: &str) -> usize {
    let inside = text.get(1..).unwrap_or_default();
    let Some(end) = inside.find('$') else { return 1 };
    let tag = inside.get(..end).unwrap_or_default();
    let is_tag = tag.chars().all(is_word) && !tag.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag || before.ends_with(is_word) {
        return 1;
    }
    let whole = text.get(..end + 2).unwrap_or_default();
    let body = text.get(end + 2..).unwrap_or_default();
    body.find(whole).map_or(text.len(), |at| at + 2 * whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_as_psql_cuts_them() {
        let text = "select 'a;b', $x$;$x$; -- c;\n\\set n 1\nselect :n, :'n' \\gset\n/* ; /* */ ; */ copy t from stdin;\n\
                    1\n\\.\ncreate function f() returns int begin atomic select 1; select case when true then 1 end; end;\n\
                    select E'\\';' \\; select 2;";
        let found: Vec<String> = cut(text, &[]).into_iter().map(|it| it.sql + "|" + &it.data).collect();
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(found[1], "-- c;\n\nselect 1, '1'|");
        assert_eq!(found[2], "/* ; /* */ ; */ copy t from stdin|1\n");
        assert_eq!(found[4], "select E'\\';' ; select 2|");
    }
}
