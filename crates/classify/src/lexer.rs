//! PostgreSQL's tokens, without their values: what is a word, what is inside quotes, where a comment ends.
//!
//! It follows the rules of the server's own scanner where they decide what is inside and what is outside of
//! quotes and comments: prefixes of strings, strings continued on another line, tags of dollar quotes,
//! comments inside comments and behind operators. What the server would refuse comes out as some token.

use crate::verdict::Hints;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The end of the text.
    End,
    /// A keyword or an identifier without quotes.
    Word,
    /// `"…"`
    Quoted,
    /// `U&"…"`
    Unicode,
    /// Any string.
    Text,
    /// A number.
    Number,
    /// `$1`
    Param,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `]`
    CloseBracket,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `.`
    Dot,
    /// `::`
    Cast,
    /// `=`
    Equals,
    /// Any other operator or character.
    Operator,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    /// Whether it names something.
    pub(crate) fn is_identifier(self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted | Kind::Unicode)
    }
}

/// Reads tokens one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    backslashes: bool,
    /// A quote or a comment is never closed.
    pub(crate) broken: bool,
    /// What comments ask for.
    pub(crate) hints: Hints,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a [u8], backslashes: bool) -> Self {
        Self { text, at: 0, backslashes, broken: false, hints: Hints::default() }
    }

    /// The bytes of a token.
    pub(crate) fn bytes(&self, token: Token) -> &'a [u8] {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// The value of a string that stands in the text as it is: without escapes, doubled quotes, another line.
    pub(crate) fn plain(&self, token: Token) -> Option<&'a [u8]> {
        let bytes = self.bytes(token);
        let (escapes, quoted) = match bytes {
            [b'\'', ..] => (self.backslashes, bytes),
            [b'e' | b'E', rest @ ..] => (true, rest),
            [b'$', rest @ ..] => {
                let tag = rest.iter().position(|b| *b == b'$')? + 2;
                return bytes.get(tag..bytes.len().checked_sub(tag)?);
            }
            _ => return None,
        };
        let inside = quoted.strip_prefix(b"'")?.strip_suffix(b"'")?;
        let plain = !inside.iter().any(|b| *b == b'\'' || (escapes && *b == b'\\'));
        plain.then_some(inside)
    }

    /// The next token, behind blanks and comments.
    pub(crate) fn next(&mut self) -> Token {
        loop {
            match (self.byte(0), self.byte(1)) {
                (first, _) if is(first, BLANK) => self.at += 1,
                (b'-', b'-') => self.skip_until(|b| matches!(b, b'\n' | b'\r')),
                (b'/', b'*') => self.comment(),
                (first, second) => {
                    let start = self.at;
                    let kind = self.token(first, second);
                    return Token { kind, start, end: self.at };
                }
            }
        }
    }

    fn token(&mut self, first: u8, second: u8) -> Kind {
        match first {
            0 => Kind::End,
            b'\'' => self.string(0, self.backslashes),
            b'"' => self.quoted(0, Kind::Quoted),
            b'e' | b'E' if second == b'\'' => self.string(1, true),
            b'n' | b'N' if second == b'\'' => self.string(1, self.backslashes),
            b'b' | b'B' | b'x' | b'X' if second == b'\'' => self.string(1, false),
            b'u' | b'U' if second == b'&' && self.byte(2) == b'\'' => self.string(2, false),
            b'u' | b'U' if second == b'&' && self.byte(2) == b'"' => self.quoted(2, Kind::Unicode),
            _ if is(first, BEGINS) => {
                self.at += 1;
                self.skip_until(|b| !is(b, CONTINUES));
                Kind::Word
            }
            b'0'..=b'9' => self.number(),
            b'.' if second.is_ascii_digit() => self.number(),
            b'$' => self.dollar(second),
            b':' if second == b':' => self.take(2, Kind::Cast),
            b'(' => self.take(1, Kind::Open),
            b')' => self.take(1, Kind::Close),
            b']' => self.take(1, Kind::CloseBracket),
            b',' => self.take(1, Kind::Comma),
            b';' => self.take(1, Kind::Semicolon),
            b'.' => self.take(1, Kind::Dot),
            _ if is(first, OPERATOR) => self.operator(),
            _ => self.take(1, Kind::Operator),
        }
    }

    /// Zero behind the end: the text itself has no such byte.
    fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn take(&mut self, bytes: usize, kind: Kind) -> Kind {
        self.at += bytes;
        kind
    }

    fn skip_until(&mut self, found: impl Fn(u8) -> bool) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|b| found(*b)).unwrap_or(rest.len());
    }

    /// A comment never ends, or a quote does not: everything up to the end is inside.
    fn never_closed(&mut self) {
        self.broken = true;
        self.at = self.text.len();
    }

    fn comment(&mut self) {
        let start = self.at + 2;
        let mut depth = 0u32;
        loop {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        break;
                    }
                }
                (0, _) => return self.never_closed(),
                _ => self.at += 1,
            }
        }
        let inside = self.text.get(start..self.at.saturating_sub(2)).unwrap_or_default();
        take_hints(inside, &mut self.hints);
    }

    /// From `prefix` bytes before the quote to behind the last quote.
    fn string(&mut self, prefix: usize, escapes: bool) -> Kind {
        self.at += prefix + 1;
        loop {
            self.skip_until(|b| b == b'\'' || (escapes && b == b'\\'));
            match (self.byte(0), self.byte(1)) {
                (b'\\', _) => self.at = self.text.len().min(self.at + 2),
                (b'\'', b'\'') => self.at += 2,
                (b'\'', _) => {
                    self.at += 1;
                    let Some(ahead) = self.continued() else { return Kind::Text };
                    self.at += ahead + 1;
                }
                _ => {
                    self.never_closed();
                    return Kind::Text;
                }
            }
        }
    }

    /// A string goes on in another one if blanks with a line end, and comments, stand between them: how many
    /// bytes ahead.
    fn continued(&self) -> Option<usize> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let (mut ahead, mut line_ended) = (0, false);
        loop {
            match rest.get(ahead..).unwrap_or_default() {
                [b' ' | b'\t' | 0x0b | 0x0c, ..] => ahead += 1,
                [b'\n' | b'\r', ..] => {
                    line_ended = true;
                    ahead += 1;
                }
                [b'-', b'-', comment @ ..] => {
                    ahead += 2 + comment.iter().position(|b| matches!(b, b'\n' | b'\r'))?;
                }
                [b'\'', ..] if line_ended => return Some(ahead),
                _ => return None,
            }
        }
    }

    fn quoted(&mut self, prefix: usize, kind: Kind) -> Kind {
        self.at += prefix + 1;
        loop {
            self.skip_until(|b| b == b'"');
            match (self.byte(0), self.byte(1)) {
                (b'"', b'"') => self.at += 2,
                (b'"', _) => return self.take(1, kind),
                _ => {
                    self.never_closed();
                    return kind;
                }
            }
        }
    }

    fn dollar(&mut self, second: u8) -> Kind {
        self.at += 1;
        if second.is_ascii_digit() {
            self.skip_until(|b| !b.is_ascii_digit());
            return Kind::Param;
        }
        let rest = self.text.get(self.at - 1..).unwrap_or_default();
        let letters = rest.iter().skip(1).position(|b| !is(*b, CONTINUES) || *b == b'$').unwrap_or(0);
        let is_tag = rest.get(letters + 1) == Some(&b'$') && (letters == 0 || is(second, BEGINS));
        let Some(tag) = rest.get(..letters + 2).filter(|_| is_tag) else { return Kind::Operator };
        self.at += tag.len() - 1;
        loop {
            self.skip_until(|b| b == b'$');
            let rest = self.text.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                self.never_closed();
                return Kind::Text;
            }
            if rest.starts_with(tag) {
                return self.take(tag.len(), Kind::Text);
            }
            self.at += 1;
        }
    }

    /// Digits, a point, an exponent, or another base; letters behind them are the next token, as in versions
    /// before 15.
    fn number(&mut self) -> Kind {
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X' | b'o' | b'O') {
            self.at += 2;
            self.skip_until(|b| !b.is_ascii_hexdigit() && b != b'_');
            return Kind::Number;
        }
        self.skip_until(|b| !b.is_ascii_digit() && b != b'_');
        if self.byte(0) == b'.' && self.byte(1) != b'.' {
            self.at += 1;
            self.skip_until(|b| !b.is_ascii_digit() && b != b'_');
        }
        let exponent = match (self.byte(0), self.byte(1), self.byte(2)) {
            (b'e' | b'E', b'0'..=b'9', _) => 1,
            (b'e' | b'E', b'+' | b'-', b'0'..=b'9') => 2,
            _ => return Kind::Number,
        };
        self.at += exponent;
        self.skip_until(|b| !b.is_ascii_digit() && b != b'_');
        Kind::Number
    }

    /// An operator ends where a comment begins.
    fn operator(&mut self) -> Kind {
        let start = self.at;
        while is(self.byte(0), OPERATOR)
            && !matches!((self.byte(0), self.byte(1)), (b'-', b'-') | (b'/', b'*'))
        {
            self.at += 1;
        }
        match self.text.get(start..self.at) {
            Some(b"=") => Kind::Equals,
            _ => Kind::Operator,
        }
    }
}

const BEGINS: u8 = 1;
const CONTINUES: u8 = 2;
const OPERATOR: u8 = 4;
const BLANK: u8 = 8;

/// What each byte can be part of.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        #[expect(clippy::cast_possible_truncation, reason = "an array of all bytes")]
        let class = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => BEGINS | CONTINUES,
            b'0'..=b'9' | b'$' => CONTINUES,
            b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' => OPERATOR,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' => OPERATOR,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => BLANK,
            _ => 0,
        };
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            classes[byte] = class;
        }
        byte += 1;
    }
    classes
};

fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// Takes the hints of a comment, if it is a list of them.
fn take_hints(comment: &[u8], hints: &mut Hints) {
    let Some(list) = comment.trim_ascii().strip_prefix(b"pgweir:") else { return };
    for hint in list.split(|b| b.is_ascii_whitespace() || *b == b',') {
        let is = |word: &str| hint.eq_ignore_ascii_case(word.as_bytes());
        hints.pin |= is("pin");
        hints.primary |= is("primary");
        hints.replica |= is("replica");
    }
}
