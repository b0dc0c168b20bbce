//! SET and RESET.

use super::Marks;
use super::scanner::{Scanner, inside_quotes, is_temporary_schema};
use crate::lexer::{Kind, Token};

impl Scanner<'_> {
    /// SET: the current token.
    pub(super) fn set(&mut self) {
        self.advance();
        if self.is_keyword("local") {
            return;
        }
        if self.is_keyword("session") {
            self.advance();
            if self.is_keyword("authorization") {
                return self.session_authorization();
            }
            if self.is_keyword("characteristics") {
                return self.characteristics();
            }
        }
        // these are words of their own only if they are not names: SET names.x = 1
        if self.is_keyword("session") {
            self.advance();
            self.session_authorization();
        } else if self.is_keyword("transaction") || self.is_keyword("constraints") {
            // for the transaction
        } else if self.is_keyword("time") {
            self.advance();
            self.value(b"timezone");
        } else if self.is_keyword("schema") {
            self.search_path(b"search_path");
        } else if self.is_keyword("names") {
            let bare = self.names_without_encoding();
            self.touch_named(b"client_encoding", bare);
        } else if self.is_keyword("role") {
            self.touch_named(b"role", false);
        } else if self.is_keyword("xml") {
            self.touch_named(b"xmloption", false);
        } else if let Some(name) = self.setting_name() {
            if name == b"search_path" {
                self.search_path(&name);
            } else {
                self.value(&name);
            }
        }
    }

    /// RESET: the current token.
    pub(super) fn reset(&mut self) {
        self.advance();
        let dotted = self.peek().kind == Kind::Dot;
        if self.is("all") {
            self.mark(Marks::RESETS_ALL | Marks::SETS);
        } else if self.is("transaction") && !dotted {
            // for the transaction
        } else if self.is("time") && !dotted {
            self.touch_named(b"timezone", true);
        } else if self.is("session") && !dotted {
            self.touch_named(b"session_authorization", true);
        } else if let Some(name) = self.setting_name() {
            self.touch_named(&name, true);
        }
    }

    /// Whether the current token is this word and does not begin the name of a setting.
    fn is_keyword(&self, word: &str) -> bool {
        let names = |next: Token| matches!(next.kind, Kind::Dot | Kind::Equals) || self.says(next, "to");
        self.is(word) && !names(self.peek())
    }

    /// The current token is AUTHORIZATION.
    fn session_authorization(&mut self) {
        self.advance();
        let to_default = self.is("default");
        self.touch_named(b"session_authorization", to_default);
    }

    fn characteristics(&mut self) {
        for name in ["isolation", "read_only", "deferrable"] {
            self.touch_named(format!("default_transaction_{name}").as_bytes(), false);
        }
    }

    /// NAMES is the current token; without an encoding, it goes back to the default.
    fn names_without_encoding(&mut self) -> bool {
        self.advance();
        self.at_end() || self.is("default")
    }

    /// What stands before the value is the current token.
    fn value(&mut self, name: &[u8]) {
        self.advance();
        let to_default = self.is("default") || (name == b"timezone" && self.is("local"));
        self.touch_named(name, to_default);
    }

    /// The same for the path where objects are created.
    fn search_path(&mut self, name: &[u8]) {
        self.value(name);
        // the user's own schema often does not exist
        while self.names_schema(|schema| schema == b"$user") && self.peek().kind == Kind::Comma {
            self.advance();
            self.advance();
        }
        if self.names_schema(is_temporary_schema) {
            self.mark(Marks::TEMPORARY);
        }
    }

    /// Whether the current token is such a schema, or may be, for all that can be told from the text.
    fn names_schema(&self, which: impl Fn(&[u8]) -> bool) -> bool {
        let bytes = self.lexer.bytes(self.token);
        let plain = if self.token.kind == Kind::Text { self.lexer.plain(self.token) } else { Some(bytes) };
        self.token.kind == Kind::Unicode || plain.is_none_or(|text| which(inside_quotes(text)))
    }

    /// Reads a name of one or more parts; the token behind it is the current one then.
    fn setting_name(&mut self) -> Option<Vec<u8>> {
        let mut name = Vec::new();
        loop {
            let Some(part) = self.identifier(self.token) else {
                self.mark(Marks::UNKNOWN);
                return None;
            };
            name.extend_from_slice(&part);
            self.advance();
            if self.token.kind != Kind::Dot {
                return Some(name);
            }
            name.push(b'.');
            self.advance();
        }
    }
}
