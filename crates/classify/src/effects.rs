//! What running a text may leave behind in the session, beyond its transaction.
//!
//! A scan of tokens with lists of what is harmless, no grammar: what is not on a list may do anything
//! ([`Marks::UNKNOWN`]). It reports too much rather than too little, takes time in proportion to the text,
//! does not recurse, and allocates only once it has found something. It can not see what the catalogue hides:
//! the functions behind views, operators, casts, triggers, defaults and policies.

mod expression;
mod functions;
mod judge;
mod keywords;
mod known;
mod marks;
mod naming;
mod plain;
mod scanner;
mod set_config;
mod settings;
mod statement;
#[cfg(test)]
mod tests;

pub use marks::Marks;

use std::ops::Range;

use crate::catalogue::{Names, Said};
use crate::verdict::Verdict;
use scanner::Scanner;

/// How the session reads its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lexis {
    /// A backslash escapes in ordinary `'…'`: `standard_conforming_strings` is off.
    pub backslashes: bool,
}

/// What a text may leave behind, each list in the order of the text.
///
/// A list holds at most [`Effects::MOST`] entries; a text with more is [`Marks::UNKNOWN`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Everything that a bit can say.
    pub marks: Marks,
    /// Which settings are touched; the same one twice only if it is left in two ways.
    pub settings: Vec<Setting>,
    /// SQL-level PREPARE, EXECUTE and DEALLOCATE of one name.
    pub names: Vec<NameUse>,
    /// LISTEN and UNLISTEN.
    pub channels: Vec<Channel>,
}

impl Effects {
    /// Entries in each list.
    pub const MOST: usize = 256;

    /// Whether all there is to say is that it is not known.
    #[must_use]
    pub fn is_unknown_only(&self) -> bool {
        let Self { marks, settings, names, channels } = self;
        Marks::UNKNOWN.contains(*marks) && settings.is_empty() && names.is_empty() && channels.is_empty()
    }
}

/// A setting that the session may have another value of afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which one.
    pub name: SettingName,
    /// It goes back to what the session began with. `SET ROLE NONE` is a value, not this.
    pub to_default: bool,
}

/// Which setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingName {
    /// In lower case, as the names of settings are compared without regard to it, quoted or not.
    Known(Box<str>),
    /// What parameter `$n` of the statement says, as the first argument of `set_config`.
    Bound(u16),
}

/// A name of a prepared statement in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameUse {
    /// What is done with it.
    pub what: Naming,
    /// Where the identifier stands, quotes included.
    pub range: Range<usize>,
    /// As PostgreSQL reads it: in lower case unless quoted, cut to 63 bytes at a character.
    pub name: Box<[u8]>,
    /// For PREPARE, what stands behind AS up to the end of this statement.
    pub body: Option<Range<usize>>,
}

/// What is done with the name of a prepared statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// PREPARE
    Prepare,
    /// EXECUTE, also in EXPLAIN and CREATE TABLE … AS
    Execute,
    /// DEALLOCATE
    Deallocate,
}

/// LISTEN or UNLISTEN, with the channel as PostgreSQL reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// LISTEN
    Listen(Box<[u8]>),
    /// UNLISTEN of one channel
    Unlisten(Box<[u8]>),
    /// `UNLISTEN *`
    UnlistenAll,
}

/// Whether a look at its bytes shows that running the text leaves nothing behind, and defines nothing. No means
/// nothing.
#[must_use]
pub fn is_plain(sql: &[u8], lexis: Lexis) -> bool {
    plain::is_plain(sql, lexis)
}

/// Looks at the text of a simple query or of a Parse; none if running it leaves nothing behind.
///
/// A zero byte ends the text. `whole` is false if only the beginning of the text is here: what follows may
/// then do anything.
#[must_use]
pub fn effects(sql: &[u8], whole: bool, lexis: Lexis) -> Option<Box<Effects>> {
    if whole && is_plain(sql, lexis) {
        return None;
    }
    Scanner::new(sql, whole, lexis).run()
}

/// Where the text may run.
pub(crate) fn judge(sql: &[u8], whole: bool, lexis: Lexis, names: Names<'_>) -> Verdict {
    judge::verdict(sql, whole, lexis, names)
}

/// Whether a function of this name only reads; `quoted`: the name counts as it is written; `own`: it is said to be one of
/// PostgreSQL's own.
pub(crate) fn reads(name: &[u8], quoted: bool, own: bool, said: Said) -> bool {
    judge::reads(name, quoted, own, said)
}

/// Whether the functions of this name that PostgreSQL has only read, if it has any.
pub(crate) fn reads_exactly(name: &[u8]) -> Option<bool> {
    use functions::Known;
    match functions::find_exact(name) {
        Some(Known::Harmless { reads }) => Some(reads),
        Some(Known::Sets | Known::Runs | Known::Marks(_)) => Some(false),
        Some(Known::Keyword) | None => None,
    }
}

/// The words that stand for a type of this name.
pub(crate) fn words_of_type(name: &str) -> &'static [&'static str] {
    known::words_of_type(name)
}
