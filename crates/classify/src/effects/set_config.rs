//! The arguments of one call of `set_config(name, value, is_local)`.

use super::scanner::{Scanner, is_temporary_schema};
use super::{Marks, SettingName};
use crate::lexer::{Kind, Token};

/// A call that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetConfig {
    /// Parentheses open between its own.
    depth: u32,
    /// Which argument, from 0.
    argument: u32,
    /// Tokens of this argument so far.
    tokens: u32,
    name: Name,
    local: bool,
    temporary: bool,
}

#[derive(Clone, Copy, Debug)]
enum Name {
    /// A string of the text.
    Literal(Token),
    /// `$n`
    Param(Token),
    /// Anything else.
    Computed,
}

impl SetConfig {
    /// Behind its opening parenthesis.
    pub(super) fn new(depth: u32) -> Self {
        Self { depth, argument: 0, tokens: 0, name: Name::Computed, local: false, temporary: false }
    }
}

impl Scanner<'_> {
    /// Takes the current token, which stands between the parentheses of the call or ends them.
    pub(super) fn argument(&mut self, mut call: SetConfig) {
        let here = self.depth == call.depth;
        if self.token.kind == Kind::Close && self.depth < call.depth {
            return self.called(call);
        }
        if self.token.kind == Kind::Comma && here {
            call.argument += 1;
            call.tokens = 0;
        } else {
            call.tokens += 1;
            match call.argument {
                0 => call.name = self.name_so_far(call),
                1 => call.temporary |= self.is_temporary_path(),
                _ => call.local = self.local_so_far(call),
            }
        }
        self.set_config = Some(call);
    }

    /// The whole call has been read.
    fn called(&mut self, call: SetConfig) {
        self.set_config = None;
        if call.local {
            return;
        }
        if self.about.deferred {
            self.mark(Marks::UNKNOWN);
        }
        if call.temporary {
            self.mark(Marks::TEMPORARY);
        }
        let number = |token| std::str::from_utf8(self.lexer.bytes(token).get(1..)?).ok()?.parse().ok();
        match call.name {
            Name::Literal(token) => match self.lexer.plain(token) {
                Some(name) => self.touch_named(name, false),
                None => self.mark(Marks::SETS | Marks::UNKNOWN),
            },
            Name::Param(token) => match number(token) {
                Some(number) => self.touch(SettingName::Bound(number), false),
                None => self.mark(Marks::SETS | Marks::UNKNOWN),
            },
            Name::Computed => self.mark(Marks::SETS | Marks::UNKNOWN),
        }
    }

    /// A string or a parameter, and nothing behind it but a cast that does not change it.
    fn name_so_far(&self, call: SetConfig) -> Name {
        let harmless_type = || ["text", "varchar", "name"].iter().any(|name| self.is(name));
        match (call.tokens, self.token.kind) {
            (1, Kind::Text) => Name::Literal(self.token),
            (1, Kind::Param) => Name::Param(self.token),
            (2, Kind::Cast) => call.name,
            (3, Kind::Word) if harmless_type() => call.name,
            _ => Name::Computed,
        }
    }

    /// Literally true, and nothing behind it but a cast.
    fn local_so_far(&self, call: SetConfig) -> bool {
        const TRUE: [&str; 5] = ["t", "true", "on", "yes", "1"];
        let says_true = |text: &[u8]| TRUE.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
        match (call.tokens, self.token.kind) {
            (1, Kind::Word) => self.is("true"),
            (1, Kind::Text) => self.lexer.plain(self.token).is_some_and(says_true),
            (2, Kind::Cast) => call.local,
            (3, Kind::Word) => call.local && (self.is("bool") || self.is("boolean")),
            _ => false,
        }
    }

    /// A search path that begins with the schema of temporary objects.
    fn is_temporary_path(&self) -> bool {
        let text = || self.lexer.plain(self.token).unwrap_or_default();
        let first = || text().split(|b| *b == b',').map(<[u8]>::trim_ascii).next().unwrap_or_default();
        self.token.kind == Kind::Text && is_temporary_schema(super::scanner::inside_quotes(first()))
    }
}
