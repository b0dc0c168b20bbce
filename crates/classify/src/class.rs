//! The verdict on a statement.

use crate::words;

/// What is known of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Where it may run.
    pub target: Target,
    /// It opens a transaction block.
    pub opens_block: bool,
    /// It begins with LISTEN.
    pub listens: bool,
}

/// Where a statement may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Only on the primary.
    Primary,
}

/// Looks at the text of a simple query or of a Parse.
#[must_use]
pub fn classify(sql: &[u8]) -> Class {
    let word = words::first_word(sql);
    Class {
        target: Target::Primary,
        opens_block: words::opens_block(word),
        listens: word.eq_ignore_ascii_case(b"listen"),
    }
}
