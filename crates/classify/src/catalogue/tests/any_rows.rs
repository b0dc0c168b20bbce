//! Any rows: what uses something that is not harmless is not harmless, and nothing else is.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{Made, PLAIN};
use crate::catalogue::Catalogue;
use crate::{Memo, verdict::Against};
use std::sync::Arc;

/// How something uses another thing.
fn text(way: u8, used: usize) -> String {
    match way % 6 {
        0 => format!("SELECT f{used}(1)"),
        1 => format!("SELECT a FROM t, s.v{used} x WHERE b = 1"),
        2 => format!("SELECT 1::k{used}"),
        3 => format!("SELECT x.a FROM t x WHERE EXISTS (SELECT FROM f{used}(x.b) JOIN u ON true)"),
        4 => "SELECT lower(a), f0, v0.a FROM u v0".into(),
        _ => format!("SELECT (x).f{used} FROM t x"),
    }
}

fn node(way: u8, used: usize) -> Option<(char, usize)> {
    match way % 6 {
        0 | 3 | 5 => Some(('f', used)),
        1 => Some(('v', used)),
        2 => Some(('k', used)),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn harm_spreads_to_all_who_use_it_and_to_no_others(
        uses in prop::collection::vec((0..3usize, 0..8usize, any::<u8>(), 0..8usize), 0..40),
        writes in prop::collection::vec((0..3usize, 0..8usize), 0..3),
        plpgsql in any::<bool>(),
    ) {
        const SORTS: [char; 3] = ['f', 'v', 'k'];
        let mut made = Made::default();
        let mut edges = Vec::new();
        let own = |sort: usize, at: usize| (SORTS[sort], at);
        let add = |made: Made, (sort, at): (char, usize), text: &str| match sort {
            'f' if plpgsql => {
                made.function("plpgsql", &format!("f{at}"), &format!("BEGIN RETURN QUERY {text}; END"))
            }
            'f' => made.function("sql", &format!("f{at}"), text),
            'v' => made.view(&format!("v{at}"), text),
            _ => made.kind(&format!("k{at}"), &[text], &[]),
        };
        for sort in 0..3 {
            for at in 0..8 {
                made = add(made, own(sort, at), "SELECT 1");
            }
        }
        for (sort, at, way, used) in uses {
            made = add(made, own(sort, at), &text(way, used));
            edges.extend(node(way, used).map(|used| (own(sort, at), used)));
        }
        let mut harmful: HashSet<(char, usize)> = HashSet::new();
        for (sort, at) in writes {
            made = add(made, own(sort, at), "SELECT nextval('s')");
            harmful.insert(own(sort, at));
        }
        while let Some((user, _)) = edges.iter().find(|(user, used)| harmful.contains(used) && !harmful.contains(user)) {
            harmful.insert(*user);
        }
        let memo = made.memo();
        for sort in 0..3u8 {
            for at in 0..8 {
                let sql = text(sort, at);
                let reads = memo.verdict(sql.as_bytes(), true, PLAIN).reads();
                prop_assert_eq!(reads, !harmful.contains(&own(usize::from(sort), at)), "{}", sql);
            }
        }
    }

    #[test]
    fn any_bytes_are_no_body_that_breaks_it(body in ".{0,200}", words in prop::collection::vec(0..WORDS.len(), 0..40)) {
        let soup: Vec<&str> = words.into_iter().map(|at| WORDS[at]).collect();
        for body in [body, soup.join(" ")] {
            for language in ["sql", "plpgsql", "c", "internal"] {
                let made = Made::default().function(language, "f", &body).view("v", &body).kind("k", &[&body], &[]);
                let memo = made.memo();
                let _verdict = memo.verdict(b"SELECT f(1), a::k FROM v", true, PLAIN);
            }
        }
    }

    /// What a catalogue knows lets more to a replica only where functions, types and operators are not known without it.
    #[test]
    fn a_catalogue_only_settles_what_is_not_known(words in prop::collection::vec(0..WORDS.len(), 0..30)) {
        let sql: Vec<&str> = words.into_iter().map(|at| WORDS[at]).collect();
        let sql = sql.join(" ");
        let without = Memo::new(1).verdict(sql.as_bytes(), true, PLAIN);
        let memo = Memo::new(1);
        let rows = Made::default().function("sql", "f", "SELECT 1").kind("k", &[], &[]).0;
        memo.adopt(Arc::new(Catalogue::of(&rows, &[])));
        let with = memo.verdict(sql.as_bytes(), true, PLAIN);
        let settled = without.against.is_none_or(|why| why.is_undecided() || why == Against::Sequence);
        prop_assert!(settled || !with.reads(), "{}: {:?}", sql, without.against);
    }
}

const WORDS: [&str; 44] = [
    "SELECT",
    "f(",
    "f",
    "(",
    ")",
    ",",
    ";",
    "FROM",
    "k",
    "::",
    "AS",
    "BEGIN",
    "END",
    "IF",
    "THEN",
    "ELSE",
    "LOOP",
    "FOR",
    "IN",
    "CASE",
    "WHEN",
    "RETURN",
    "PERFORM",
    ":=",
    "=",
    "DECLARE",
    "x",
    "1",
    "'a'",
    "INTO",
    "[",
    "]",
    "..",
    ".",
    "EXCEPTION",
    "UPDATE",
    "nextval(",
    "RAISE",
    "\"q\"",
    "$1",
    "<<",
    ">>",
    "+",
    "WITH",
];
