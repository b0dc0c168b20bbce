//! Tables, views, sequences and policies.

use super::{Made, Relation};
use crate::verdict::Against;

#[test]
fn views_are_what_their_texts_are() {
    let made = Made::default()
        .function("volatile sql", "writes", "SELECT 1")
        .view("fine", " SELECT t.a, lower(t.b) AS lower FROM t;")
        .view("bad", " SELECT writes(t.a) AS a FROM t;")
        .view("over_bad", " SELECT bad.a FROM s.bad;")
        .view("over_over", " SELECT x.a FROM (other x JOIN over_bad y ON ((x.a = y.a)));")
        .view("locks", " SELECT t.a FROM t FOR UPDATE OF t;")
        .view("Odd View", " SELECT txid_current() AS x;")
        .view("vé", " SELECT txid_current() AS x;")
        .view("in_two", " SELECT 1 AS a;")
        .view("in_two", " SELECT txid_current() AS a;")
        .view("long", &format!(" SELECT {} AS a;", "1 + ".repeat(40_000) + "1"))
        .view("cycle", " WITH RECURSIVE cycle AS (SELECT 1 UNION SELECT a FROM cycle) SELECT a FROM cycle;");
    made.read(&[
        "SELECT * FROM fine",
        "SELECT bad FROM t",
        "SELECT bad.a FROM t AS bad",
        "SELECT a AS bad FROM t ORDER BY bad",
        "SELECT * FROM bad.t",
        "SELECT * FROM \"BAD\", odd_view",
        "TABLE cycle",
    ]);
    made.stay(
        Against::UnknownView,
        &[
            "SELECT * FROM bad",
            "SELECT * FROM BAD b",
            "SELECT * FROM \"bad\"",
            "SELECT * FROM s.bad AS x",
            "SELECT * FROM db.s.bad",
            "TABLE bad",
            "TABLE ONLY s.bad",
            "SELECT bad.* FROM t, bad",
            "SELECT * FROM t JOIN bad USING (a)",
            "SELECT * FROM t WHERE EXISTS (SELECT FROM ONLY (bad))",
            "SELECT * FROM (bad CROSS JOIN t)",
            "WITH x AS (TABLE over_bad) SELECT * FROM x",
            "SELECT 1 UNION TABLE over_over",
            "COPY bad TO STDOUT",
            "COPY s.bad (a) TO STDOUT",
            "COPY (SELECT * FROM bad) TO STDOUT",
            "EXPLAIN SELECT * FROM bad",
            "SELECT * FROM over_bad",
            "SELECT * FROM locks",
            "SELECT * FROM \"Odd View\"",
            "SELECT * FROM vé",
            "SELECT * FROM VÉ",
            "SELECT * FROM in_two",
            "SELECT * FROM long",
            "SELECT 1; SELECT * FROM bad",
        ],
    );
    let latin = made.memo().verdict(b"SELECT * FROM v\xe9", true, super::PLAIN).against;
    assert_eq!(latin, Some(Against::UnknownView), "in another encoding");
}

#[test]
fn tables_that_replicas_do_not_have() {
    let mut made = Made::default().view("over", " SELECT a FROM cache");
    let table = |name: &str| Relation { name: name.into(), ..Relation::default() };
    made.0.relations.push(Relation { unlogged: true, ..table("cache") });
    made.0.relations.push(Relation { sequence: true, ..table("numbers") });
    made.0.relations.push(Relation { parts: vec!["cache".into()], ..table("parent") });
    made.0.relations.push(Relation { parts: vec!["parent".into()], ..table("grandparent") });
    made.0.relations.push(Relation { parts: vec!["other".into()], ..table("unharmed") });
    made.stay(Against::Unlogged, &["SELECT * FROM cache", "SELECT 1 FROM t NATURAL JOIN s.cache"]);
    made.stay(Against::Sequence, &["SELECT last_value FROM numbers", "TABLE numbers"]);
    made.stay(Against::UnknownView, &["TABLE over", "TABLE parent", "TABLE grandparent"]);
    made.read(&["SELECT cache, last_value FROM my_seq", "SELECT is_called FROM unharmed"]);
}

#[test]
fn policies_are_run_by_whoever_reads() {
    let made = Made::default()
        .function("volatile plpgsql", "may", "BEGIN RETURN true; END")
        .function("sql", "is_mine", "SELECT $1 = current_user")
        .view("guarded", "SELECT may(owner)")
        .view("mine", "SELECT (is_mine(owner) AND (owner = current_setting('app.user'::text)))");
    made.stay(Against::UnknownView, &["SELECT * FROM guarded", "COPY guarded TO STDOUT"]);
    made.read(&["SELECT guarded FROM t"]);
    let why = made.memo().verdict(b"TABLE mine", true, super::PLAIN).against;
    assert_eq!(
        why.is_none(),
        made.memo().verdict(b"SELECT current_setting('app.user')", true, super::PLAIN).reads()
    );
}
