//! What the catalogue says of names: of functions, relations, operators and types.

use super::super::functions;
use super::super::known;
use super::super::scanner::Scanner;
use crate::catalogue::Said;
use crate::lexer::{Kind as Of, Token};
use crate::verdict::{Against, Doubt, Kind};

/// Words behind which the operators of those names are looked for.
const SUGAR: [(&str, &[&[u8]]); 13] = [
    ("between", &[b">=", b"<="]),
    ("case", &[b"="]),
    ("distinct", &[b"="]),
    ("ilike", &[b"~~*", b"!~~*"]),
    ("in", &[b"="]),
    ("like", &[b"~~", b"!~~"]),
    ("natural", &[b"="]),
    ("not", &[b"<>"]),
    ("nullif", &[b"="]),
    ("overlaps", &[b"<", b"<="]),
    ("similar", &[b"~", b"!~"]),
    ("symmetric", &[b">=", b"<="]),
    ("using", &[b"="]),
];

impl Scanner<'_> {
    /// What is said of a call by the name that was read last.
    pub(super) fn said_of_call(&self) -> Said {
        self.identifier(self.name.last).map_or(Said::Nothing, |name| self.names.call(&name))
    }

    /// Whether the name that was read last, of something that PostgreSQL has, may also be that of something else.
    pub(super) fn is_hidden(&self) -> bool {
        self.name.parts == 1 && matches!(self.said_of_call(), Said::Harmful(_))
    }

    /// The same, of words that are no names of functions in some versions.
    pub(super) fn is_younger_keyword(&self) -> bool {
        let word = self.lexer.bytes(self.name.last);
        self.says(self.name.last, "merge_action")
            || word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"json"))
    }

    /// `value.name`, where a function of that name may be called.
    pub(super) fn judge_field_by_catalogue(&mut self) {
        if self.peek().kind == Of::Open {
            return;
        }
        let said = self.identifier(self.name.last).map_or(Said::Nothing, |name| self.names.field(&name));
        if let Said::Harmful(why) = said {
            self.speaks_against(Kind::Unknown, why);
        }
    }

    /// The current token, an identifier, where the name of a relation may stand.
    pub(super) fn judge_relation(&mut self) {
        const BEFORE: [&str; 8] = ["from", "join", "only", "table", "into", "update", "using", "copy"];
        if !self.names.have_relations() {
            return;
        }
        let before = if self.prev.kind == Of::Dot { self.name.before } else { self.prev };
        let place =
            matches!(before.kind, Of::Comma | Of::Open) || BEFORE.iter().any(|it| self.says(before, it));
        if place && self.peek().kind != Of::Dot {
            self.judge_relation_named(self.token);
        }
    }

    pub(super) fn judge_relation_named(&mut self, token: Token) {
        let said = self.identifier(token).map_or(Said::Nothing, |name| self.names.relation(&name));
        if let Said::Harmful(why) = said {
            self.speaks_against(Kind::Read, why);
        }
    }

    /// The relation between COPY, the current token, and TO or its columns.
    pub(super) fn judge_copied(&mut self) {
        let mut ahead = self.lexer.clone();
        loop {
            let token = ahead.next();
            let ends = self.says(token, "to") || self.says(token, "from");
            if ends || !(token.is_identifier() || token.kind == Of::Dot) {
                return;
            }
            self.judge_relation_named(token);
        }
    }

    /// A type of this name, which is PostgreSQL's own or not.
    pub(super) fn judge_kind(&mut self, token: Token, built_in: bool) {
        let said = self.identifier(token).map_or(Said::Nothing, |name| self.names.kind(&name));
        match said {
            Said::Harmful(why) => self.speaks_against(Kind::Unknown, why),
            Said::Harmless => {}
            Said::Nothing if built_in => {}
            Said::Nothing if self.names.are_known() => {
                self.speaks_against(Kind::Unknown, Against::UnknownType);
            }
            Said::Nothing => self.doubts(Doubt::UnknownType),
        }
    }

    /// A run of characters that operators are made of, the current token.
    pub(super) fn judge_run(&mut self) {
        let run = self.lexer.bytes(self.token);
        if run == b"=>" || (run == b"*" && self.is_star()) {
            return;
        }
        let (first, signs) = run.split_at_checked(known::length_of_operator(run)).unwrap_or((run, b""));
        self.judge_operator_named(first, known::is_operator(run));
        for sign in signs.chunks(1) {
            self.judge_operator_named(sign, true);
        }
    }

    pub(super) fn judge_operator_named(&mut self, name: &[u8], built_in: bool) {
        match self.names.operator(name) {
            Said::Harmful(why) => self.speaks_against(Kind::Unknown, why),
            Said::Harmless => {}
            Said::Nothing if built_in => {}
            Said::Nothing if self.names.are_known() => {
                self.speaks_against(Kind::Unknown, Against::UnknownOperator);
            }
            Said::Nothing => self.doubts(Doubt::UnknownOperator),
        }
    }

    /// Whether the current token, a star, stands for columns or rows: nothing follows that it could be applied to.
    fn is_star(&self) -> bool {
        let next = self.peek();
        matches!(next.kind, Of::Close | Of::Comma | Of::Semicolon | Of::End)
            || self.says(next, "from")
            || self.says(next, "where")
    }

    /// Words behind which operators stand.
    pub(super) fn judge_sugar(&mut self) {
        if !self.names.have_operators() {
            return;
        }
        for (word, operators) in SUGAR {
            if self.is(word) {
                for operator in operators {
                    self.judge_operator_named(operator, true);
                }
            }
        }
    }
}

/// Whether a function of this name only reads, of those that a second look at a text finds called; `quoted`: the name
/// counts as it is written; `own`: it is said to be PostgreSQL's own.
pub(in crate::effects) fn reads(name: &[u8], quoted: bool, own: bool, said: Said) -> bool {
    use functions::Known;
    let known = if quoted { functions::find_exact(name) } else { functions::find(name) };
    match known {
        Some(Known::Harmless { reads }) => reads && (own || !matches!(said, Said::Harmful(_))),
        Some(Known::Keyword) if !quoted => true,
        Some(Known::Sets | Known::Runs | Known::Marks(_)) => false,
        Some(Known::Keyword) | None => !own && said == Said::Harmless,
    }
}
