//! Operators, types, domains and casts.

use super::Made;
use crate::catalogue::Cast;
use crate::verdict::Against;

#[test]
fn operators_are_what_their_functions_are() {
    let made = Made::default()
        .function("volatile plpgsql", "adds", "BEGIN RETURN 1; END")
        .function("c", "near", "near")
        .operator("<~~>", "near")
        .operator("<!>", "adds")
        .operator("+", "adds")
        .operator("<->", "near")
        .operator("@@@@", "int4eq")
        .operator("##", "gone");
    made.read(&[
        "SELECT a <~~> b, a <-> b, a @@@@ b, a - b, a -1",
        "SELECT a OPERATOR(s.<~~>) b",
        "SELECT -1",
    ]);
    made.stay(
        Against::UnknownOperator,
        &[
            "SELECT a <!> b",
            "SELECT a + b",
            "SELECT a =+ b",
            "SELECT a OPERATOR(s.+) b",
            "SELECT a OPERATOR(<!>) b",
            "SELECT a <?> b",
            "SELECT a ## b",
        ],
    );
}

#[test]
fn operators_behind_words() {
    let made = Made::default()
        .function("volatile sql", "same", "SELECT true")
        .operator("=", "same")
        .operator("*", "same");
    made.read(&["SELECT *, count(*) FROM t WHERE a > 1", "SELECT t.* FROM t"]);
    made.stay(
        Against::UnknownOperator,
        &[
            "SELECT a = b",
            "SELECT a IN (1, 2)",
            "SELECT nullif(a, b)",
            "SELECT DISTINCT a FROM t",
            "SELECT a * b",
            "SELECT a OPERATOR(s.*) b",
            "SELECT CASE a WHEN 1 THEN 2 END",
            "SELECT 1 FROM t JOIN u USING (a)",
        ],
    );
    let likes = Made::default().function("volatile sql", "f", "SELECT true").operator("~~", "f");
    likes.stay(Against::UnknownOperator, &["SELECT a LIKE 'b'"]);
    likes.read(&["SELECT a = b, a IN (1)"]);
}

#[test]
fn types_and_domains() {
    let made = Made::default()
        .function("volatile sql", "f", "SELECT true")
        .function("sql", "g", "SELECT true")
        .kind("mood", &[], &[])
        .kind("good", &["SELECT g(VALUE)", "SELECT ((VALUE)::text ~ '^a'::text)"], &[])
        .kind("bad", &["SELECT f(VALUE)"], &[])
        .kind("pair", &[], &["mood", "bad"])
        .kind("pairs", &[], &["pair"])
        .kind("Bad", &[], &[])
        .kind("twin", &["SELECT f(VALUE)"], &[])
        .function("c", "twin", "twin")
        .function("sql", "through", "SELECT $1::pair IS NULL");
    made.read(&[
        "SELECT a::mood, CAST(a AS s.good), mood 'x', good(a), a::\"Bad\", a::mood[], a::_mood",
        "SELECT * FROM json_to_record('{}') AS x(a int, b mood)",
        "SELECT a::information_schema.sql_identifier, a::int, a::double precision, date '2000-01-01', a::timestamp with time zone",
    ]);
    made.stay(
        Against::UnknownType,
        &[
            "SELECT a::bad",
            "SELECT CAST(a AS s.bad)",
            "SELECT bad 'x'",
            "SELECT a::pairs[]",
            "SELECT a::_pair",
            "SELECT * FROM json_to_record('{}') AS x(a int, b bad)",
            "SELECT a::nobody",
        ],
    );
    made.stay(Against::UnknownFunction, &["SELECT bad('x')", "SELECT twin('x')", "SELECT through(a)"]);
}

#[test]
fn casts_by_functions() {
    let mut made = Made::default()
        .function("volatile sql", "f", "SELECT 1")
        .function("sql", "g", "SELECT 1")
        .kind("mine", &[], &[])
        .kind("yours", &[], &[])
        .kind("other", &[], &[]);
    let cast = |source: &str, target: &str, function: &str| Cast {
        source: source.into(),
        target: target.into(),
        function: function.into(),
    };
    made.0.casts = vec![cast("mine", "int4", "f"), cast("", "yours", "f"), cast("other", "text", "g")];
    made.read(&["SELECT a::text, a::other, a::bigint"]);
    made.stay(
        Against::UnknownType,
        &["SELECT a::int", "SELECT a::INTEGER", "SELECT a::int4", "SELECT a::mine"],
    );
    made.stay(Against::UnknownType, &["SELECT a::yours"]);
    made.stay(Against::UnknownFunction, &["SELECT int4(a)"]);
}
