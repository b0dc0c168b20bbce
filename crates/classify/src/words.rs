//! The first word of a text, behind blanks and comments.

/// Whether a text that begins with this word opens a block: BEGIN or START TRANSACTION.
#[must_use]
pub fn opens_block(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"begin") || word.eq_ignore_ascii_case(b"start")
}

/// Whether a statement of the text may be a CREATE, an ALTER or a DROP: what other statements mean may be another thing
/// then, and once more if it is rolled back. A look at the first words only, also of what only looks like a statement.
#[must_use]
pub fn redefines(sql: &[u8]) -> bool {
    sql.split(|byte| *byte == b';').any(|statement| {
        let word = first_word(statement);
        [&b"create"[..], b"alter", b"drop"].iter().any(|it| word.eq_ignore_ascii_case(it))
    })
}

/// Whether the text begins with COMMIT, END, ROLLBACK or ABORT.
#[must_use]
pub fn exits_transaction(sql: &[u8]) -> bool {
    let word = first_word(sql);
    [&b"commit"[..], b"end", b"rollback", b"abort"].iter().any(|exit| word.eq_ignore_ascii_case(exit))
}

/// The first word: letters only, empty if something else comes first.
#[must_use]
pub fn first_word(sql: &[u8]) -> &[u8] {
    let text = skip_blanks(sql);
    let end = text.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// What follows blanks, empty statements and comments; block comments nest in PostgreSQL.
fn skip_blanks(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | b';', rest @ ..] => rest,
            [b'-', b'-', rest @ ..] => {
                let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len());
                rest.get(end..).unwrap_or_default()
            }
            [b'/', b'*', rest @ ..] => skip_comment(rest),
            _ => return text,
        };
    }
}

fn skip_comment(mut text: &[u8]) -> &[u8] {
    let mut depth = 1usize;
    while depth > 0 {
        text = match text {
            [b'/', b'*', rest @ ..] => {
                depth += 1;
                rest
            }
            [b'*', b'/', rest @ ..] => {
                depth -= 1;
                rest
            }
            [_, rest @ ..] => rest,
            [] => return text,
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_seen_wherever_a_statement_may_begin() {
        for sql in
            ["alter table t add a int", "begin; /* x */ DROP type e", "select ';drop'", "\ncreate table t ()"]
        {
            assert!(redefines(sql.as_bytes()), "{sql}");
        }
        for sql in ["", "select 1", "created", "select 'alter'"] {
            assert!(!redefines(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn blocks_are_seen_behind_blanks_and_comments() {
        for sql in [
            "BEGIN",
            " begin;",
            "-- x\nstart transaction",
            "/* a /* b */ c */ Begin work",
            ";;begin",
            "\u{b}begin",
        ] {
            assert!(opens_block(first_word(sql.as_bytes())), "{sql}");
        }
        for sql in
            ["", "select 1", "beginning", "/* begin", "/* /* */ begin", "-- begin", "'begin'", "\"begin\""]
        {
            assert!(!opens_block(first_word(sql.as_bytes())), "{sql}");
        }
    }

    #[test]
    fn ends_of_transactions_are_seen_behind_blanks_and_comments() {
        for sql in ["COMMIT", "end;", " Rollback to a", "/* a */ABORT", "-- x\ncommit", ";commit and chain"] {
            assert!(exits_transaction(sql.as_bytes()), "{sql}");
        }
        for sql in ["", "commits", "'commit'", "\"end\"", "release a", "savepoint commit", "begin; commit"] {
            assert!(!exits_transaction(sql.as_bytes()), "{sql}");
        }
    }
}
