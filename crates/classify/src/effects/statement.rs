//! What each kind of statement is read for, by its first word.

use super::Marks;
use super::scanner::Scanner;
use crate::lexer::Kind;

/// What stands behind the words that introduce it.
enum Follows {
    /// Another statement: that of EXPLAIN, CREATE TABLE … AS.
    Statement,
    /// Nothing of interest.
    Nothing,
}

impl Scanner<'_> {
    /// The current token is the first of a statement.
    pub(super) fn statement(&mut self) {
        while let Follows::Statement = self.introduced() {}
    }

    fn introduced(&mut self) -> Follows {
        if self.token.kind == Kind::Word {
            return self.verb();
        }
        self.judge_statement(b"");
        if self.token.kind == Kind::Open {
            self.expressions();
        } else {
            self.mark(Marks::UNKNOWN);
        }
        Follows::Nothing
    }

    fn verb(&mut self) -> Follows {
        let mut lower = [0; 16];
        let word = self.lexer.bytes(self.token);
        let Some(verb) = lower.get_mut(..word.len()) else {
            self.judge_statement(b"?");
            self.mark(Marks::UNKNOWN);
            return Follows::Nothing;
        };
        verb.copy_from_slice(word);
        verb.make_ascii_lowercase();
        self.judge_statement(verb);
        match &*verb {
            b"select" | b"insert" | b"update" | b"delete" | b"with" | b"values" | b"table" | b"merge"
            | b"return" => self.expressions(),
            b"begin" | b"commit" | b"end" | b"rollback" | b"start" | b"abort" | b"savepoint" | b"release"
            | b"show" | b"fetch" | b"move" | b"notify" | b"lock" | b"truncate" | b"comment" | b"grant"
            | b"revoke" | b"vacuum" | b"analyze" | b"analyse" | b"cluster" | b"reindex" | b"checkpoint"
            | b"refresh" | b"security" | b"reassign" | b"import" => {}
            b"set" => self.set(),
            b"reset" => self.reset(),
            b"explain" => return self.explain(),
            b"create" => return self.create(),
            b"alter" => self.alter(),
            b"drop" | b"close" => self.mark(Marks::RELEASES),
            b"copy" => self.copy(),
            b"declare" => self.declare(),
            b"prepare" => self.prepare(),
            b"execute" => self.execute(),
            b"deallocate" => self.deallocate(),
            b"listen" => self.listen(),
            b"unlisten" => self.unlisten(),
            b"discard" => self.discard(),
            b"load" => self.mark(Marks::LOADS),
            // DO, CALL, and what a later version may bring
            _ => self.mark(Marks::UNKNOWN),
        }
        Follows::Nothing
    }

    fn explain(&mut self) -> Follows {
        self.advance();
        if self.token.kind == Kind::Open {
            while !self.at_end() && self.depth > 0 {
                self.advance();
            }
            self.advance();
        }
        while ["analyze", "analyse", "verbose"].iter().any(|word| self.is(word)) {
            self.advance();
        }
        if self.at_end() { Follows::Nothing } else { Follows::Statement }
    }

    fn create(&mut self) -> Follows {
        let mut materialized = false;
        loop {
            self.advance();
            let mut lower = [0; 16];
            let word = self.lexer.bytes(self.token);
            let Some(word) = lower.get_mut(..word.len()).filter(|_| self.token.kind == Kind::Word) else {
                return Follows::Nothing;
            };
            word.copy_from_slice(self.lexer.bytes(self.token));
            word.make_ascii_lowercase();
            match &*word {
                b"temp" | b"temporary" => self.mark(Marks::TEMPORARY),
                b"materialized" => materialized = true,
                b"or" | b"replace" | b"global" | b"local" | b"unlogged" | b"unique" | b"recursive"
                | b"trusted" | b"procedural" => {}
                b"table" => return self.table_definition(),
                b"view" if materialized => return self.behind_as(),
                b"index" => {
                    self.index_definition();
                    return Follows::Nothing;
                }
                // their scripts are not in the text
                b"extension" | b"language" => {
                    self.mark(Marks::UNKNOWN);
                    return Follows::Nothing;
                }
                _ => return Follows::Nothing,
            }
        }
    }

    /// The query behind AS, or expressions that bound a partition; nothing else is evaluated.
    fn table_definition(&mut self) -> Follows {
        while !self.at_end() {
            if self.depth == 0 && self.is("as") {
                return self.behind_as();
            }
            if self.depth == 0 && self.is("values") {
                self.about.defines = true;
                self.expressions();
                return Follows::Nothing;
            }
            self.advance();
        }
        Follows::Nothing
    }

    fn behind_as(&mut self) -> Follows {
        if !self.skip_to("as") {
            return Follows::Nothing;
        }
        self.advance();
        if self.at_end() { Follows::Nothing } else { Follows::Statement }
    }

    /// Expressions are evaluated from the first parenthesis on.
    fn index_definition(&mut self) {
        while !self.at_end() && self.token.kind != Kind::Open {
            self.advance();
        }
        self.about.defines = true;
        self.expressions();
    }

    fn alter(&mut self) {
        self.advance();
        self.about.alters = true;
        if self.is("table") || self.is("domain") {
            self.about.defines = true;
            self.advance();
            return self.expressions();
        }
        if self.is("extension") {
            self.mark(Marks::UNKNOWN);
        }
        while !self.at_end() {
            if self.is("schema") && self.says(self.prev, "set") {
                self.mark(Marks::RELEASES);
            }
            self.advance();
        }
    }

    /// A query in parentheses, or the condition behind a table.
    fn copy(&mut self) {
        self.advance();
        if self.token.kind == Kind::Open {
            while !self.at_end() && (self.token.kind != Kind::Close || self.depth > 0) {
                self.step();
            }
        } else if self.skip_to("where") {
            self.expressions();
        }
    }

    /// What the query does it does when it is fetched from.
    fn declare(&mut self) {
        if self.skip_to("cursor") {
            self.advance();
            if self.is("with") {
                self.mark(Marks::HOLDS);
            }
        }
        if self.skip_to("for") {
            self.about.deferred = true;
            self.advance();
            self.expressions();
        }
    }

    fn discard(&mut self) {
        self.advance();
        if self.is("all") {
            self.mark(Marks::DISCARDS_ALL | Marks::FORGETS | Marks::RELEASES);
        } else if self.is("temp") || self.is("temporary") {
            self.mark(Marks::RELEASES);
        }
    }
}
