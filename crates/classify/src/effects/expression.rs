//! Statements that evaluate expressions: which functions they call, and where they make tables.
//!
//! A call is a name with an opening parenthesis behind it. Names that are on a list are decided by the list; of
//! the others it is asked whether a call can stand there at all, or only a table, a type or an alias.

use super::Marks;
use super::functions::{self, Known};
use super::keywords;
use super::scanner::{Scanner, bit, inside_quotes};
use super::set_config::SetConfig;
use crate::lexer::{Kind, Token};

impl Scanner<'_> {
    /// From the current token to the end of the statement.
    pub(super) fn expressions(&mut self) {
        while !self.at_end() {
            self.step();
        }
    }

    /// Takes the current token and goes to the next one.
    pub(super) fn step(&mut self) {
        if let Some(call) = self.set_config {
            self.argument(call);
        }
        self.judge_token();
        match self.token.kind {
            Kind::Word => {
                self.extend_name();
                self.word();
            }
            Kind::Quoted | Kind::Unicode => {
                self.extend_name();
                self.target();
                self.behind_value();
            }
            Kind::Open => self.open(),
            Kind::Close => self.close(),
            Kind::End
            | Kind::Text
            | Kind::Number
            | Kind::Param
            | Kind::CloseBracket
            | Kind::Comma
            | Kind::Semicolon
            | Kind::Dot
            | Kind::Cast
            | Kind::Equals
            | Kind::Operator => {}
        }
        self.advance();
    }

    /// The few words that matter wherever they stand.
    fn word(&mut self) {
        let word = self.lexer.bytes(self.token);
        match (word.len(), word.first().map(u8::to_ascii_lowercase)) {
            (4, Some(b'w')) if self.is("with") && self.begins_list() => {
                self.about.with_lists |= bit(self.depth);
            }
            (5, Some(b'm')) if self.is("merge") => {
                self.ends_list();
                self.about.merges = true;
            }
            (6, Some(b'u')) if self.is("update") => {
                self.ends_list();
                self.about.updates = true;
            }
            (5, Some(b't')) if self.is("table") => self.ends_list(),
            (6, Some(b's')) if self.is("select") => self.ends_list(),
            (6, Some(b'i')) if self.is("insert") => self.ends_list(),
            (6, Some(b'd')) if self.is("delete") => self.ends_list(),
            (6, Some(b'v')) if self.is("values") => self.ends_list(),
            (5, Some(b'g')) if self.is("group") => self.about.groups = true,
            (4 | 9, Some(b't')) if self.is("temp") || self.is("temporary") => self.selected_into(),
            (6, Some(b's')) if self.about.alters && self.is("schema") && self.says(self.prev, "set") => {
                self.mark(Marks::RELEASES);
            }
            (11, Some(b'p')) => self.target(),
            _ => {}
        }
        self.behind_value();
    }

    /// Whether WITH, the current token, begins common table expressions: a name, then AS or its columns.
    fn begins_list(&self) -> bool {
        let mut ahead = self.lexer.clone();
        let mut first = ahead.next();
        if self.says(first, "recursive") {
            first = ahead.next();
        }
        let second = ahead.next();
        let other = self.says(first, "ordinality") || self.says(first, "unique");
        first.is_identifier() && !other && (second.kind == Kind::Open || self.says(second, "as"))
    }

    fn ends_list(&mut self) {
        self.about.with_lists &= !bit(self.depth);
    }

    /// TEMP or TEMPORARY is the current token: a table is made if INTO stands before it, but that of INSERT.
    fn selected_into(&mut self) {
        let into = self.says(self.prev, "into")
            && !self.says(self.name.earlier, "insert")
            && !self.says(self.name.earlier, "merge");
        if into || self.says(self.prev, "local") || self.says(self.prev, "global") {
            self.mark(Marks::TEMPORARY);
        }
    }

    /// The view of the settings has a rule that sets them.
    fn target(&mut self) {
        let before = self.name.before;
        if self.about.updates
            && (self.says(before, "update") || self.says(before, "only"))
            && (self.names(self.token, "pg_settings") || self.token.kind == Kind::Unicode)
        {
            self.mark(Marks::UNKNOWN);
        }
    }

    /// A function of one argument may stand behind a value and a dot: `(0.5).setseed`.
    fn behind_value(&mut self) {
        self.judge_field();
        if self.name.before.kind == Kind::Dot && self.name.parts == 1 {
            let known = self.known();
            match known {
                Some(Known::Harmless { .. } | Known::Keyword) | None => {}
                Some(Known::Sets | Known::Runs | Known::Marks(_)) => self.mark(Marks::UNKNOWN),
            }
        }
    }

    fn open(&mut self) {
        let (outside, inside) = (bit(self.depth.saturating_sub(1)), bit(self.depth));
        self.about.transparent &= !inside;
        self.about.with_lists &= !inside;
        if self.prev.is_identifier() && self.prev.start == self.name.last.start {
            self.call();
        } else if self.prev.kind == Kind::Close {
            // the body of WITH in parentheses
            self.about.with_lists &= !outside;
        }
    }

    /// Behind some parentheses an expression begins: it is then as if an operator stood there.
    fn close(&mut self) {
        let inside = self.depth + 1;
        if inside >= u64::BITS || self.about.transparent & bit(inside) != 0 {
            self.token.kind = Kind::Operator;
        }
    }

    /// A parenthesis opens behind a name.
    fn call(&mut self) {
        let known = self.known();
        let harmless = self.judge_call(known, self.can_be_call());
        match known {
            Some(Known::Harmless { .. }) => {}
            Some(Known::Keyword) => self.keyword(),
            Some(Known::Runs) => self.mark(Marks::UNKNOWN),
            Some(Known::Marks(marks)) => {
                self.mark(marks);
                if self.about.deferred {
                    self.mark(Marks::UNKNOWN);
                }
            }
            Some(Known::Sets) if self.set_config.is_none() => {
                self.set_config = Some(SetConfig::new(self.depth));
            }
            // one inside the arguments of another
            Some(Known::Sets) => self.mark(Marks::SETS | Marks::UNKNOWN),
            None if self.can_be_call() && !harmless => self.mark(Marks::UNKNOWN),
            None => {}
        }
    }

    /// What the lists say of the dotted name.
    fn known(&self) -> Option<Known> {
        let built_in = |token| self.names(token, "pg_catalog") || self.names(token, "information_schema");
        let last = self.name.last;
        let bytes = self.lexer.bytes(last);
        let plain = last.kind == Kind::Word && self.name.parts == 1;
        match (last.kind, self.name.parts) {
            (Kind::Word, 1) => functions::find(bytes),
            (Kind::Word, 2) if built_in(self.name.schema) => functions::find(bytes),
            (Kind::Quoted, 1) => functions::find_exact(inside_quotes(bytes)),
            (Kind::Quoted, 2) if built_in(self.name.schema) => functions::find_exact(inside_quotes(bytes)),
            _ => None,
        }
        .filter(|known| plain || !matches!(known, Known::Keyword))
    }

    /// A parenthesis opens behind a keyword.
    fn keyword(&mut self) {
        let distinct_on = self.says(self.prev, "on") && self.says(self.name.before, "distinct");
        let returning_with = self.says(self.prev, "with") && self.says(self.name.before, "returning");
        if distinct_on || returning_with || self.says(self.prev, "operator") {
            self.about.transparent |= bit(self.depth);
        }
    }

    /// Whether the name before the current parenthesis can be that of a function.
    fn can_be_call(&self) -> bool {
        let (name, before) = (self.prev, self.name.before);
        match before.kind {
            // an alias with columns, the type of a column, a type
            Kind::Close | Kind::CloseBracket | Kind::Text | Kind::Number | Kind::Param => false,
            Kind::Quoted | Kind::Unicode | Kind::Cast => false,
            // a common table expression
            Kind::Comma if self.about.with_lists & bit(self.depth.saturating_sub(1)) != 0 => false,
            Kind::Word => {
                keywords::precedes(self.lexer.bytes(before), self.about.defines)
                    && !self.is_syntax(name, before)
            }
            Kind::End
            | Kind::Open
            | Kind::Semicolon
            | Kind::Comma
            | Kind::Dot
            | Kind::Equals
            | Kind::Operator => !self.is_syntax(name, before),
        }
    }

    /// Words that are no reserved ones, but stand before a parenthesis in some places.
    fn is_syntax(&self, name: Token, before: Token) -> bool {
        let pair = |first, second| self.says(before, first) && self.says(name, second);
        pair("on", "conflict")
            || pair("group", "by")
            || pair("order", "by")
            || pair("not", "materialized")
            || pair("to", "second")
            || pair("fetch", "first")
            || pair("fetch", "next")
            || self.groups_by(name)
            || (self.about.merges && pair("then", "insert"))
            || (self.about.defines && self.is_definition(name, before))
    }

    /// A kind of index or of partition, the options of a table.
    fn is_definition(&self, name: Token, before: Token) -> bool {
        (self.says(before, "using") && keywords::is_index(self.lexer.bytes(name)))
            || self.says(before, "by")
            || self.says(name, "set")
            || self.says(name, "reset")
    }

    /// A grouping, in a clause where functions of extensions with that name are not seen.
    fn groups_by(&self, name: Token) -> bool {
        self.about.groups && (self.says(name, "rollup") || self.says(name, "cube"))
    }
}
