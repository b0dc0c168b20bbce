//! Verdicts of any bytes and of texts that look like SQL: what the fuzz target asserts holds for all of them.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use crate::memo::thorough;
use crate::{Lexis, fuzz};

const PLAIN: Lexis = Lexis { backslashes: false };

/// Pieces that change what is thought of a text.
const PIECES: [&str; 58] = [
    " ",
    "\n",
    ";",
    "(",
    ")",
    ",",
    ".",
    "::",
    "=",
    "'a'",
    "'",
    "\"b\"",
    "\"",
    "$$",
    "$1",
    "1",
    "/*",
    "*/",
    "--",
    "-",
    "+",
    "@",
    "\\",
    "[",
    "]",
    ":",
    "E'",
    "U&\"",
    "a",
    "pg_x",
    "SELECT ",
    "WITH ",
    "RECURSIVE ",
    "AS ",
    "FROM ",
    "INTO ",
    "FOR ",
    "UPDATE ",
    "DELETE ",
    "GROUP BY ",
    "ROLLUP(",
    "GROUPING SETS (",
    "HAVING ",
    "EXPLAIN ",
    "ANALYZE ",
    "COPY ",
    "TO ",
    "STDOUT",
    "now(",
    "f(",
    "nextval",
    "CAST(",
    "COLUMNS ",
    "XMLTABLE(",
    "VALUES ",
    "SHOW ",
    "/* pgweir: replica */",
    "\0",
];

/// Statements, some of which no replica may run.
const WHOLE: [&str; 14] = [
    "SELECT 1",
    "SELECT ';' FROM t",
    "VALUES ($$;$$)",
    "TABLE t",
    "SHOW timezone",
    "EXPLAIN DELETE FROM t",
    "COPY t TO STDOUT",
    "UPDATE t SET a = 1",
    "SELECT f()",
    "SELECT 1 FOR UPDATE",
    "SELECT nextval('s')",
    "BEGIN",
    "SET a = 1",
    "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_have_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::verdict(&bytes);
    }

    #[test]
    fn any_pieces_have_a_verdict(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24)) {
        fuzz::verdict(pieces.concat().as_bytes());
    }

    #[test]
    fn what_speaks_against_one_statement_speaks_against_all(
        statements in prop::collection::vec(prop::sample::select(&WHOLE[..]), 1..6),
    ) {
        let reads = |sql: &str| thorough(sql.as_bytes(), true, PLAIN).reads();
        prop_assert_eq!(reads(&statements.join("; ")), statements.iter().all(|sql| reads(sql)));
    }
}

#[test]
fn the_corpora_of_the_fuzz_targets_have_verdicts() {
    let mut inputs = 0;
    for target in ["verdict", "effects"] {
        let dir: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fuzz/corpus", target].iter().collect();
        for entry in fs::read_dir(dir).unwrap() {
            fuzz::verdict(&fs::read(entry.unwrap().path()).unwrap());
            inputs += 1;
        }
    }
    assert!(inputs > 20);
}
