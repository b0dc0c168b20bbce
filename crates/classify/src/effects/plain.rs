//! Texts that leave nothing behind, known at a glance: one statement that reads or writes rows or controls the
//! transaction, without a call, a comment or anything else that has to be understood.
//!
//! This is for the many short texts of the simple protocol. A text that is not plain may be harmless all the same;
//! what the scan of its tokens says counts then.

use super::Lexis;

/// What a byte means for the question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Has to be understood.
    Other,
    /// Says nothing by itself.
    Silent,
    /// Part of a word.
    Word,
    /// `'`
    Quote,
    /// `"`
    DoubleQuote,
    /// `-` or `/`: perhaps a comment begins.
    Comment,
    /// `;`
    Semicolon,
    /// The end of the text.
    Zero,
}

const CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "a byte, and there is no From in constants")]
        let class = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => Class::Word,
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b'.' | b'*' | b'=' | b'<' | b'>' | b'+' | b'%' | b':' => {
                Class::Silent
            }
            b'\'' => Class::Quote,
            b'"' => Class::DoubleQuote,
            b'-' | b'/' => Class::Comment,
            b';' => Class::Semicolon,
            0 => Class::Zero,
            _ => Class::Other,
        };
        #[expect(clippy::indexing_slicing, reason = "below the length, and a slip would not compile")]
        {
            classes[byte] = class;
        }
        byte += 1;
    }
    classes
}

/// First words of statements that leave nothing behind if nothing in them does.
const FIRST: [&str; 12] = [
    "select",
    "insert",
    "update",
    "delete",
    "begin",
    "commit",
    "rollback",
    "start",
    "savepoint",
    "release",
    "end",
    "abort",
];

/// Whether the text is one of those. No means nothing.
pub(super) fn is_plain(sql: &[u8], lexis: Lexis) -> bool {
    let text = sql.trim_ascii_start();
    // the whole word: what only begins like one of these is another
    let first = text.iter().position(|byte| class_of(*byte) != Class::Word).unwrap_or(text.len());
    let Some((first, mut rest)) = text.split_at_checked(first) else { return false };
    if !FIRST.iter().any(|word| first.eq_ignore_ascii_case(word.as_bytes())) {
        return false;
    }
    // a letter in front of a quote belongs to it
    let mut behind_word = true;
    while let [byte, behind @ ..] = rest {
        let class = class_of(*byte);
        rest = match class {
            Class::Silent => behind,
            Class::Word if tells(rest) => return false,
            Class::Word => {
                let end = behind.iter().position(|byte| class_of(*byte) != Class::Word);
                behind.get(end.unwrap_or(behind.len())..).unwrap_or_default()
            }
            Class::Quote | Class::DoubleQuote if behind_word => return false,
            Class::Quote if lexis.backslashes => return false,
            Class::Quote => match after(behind, b'\'') {
                Some(behind) => behind,
                None => return false,
            },
            Class::DoubleQuote => match after(behind, b'"') {
                // a quoted name may be what a word would be
                Some(after) if !tells(behind) => after,
                Some(_) | None => return false,
            },
            Class::Comment if matches!(rest, [b'-', b'-', ..] | [b'/', b'*', ..]) => return false,
            Class::Comment => behind,
            Class::Semicolon => return behind.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0),
            Class::Zero => return true,
            Class::Other => return false,
        };
        behind_word = class == Class::Word;
    }
    true
}

fn class_of(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Other)
}

/// Whether a word begins here that has to be understood: INTO (of SELECT), TEMP and its like, a name of the system's.
fn tells(text: &[u8]) -> bool {
    matches!(
        text,
        [b'i' | b'I', b'n' | b'N', b't' | b'T', b'o' | b'O', ..]
            | [b't' | b'T', b'e' | b'E', b'm' | b'M', b'p' | b'P', ..]
            | [b'p' | b'P', b'g' | b'G', b'_', ..]
    )
}

/// What stands behind this byte; `None` if the text ends before it.
fn after(text: &[u8], byte: u8) -> Option<&[u8]> {
    let at = text.iter().position(|known| *known == byte || *known == 0)?;
    text.get(at..)?.strip_prefix(&[byte])
}
