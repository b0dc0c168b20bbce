//! Which texts have one shape, and that one shape has one verdict.

use proptest::prelude::*;

use super::*;
use crate::verdict::verdict;

const PLAIN: Lexis = Lexis { backslashes: false };

fn alike(a: &str, b: &str) -> bool {
    let keys = Keys::default();
    of(&keys, a.as_bytes(), true, PLAIN) == of(&keys, b.as_bytes(), true, PLAIN)
}

#[test]
fn literals_blanks_comments_and_case_make_no_difference() {
    for (a, b) in [
        ("SELECT a FROM t WHERE b = 1", "select  a from t -- x\n where b=22.5e1"),
        ("SELECT 'a'", "SELECT $$b$$"),
        ("SELECT a FROM t WHERE b IN (1, 2, 3)", "SELECT a FROM t WHERE b IN (4,5,6,7,8,9)"),
        ("SELECT $1", "SELECT $2"),
    ] {
        assert!(alike(a, b), "{a} / {b}");
    }
}

#[test]
fn everything_else_does() {
    for (a, b) in [
        ("SELECT a", "SELECT b"),
        ("SELECT a", "SELECT \"a\""),
        ("SELECT 1", "SELECT 1;"),
        ("SELECT 1, a", "SELECT 1 a"),
        ("SELECT 1,", "SELECT 1"),
        ("SELECT (1)", "SELECT 1"),
        ("SELECT ab c", "SELECT a bc"),
        ("SELECT a+1", "SELECT a-1"),
        ("SELECT 1", "SELECT 1 /* pgweir: primary */"),
        ("SELECT 'a'", "SELECT 'a"),
        ("SELECT 'a' 'b'", "SELECT 'a'"),
        ("SELECT a.b", "SELECT a b"),
        ("SELECT @ - 1", "SELECT @- 1"),
        ("SELECT \"a\" \"b\"", "SELECT \"a\"\"b\""),
    ] {
        assert!(!alike(a, b), "{a} / {b}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever literals are put into a text, the verdict stays.
    #[test]
    fn one_shape_has_one_verdict(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "SELECT", "a", "f", "now", "(", ")", ",", "L", "L", "FROM", "t", "::", "text", "x", "=", ";",
                "set_config", "EXPLAIN", "COPY", "TO", "nextval", "interval", "CAST", "AS", "[", "]", "'L",
            ]),
            1..14,
        ),
        texts in prop::collection::vec("[0-9]{1,3}|'[a-z]{0,3}'|\\$[1-9]|\\$\\$[a-z]\\$\\$", 14),
        others in prop::collection::vec("[0-9]{1,3}|'[a-z]{0,3}'|\\$[1-9]|\\$\\$[a-z]\\$\\$", 14),
    ) {
        let with = |literals: &[String]| {
            let mut literals = literals.iter();
            let part = |part: &&str| if *part == "L" { literals.next().unwrap().clone() } else { (*part).to_owned() };
            parts.iter().map(part).collect::<Vec<_>>().join(" ")
        };
        let (a, b) = (with(&texts), with(&others));
        if alike(&a, &b) {
            let of = |sql: &str| verdict(sql.as_bytes(), true, PLAIN);
            prop_assert_eq!(of(&a), of(&b), "{} / {}", a, b);
        }
    }
}
