//! The shape of a text: its tokens, whatever their literals say.
//!
//! Texts of one shape get one verdict: no literal makes a difference to it. Where one would (the name of a setting, an
//! option of EXPLAIN in quotes), the verdict is the same for all of them. The shape is written as a text itself, a plain
//! one: words in lower case, one literal for a list of them, one blank between tokens. Hashed with keys, it finds a
//! verdict; hashed without, it is the digest that people see; and it is what the grammar reads.

use std::ffi::CStr;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::RandomState;

use crate::Lexis;
use crate::lexer::{Kind, Lexer};
use crate::verdict::Hints;

/// The shape of a text, as far as anybody can tell: two different ones are alike once in 2¹²⁸ times.
pub(crate) type Shape = (u64, u64);

/// Two keys that nobody outside knows, so that nobody can make two shapes alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(RandomState, RandomState);

/// The shape of a text, with all that its verdict depends on.
pub(crate) fn of(keys: &Keys, sql: &[u8], whole: bool, lexis: Lexis) -> Shape {
    let mut both = (keys.0.build_hasher(), keys.1.build_hasher());
    let end = walk(sql, lexis, &mut |bytes| {
        both.0.write(bytes);
        both.1.write(bytes);
    });
    let circumstances =
        (whole || end.terminated, end.broken, lexis.backslashes && sql.contains(&b'\\'), end.hints);
    (circumstances, lexis.backslashes).hash(&mut both.0);
    (circumstances, lexis.backslashes).hash(&mut both.1);
    (both.0.finish(), both.1.finish())
}

/// The digest of a text, the same in every process: texts that differ in nothing but literals, the number of literals
/// in a list, blanks, comments and the case of words have the same. It is FNV-1a, with 64 bits, of the shape.
#[must_use]
pub fn digest(sql: &[u8], lexis: Lexis) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    walk(sql, lexis, &mut |bytes| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    });
    hash
}

/// The shape as a text, with literals that say nothing.
pub(crate) fn text(sql: &[u8], lexis: Lexis) -> Vec<u8> {
    let mut text = Vec::with_capacity(sql.len().min(1 << 14) + 16);
    walk(sql, lexis, &mut |bytes| text.extend_from_slice(bytes));
    text
}

/// How a text ended.
struct End {
    /// With a zero byte.
    terminated: bool,
    /// In a quote or a comment.
    broken: bool,
    hints: Hints,
}

/// Bytes that are gathered before they are handed on.
const ROOM: usize = 256;

/// Gathers bytes.
struct Gathered<'a> {
    room: [u8; ROOM],
    used: usize,
    put: &'a mut dyn FnMut(&[u8]),
}

impl Gathered<'_> {
    /// Takes a piece, with a blank behind it.
    fn take(&mut self, bytes: &[u8], lower: bool) {
        if self.used + bytes.len() + 1 > ROOM {
            self.hand_on();
        }
        for piece in bytes.chunks(ROOM - 1) {
            if self.used + piece.len() + 1 > ROOM {
                self.hand_on();
            }
            if let Some(free) = self.room.get_mut(self.used..self.used + piece.len()) {
                free.copy_from_slice(piece);
                if lower {
                    free.make_ascii_lowercase();
                }
            }
            self.used += piece.len();
        }
        if let Some(free) = self.room.get_mut(self.used) {
            *free = b' ';
            self.used += 1;
        }
    }

    fn hand_on(&mut self) {
        (self.put)(self.room.get(..self.used).unwrap_or_default());
        self.used = 0;
    }
}

/// Writes the shape, piece by piece.
fn walk(sql: &[u8], lexis: Lexis, put: &mut dyn FnMut(&[u8])) -> End {
    let terminated = CStr::from_bytes_until_nul(sql).ok();
    let mut lexer = Lexer::new(terminated.map_or(sql, CStr::to_bytes), lexis.backslashes);
    let mut out = Gathered { room: [0; ROOM], used: 0, put };
    // a list of literals has one shape, however long it is
    let (mut literal, mut comma) = (false, false);
    loop {
        let token = lexer.next();
        let is_literal = matches!(token.kind, Kind::Text | Kind::Number | Kind::Param);
        if token.kind == Kind::Comma && literal && !comma {
            comma = true;
            continue;
        }
        if comma && !is_literal {
            out.take(b",", false);
        }
        if !(comma && is_literal) {
            match token.kind {
                Kind::End => break,
                Kind::Text => out.take(b"''", false),
                Kind::Number | Kind::Param => out.take(b"0", false),
                Kind::Word => out.take(lexer.bytes(token), true),
                Kind::Quoted
                | Kind::Unicode
                | Kind::Open
                | Kind::Close
                | Kind::CloseBracket
                | Kind::Comma
                | Kind::Semicolon
                | Kind::Dot
                | Kind::Cast
                | Kind::Equals
                | Kind::Operator => out.take(lexer.bytes(token), false),
            }
        }
        (literal, comma) = (is_literal, false);
    }
    out.hand_on();
    End { terminated: terminated.is_some(), broken: lexer.broken, hints: lexer.hints }
}

#[cfg(test)]
mod tests;
