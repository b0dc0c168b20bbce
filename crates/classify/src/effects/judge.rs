//! What speaks against a replica, found on the same way through the tokens.
//!
//! Nothing does only if every function in the text is known to read alone, no word of it writes, locks or speaks of
//! this server, and running it leaves nothing behind.

mod catalogue;
mod names;
mod tokens;

use super::known;
pub(super) use catalogue::reads;

use super::scanner::Scanner;
use super::{Effects, Lexis};
use crate::catalogue::Names;
use crate::lexer::Kind as Of;
use crate::verdict::{Against, Block, Doubt, Hints, Kind, Verdict};

/// What the judgement has come to so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    /// Somebody wants to know.
    on: bool,
    kind: Kind,
    against: Option<Against>,
    doubt: Option<Doubt>,
    /// EXPLAIN without ANALYZE: nothing is run.
    only_plans: bool,
    block: Block,
    statements: u32,
    /// By depth: the parentheses of a CAST.
    casts: u64,
    /// By depth: columns with their types stand here.
    columns: u64,
    /// By depth: a GROUP BY is being read.
    groups: u64,
}

impl Judgement {
    pub(super) fn new(on: bool) -> Self {
        Self {
            on,
            kind: Kind::Empty,
            against: None,
            doubt: None,
            only_plans: false,
            block: Block::Stays,
            statements: 0,
            casts: 0,
            columns: 0,
            groups: 0,
        }
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
pub(super) fn verdict(sql: &[u8], whole: bool, lexis: Lexis, names: Names<'_>) -> Verdict {
    let (found, scanner) = Scanner::judging(sql, whole, lexis, names).finish();
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
        let Judgement { kind, mut against, doubt, mut block, statements, .. } = self.judgement;
        if block == Block::OpensReadOnly && statements > 1 {
            block = Block::Opens;
        }
        let hints: Hints = self.lexer.hints;
        against = against.or(hints.pin.then_some(Against::Session));
        Verdict { kind, against, doubt, block, hints }
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
        if self.prev.kind == Of::Semicolon {
            self.judgement.only_plans = false;
        } else if self.judgement.only_plans && matches!(verb, b"insert" | b"update" | b"delete" | b"merge") {
            return;
        }
        let (kind, why) = match verb {
            b"select" | b"values" | b"table" | b"with" => (Kind::Read, None),
            b"explain" => (Kind::Read, self.explains()),
            b"copy" => {
                self.judge_copied();
                (Kind::Read, self.copies())
            }
            b"" if self.token.kind == Of::Open => (Kind::Read, None),
            b"show" => (Kind::Read, self.shows()),
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

    /// SHOW, the current token: whether the setting is one that goes with its client, or the same everywhere.
    fn shows(&self) -> Option<Against> {
        let mut ahead = self.lexer.clone();
        let name = ahead.next();
        let (known, pairs) = (known::is_setting(self.lexer.bytes(name)), ["time", "session", "transaction"]);
        let mut end = ahead.next();
        if pairs.iter().any(|word| self.says(name, word)) {
            // TIME ZONE, SESSION AUTHORIZATION, TRANSACTION ISOLATION LEVEL
            while end.kind == Of::Word {
                end = ahead.next();
            }
        } else if !known || name.kind != Of::Word {
            return Some(Against::ServerState);
        }
        (!matches!(end.kind, Of::End | Of::Semicolon)).then_some(Against::ServerState)
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

    /// EXPLAIN, the current token: its options. What it explains is judged by itself, as far as it is run.
    fn explains(&mut self) -> Option<Against> {
        let mut ahead = self.lexer.clone();
        let (first, second) = (ahead.next(), ahead.next());
        let runs = |token| self.says(token, "analyze") || self.says(token, "analyse");
        let mut any = runs(first) || runs(second);
        if first.kind == Of::Open {
            let mut token = second;
            while !matches!(token.kind, Of::Close | Of::End) {
                any |= runs(token) || token.kind == Of::Open;
                token = ahead.next();
            }
        }
        self.judgement.only_plans = !any;
        self.options()
    }

    /// The options of EXPLAIN in parentheses.
    fn options(&self) -> Option<Against> {
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
}
