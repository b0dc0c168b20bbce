//! Token by token: words that write or lock, clauses, parentheses, operators.

use super::super::functions::{self, Known};
use super::super::scanner::{Scanner, bit, inside_quotes};
use crate::lexer::Kind as Of;
use crate::verdict::{Against, Doubt, Kind};

impl Scanner<'_> {
    /// The current token, wherever it stands in a statement.
    pub(in crate::effects) fn judge_token(&mut self) {
        if !self.judgement.on || (self.judgement.against.is_some() && !self.judgement.is_undecided()) {
            return;
        }
        match self.token.kind {
            Of::Word => {
                self.judge_relation();
                self.judge_sugar();
                self.judge_word();
            }
            Of::Quoted => {
                self.judge_relation();
                self.judge_name(inside_quotes(self.lexer.bytes(self.token)));
            }
            Of::Unicode => self.speaks_against(Kind::Unknown, Against::Escapes),
            Of::Operator => self.judge_operator(),
            Of::Text => self.judge_text(),
            Of::Open => self.judge_parenthesis(),
            Of::End
            | Of::Number
            | Of::Param
            | Of::Close
            | Of::CloseBracket
            | Of::Comma
            | Of::Semicolon
            | Of::Dot
            | Of::Cast => {}
            Of::Equals => self.judge_operator_named(b"=", true),
        }
    }

    /// A parenthesis opens.
    pub(super) fn judge_parenthesis(&mut self) {
        let Some(inside) = 1u64.checked_shl(self.depth) else {
            return self.speaks_against(Kind::Unknown, Against::TooLong);
        };
        let casts = ["cast", "treat", "xmlserialize"].iter().any(|word| self.says(self.prev, word));
        let groups = self.judgement.groups & (inside >> 1) != 0 && self.says(self.prev, "sets");
        let set = |bits: u64, on: bool| if on { bits | inside } else { bits & !inside };
        let columns = set(self.judgement.columns, self.defines_columns());
        let judgement = &mut self.judgement;
        judgement.casts = set(judgement.casts, casts);
        judgement.groups = set(judgement.groups, groups);
        judgement.columns = columns;
    }

    /// Whether columns, perhaps with types, stand behind the current parenthesis: behind an alias, or COLUMNS.
    pub(super) fn defines_columns(&self) -> bool {
        const OTHERS: [&str; 8] =
            ["over", "filter", "repeatable", "materialized", "escape", "value", "is", "like"];
        let (alias, before) = (self.prev, self.name.before);
        if self.says(alias, "as") {
            return before.kind == Of::Close;
        }
        if self.says(alias, "columns") || self.says(alias, "xmltable") {
            return true;
        }
        let is_alias = alias.is_identifier() && alias.start == self.name.last.start && self.name.parts == 1;
        let behind = self.says(before, "as") || before.kind == Of::Close;
        let word = self.lexer.bytes(alias);
        let syntax = alias.kind == Of::Word
            && (functions::find(word) == Some(Known::Keyword)
                || OTHERS.iter().any(|it| self.says(alias, it)));
        is_alias && behind && !syntax
    }

    pub(super) fn judge_word(&mut self) {
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
        if written && !behind_dot && !self.judgement.only_plans {
            return self.speaks_against(Kind::Write, Against::Writes);
        }
        self.judge_clause();
        match first {
            b'i' if self.judgement.only_plans && self.is("into") && self.says(self.prev, "insert") => {}
            b'i' if self.judgement.only_plans && self.is("into") && self.says(self.prev, "merge") => {}
            b'i' if self.is("into") => self.speaks_against(Kind::Write, Against::MakesTable),
            b'f' if self.is("for") && !self.judgement.only_plans && self.locks() => {
                self.speaks_against(Kind::Write, Against::Locks);
            }
            b'o' if self.is("operator") && self.peek().kind == Of::Open => self.judge_named_operator(),
            _ => self.judge_name(word),
        }
    }

    pub(super) fn doubts(&mut self, doubt: Doubt) {
        self.judgement.doubt = self.judgement.doubt.or(Some(doubt));
    }

    /// Words that begin a clause.
    pub(super) fn judge_clause(&mut self) {
        const BEHIND_GROUPS: [&str; 11] = [
            "having",
            "order",
            "window",
            "limit",
            "offset",
            "fetch",
            "union",
            "intersect",
            "except",
            "select",
            "where",
        ];
        let here = bit(self.depth);
        if self.is("group") {
            self.judgement.groups |= here;
        } else if self.judgement.groups & here != 0 && BEHIND_GROUPS.iter().any(|word| self.is(word)) {
            self.judgement.groups &= !here;
        }
    }

    /// FOR is the current token: UPDATE, NO KEY UPDATE, SHARE, KEY SHARE.
    pub(super) fn locks(&self) -> bool {
        let next = self.peek();
        ["update", "share", "no", "key"].iter().any(|word| self.says(next, word))
    }
}
