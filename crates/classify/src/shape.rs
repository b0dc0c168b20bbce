//! The shape of a text: its tokens, whatever their literals say.
//!
//! Texts of one shape get one verdict: no literal makes a difference to it. Where one would (the name of a setting, an
//! option of EXPLAIN in quotes), the verdict is the same for all of them.

use std::ffi::CStr;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::RandomState;

use crate::Lexis;
use crate::lexer::{Kind, Lexer};

/// The shape of a text, as far as anybody can tell: two different ones are alike once in 2¹²⁸ times.
pub(crate) type Shape = (u64, u64);

/// Two keys that nobody outside knows, so that nobody can make two shapes alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(RandomState, RandomState);

/// The shape of a text, and how many tokens it has, or as many as are enough to know that they are `most` at least.
pub(crate) fn of(keys: &Keys, sql: &[u8], whole: bool, lexis: Lexis) -> Shape {
    let terminated = CStr::from_bytes_until_nul(sql).ok();
    let whole = whole || terminated.is_some();
    let mut lexer = Lexer::new(terminated.map_or(sql, CStr::to_bytes), lexis.backslashes);
    let mut both = (keys.0.build_hasher(), keys.1.build_hasher());
    let mut put = |bytes: &[u8]| {
        both.0.write(bytes);
        both.1.write(bytes);
    };
    let mut word = [0; 64];
    // a list of literals has one shape, however long it is
    let (mut literal, mut comma) = (false, false);
    loop {
        let token = lexer.next();
        let is_literal = matches!(token.kind, Kind::Text | Kind::Number | Kind::Param);
        if token.kind == Kind::Comma && literal && !comma {
            comma = true;
            continue;
        }
        if comma && !is_literal {
            put(b",");
        }
        if !(comma && is_literal) {
            match (token.kind, lexer.bytes(token)) {
                (Kind::End, _) => break,
                (Kind::Text, _) => put(b"'"),
                (Kind::Number | Kind::Param, _) => put(b"0"),
                (Kind::Word, bytes) => match word.get_mut(..bytes.len()) {
                    Some(lower) => {
                        lower.copy_from_slice(bytes);
                        lower.make_ascii_lowercase();
                        put(lower);
                        put(b" ");
                    }
                    None => put(&bytes.to_ascii_lowercase()),
                },
                (_, bytes) => put(bytes),
            }
        }
        (literal, comma) = (is_literal, false);
    }
    let circumstances =
        (whole, lexer.broken, lexis.backslashes, lexis.backslashes && sql.contains(&b'\\'), lexer.hints);
    circumstances.hash(&mut both.0);
    circumstances.hash(&mut both.1);
    (both.0.finish(), both.1.finish())
}

#[cfg(test)]
mod tests {
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
}
