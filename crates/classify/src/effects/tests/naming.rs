//! Prepared statements by name, and channels.

use super::super::{Lexis, effects};
use super::{expect, expect_none};

#[test]
fn names_of_prepared_statements_are_told() {
    expect(&[
        ("PREPARE a AS SELECT 1", "prepare:a={ SELECT 1}"),
        ("PREPARE A (int, numeric(10, 2)) AS SELECT $1;SELECT 2", "prepare:a={ SELECT $1}"),
        ("prepare \"A\"\"b\" as values (';')", "prepare:A\"b={ values (';')}"),
        (
            "PREPARE a AS SELECT set_config('a', 'b', false)",
            "prepare:a={ SELECT set_config('a', 'b', false)}",
        ),
        ("EXECUTE a", "execute:a"),
        ("EXECUTE a (1, now())", "execute:a"),
        ("EXECUTE a(set_config('b', 'c', false))", "SETS set:b execute:a"),
        ("EXECUTE a(my_function())", "UNKNOWN execute:a"),
        ("EXPLAIN EXECUTE a(1)", "execute:a"),
        ("EXPLAIN (ANALYZE, COSTS off) EXECUTE a", "execute:a"),
        ("EXPLAIN ANALYZE VERBOSE CREATE TABLE t AS EXECUTE \"A\"", "execute:A"),
        (
            "CREATE TABLE IF NOT EXISTS t (a, b) WITH (fillfactor = 70) AS EXECUTE a(1) WITH NO DATA",
            "execute:a",
        ),
        ("CREATE TEMP TABLE t AS EXECUTE a", "TEMPORARY execute:a"),
        ("DEALLOCATE a", "deallocate:a"),
        ("DEALLOCATE PREPARE a", "deallocate:a"),
        ("DEALLOCATE PREPARE", "deallocate:prepare"),
        ("DEALLOCATE \"ALL\"", "deallocate:ALL"),
        ("DEALLOCATE ALL", "FORGETS"),
        ("DEALLOCATE PREPARE ALL", "FORGETS"),
        ("PREPARE a AS SELECT 1; EXECUTE a; DEALLOCATE a", "prepare:a={ SELECT 1} execute:a deallocate:a"),
        ("PREPARE transaction AS SELECT 1", "prepare:transaction={ SELECT 1}"),
        ("EXECUTE U&\"a\"", "UNKNOWN"),
    ]);
    expect_none(&[
        "PREPARE TRANSACTION 'a'",
        "COMMIT PREPARED 'a'",
        "ROLLBACK PREPARED 'a'",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE PROCEDURE f()",
        "GRANT EXECUTE ON FUNCTION f(int) TO a",
        "REVOKE ALL ON FUNCTION f(int) FROM PUBLIC",
    ]);
}

#[test]
fn long_names_are_cut_at_a_character() {
    let long = format!("PREPARE {} AS SELECT 1", "a".repeat(100));
    let found = effects(long.as_bytes(), true, Lexis { backslashes: false }).unwrap();
    assert_eq!(&*found.names[0].name, "a".repeat(63).as_bytes());
    assert_eq!(found.names[0].range, 8..108);
    let wide = format!("DEALLOCATE a{}", "ü".repeat(60));
    let found = effects(wide.as_bytes(), true, Lexis { backslashes: false }).unwrap();
    assert_eq!(&*found.names[0].name, format!("a{}", "ü".repeat(31)).as_bytes());
}

#[test]
fn channels_are_told() {
    expect(&[
        ("LISTEN a", "LISTENS listen:a"),
        ("LISTEN \"A b\"", "LISTENS listen:A b"),
        ("listen A; unlisten a; UNLISTEN *", "LISTENS UNLISTENS listen:a unlisten:a unlisten:*"),
        ("LISTEN U&\"a\"", "UNKNOWN LISTENS"),
    ]);
    expect_none(&[
        "NOTIFY a",
        "NOTIFY a, 'LISTEN b'",
        "SELECT pg_notify('a', 'b')",
        "SELECT pg_listening_channels()",
    ]);
}
