//! Names: of what only this server knows, of types, of functions.

use super::super::functions::{self, Known};
use super::super::known;
use super::super::scanner::{Scanner, bit, inside_quotes};
use crate::catalogue::Said;
use crate::lexer::{Kind as Of, Token};
use crate::verdict::{Against, Doubt, Kind};

impl Scanner<'_> {
    /// A name, whatever it is the name of.
    pub(super) fn judge_name(&mut self, name: &[u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        let system = |name: &[u8]| name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"pg_"));
        if ["ctid", "xmin", "xmax", "cmin", "cmax"].into_iter().any(is) {
            return self.speaks_against(Kind::Read, Against::SystemColumn);
        }
        let next = || self.peek().kind;
        // the catalogue knows sequences by themselves
        let known = self.names.are_known();
        if !known && ["last_value", "log_cnt", "is_called"].into_iter().any(is) && next() != Of::Open {
            return self.speaks_against(Kind::Read, Against::Sequence);
        }
        if !known
            && name.len() > 4
            && name.get(name.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case(b"_seq"))
        {
            // as serial columns name theirs
            let before = if self.prev.kind == Of::Dot { self.name.before } else { self.prev };
            let is_table = ["from", "join", "table", "only"].iter().any(|word| self.says(before, word));
            if is_table && next() != Of::Dot {
                return self.speaks_against(Kind::Read, Against::Sequence);
            }
        }
        if self.is_type_place() {
            return self.judge_type(name);
        }
        if next() == Of::Text && known::is_type(name, self.token.kind == Of::Quoted) {
            return;
        }
        if system(name) && next() != Of::Open && !is("pg_catalog") && !known::is_catalogue(name) {
            self.speaks_against(Kind::Read, Against::ServerState);
        }
    }

    /// Whether the current token, an identifier, is the name of a type or part of it.
    pub(super) fn is_type_place(&self) -> bool {
        let behind = |before: Token| {
            before.kind == Of::Cast
                || self.says(before, "returning")
                || (self.judgement.casts & bit(self.depth) != 0 && self.says(before, "as"))
        };
        // the name this one goes on, or what stands before it
        if self.prev.kind == Of::Dot {
            behind(self.name.before) || self.is_column(self.name.before, self.name.earlier)
        } else {
            behind(self.prev) || self.is_column(self.prev, self.name.before)
        }
    }

    /// Whether this is the name of a column whose type follows, by what stands before it.
    pub(super) fn is_column(&self, name: Token, before: Token) -> bool {
        self.judgement.columns & bit(self.depth) != 0
            && name.is_identifier()
            && !self.is("for")
            && !self.is("passing")
            && (matches!(before.kind, Of::Open | Of::Comma) || self.says(before, "columns"))
            && (name.kind != Of::Word || functions::find(self.lexer.bytes(name)) != Some(Known::Keyword))
    }

    pub(super) fn judge_type(&mut self, name: &[u8]) {
        let qualified = self.prev.kind == Of::Dot;
        let in_catalog = !qualified || self.names(self.name.last, "pg_catalog");
        let goes_on = self.peek().kind == Of::Dot;
        let known = if goes_on {
            !qualified && name.eq_ignore_ascii_case(b"pg_catalog")
        } else {
            let of_schema = || self.names(self.name.last, "information_schema") && known::is_domain(name);
            (in_catalog && known::is_type(name, self.token.kind == Of::Quoted)) || (qualified && of_schema())
        };
        if !goes_on {
            self.judge_kind(self.token, known);
        } else if !known && !self.names.are_known() {
            self.doubts(Doubt::UnknownType);
        }
    }

    /// A string behind a name is a literal of the type of that name.
    pub(super) fn judge_text(&mut self) {
        let known = match self.prev.kind {
            Of::Word => {
                let word = self.lexer.bytes(self.prev);
                known::precedes_text(word) || (known::is_type(word, false) && self.is_of_catalog())
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
            self.judge_kind(self.prev, false);
        }
    }

    /// Whether the name that was read last has no schema but the server's own.
    pub(super) fn is_of_catalog(&self) -> bool {
        self.name.parts == 1 || (self.name.parts == 2 && self.names(self.name.schema, "pg_catalog"))
    }

    pub(super) fn judge_operator(&mut self) {
        let run = self.lexer.bytes(self.token);
        let single = matches!(run, [b'[' | b':' | b'{' | b'}']);
        if !known::is_made_of_operators(run) && !single {
            self.speaks_against(Kind::Unknown, Against::UnknownOperator);
        } else if !single {
            self.judge_run();
        }
    }

    /// `OPERATOR(schema.+)`, as it is written by psql and pg_dump.
    pub(super) fn judge_named_operator(&mut self) {
        let mut ahead = self.lexer.clone();
        let [_, schema, dot, operator] = [ahead.next(), ahead.next(), ahead.next(), ahead.next()];
        if self.names(schema, "pg_catalog") && dot.kind == Of::Dot {
            return;
        }
        if !self.names.are_known() {
            return self.doubts(Doubt::UnknownOperator);
        }
        // the others are looked at where they stand
        let is_star = |token| self.lexer.bytes(token) == b"*";
        if is_star(schema) || is_star(operator) {
            self.judge_operator_named(b"*", true);
        }
    }

    /// A name with a parenthesis behind it, of which this is known. Whether the catalogue knows it for harmless.
    pub(in crate::effects) fn judge_call(&mut self, known: Option<Known>, can_be_call: bool) -> bool {
        let said = || if self.judgement.on { self.said_of_call() } else { Said::Nothing };
        match known {
            Some(Known::Harmless { reads: true }) if self.is_hidden() => {
                self.speaks_against(Kind::Unknown, Against::UnknownFunction);
            }
            Some(Known::Keyword) if self.is_younger_keyword() && self.is_hidden() => {
                self.speaks_against(Kind::Unknown, Against::UnknownFunction);
            }
            Some(Known::Harmless { reads: true } | Known::Keyword) => {}
            Some(Known::Harmless { reads: false } | Known::Sets | Known::Runs | Known::Marks(_)) => {
                self.speaks_against(Kind::Unknown, Against::Function);
            }
            None if (can_be_call || self.only_looks_like_syntax()) && said() == Said::Harmless => {
                return true;
            }
            None if can_be_call || self.only_looks_like_syntax() => {
                self.speaks_against(Kind::Unknown, Against::UnknownFunction);
            }
            None => {}
        }
        false
    }

    /// Whether the name before the current parenthesis, which may be a word of the grammar in statements that write,
    /// or elsewhere in those that read, is none here.
    pub(super) fn only_looks_like_syntax(&self) -> bool {
        let (name, before, earlier) = (self.prev, self.name.before, self.name.earlier);
        let pair = |first, second| self.says(before, first) && self.says(name, second);
        let behind_unit = ["day", "hour", "minute"].iter().any(|unit| self.says(earlier, unit));
        let grouping = self.says(name, "rollup") || self.says(name, "cube");
        let alias = before.kind == Of::Close || self.says(before, "as");
        (grouping && !alias && self.judgement.groups & bit(self.depth.saturating_sub(1)) == 0)
            || (pair("on", "conflict") && !self.judgement.only_plans)
            || (pair("not", "materialized") && !self.says(earlier, "as"))
            || (pair("to", "second") && !behind_unit)
    }

    /// `(value).name`, and `alias.name`, calls a function of that name.
    pub(in crate::effects) fn judge_field(&mut self) {
        let of_value = self.name.parts > 1 || self.name.before.kind == Of::Dot;
        if !self.judgement.on || !of_value {
            return;
        }
        let bytes = self.lexer.bytes(self.name.last);
        let known = if self.name.last.kind == Of::Quoted {
            functions::find_exact(inside_quotes(bytes))
        } else {
            functions::find(bytes)
        };
        let writes = matches!(
            known,
            Some(Known::Harmless { reads: false } | Known::Sets | Known::Runs | Known::Marks(_))
        );
        if writes && !known::is_domain(bytes) && self.peek().kind != Of::Open {
            self.speaks_against(Kind::Unknown, Against::Function);
        }
        self.judge_field_by_catalogue();
    }
}
