//! Whether a text defines anew what names mean: functions, views, operators, types, policies, and what is logged.
//!
//! A look at the first words of what may be its statements. Where that is in doubt, it does.

use classify::words;

/// What is created or altered without any name getting another meaning.
const OTHERS: [&[u8]; 22] = [
    b"access",
    b"collation",
    b"constraint",
    b"conversion",
    b"database",
    b"default",
    b"event",
    b"group",
    b"index",
    b"large",
    b"materialized",
    b"publication",
    b"role",
    b"server",
    b"statistics",
    b"subscription",
    b"system",
    b"tablespace",
    b"temp",
    b"temporary",
    b"trigger",
    b"user",
];
/// Words that say nothing of what is created.
const BETWEEN: [&[u8]; 5] = [b"or", b"replace", b"global", b"local", b"unique"];

/// Whether names may mean something else once the text has run. What is dropped leaves no name with another meaning.
pub(crate) fn defines(sql: &[u8]) -> bool {
    sql.split(|byte| *byte == b';').any(|statement| {
        let first = words::first_word(statement);
        let (creates, alters) = (is(first, b"create"), is(first, b"alter"));
        (creates || alters) && !is_of_no_concern(statement, first, creates)
    })
}

/// Whether a transaction may end with it, and what was defined in it take effect.
pub(crate) fn ends(sql: &[u8]) -> bool {
    sql.split(|byte| *byte == b';').any(words::exits_transaction)
}

/// Whether the words behind the first say that nothing of the kind is meant.
fn is_of_no_concern(statement: &[u8], first: &[u8], creates: bool) -> bool {
    let (mut text, mut word) = (statement, first);
    loop {
        text = behind(text, word);
        word = words::first_word(text);
        if !BETWEEN.iter().any(|between| is(word, between)) {
            return OTHERS.iter().any(|other| is(word, other)) || (creates && is(word, b"table"));
        }
    }
}

/// What stands behind a word of a text, which is a part of it and not a copy.
fn behind<'a>(text: &'a [u8], word: &[u8]) -> &'a [u8] {
    let begin = word.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    text.get(begin.saturating_add(word.len())..).unwrap_or_default()
}

fn is(word: &[u8], other: &[u8]) -> bool {
    word.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_names_a_meaning_is_seen() {
        for sql in [
            "CREATE FUNCTION f() RETURNS int",
            "create or replace view v as select 1",
            "/* create */ CREATE UNLOGGED TABLE t ()",
            "BEGIN; ALTER TABLE t SET UNLOGGED; COMMIT",
            "ALTER FUNCTION f() VOLATILE",
            "CREATE EXTENSION citext",
            "CREATE /* table */ VIEW v AS SELECT 1",
            "CREATE POLICY p ON t",
            "create",
            "CREATE OPERATOR === (function = f)",
            "ALTER DOMAIN d ADD CHECK (f(VALUE))",
        ] {
            assert!(defines(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn what_does_not_is_not() {
        for sql in [
            "",
            "SELECT 1",
            "CREATE TABLE t (a int)",
            "create temp view v as select 1",
            "CREATE LOCAL TEMPORARY TABLE t ()",
            "CREATE UNIQUE INDEX i ON t (a)",
            "DROP FUNCTION f",
            "ALTER ROLE a SET b = 1; CREATE INDEX ON t (a)",
            "CREATE MATERIALIZED VIEW m AS SELECT 1",
        ] {
            assert!(!defines(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn ends_are_seen_wherever_a_statement_may_begin() {
        assert!(ends(b"update t set a = 1; Commit") && ends(b"END"));
        assert!(!ends(b"update t set a = 1"));
    }
}
