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

/// How functions of the server begin, as they are called in C, that do more than read, or answer from this server.
const NOT_HARMLESS: &str = "\
    be_lo_ binary_upgrade_ currval currtid cursor_to_ database_to_ inet_client_ inet_server_ lastval lo_ nextval pg_ \
    query_to_ schema_to_ set_config setseed setval table_to_ ts_rewrite ts_stat txid_";

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
        // the same of what is in the server itself, but for what is known to do more
        "internal" => {
            let writes = NOT_HARMLESS.split(' ').any(|start| body.starts_with(start));
            let known = effects::reads_exactly(body.as_bytes());
            (known != Some(false) && !writes).then(Texts::default)
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
