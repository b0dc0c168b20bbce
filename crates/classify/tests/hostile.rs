//! Texts that are meant to bring a parser down: too long, too deep, too wide, not text at all.
//!
//! They run on a thread with a stack as small as a worker's may be; a stack that overflows ends the whole test. Nothing
//! here asserts on time: what would not end in proportion to its input would not end here.

use pgweir_classify::verdict::LONGEST;
use pgweir_classify::{Against, Lexis, Memo, digest, tables};

const PLAIN: Lexis = Lexis { backslashes: false };
const STACK: usize = 2 << 20;

/// Everything that reads a text, both ways; what speaks against a replica.
fn looked_at(sql: &[u8]) -> Option<Against> {
    let memo = Memo::new(16);
    let escaped = memo.verdict(sql, true, Lexis { backslashes: true });
    let verdict = memo.verdict(sql, true, PLAIN);
    let shown = String::from_utf8_lossy(sql.get(..sql.len().min(60)).unwrap_or_default());
    assert!(escaped.against.is_some() || verdict.against.is_none(), "{shown}: {:?}", verdict.against);
    assert_eq!(memo.verdict(sql, true, PLAIN), verdict, "what is kept is what was found");
    let cut_off = memo.verdict(sql, false, PLAIN);
    assert!(sql.contains(&0) || cut_off.against.is_some(), "what is not all there may do anything");
    memo.refused(sql, true, PLAIN);
    let found = tables(sql, PLAIN);
    assert!(found.reads.len() <= 256 && found.writes.len() <= 256);
    let _ = (digest(sql, PLAIN), pgweir_classify::effects(sql, true, PLAIN));
    verdict.against
}

fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
}

#[test]
fn long_chains_are_for_the_primary_or_read() {
    on_a_small_stack(|| {
        let million = format!("SELECT 1{}", "+1".repeat(1_000_000));
        assert_eq!(looked_at(million.as_bytes()), Some(Against::TooLong));
        let or = format!("SELECT * FROM t WHERE a{}", " OR a".repeat(200_000));
        assert_eq!(looked_at(or.as_bytes()), Some(Against::TooLong));
        for link in LINKS {
            for times in [1, 15, 60, 120, 250, 500, 1_000, 4_000, (LONGEST - 40) / link.len()] {
                let sql = format!("SELECT a FROM t WHERE a{}", link.repeat(times));
                assert_eq!(looked_at(sql.as_bytes()), None, "{link} {times} times");
            }
        }
    });
}

/// What chains are made of, that a tree makes deep.
const LINKS: [&str; 15] = [
    "+1",
    " OR a",
    " AND a",
    "::int",
    "[1]",
    "[1:2]",
    ".b",
    " IS NULL",
    " COLLATE \"C\"",
    " UNION SELECT 1",
    ", b",
    "||'x'",
    " AT TIME ZONE 'x'",
    "->'a'",
    " NOT IN (1)",
];

/// What is put around an expression.
const AROUND: [(&str, &str); 14] = [
    ("(", ")"),
    ("(SELECT ", ")"),
    ("CASE WHEN ", " THEN 1 END"),
    ("CASE WHEN true THEN 1 ELSE ", " END"),
    ("ARRAY[", "]"),
    ("NOT ", ""),
    ("- ", ""),
    ("lower(", ")"),
    ("ROW(", ", 1)"),
    ("EXISTS (SELECT ", ")"),
    ("a IN (SELECT ", ")"),
    ("CAST(", " AS int)"),
    ("(WITH x AS (SELECT 1) SELECT ", ")"),
    ("a[", "]"),
];

#[test]
fn deep_texts_are_for_the_primary_or_read() {
    on_a_small_stack(|| {
        for (open, close) in AROUND {
            for depth in [1, 10, 20, 25, 40, 50, 60] {
                let sql = format!("SELECT {}1{}", open.repeat(depth), close.repeat(depth));
                let against = looked_at(sql.as_bytes());
                let deep = depth * open.matches(['(', '[']).count() >= 63;
                assert!(
                    against.is_none() || (deep && against == Some(Against::TooLong)),
                    "{open} {depth}: {against:?}"
                );
            }
            for depth in [100, 200, 400, 510, 1_000, 10_000] {
                let sql = format!("SELECT {}1{}", open.repeat(depth), close.repeat(depth));
                let against = looked_at(sql.as_bytes());
                assert!(matches!(against, None | Some(Against::TooLong)), "{open}: {against:?}");
            }
            let sql = format!("SELECT {}1{}", open.repeat(100_000), close.repeat(100_000));
            let against = looked_at(sql.as_bytes());
            assert!(against.is_some() || close.is_empty(), "{open}");
            // never closed
            let sql = format!("SELECT {}", open.repeat(5_000));
            looked_at(sql.as_bytes());
        }
    });
}

#[test]
fn wide_and_long_texts_are_for_the_primary_or_read() {
    on_a_small_stack(|| {
        let items: Vec<String> = (0..20_000).map(|item| item.to_string()).collect();
        let sql = format!("SELECT a FROM t WHERE b IN ({})", items.join(", "));
        assert_eq!(looked_at(sql.as_bytes()), None, "a list of 20 000 numbers");
        let sql = format!("SELECT '{}'", "x".repeat(50 << 20));
        assert_eq!(looked_at(sql.as_bytes()), Some(Against::TooLong));
        assert_eq!(looked_at("SELECT 1;".repeat(100_000).as_bytes()), Some(Against::TooLong));
        assert_eq!(looked_at("SELECT 1;".repeat(20_000).as_bytes()), None, "many statements");
        assert_eq!(looked_at(";".repeat(200_000).as_bytes()), Some(Against::Empty));
        assert_eq!(looked_at("EXPLAIN ".repeat(20_000).as_bytes()), None);
        assert_eq!(looked_at("COPY a TO STDOUT;".repeat(10_000).as_bytes()), None);
        assert!(looked_at("COPY (".repeat(30_000).as_bytes()).is_some());
        assert!(looked_at("BEGIN;".repeat(40_000).as_bytes()).is_some());
        assert!(looked_at("WITH a AS (".repeat(20_000).as_bytes()).is_some());
        assert!(
            looked_at(format!("INSERT INTO t VALUES (1){}", ", (2)".repeat(30_000)).as_bytes()).is_some()
        );
    });
}

#[test]
fn comments_and_quotes_without_end_are_for_the_primary() {
    on_a_small_stack(|| {
        let deep = |depth: usize| format!("SELECT {}1{}", "/*".repeat(depth), "*/".repeat(depth));
        assert_eq!(looked_at(deep(1_000).as_bytes()), None);
        assert_eq!(looked_at(deep(60_000).as_bytes()), None);
        assert_eq!(looked_at("/*".repeat(100_000).as_bytes()), Some(Against::CutOff));
        for open in ["'", "\"", "$$", "$a$", "E'\\", "/* /* */", "U&\"", "U&'", "B'", "N'"] {
            let against = looked_at(format!("SELECT {open} a; DELETE FROM t").as_bytes());
            assert!(against.is_some(), "{open}");
        }
    });
}

#[test]
fn what_is_no_text_is_for_the_primary_or_read() {
    on_a_small_stack(|| {
        for bytes in
            [&b"\xff\xfe\xfd"[..], b"SELECT '\xff'", b"SELECT \xff FROM t", b"SELECT 1\0; DELETE FROM t"]
        {
            looked_at(bytes);
        }
        assert_eq!(looked_at(b"SELECT '\xff\xfe'"), None);
        assert!(looked_at(b"\xff SELECT 1").is_some());
        assert!(looked_at(b"\0SELECT 1").is_some());
        assert!(looked_at(b"").is_some());
        for byte in 0..=u8::MAX {
            looked_at(&[byte]);
            looked_at(&[b"SELECT a".as_slice(), &[byte], b"b(1) FROM t"].concat());
            looked_at(&[byte].repeat(3_000));
        }
    });
}

#[test]
fn several_settled_at_once_share_a_memo_without_growing_it() {
    let memo = Memo::new(64);
    on_a_small_stack(move || {
        for shape in 0..5_000 {
            let sql = format!("SELECT {} FROM t", "a, ".repeat(shape % 300) + &format!("b{shape}"));
            assert!(memo.verdict(sql.as_bytes(), true, PLAIN).reads());
            assert!(memo.len() <= 64 + 32);
        }
    });
}
