//! The scanner: where it is in the text, and what it has found so far.
//!
//! It asks the lexer for one token at a time and looks at most one token ahead. [`statement`](super::statement)
//! decides what each statement is read for.

use std::ffi::CStr;

use super::judge::Judgement;
use super::set_config::SetConfig;
use super::{Effects, Lexis, Marks, Setting, SettingName};
use crate::catalogue::Names;
use crate::lexer::{Kind, Lexer, Token};

/// Bytes of an identifier that PostgreSQL keeps.
const NAME: usize = 63;
/// No setting has a longer name that anybody would use.
const SETTING: usize = 255;

/// One pass over a text.
pub(super) struct Scanner<'a> {
    pub(super) lexer: Lexer<'a>,
    /// The current token.
    pub(super) token: Token,
    /// The one before it.
    pub(super) prev: Token,
    /// Parentheses that are open behind the current token.
    pub(super) depth: u32,
    /// The dotted name that was read last.
    pub(super) name: Dotted,
    /// What is known of the current statement.
    pub(super) about: About,
    /// The call of `set_config` whose arguments are being read.
    pub(super) set_config: Option<SetConfig>,
    /// What speaks against a replica.
    pub(super) judgement: Judgement,
    /// What is known of names, for that.
    pub(super) names: Names<'a>,
    whole: bool,
    found: Option<Box<Effects>>,
}

/// A dotted name: the parts that matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dotted {
    /// What stands before it.
    pub(super) before: Token,
    /// What stands before the word right before it.
    pub(super) earlier: Token,
    /// The part before the last one, if it has several.
    pub(super) schema: Token,
    /// Its last part.
    pub(super) last: Token,
    /// How many parts.
    pub(super) parts: u32,
    /// A dot follows.
    pub(super) goes_on: bool,
}

/// What the words of a statement have said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About {
    /// It defines something: fewer words can stand before an expression.
    pub(super) defines: bool,
    /// It is an ALTER.
    pub(super) alters: bool,
    /// UPDATE stands in it.
    pub(super) updates: bool,
    /// MERGE stands in it.
    pub(super) merges: bool,
    /// GROUP stands in it.
    pub(super) groups: bool,
    /// It runs later, or again: a cursor's query.
    pub(super) deferred: bool,
    /// By depth: a list of WITH is being read.
    pub(super) with_lists: u64,
    /// By depth: an expression may begin behind this parenthesis.
    pub(super) transparent: u64,
}

const NOTHING: Token = Token { kind: Kind::Semicolon, start: usize::MAX, end: usize::MAX };
const NAMELESS: Dotted =
    Dotted { before: NOTHING, earlier: NOTHING, schema: NOTHING, last: NOTHING, parts: 0, goes_on: false };

impl<'a> Scanner<'a> {
    pub(super) fn new(sql: &'a [u8], whole: bool, lexis: Lexis) -> Self {
        let terminated = CStr::from_bytes_until_nul(sql).ok();
        Self {
            lexer: Lexer::new(terminated.map_or(sql, CStr::to_bytes), lexis.backslashes),
            token: NOTHING,
            prev: NOTHING,
            depth: 0,
            name: NAMELESS,
            about: About::default(),
            set_config: None,
            judgement: Judgement::new(false),
            names: Names::default(),
            whole: whole || terminated.is_some(),
            found: None,
        }
    }

    /// One that also asks what speaks against a replica.
    pub(super) fn judging(sql: &'a [u8], whole: bool, lexis: Lexis, names: Names<'a>) -> Self {
        Self { judgement: Judgement::new(true), names, ..Self::new(sql, whole, lexis) }
    }

    /// Whether all of the text is here.
    pub(super) fn whole(&self) -> bool {
        self.whole
    }

    /// All statements, one after the other.
    pub(super) fn run(self) -> Option<Box<Effects>> {
        self.finish().0
    }

    /// The same; what was found is taken out of the scanner.
    pub(super) fn finish(mut self) -> (Option<Box<Effects>>, Self) {
        while self.token.kind != Kind::End {
            self.take();
            self.name = NAMELESS;
            self.about = About::default();
            self.set_config = None;
            if !self.at_end() {
                self.statement();
            }
            self.skip_rest();
        }
        if self.lexer.broken || !self.whole {
            self.mark(Marks::UNKNOWN);
        }
        if self.lexer.hints.pin {
            self.mark(Marks::PINS);
        }
        (self.found.take(), self)
    }

    /// Goes to the next token; stays where it is at the end of the statement.
    pub(super) fn advance(&mut self) {
        if !self.at_end() {
            self.take();
        }
    }

    fn take(&mut self) {
        self.prev = self.token;
        self.token = self.lexer.next();
        match self.token.kind {
            Kind::Open => self.depth += 1,
            Kind::Close => self.depth = self.depth.saturating_sub(1),
            Kind::Dot => self.behind_dot(),
            Kind::End
            | Kind::Word
            | Kind::Quoted
            | Kind::Unicode
            | Kind::Text
            | Kind::Number
            | Kind::Param
            | Kind::CloseBracket
            | Kind::Comma
            | Kind::Semicolon
            | Kind::Cast
            | Kind::Equals
            | Kind::Operator => {}
        }
    }

    /// The statement ends with the current token, which is not part of it.
    pub(super) fn at_end(&self) -> bool {
        self.token.kind == Kind::End || (self.token.kind == Kind::Semicolon && self.depth == 0)
    }

    /// Goes to the end of the statement.
    pub(super) fn skip_rest(&mut self) {
        while !self.at_end() {
            self.advance();
        }
    }

    /// Goes to a word outside of parentheses; false if the statement ends first.
    pub(super) fn skip_to(&mut self, word: &str) -> bool {
        while !self.at_end() {
            if self.depth == 0 && self.is(word) {
                return true;
            }
            self.advance();
        }
        false
    }

    /// Whether the current token is this word, without quotes.
    pub(super) fn is(&self, word: &str) -> bool {
        self.says(self.token, word)
    }

    /// Whether a token is this word, without quotes.
    pub(super) fn says(&self, token: Token, word: &str) -> bool {
        token.kind == Kind::Word && self.lexer.bytes(token).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether a token names this: the word, or the same in quotes.
    pub(super) fn names(&self, token: Token, lower: &str) -> bool {
        let quoted = || inside_quotes(self.lexer.bytes(token)) == lower.as_bytes();
        self.says(token, lower) || (token.kind == Kind::Quoted && quoted())
    }

    /// The token behind the current one.
    pub(super) fn peek(&self) -> Token {
        self.lexer.clone().next()
    }

    /// Notes what a bit can say.
    pub(super) fn mark(&mut self, marks: Marks) {
        self.found().marks.insert(marks);
    }

    /// What has been found, with room made for it.
    pub(super) fn found(&mut self) -> &mut Effects {
        self.found.get_or_insert_default()
    }

    /// Notes that a setting is touched.
    pub(super) fn touch(&mut self, name: SettingName, to_default: bool) {
        let known = match &name {
            SettingName::Known(known) => known,
            SettingName::Bound(_) => "",
        };
        // their values are those of the transaction
        if ["transaction_isolation", "transaction_read_only", "transaction_deferrable"].contains(&known) {
            return;
        }
        self.mark(Marks::SETS);
        if known == "seed" {
            // nobody can ask for it, so nobody can bring it back
            return self.mark(Marks::LOADS);
        }
        if known == "session_authorization" {
            // the role goes back to none
            self.push(SettingName::Known("role".into()), to_default);
        }
        self.push(name, to_default);
    }

    /// Notes that the setting of this name is touched.
    pub(super) fn touch_named(&mut self, name: &[u8], to_default: bool) {
        match std::str::from_utf8(name) {
            Ok(name) if name.len() <= SETTING => {
                self.touch(SettingName::Known(name.to_ascii_lowercase().into()), to_default);
            }
            _ => self.mark(Marks::UNKNOWN),
        }
    }

    fn push(&mut self, name: SettingName, to_default: bool) {
        let setting = Setting { name, to_default };
        let settings = &mut self.found().settings;
        if settings.contains(&setting) {
            return;
        }
        if settings.len() < Effects::MOST {
            settings.push(setting);
        } else {
            self.mark(Marks::UNKNOWN);
        }
    }

    /// An identifier as PostgreSQL reads it; none for what is no identifier, or has escapes.
    pub(super) fn identifier(&self, token: Token) -> Option<Vec<u8>> {
        let bytes = self.lexer.bytes(token);
        let mut name = if token.kind == Kind::Word {
            bytes.to_ascii_lowercase()
        } else if token.kind == Kind::Quoted {
            undoubled(inside_quotes(bytes))
        } else {
            return None;
        };
        if name.len() > NAME {
            let is_inside = |at: &usize| name.get(*at).is_some_and(|b| b & 0xc0 == 0x80);
            let cut = (0..=NAME).rev().find(|at| !is_inside(at)).unwrap_or(NAME);
            name.truncate(cut);
        }
        Some(name)
    }

    /// Takes an identifier into the dotted name it belongs to.
    pub(super) fn extend_name(&mut self) {
        let goes_on = self.prev.kind == Kind::Dot && self.name.goes_on;
        self.name = if goes_on {
            let (schema, parts) = (self.name.last, self.name.parts + 1);
            Dotted { schema, last: self.token, parts, goes_on: false, ..self.name }
        } else {
            let adjacent = self.name.last.start == self.prev.start;
            let earlier = if adjacent { self.name.before } else { NOTHING };
            Dotted { before: self.prev, earlier, last: self.token, parts: 1, ..NAMELESS }
        };
    }

    fn behind_dot(&mut self) {
        if !self.prev.is_identifier() {
            return;
        }
        self.name.goes_on = self.name.last.start == self.prev.start;
        if self.prev.kind == Kind::Unicode {
            // escapes may spell any schema
            self.mark(Marks::UNKNOWN);
        }
        let schema = inside_quotes(self.lexer.bytes(self.prev));
        if is_temporary_schema(schema) {
            self.mark(Marks::TEMPORARY);
        }
    }
}

/// Two double quotes stand for one.
fn undoubled(inside: &[u8]) -> Vec<u8> {
    let mut second = false;
    let keep = |b: &u8| {
        second = *b == b'"' && !second;
        *b != b'"' || second
    };
    inside.iter().copied().filter(keep).collect()
}

/// What stands between double quotes; all of it, if it has none.
pub(super) fn inside_quotes(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(bytes)
}

/// `pg_temp`, or `pg_temp_3`.
pub(super) fn is_temporary_schema(name: &[u8]) -> bool {
    let Some((temp, number)) = name.split_at_checked(7) else { return false };
    temp.eq_ignore_ascii_case(b"pg_temp") && (number.is_empty() || number.starts_with(b"_"))
}

/// One bit for each depth; none for what is deeper than anybody writes.
pub(super) fn bit(depth: u32) -> u64 {
    1u64.checked_shl(depth).unwrap_or(0)
}
