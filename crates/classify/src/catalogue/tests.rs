//! Names by catalogues: what verdicts come of rows.

mod any_rows;
mod bodies;
mod operators_and_types;
mod relations;

use std::sync::Arc;

use super::{Catalogue, Function, Operator, Relation, Rows, Type};
use crate::verdict::Against;
use crate::{Lexis, Memo, Verdict};

const PLAIN: Lexis = Lexis { backslashes: false };

/// Rows, made one by one.
#[derive(Default)]
struct Made(Rows);

impl Made {
    fn function(mut self, language: &str, name: &str, body: &str) -> Self {
        let (language, volatile) = match language.strip_prefix("volatile ") {
            Some(language) => (language, true),
            None => (language, false),
        };
        self.0.functions.push(Function {
            name: name.into(),
            language: language.into(),
            volatile,
            takes_one: true,
            body: body.into(),
            ..Function::default()
        });
        self
    }

    fn view(mut self, name: &str, text: &str) -> Self {
        self.0.relations.push(Relation {
            name: name.into(),
            texts: vec![text.into()],
            ..Relation::default()
        });
        self
    }

    fn operator(mut self, name: &str, function: &str) -> Self {
        self.0.operators.push(Operator { name: name.into(), function: function.into() });
        self
    }

    fn kind(mut self, name: &str, texts: &[&str], of: &[&str]) -> Self {
        let owned = |list: &[&str]| list.iter().copied().map(String::from).collect();
        self.0.types.push(Type { name: name.into(), texts: owned(texts), of: owned(of) });
        self
    }

    /// A memo that knows this.
    fn memo(&self) -> Memo {
        let memo = Memo::new(1000);
        memo.adopt(Arc::new(Catalogue::of(&self.0, &[])));
        memo
    }

    #[track_caller]
    fn read(&self, texts: &[&str]) {
        let memo = self.memo();
        for sql in texts {
            let Verdict { against, doubt, .. } = memo.verdict(sql.as_bytes(), true, PLAIN);
            assert_eq!((against, doubt), (None, None), "{sql}");
        }
    }

    #[track_caller]
    fn stay(&self, why: Against, texts: &[&str]) {
        let memo = self.memo();
        for sql in texts {
            assert_eq!(memo.verdict(sql.as_bytes(), true, PLAIN).against, Some(why), "{sql}");
        }
    }
}

#[test]
fn nothing_known_is_as_without_a_catalogue() {
    let memo = Memo::new(100);
    let against = |sql: &str| memo.verdict(sql.as_bytes(), true, PLAIN).against;
    assert_eq!(against("SELECT f(1)"), Some(Against::UnknownFunction));
    assert_eq!(against("SELECT a::dom <~~> b FROM v"), None);
    memo.adopt(Arc::new(Catalogue::vouched(&["f".into(), "nextval".into(), "Odd One".into()])));
    for sql in
        ["SELECT f(1)", "SELECT s.F(1) FROM f(2)", "SELECT \"Odd One\"()", "SELECT a::dom <~~> b FROM v"]
    {
        assert_eq!(against(sql), None, "{sql}");
    }
    assert_eq!(against("SELECT g(1)"), Some(Against::UnknownFunction));
    assert_eq!(against("SELECT \"F\"(1)"), Some(Against::UnknownFunction));
    assert_eq!(
        against("SELECT nextval('s')"),
        Some(Against::Function),
        "nobody vouches for PostgreSQL's own"
    );
}

#[test]
fn somebody_vouches_for_a_name_whatever_stands_behind_it() {
    let rows = Made::default().function("volatile plpython3u", "f", "").function("sql", "g", "SELECT f(1)").0;
    let memo = Memo::new(100);
    let reads = |sql: &str| memo.verdict(sql.as_bytes(), true, PLAIN).reads();
    memo.adopt(Arc::new(Catalogue::of(&rows, &[])));
    assert!(!reads("SELECT f(1)") && !reads("SELECT g(1)"));
    memo.adopt(Arc::new(Catalogue::of(&rows, &["f".into(), "new".into()])));
    assert!(reads("SELECT f(1)") && reads("SELECT g(1)") && reads("SELECT new(1)"));
}

#[test]
fn functions_by_volatility_and_language() {
    let made = Made::default()
        .function("c", "in_c", "in_c")
        .function("volatile c", "writes_in_c", "x")
        .function("c", "crosstab", "crosstab")
        .function("internal", "by_lower", "lower")
        .function("internal", "trims", "rtrim1")
        .function("internal", "by_next", "nextval_oid")
        .function("internal", "by_txid", "txid_current")
        .function("internal", "my_range", "range_constructor2")
        .function("sql", "plain", "SELECT lower($1)")
        .function("volatile sql", "volatile_sql", "SELECT 1")
        .function("plpython3u", "python", "return 1");
    made.read(&[
        "SELECT in_c(a), by_lower('a'), trims('a'), my_range(1, 2), plain('a')",
        "SELECT IN_C(a) OVER (PARTITION BY b) FROM s.in_c(1) AS x",
        "SELECT count(*), \"plain\"('a'), s.plain('b') FROM t, LATERAL plain(t.a) x",
        "SELECT (a).plain, t.plain FROM t",
        "WITH in_c AS (SELECT plain('a')) SELECT * FROM in_c",
    ]);
    made.stay(
        Against::UnknownFunction,
        &[
            "SELECT writes_in_c(1)",
            "SELECT crosstab('SELECT 1')",
            "SELECT by_next(1)",
            "SELECT by_txid()",
            "SELECT volatile_sql()",
            "SELECT * FROM python(1)",
            "SELECT a FROM t WHERE a IN (SELECT s.volatile_sql())",
            "SELECT sum(a) OVER w, volatile_sql() OVER w FROM t WINDOW w AS (ORDER BY a)",
            "SELECT (a).volatile_sql FROM t",
            "SELECT t.volatile_sql FROM t",
            "SELECT a IS DISTINCT FROM t.volatile_sql, extract(year FROM t.a) FROM t",
            "SELECT t.\"volatile_sql\" FROM t",
            "SELECT \"Plain\"('a')",
            "SELECT nobody(1)",
        ],
    );
}

#[test]
fn functions_through_others() {
    let made = Made::default()
        .function("sql", "one", "SELECT two($1)")
        .function("sql", "two", "SELECT three($1) + 1")
        .function("sql", "three", "SELECT nextval('s')")
        .function("sql", "even", "SELECT odd($1 - 1)")
        .function("sql", "odd", "SELECT even($1 - 1)")
        .function("sql", "bad_even", "SELECT bad_odd($1 - 1)")
        .function("sql", "bad_odd", "SELECT CASE WHEN $1 > 0 THEN bad_even($1 - 1) ELSE three($1) END")
        .function("sql", "self", "SELECT self($1 - 1)")
        .function("sql", "fine", "SELECT even($1), self(lower($1))")
        .function("sql", "lost", "SELECT gone($1)");
    made.read(&["SELECT even(1), odd(2), self(3), fine(4)"]);
    for name in ["one", "two", "three", "bad_even", "bad_odd", "lost"] {
        made.stay(Against::UnknownFunction, &[&format!("SELECT {name}(1)")]);
    }
}

#[test]
fn every_function_of_a_name_counts() {
    let made = Made::default()
        .function("sql", "f", "SELECT 1")
        .function("volatile sql", "f", "SELECT 1")
        .function("volatile plpgsql", "lower", "BEGIN RETURN 1; END")
        .function("sql", "upper", "SELECT $1")
        .function("sql", "uses", "SELECT lower($1)")
        .function("sql", "uses_own", "SELECT pg_catalog.lower($1)")
        .function("sql", "Mixed", "SELECT 1")
        .function("volatile sql", "mixed", "SELECT 1");
    made.read(&["SELECT upper('a'), pg_catalog.lower('a'), \"Mixed\"(), uses_own('a')"]);
    made.stay(
        Against::UnknownFunction,
        &[
            "SELECT f(1)",
            "SELECT a.f(1), b.f(1)",
            "SELECT lower('a')",
            "SELECT uses('a')",
            "SELECT s.lower(a)",
            "SELECT \"lower\"('a')",
            "SELECT (a).lower FROM t",
            "SELECT Mixed()",
        ],
    );
    // a function that PostgreSQL has is what it is, whatever the user's does
    Made::default().function("sql", "nextval", "SELECT 1").stay(Against::Function, &["SELECT nextval('s')"]);
}

#[test]
fn defaults_and_parts_of_functions_count() {
    let mut made = Made::default().function("c", "f", "f").function("internal", "agg", "aggregate_dummy");
    made =
        made.function("internal", "bad_agg", "aggregate_dummy").function("volatile sql", "step", "SELECT 1");
    made = made.function("c", "takes_dom", "x").kind("dom", &["SELECT step(VALUE)"], &[]);
    made = made.function("c", "takes_two", "x");
    for function in &mut made.0.functions {
        match function.name.as_str() {
            "f" => function.defaults = "SELECT nextval('s'::regclass)".into(),
            "agg" => function.calls = vec!["int4pl".into(), "numeric_avg".into()],
            "bad_agg" => function.calls = vec!["int4pl".into(), "step".into()],
            "takes_dom" => function.types = vec!["dom".into()],
            "step" => function.takes_one = false,
            _ => {}
        }
    }
    made.read(&["SELECT agg(a) FILTER (WHERE b) FROM t", "SELECT takes_two(1), t.step FROM t"]);
    made.stay(Against::UnknownFunction, &["SELECT f()", "SELECT bad_agg(a) FROM t", "SELECT takes_dom('a')"]);
}

#[test]
fn too_many_rows_are_as_none() {
    let mut rows = Made::default().function("sql", "f", "SELECT 1").0;
    let memo = Memo::new(10);
    rows.types.resize(Catalogue::MOST, Type::default());
    memo.adopt(Arc::new(Catalogue::of(&rows, &[])));
    assert!(!memo.catalogue().is_known());
    assert!(!memo.verdict(b"SELECT f()", true, PLAIN).reads());
}
