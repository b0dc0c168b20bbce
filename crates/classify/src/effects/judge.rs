//! What speaks against a replica, found on the same way through the tokens.
//!
//! Nothing does only if every function, operator and type in the text is known to read alone, no word of it writes,
//! locks or speaks of this server, and running it leaves nothing behind.

use super::functions::Known;
use super::known;
use super::scanner::{Scanner, inside_quotes};
use super::{Effects, Lexis};
use crate::lexer::{Kind as Of, Token};
use crate::verdict::{Against, Block, Hints, Kind, Verdict};

/// What the judgement has come to so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    /// Somebody wants to know.
    on: bool,
    kind: Kind,
    against: Option<Against>,
    block: Block,
    statements: u32,
    /// By depth: the parentheses of a CAST.
    casts: u64,
}

impl Judgement {
    pub(super) fn new(on: bool) -> Self {
        Self { on, kind: Kind::Empty, against: None, block: Block::Stays, statements: 0, casts: 0 }
    }

    /// Only knowledge is missing so far.
    fn is_undecided(&self) -> bool {
        self.against.is_some_and(Against::is_undecided)
    }

    /// The first reason stays, unless it is only that something is not known.
    fn note(&mut self, why: Option<Against>) {
        let known = why.is_some_and(|why| !why.is_undecided());
        if self.against.is_none() || (known && self.is_undecided()) {
            self.against = why;
        }
    }
}

/// The verdict on a text.
pub(super) fn verdict(sql: &[u8], whole: bool, lexis: Lexis) -> Verdict {
    let (found, scanner) = Scanner::judging(sql, whole, lexis).finish();
    scanner.concluded(found.as_deref(), sql, lexis)
}

impl Scanner<'_> {
    fn concluded(mut self, found: Option<&Effects>, sql: &[u8], lexis: Lexis) -> Verdict {
        if self.lexer.broken || !self.whole() {
            self.speaks_against(Kind::Unknown, Against::CutOff);
        }
        if lexis.backslashes && sql.contains(&b'\\') {
            self.speaks_against(Kind::Unknown, Against::Backslash);
        }
        if self.judgement.statements == 0 {
            self.speaks_against(Kind::Empty, Against::Empty);
        }
        // what is not known may leave anything behind: that is no other reason than the one there is
        let same = |found: &Effects| self.judgement.is_undecided() && found.is_unknown_only();
        if found.is_some_and(|found| !same(found)) {
            self.speaks_against(Kind::Session, Against::Session);
        }
        let Judgement { kind, mut against, mut block, statements, .. } = self.judgement;
        if block == Block::OpensReadOnly && statements > 1 {
            block = Block::Opens;
        }
        let hints: Hints = self.lexer.hints;
        against = against.or(hints.pin.then_some(Against::Session));
        Verdict { kind, against, block, hints }
    }

    /// Notes what kind of statement it is, and what speaks against a replica.
    pub(super) fn speaks_against(&mut self, kind: Kind, why: Against) {
        let judgement = &mut self.judgement;
        judgement.kind = judgement.kind.max(kind);
        judgement.note(Some(why));
    }

    /// A statement begins with the current token. `verb`: that in lower case, empty if it is no word.
    pub(super) fn judge_statement(&mut self, verb: &[u8]) {
        if !self.judgement.on {
            return;
        }
        self.judgement.statements += 1;
        let (kind, why) = match verb {
            b"select" | b"values" | b"table" | b"with" => (Kind::Read, None),
            b"explain" => (Kind::Read, self.explains()),
            b"copy" => (Kind::Read, self.copies()),
            b"" if self.token.kind == Of::Open => (Kind::Read, None),
            b"show" => (Kind::Read, Some(Against::ServerState)),
            b"begin" | b"start" => (Kind::Transaction, Some(self.begins())),
            b"commit" | b"end" | b"rollback" | b"abort" => {
                self.judgement.block = Block::Ends;
                (Kind::Transaction, Some(Against::Transaction))
            }
            b"savepoint" | b"release" => (Kind::Transaction, Some(Against::Transaction)),
            b"lock" => (Kind::Write, Some(Against::Locks)),
            b"set" | b"reset" | b"discard" | b"prepare" | b"execute" | b"deallocate" | b"declare"
            | b"fetch" | b"move" | b"close" | b"listen" | b"unlisten" | b"load" => {
                (Kind::Session, Some(Against::Session))
            }
            b"insert" | b"update" | b"delete" | b"merge" | b"truncate" | b"create" | b"alter" | b"drop"
            | b"comment" | b"grant" | b"revoke" | b"vacuum" | b"analyze" | b"analyse" | b"cluster"
            | b"reindex" | b"checkpoint" | b"refresh" | b"security" | b"reassign" | b"import" | b"notify" => {
                (Kind::Write, Some(Against::Writes))
            }
            // DO, CALL, and what a later version may bring
            _ => (Kind::Unknown, Some(Against::UnknownStatement)),
        };
        self.judgement.kind = self.judgement.kind.max(kind);
        self.judgement.note(why);
    }

    /// BEGIN, the current token.
    fn begins(&mut self) -> Against {
        let first = self.judgement.statements == 1;
        let (mut only, mut other) = (false, false);
        let (mut ahead, mut before) = (self.lexer.clone(), self.token);
        loop {
            let token = ahead.next();
            if matches!(token.kind, Of::End | Of::Semicolon) {
                break;
            }
            only |= self.says(before, "read") && self.says(token, "only");
            // a replica has no SERIALIZABLE; what is deferred is only that
            other |= self.says(before, "read") && self.says(token, "write");
            other |= self.says(token, "serializable") || self.says(token, "deferrable");
            before = token;
        }
        if first {
            self.judgement.block = if only && !other { Block::OpensReadOnly } else { Block::Opens };
        }
        Against::Transaction
    }

    /// COPY, the current token: to the client, or not.
    fn copies(&self) -> Option<Against> {
        let (mut ahead, mut before, mut depth) = (self.lexer.clone(), self.token, 0u32);
        loop {
            let token = ahead.next();
            match token.kind {
                Of::End => return Some(Against::Copy),
                Of::Semicolon if depth == 0 => return Some(Against::Copy),
                Of::Open => depth += 1,
                Of::Close => depth = depth.saturating_sub(1),
                Of::Word if depth == 0 && self.says(token, "from") => return Some(Against::Writes),
                Of::Word if depth == 0 && self.says(before, "to") => {
                    return (!self.says(token, "stdout")).then_some(Against::Copy);
                }
                _ if depth == 0 && self.says(before, "to") => return Some(Against::Copy),
                Of::Word
                | Of::Quoted
                | Of::Unicode
                | Of::Text
                | Of::Number
                | Of::Param
                | Of::CloseBracket
                | Of::Comma
                | Of::Semicolon
                | Of::Dot
                | Of::Cast
                | Of::Equals
                | Of::Operator => {}
            }
            before = token;
        }
    }

    /// EXPLAIN, the current token: its options. What it explains is judged by itself.
    fn explains(&self) -> Option<Against> {
        const OPTIONS: &str = "analyze analyse verbose costs settings generic_plan buffers serialize wal timing \
                               summary memory format text xml json yaml on off true false none binary";
        let mut ahead = self.lexer.clone();
        if ahead.next().kind != Of::Open {
            return None;
        }
        loop {
            let token = ahead.next();
            let known = || {
                let word = self.lexer.bytes(token);
                OPTIONS.split_whitespace().any(|option| option.as_bytes().eq_ignore_ascii_case(word))
            };
            match token.kind {
                Of::Close => return None,
                Of::Comma | Of::Number => {}
                Of::Word if known() => {}
                // a parenthesis of a query, or something else
                Of::Word if self.says(token, "select") || self.says(token, "values") => return None,
                Of::Word if self.says(token, "with") || self.says(token, "table") => return None,
                Of::Open => return None,
                Of::End
                | Of::Word
                | Of::Quoted
                | Of::Unicode
                | Of::Text
                | Of::Param
                | Of::CloseBracket
                | Of::Semicolon
                | Of::Dot
                | Of::Cast
                | Of::Equals
                | Of::Operator => return Some(Against::ExplainOption),
            }
        }
    }

    /// The current token, wherever it stands in a statement.
    pub(super) fn judge_token(&mut self) {
        if !self.judgement.on || (self.judgement.against.is_some() && !self.judgement.is_undecided()) {
            return;
        }
        match self.token.kind {
            Of::Word => self.judge_word(),
            Of::Quoted => self.judge_name(inside_quotes(self.lexer.bytes(self.token))),
            Of::Unicode => self.speaks_against(Kind::Unknown, Against::Escapes),
            Of::Operator => self.judge_operator(),
            Of::Text => self.judge_text(),
            Of::Open if self.says(self.prev, "cast") || self.says(self.prev, "treat") => {
                self.judgement.casts |= bit(self.depth);
            }
            Of::Open => self.judgement.casts &= !bit(self.depth),
            Of::End
            | Of::Number
            | Of::Param
            | Of::Close
            | Of::CloseBracket
            | Of::Comma
            | Of::Semicolon
            | Of::Dot
            | Of::Cast
            | Of::Equals => {}
        }
    }

    fn judge_word(&mut self) {
        let word = self.lexer.bytes(self.token);
        let first = word.first().map_or(0, u8::to_ascii_lowercase);
        let behind_dot = self.prev.kind == Of::Dot;
        let written = match first {
            b'i' => self.is("insert"),
            b'u' => self.is("update"),
            b'd' => self.is("delete"),
            b'm' => self.is("merge"),
            _ => false,
        };
        if written && !behind_dot {
            return self.speaks_against(Kind::Write, Against::Writes);
        }
        match first {
            b'i' if self.is("into") => self.speaks_against(Kind::Write, Against::MakesTable),
            b'f' if self.is("for") && self.locks() => self.speaks_against(Kind::Write, Against::Locks),
            b'o' if self.is("operator") && self.peek().kind == Of::Open => self.judge_named_operator(),
            _ => self.judge_name(word),
        }
    }

    /// FOR is the current token: UPDATE, NO KEY UPDATE, SHARE, KEY SHARE.
    fn locks(&self) -> bool {
        let next = self.peek();
        ["update", "share", "no", "key"].iter().any(|word| self.says(next, word))
    }

    /// A name, whatever it is the name of.
    fn judge_name(&mut self, name: &[u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        let system = |name: &[u8]| name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"pg_"));
        if ["ctid", "xmin", "xmax", "cmin", "cmax"].into_iter().any(is) {
            return self.speaks_against(Kind::Read, Against::SystemColumn);
        }
        let next = || self.peek().kind;
        if ["last_value", "log_cnt", "is_called"].into_iter().any(is) && next() != Of::Open {
            return self.speaks_against(Kind::Read, Against::Sequence);
        }
        if self.is_type_place() {
            return self.judge_type(name);
        }
        if system(name) && next() != Of::Open && !is("pg_catalog") && !known::is_catalogue(name) {
            self.speaks_against(Kind::Read, Against::ServerState);
        }
    }

    /// Whether the current token, an identifier, is the name of a type or part of it.
    fn is_type_place(&self) -> bool {
        let behind = |before: Token| {
            before.kind == Of::Cast
                || (self.judgement.casts & bit(self.depth) != 0 && self.says(before, "as"))
        };
        // the name this one goes on, or what stands before it
        if self.prev.kind == Of::Dot { behind(self.name.before) } else { behind(self.prev) }
    }

    fn judge_type(&mut self, name: &[u8]) {
        let qualified = self.prev.kind == Of::Dot;
        let in_catalog = !qualified || self.names(self.name.last, "pg_catalog");
        let goes_on = self.peek().kind == Of::Dot;
        let known = if goes_on {
            !qualified && name.eq_ignore_ascii_case(b"pg_catalog")
        } else {
            in_catalog && known::is_type(name)
        };
        if !known {
            self.speaks_against(Kind::Read, Against::UnknownType);
        }
    }

    /// A string behind a name is a literal of the type of that name.
    fn judge_text(&mut self) {
        let known = match self.prev.kind {
            Of::Word => {
                let word = self.lexer.bytes(self.prev);
                known::precedes_text(word) || (known::is_type(word) && self.is_of_catalog())
            }
            Of::Quoted | Of::Unicode => false,
            Of::End
            | Of::Text
            | Of::Number
            | Of::Param
            | Of::Open
            | Of::Close
            | Of::CloseBracket
            | Of::Comma
            | Of::Semicolon
            | Of::Dot
            | Of::Cast
            | Of::Equals
            | Of::Operator => true,
        };
        if !known {
            self.speaks_against(Kind::Read, Against::UnknownType);
        }
    }

    /// Whether the name that was read last has no schema but the server's own.
    fn is_of_catalog(&self) -> bool {
        self.name.parts == 1 || (self.name.parts == 2 && self.names(self.name.schema, "pg_catalog"))
    }

    fn judge_operator(&mut self) {
        let run = self.lexer.bytes(self.token);
        let single = matches!(run, [b'[' | b':' | b'{' | b'}']);
        if !single && !known::is_operator(run) {
            self.speaks_against(Kind::Read, Against::UnknownOperator);
        }
    }

    /// `OPERATOR(schema.+)`, as it is written by psql and pg_dump.
    fn judge_named_operator(&mut self) {
        let mut ahead = self.lexer.clone();
        let [_, schema, dot] = [ahead.next(), ahead.next(), ahead.next()];
        if !self.names(schema, "pg_catalog") || dot.kind != Of::Dot {
            self.speaks_against(Kind::Read, Against::UnknownOperator);
        }
    }

    /// A name with a parenthesis behind it, of which this is known.
    pub(super) fn judge_call(&mut self, known: Option<Known>, can_be_call: bool) {
        match known {
            Some(Known::Harmless { reads: true } | Known::Keyword) => {}
            Some(Known::Harmless { reads: false } | Known::Sets | Known::Runs | Known::Marks(_)) => {
                self.speaks_against(Kind::Unknown, Against::Function);
            }
            None if can_be_call => self.speaks_against(Kind::Unknown, Against::UnknownFunction),
            None => {}
        }
    }

    /// `(value).name` calls a function of that name.
    pub(super) fn judge_field(&mut self, known: Option<Known>) {
        if matches!(
            known,
            Some(Known::Harmless { reads: false } | Known::Sets | Known::Runs | Known::Marks(_))
        ) {
            self.speaks_against(Kind::Unknown, Against::Function);
        }
    }
}

/// One bit for each depth; none for what is deeper than anybody writes.
fn bit(depth: u32) -> u64 {
    1u64.checked_shl(depth).unwrap_or(0)
}
