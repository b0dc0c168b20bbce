//! Settings that are pgweir's own: what a text says of them. They are no business of a server's.

use std::fmt::Display;
use std::str::FromStr;

use config::{Consistency, Target};
use wire::lsn::Lsn;

/// The longest text that is looked at.
const LONGEST: usize = 200;

/// What becomes of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// SET; none: to its default.
    Set(Name, Option<String>),
    /// RESET
    Reset(Name),
    /// SHOW
    Show(Name),
}

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// `pgweir.target`
    Target,
    /// `pgweir.consistency`
    Consistency,
    /// `pgweir.token`
    Token,
}

/// A value, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Which servers may answer.
    Target(Target),
    /// What the session sees of its own writes.
    Consistency(Consistency),
    /// What a server must have replayed to answer it.
    Token(Lsn),
}

impl Name {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Target, Self::Consistency, Self::Token];

    /// As it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Target => "pgweir.target",
            Self::Consistency => "pgweir.consistency",
            Self::Token => "pgweir.token",
        }
    }

    /// The setting of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// What a value of it means; none if it means nothing.
    pub(crate) fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Target => {
                let all = [Target::Split, Target::Primary, Target::Replica];
                find(&all, text).map(Value::Target)
            }
            Self::Consistency => {
                let all = [Consistency::Session, Consistency::Eventual];
                find(&all, text).map(Value::Consistency)
            }
            Self::Token => Lsn::from_str(text).ok().map(Value::Token),
        }
    }

    /// What it may be, for people.
    pub(crate) fn allowed(self) -> &'static str {
        match self {
            Self::Target => "Available values: split, primary, replica.",
            Self::Consistency => "Available values: session, eventual.",
            Self::Token => "Use what SHOW pgweir.token gave, here or in another session.",
        }
    }
}

fn find<T: Copy + Display>(all: &[T], text: &str) -> Option<T> {
    all.iter().copied().find(|one| one.to_string().eq_ignore_ascii_case(text))
}

/// What a text does, if it is nothing but that.
pub(crate) fn read(sql: &[u8]) -> Option<Doing> {
    let verb = classify::words::first_word(sql);
    if !["set", "show", "reset"].iter().any(|it| verb.eq_ignore_ascii_case(it.as_bytes())) {
        return None;
    }
    let sql = sql.split(|byte| *byte == 0).next().filter(|sql| sql.len() <= LONGEST)?;
    let sql = str::from_utf8(sql).ok()?.trim().trim_end_matches(';').trim_end();
    let (verb, rest) = word(sql)?;
    let is = |word: &str| verb.eq_ignore_ascii_case(word);
    if is("show") {
        return Name::of(rest).map(Doing::Show);
    }
    if is("reset") {
        return Name::of(rest).map(Doing::Reset);
    }
    if !is("set") {
        return None;
    }
    let rest = match word(rest)? {
        (scope, rest) if scope.eq_ignore_ascii_case("session") => rest,
        (_, _) => rest,
    };
    let end = rest.find(|c: char| c == '=' || c.is_whitespace())?;
    let (name, rest) = rest.split_at(end);
    let rest = rest.trim_start();
    let value = match rest.strip_prefix('=') {
        Some(value) => value.trim_start(),
        None => word(rest).filter(|(to, _)| to.eq_ignore_ascii_case("to"))?.1,
    };
    let value = match value.strip_prefix('\'') {
        Some(quoted) => Some(quoted.strip_suffix('\'').filter(|text| !text.contains(['\'', '\\']))?),
        None if value.eq_ignore_ascii_case("default") => None,
        None => Some(value).filter(|text| !text.contains([' ', ',', '\'', '"', ';'])),
    };
    Some(Doing::Set(Name::of(name)?, value.map(str::to_owned)))
}

/// Whether a text is nothing but RESET ALL or DISCARD ALL.
pub(crate) fn resets_all(sql: &[u8]) -> bool {
    let Some(sql) = sql.split(|byte| *byte == 0).next().filter(|sql| sql.len() <= LONGEST) else {
        return false;
    };
    let mut words =
        sql.split(|byte| byte.is_ascii_whitespace() || *byte == b';').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    (first.eq_ignore_ascii_case(b"reset") || first.eq_ignore_ascii_case(b"discard"))
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"all"))
        && words.next().is_none()
}

/// The first word, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let end = text.find(char::is_whitespace)?;
    let (word, rest) = text.split_at(end);
    Some((word, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_it() {
        let set = |value: &str| Some(Doing::Set(Name::Target, Some(value.to_owned())));
        for sql in [
            "SET pgweir.target = 'primary'",
            "set PGWEIR.Target to primary;",
            " SET SESSION pgweir.target='primary' ; ",
            "SET pgweir.target\n=\nprimary\0",
        ] {
            assert_eq!(read(sql.as_bytes()), set("primary"), "{sql}");
        }
        assert_eq!(read(b"SET pgweir.target TO DEFAULT"), Some(Doing::Set(Name::Target, None)));
        assert_eq!(read(b"RESET pgweir.consistency"), Some(Doing::Reset(Name::Consistency)));
        assert_eq!(read(b"SHOW pgweir.token;"), Some(Doing::Show(Name::Token)));
        for sql in [
            "SET LOCAL pgweir.target = 'primary'",
            "SET pgweir.other = 'primary'",
            "SET pgweir.target = 'primary'; SELECT 1",
            "SET pgweir.target",
            "SET",
            "SHOW all",
            "SELECT 'SET pgweir.target'",
            "SET pgweir.target = 'pri''mary'",
        ] {
            assert_eq!(read(sql.as_bytes()), None, "{sql}");
        }
    }

    #[test]
    fn values_are_understood_or_not() {
        assert_eq!(Name::Target.read("Replica"), Some(Value::Target(Target::Replica)));
        assert_eq!(Name::Consistency.read("eventual"), Some(Value::Consistency(Consistency::Eventual)));
        assert_eq!(Name::Token.read("0/16B3748"), Some(Value::Token(Lsn(0x16B_3748))));
        for (name, text) in [(Name::Target, ""), (Name::Consistency, "strict"), (Name::Token, "16B3748")] {
            assert_eq!(name.read(text), None, "{text}");
        }
    }

    #[test]
    fn everything_goes_back_at_once() {
        assert!(resets_all(b"RESET ALL;\0") && resets_all(b"discard  all"));
        assert!(
            !resets_all(b"RESET ALL; SELECT 1") && !resets_all(b"DISCARD TEMP") && !resets_all(b"RESET a")
        );
    }
}
