//! The body of a function in PL/pgSQL, as the statements in SQL that it runs.
//!
//! Only what is listed here is understood: blocks, declarations, assignments, IF, CASE, loops, RETURN, PERFORM, RAISE,
//! ASSERT and queries. Expressions become `SELECT …`. A body with anything else in it (EXECUTE, CALL, cursors, any
//! statement that is no query) is not understood.

use super::body::Texts;
use crate::lexer::{Kind, Lexer, Token};

/// The statements of a body; nothing, if it is not understood.
pub(super) fn texts(body: &str) -> Option<Texts> {
    let mut lexer = Lexer::new(body.as_bytes(), false);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        if token.kind == Kind::End {
            break;
        }
        tokens.push(token);
    }
    if lexer.broken {
        return None;
    }
    let mut reader = Reader { body, tokens, at: 0, out: String::new(), types: Vec::new() };
    while reader.at < reader.tokens.len() {
        reader.statement()?;
    }
    Some(Texts { sql: vec![reader.out], types: reader.types })
}

struct Reader<'a> {
    body: &'a str,
    tokens: Vec<Token>,
    at: usize,
    out: String,
    types: Vec<Vec<u8>>,
}

impl Reader<'_> {
    /// Takes a statement, or the words that begin or end a list of them.
    fn statement(&mut self) -> Option<()> {
        if self.is_assignment() {
            return self.expression(&[]);
        }
        let word = self.bytes().to_ascii_lowercase();
        self.at += 1;
        match (self.tokens.get(self.at - 1)?.kind, word.as_slice()) {
            (Kind::Semicolon, _) | (Kind::Word, b"begin" | b"else" | b"loop" | b"exception") => Some(()),
            // a label, an option of the compiler
            (Kind::Operator, b"<<") => self.skip_to(">>"),
            (Kind::Operator, b"#") => {
                self.at += 2;
                Some(())
            }
            (Kind::Word, b"declare") => self.declarations(),
            (Kind::Word, b"end") => self.ends(),
            (Kind::Word, b"null") => self.is(";").then_some(()),
            (Kind::Word, b"if" | b"elsif" | b"elseif" | b"when") => self.expression(&[b"then"]),
            (Kind::Word, b"case") => {
                self.expression(&[b"when"])?;
                // it belongs to what follows
                self.at -= 1;
                Some(())
            }
            (Kind::Word, b"while") => self.expression(&[b"loop"]),
            (Kind::Word, b"for") => self.counts(),
            (Kind::Word, b"foreach") => {
                self.skip_to("array")?;
                self.expression(&[b"loop"])
            }
            (Kind::Word, b"exit" | b"continue") => {
                while !self.is("when") && !self.is(";") {
                    self.at = self.path(self.at)?;
                }
                self.at += usize::from(self.is("when"));
                self.expression(&[])
            }
            (Kind::Word, b"return") => self.returns(),
            (Kind::Word, b"perform" | b"assert") => self.expression(&[]),
            (Kind::Word, b"raise") => self.raises(),
            (Kind::Word, b"get") => self.skip_to(";"),
            (Kind::Word, b"select" | b"with" | b"values" | b"table") => {
                self.at -= 1;
                self.query(true, &[])
            }
            _ => None,
        }
    }

    /// From behind DECLARE to BEGIN.
    fn declarations(&mut self) -> Option<()> {
        while !self.is("begin") {
            if self.operator("<<") {
                self.skip_to(">>")?;
                continue;
            }
            let name = self.tokens.get(self.at)?;
            if !name.is_identifier() {
                return None;
            }
            self.at += 1;
            if self.says(self.at - 1, "declare") {
                continue;
            }
            if self.is("alias") {
                self.skip_to(";")?;
                continue;
            }
            while !self.operator(":") && !self.operator("=") && !self.is("default") && !self.is(";") {
                self.declared_type()?;
                self.at += 1;
            }
            if self.is(";") {
                self.at += 1;
            } else {
                self.at += usize::from(self.is("default"));
                self.expression(&[])?;
            }
        }
        Some(())
    }

    /// The current token, part of a declared type; cursors are not understood.
    fn declared_type(&mut self) -> Option<()> {
        let token = *self.tokens.get(self.at)?;
        if self.is("cursor") || token.kind == Kind::Unicode {
            return None;
        }
        if token.kind == Kind::Word {
            self.types.push(self.bytes().to_ascii_lowercase());
        } else if token.kind == Kind::Quoted {
            let inside = self.body.get(token.start + 1..token.end.checked_sub(1)?)?;
            self.types.push(inside.replace("\"\"", "\"").into());
        }
        Some(())
    }

    /// From behind FOR to LOOP: numbers, or rows of a query.
    fn counts(&mut self) -> Option<()> {
        self.skip_to("in")?;
        if self.is("execute") {
            return None;
        }
        self.at += usize::from(self.is("reverse"));
        self.begins_query(&[b"loop"])
    }

    fn returns(&mut self) -> Option<()> {
        if self.is("next") {
            self.at += 1;
        } else if self.is("query") {
            self.at += 1;
            return if self.is("execute") { None } else { self.query(false, &[]) };
        }
        self.expression(&[])
    }

    /// From behind RAISE: a level, a text or a condition, and expressions behind a comma or USING.
    fn raises(&mut self) -> Option<()> {
        let is_end = |kind| matches!(kind, Kind::Comma | Kind::Semicolon);
        while !self.is("using") && !is_end(self.kind_at(self.at)?) {
            if !matches!(self.kind_at(self.at)?, Kind::Word | Kind::Quoted | Kind::Text) {
                return None;
            }
            self.at += 1;
        }
        let ends = self.is(";");
        self.at += 1;
        if ends { Some(()) } else { self.expression(&[]) }
    }

    /// A query if one begins here, else expressions.
    fn begins_query(&mut self, stops: &[&[u8]]) -> Option<()> {
        if ["select", "with", "values", "table"].iter().any(|word| self.is(word)) {
            return self.query(false, stops);
        }
        self.expression(stops)
    }

    fn expression(&mut self, stops: &[&[u8]]) -> Option<()> {
        self.out.push_str("; SELECT ");
        self.copy(false, stops)
    }

    /// A query; `into`: into variables.
    fn query(&mut self, into: bool, stops: &[&[u8]]) -> Option<()> {
        self.out.push_str("; ");
        self.copy(into, stops)
    }

    /// Copies what stands before one of the words, or the end of the statement, and takes that.
    fn copy(&mut self, into: bool, stops: &[&[u8]]) -> Option<()> {
        let mut depth = 0u32;
        loop {
            let token = *self.tokens.get(self.at)?;
            let (bytes, word) = (self.bytes(), token.kind == Kind::Word);
            let stops_here = stops.iter().any(|stop| bytes.eq_ignore_ascii_case(stop));
            if token.kind == Kind::Semicolon || (word && depth == 0 && stops_here) {
                self.at += 1;
                let expected = token.kind != Kind::Semicolon || (depth == 0 && stops.is_empty());
                return expected.then_some(());
            }
            if into && depth == 0 && self.is("into") {
                self.targets()?;
                continue;
            }
            let behind = self.kind_at(self.at + 1);
            if self.is("sqlstate") && behind == Some(Kind::Text) {
                // SQLSTATE '22012' is no literal of a type
                self.at += 1;
                self.out.push_str("NULL ");
            } else if token.kind == Kind::Dot && behind == Some(Kind::Dot) {
                // from one number to another
                self.at += 1;
                self.out.push_str(", ");
            } else {
                let opens = token.kind == Kind::Open || bytes == b"[";
                let closes = matches!(token.kind, Kind::Close | Kind::CloseBracket);
                depth = if opens { depth + 1 } else { depth.checked_sub(u32::from(closes))? };
                self.out.push_str(self.body.get(token.start..token.end)?);
                self.out.push(' ');
            }
            self.at += 1;
        }
    }

    /// INTO, and the variables behind it.
    fn targets(&mut self) -> Option<()> {
        self.at += 1;
        self.at += usize::from(self.is("strict"));
        loop {
            self.at = self.path(self.at)?;
            if self.tokens.get(self.at)?.kind != Kind::Comma {
                return Some(());
            }
            self.at += 1;
        }
    }

    /// Where a variable ends that begins at `at`: a name with fields. With subscripts it is not understood.
    fn path(&self, mut at: usize) -> Option<usize> {
        loop {
            let token = self.tokens.get(at)?;
            if !token.is_identifier() && token.kind != Kind::Param {
                return None;
            }
            at += 1;
            if self.tokens.get(at)?.kind != Kind::Dot {
                return Some(at);
            }
            at += 1;
        }
    }

    /// Whether a variable stands here, perhaps with subscripts, and `:=` or `=` behind it.
    fn is_assignment(&self) -> bool {
        let Some(mut at) = self.path(self.at) else { return false };
        let mut depth = 0u32;
        while let Some(token) = self.tokens.get(at) {
            let bytes = self.body.as_bytes().get(token.start..token.end).unwrap_or_default();
            let is_field = token.kind == Kind::Dot
                || (token.is_identifier()
                    && at.checked_sub(1).and_then(|at| self.kind_at(at)) == Some(Kind::Dot));
            if bytes == b"[" {
                depth += 1;
            } else if token.kind == Kind::Semicolon {
                return false;
            } else if depth > 0 {
                depth -= u32::from(token.kind == Kind::CloseBracket);
            } else if !is_field {
                return matches!(bytes, [b':' | b'=', ..]) && token.kind != Kind::Cast;
            }
            at += 1;
        }
        false
    }

    /// Goes behind a word, before which nothing is called and the statement does not end.
    fn skip_to(&mut self, word: &str) -> Option<()> {
        loop {
            let token = self.tokens.get(self.at)?;
            let bytes = self.bytes();
            let (found, opens) = (bytes.eq_ignore_ascii_case(word.as_bytes()), bytes == b"[");
            let ends = token.kind == Kind::Semicolon || token.kind == Kind::Open;
            self.at += 1;
            if found {
                return Some(());
            }
            if ends || opens {
                return None;
            }
        }
    }

    /// From behind END: IF, LOOP, CASE, a label.
    fn ends(&mut self) -> Option<()> {
        for _ in 0..2 {
            let is_word = self.tokens.get(self.at).is_some_and(|token| token.is_identifier());
            self.at += usize::from(is_word);
        }
        (self.at == self.tokens.len() || self.is(";")).then_some(())
    }

    fn kind_at(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn bytes(&self) -> &[u8] {
        let token = self.tokens.get(self.at);
        token.and_then(|token| self.body.as_bytes().get(token.start..token.end)).unwrap_or_default()
    }

    /// Whether the current token is this word, or this character.
    fn is(&self, word: &str) -> bool {
        self.says(self.at, word)
    }

    fn says(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            matches!(token.kind, Kind::Word | Kind::Semicolon)
                && self
                    .body
                    .as_bytes()
                    .get(token.start..token.end)
                    .is_some_and(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
        })
    }

    /// Whether the current token is an operator that begins so.
    fn operator(&self, begins: &str) -> bool {
        matches!(self.kind_at(self.at), Some(Kind::Operator | Kind::Equals))
            && self.bytes().starts_with(begins.as_bytes())
    }
}
