//! What is inside of quotes and comments, and what is outside.

use super::super::{Lexis, effects};
use super::{described, expect_all, expect_none};

#[test]
fn what_is_inside_is_not_seen() {
    expect_none(&[
        "SELECT '; SET a = 1'",
        "SELECT 'a''; SET a = 1; --'",
        "SELECT E'a\\'; SET a = 1; --'",
        "SELECT e'a\\\\', '; SET a = 1'",
        "SELECT N'; SET a = 1', B'0; SET a = 1', X'; SET a = 1'",
        "SELECT U&'\\0061; SET a = 1'",
        "SELECT U&\"; SET a = 1\"",
        "SELECT \"a\"\"; SET a = 1\"",
        "SELECT $$; SET a = 1; $$",
        "SELECT $a$; SET a = 1; $$ $b$ $a$",
        "SELECT $ä$; SET a = 1; $ä$",
        "SELECT 'a'\n'; SET a = 1'",
        "SELECT E'a' -- b\n '\\'; SET a = 1; --'",
        "SELECT 1 -- ; SET a = 1",
        "SELECT 1 /* ; SET a = 1 /* ; SET a = 1 */ ; SET a = 1 */",
        "SELECT 1 +/* ; SET a = 1 */ 2",
        "SELECT a$b$, c$b$ FROM d",
        "SELECT 1\0; SET a = 1",
    ]);
}

#[test]
fn what_is_outside_is_seen() {
    expect_all(
        "SETS set:a",
        &[
            "SELECT 'a\\'; SET a = 1; --'",
            "SELECT '\\\\'; SET a = 1",
            "SELECT 'a' '; SET b = 1'\n; SET a = 1 --'",
            "SELECT 'a'\n'b'; SET a = 1",
            "SELECT E'a' 'b\\'; SET a = 1",
            "SELECT $a$ $b$ $a$; SET a = 1",
            "SELECT a$b$; SET a = 1; SELECT c$b$",
            "SELECT 1 -- b\rSET\n;SET a = 1",
            "SELECT 1 --/*\n; SET a = 1 --*/",
            "SELECT 1 /* /* */ */; SET a = 1",
            "SELECT 1 /*/ */; SET a = 1",
            "SELECT '/*'; SET a = 1 --*/",
            "SELECT U&'\\'; SET a = 1",
            "SELECT U &'a'; SET a = 1",
            "SELECT 1 $1; SET a = 1",
            "SELECT \"a'\"; SET a = 1; SELECT \"'\"",
            "SET/**/a/**/=/**/1",
            "\u{c}\u{b}SET\ta\n=\r1",
            "SELECT 1e5, 1.5, .5, 1.e3, 0x1F, 1_000; SET a = 1",
            "SELECT 1set_; SET a = 1",
        ],
    );
}

#[test]
fn a_backslash_escapes_where_the_session_says_so() {
    let escaped =
        |sql: &str, backslashes| described(sql, effects(sql.as_bytes(), true, Lexis { backslashes }));
    assert_eq!(escaped("SELECT 'a\\'; SET a = 1; --'", true), "");
    assert_eq!(escaped("SELECT 'a\\''; SET a = 1; --'", true), "SETS set:a");
    assert_eq!(escaped("SELECT set_config('a\\x62', 'c', false)", true), "UNKNOWN SETS");
    assert_eq!(escaped("SELECT set_config('a\\x62', 'c', false)", false), "SETS set:a\\x62");
    assert_eq!(escaped("SELECT $$\\$$; SET a = 1", true), "SETS set:a");
    assert_eq!(escaped("SELECT \"\\\"; SET a = 1", true), "SETS set:a");
}

#[test]
fn a_hint_pins() {
    expect_all(
        "PINS",
        &[
            "/* pgweir: pin */ SELECT 1",
            "SELECT 1 /*pgweir:pin*/",
            "SELECT /* pgweir: primary, pin */ 1",
            "SELECT /*  pgweir:  cache ttl=60s   pin  */ 1",
            "/* pgweir: pin */",
        ],
    );
    expect_none(&[
        "/* pin */ SELECT 1",
        "/* pgweir: pinned */ SELECT 1",
        "SELECT '/* pgweir: pin */'",
        "-- /* pgweir: pin */\nSELECT 1",
        "/* a pgweir: pin */ SELECT 1",
    ]);
}

#[test]
fn a_text_that_is_cut_off_may_do_anything() {
    for sql in ["SELECT 1", "COPY a FROM STDIN", "INSERT INTO a VALUES ('", ""] {
        let found = effects(sql.as_bytes(), false, Lexis { backslashes: false });
        assert_eq!(described(sql, found), "UNKNOWN", "{sql}");
    }
    let found = effects(b"SET a = 1; SELECT ", false, Lexis { backslashes: false });
    assert_eq!(described("", found), "UNKNOWN SETS set:a");
    assert_eq!(effects(b"SELECT 1\0", false, Lexis { backslashes: false }), None, "it ends with the zero");
}
