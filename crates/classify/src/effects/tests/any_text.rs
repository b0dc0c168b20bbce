//! Any bytes, and texts that look like SQL: what the fuzz target asserts holds for all of them.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::super::scanner::Scanner;
use super::super::{Effects, Lexis, Marks, effects, plain};
use crate::fuzz;

/// Pieces that texts are made of: what changes how the rest is read, and what leaves something behind.
const PIECES: [&str; 66] = [
    " ",
    "\n",
    "\r",
    ";",
    "(",
    ")",
    ",",
    ".",
    "::",
    "=",
    "'",
    "''",
    "\"",
    "\\",
    "$",
    "$$",
    "$a$",
    "$1",
    "/*",
    "*/",
    "--",
    "-",
    "+",
    "E'",
    "e",
    "U&\"",
    "U&'",
    "u",
    "1",
    "0x",
    "a",
    "\"b\"",
    "ü",
    "SET ",
    "RESET ",
    "SESSION ",
    "LOCAL ",
    "x.y",
    " TO ",
    "DEFAULT",
    "ALL",
    "set_config(",
    "'a'",
    "false",
    "true",
    "SELECT ",
    "WITH ",
    "RECURSIVE ",
    "AS ",
    "FROM ",
    "INTO ",
    "TEMP ",
    "CREATE ",
    "TABLE ",
    "PREPARE ",
    "EXECUTE ",
    "DEALLOCATE ",
    "LISTEN ",
    "UNLISTEN *",
    "EXPLAIN ",
    "now(",
    "f(",
    "DECLARE ",
    "CURSOR ",
    "FOR ",
    "\0",
];

/// Statements that are whole, with something left behind or not.
const WHOLE: [&str; 14] = [
    "SELECT 1",
    "SET a = ';'",
    "RESET b",
    "SELECT set_config('c', $$;$$, false)",
    "LISTEN d",
    "DEALLOCATE e",
    "SELECT f()",
    "DISCARD ALL",
    "SELECT pg_advisory_lock(1)",
    "CREATE TEMP TABLE g (h int)",
    "/* pgweir: pin */ SELECT 1",
    "INSERT INTO i (j) VALUES ('(')",
    "WITH k (l) AS (SELECT 1) SELECT count(*) FROM k",
    "-- ;\n",
];

/// How statements begin that may be plain.
const FIRST: [&str; 8] =
    ["select ", "SELECT 1, ", " insert into ", "update ", "delete from ", "begin ", "rollback ", "selec"];

fn looks_like_sql() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24).prop_map(|pieces| pieces.concat())
}

#[test]
fn the_usual_short_texts_are_plain() {
    let lexis = Lexis { backslashes: false };
    for sql in [
        "SELECT abalance FROM pgbench_accounts WHERE aid = 12345;",
        "UPDATE pgbench_accounts SET abalance = abalance + -3 WHERE aid = 12345;\0",
        "BEGIN;",
        "commit",
        " select \"a\".\"b\", 'it''s; /* */ --' from \"t\" where x::text = '('",
        "delete from t where a < 1 ; ",
    ] {
        assert!(plain::is_plain(sql.as_bytes(), lexis), "{sql}");
        assert_eq!(effects(sql.as_bytes(), true, lexis), None, "{sql}");
    }
    for sql in [
        "select 1; set a = 1",
        "select 1 into temp t",
        "select 1 INTO \"temp\".t",
        "update pg_settings set setting = 1",
        "update \"pg_settings\" set setting = 1",
        "select f(1)",
        "select E'\\''; set a = 1; --'",
        "select 1 /* pgweir: pin */",
        "set a = 1",
        "begin--;",
    ] {
        assert!(!plain::is_plain(sql.as_bytes(), lexis), "{sql}");
    }
    assert!(!plain::is_plain(br"select '\''; set a = 1; --'", Lexis { backslashes: true }));
}

fn found(sql: &str) -> Effects {
    effects(sql.as_bytes(), true, Lexis { backslashes: false }).map(|found| *found).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::effects(&bytes);
    }

    #[test]
    fn any_pieces_are_read(sql in looks_like_sql()) {
        fuzz::effects(sql.as_bytes());
    }

    #[test]
    fn a_text_reports_what_its_statements_do(statements in prop::collection::vec(prop::sample::select(&WHOLE[..]), 0..6)) {
        let together = found(&statements.join(";"));
        let alone: Vec<Effects> = statements.iter().map(|sql| found(sql)).collect();
        let marks = alone.iter().fold(Marks::empty(), |marks, one| marks | one.marks);
        prop_assert_eq!(together.marks, marks);
        for one in &alone {
            prop_assert!(one.settings.iter().all(|setting| together.settings.contains(setting)));
        }
        let channels: Vec<_> = alone.iter().flat_map(|one| one.channels.clone()).collect();
        prop_assert_eq!(together.channels, channels);
        prop_assert_eq!(together.names.len(), alone.iter().map(|one| one.names.len()).sum::<usize>());
    }

    #[test]
    fn what_is_plain_at_a_glance_leaves_nothing_behind(
        first in prop::sample::select(&FIRST[..]),
        rest in looks_like_sql(),
        backslashes in any::<bool>(),
    ) {
        let (sql, lexis) = (format!("{first}{rest}"), Lexis { backslashes });
        if plain::is_plain(sql.as_bytes(), lexis) {
            prop_assert_eq!(Scanner::new(sql.as_bytes(), true, lexis).run(), None, "{}", sql);
        }
    }

    #[test]
    fn the_beginning_of_a_text_may_do_anything(sql in looks_like_sql(), cut in 0usize..100) {
        let bytes = sql.as_bytes();
        let beginning = bytes.get(..cut.min(bytes.len())).unwrap_or_default();
        let found = effects(beginning, false, Lexis { backslashes: false });
        let unknown = found.is_some_and(|found| found.marks.contains(Marks::UNKNOWN));
        prop_assert!(unknown || beginning.contains(&0));
    }
}

#[test]
fn the_corpus_of_the_fuzz_target_is_read() {
    let dir: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fuzz/corpus/effects"].iter().collect();
    let mut inputs = 0;
    for entry in fs::read_dir(dir).unwrap() {
        fuzz::effects(&fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 10);
}

#[test]
fn lists_are_bounded_and_deep_texts_are_read() {
    let many = (0..1000).map(|at| format!("SET a{at} = 1; LISTEN b{at}; EXECUTE c{at};")).collect::<String>();
    let found = found(&many);
    assert_eq!([found.settings.len(), found.names.len(), found.channels.len()], [Effects::MOST; 3]);
    assert!(found.marks.contains(Marks::UNKNOWN));
    for deep in ["(", "SELECT (", "/*", "EXPLAIN ", "WITH a AS (", "CREATE ", "a.", "f(", "$a$", "E'\\"] {
        fuzz::effects(deep.repeat(100_000).as_bytes());
    }
}
