//! What a function runs, as texts in SQL.

use super::Function;
use super::plpgsql;
use crate::effects;
use crate::lexer::{Kind, Lexer};

/// What running a function runs.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Statements.
    pub(super) sql: Vec<String>,
    /// Types that it names elsewhere.
    pub(super) types: Vec<Vec<u8>>,
}

/// The longest body that is read.
const LONGEST: usize = 64 * 1024;

/// Functions in C that promise not to write and run SQL that they are given, or answer from somewhere else.
const RUN_SQL: &str = "\
    connectby crosstab crosstab2 crosstab3 crosstab4 crosstabn dblink dblink_fetch dblink_get_result \
    pg_stat_statements pg_stat_statements_info xpath_table";

/// What stands behind the functions that PostgreSQL makes itself for types of the user's, and behind aggregates.
const MADE: &str = "\
    aggregate_dummy multirange_constructor0 multirange_constructor1 multirange_constructor2 range_constructor2 \
    range_constructor3";

/// What a function that promises not to write runs besides; nothing, if that is not known.
pub(super) fn texts(function: &Function) -> Option<Texts> {
    let Function { name, language, body, .. } = function;
    if body.len() > LONGEST {
        return None;
    }
    let is_one_of = |list: &str, name: &str| list.split(' ').any(|other| other == name);
    match language.as_str() {
        // made by superusers, and promised by them
        "c" => (!is_one_of(RUN_SQL, name)).then(Texts::default),
        "internal" => {
            let known = is_one_of(MADE, body) || effects::reads_exactly(body.as_bytes()) == Some(true);
            known.then(Texts::default)
        }
        "sql" => sql(body),
        "plpgsql" if reads_alike(body) => plpgsql::texts(body),
        _ => None,
    }
}

/// The body of a function in SQL: a string, or as the standard has it, `RETURN …` or `BEGIN ATOMIC … END`.
fn sql(body: &str) -> Option<Texts> {
    let trimmed = body.trim();
    let mut lexer = Lexer::new(trimmed.as_bytes(), false);
    let (first, second) = (lexer.next(), lexer.next());
    let says = |token, word: &str| lexer.bytes(token).eq_ignore_ascii_case(word.as_bytes());
    let text = if says(first, "begin") && says(second, "atomic") {
        let end = trimmed.len().checked_sub(3)?;
        if !trimmed.get(end..)?.eq_ignore_ascii_case("end") {
            return None;
        }
        trimmed.get(second.end..end)?.to_owned()
    } else if says(first, "return") {
        format!("SELECT {}", trimmed.get(first.end..)?)
    } else {
        reads_alike(body).then(|| body.to_owned())?
    };
    Some(Texts { sql: vec![text], types: Vec::new() })
}

/// Whether a text has the same tokens whatever a backslash means in the session that runs it.
fn reads_alike(text: &str) -> bool {
    if !text.contains('\\') {
        return true;
    }
    let (mut one, mut other) = (Lexer::new(text.as_bytes(), false), Lexer::new(text.as_bytes(), true));
    loop {
        let token = one.next();
        if token != other.next() {
            return false;
        }
        if token.kind == Kind::End {
            return true;
        }
    }
}
