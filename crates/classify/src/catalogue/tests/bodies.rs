//! Bodies of functions, in SQL and in PL/pgSQL.

use super::Made;
use crate::verdict::Against;

const READS: &str = "SELECT f(1)";

#[test]
fn bodies_in_sql() {
    for body in [
        "SELECT 1",
        "",
        "select a from t where b = $1; select count(*) from t;",
        "BEGIN ATOMIC\n SELECT t.a\n    FROM t\n   WHERE (t.b = f.x);\n SELECT 2 AS \"end\";\nEND",
        "RETURN (lower((x)::text) || 'a'::text)",
        "SELECT E'\\n' || x",
        "-- comment; DELETE FROM t\nSELECT 'DELETE FROM t'",
        "WITH x AS (SELECT 1) SELECT * FROM x",
    ] {
        Made::default().function("sql", "f", body).read(&[READS]);
    }
    for body in [
        "DELETE FROM t",
        "SELECT 1; UPDATE t SET a = 1; SELECT 2",
        "SELECT nextval('s')",
        "SELECT a FROM t FOR SHARE",
        "BEGIN ATOMIC\n SELECT nextval('s'::regclass) AS nextval;\nEND",
        "BEGIN ATOMIC\n INSERT INTO t (a) VALUES (1);\nEND",
        "RETURN txid_current()",
        "SELECT '\\', ', pg_advisory_lock(1) --'",
        "SELECT set_config('a.b', 'c', false)",
        "NOTIFY a",
        "SET search_path = a",
        "SELECT 'never closed",
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "SELECT ctid FROM t",
        "CALL p()",
    ] {
        Made::default().function("sql", "f", body).stay(Against::UnknownFunction, &[READS]);
    }
    let long = format!("SELECT {}", "1, ".repeat(40_000) + "1");
    Made::default().function("sql", "f", &long).stay(Against::UnknownFunction, &[READS]);
}

const PLPGSQL: [&str; 16] = [
    "BEGIN RETURN 1; END",
    "#variable_conflict use_column\nDECLARE x int := 5; y t.a%TYPE; z t%ROWTYPE = NULL; n numeric(10, 2) NOT NULL \
     DEFAULT lower('a')::numeric; a ALIAS FOR $1; BEGIN x := y + 1; z.a = x; RETURN x; END;",
    "BEGIN IF a = 1 THEN RETURN 2; ELSIF lower(b) = 'c' THEN RETURN 3; ELSE RETURN NULL; END IF; END",
    "<<outer>> DECLARE r record; BEGIN FOR r IN SELECT * FROM t WHERE a LIKE 'b%' LOOP CONTINUE outer WHEN r.a IS NULL; \
     x := x + r.b; EXIT; END LOOP outer; RETURN x; END outer;",
    "BEGIN FOR i IN REVERSE 10..1 BY 2 LOOP s := s || i; END LOOP; RETURN s; END",
    "BEGIN WHILE i < array_length(a, 1) LOOP i := i + 1; a[i] := lower(a[i]); END LOOP; RETURN i; END",
    "BEGIN FOREACH x SLICE 1 IN ARRAY a LOOP RETURN NEXT x; END LOOP; RETURN; END",
    "BEGIN SELECT a, b INTO STRICT x, r.y FROM t WHERE c = $1; RETURN x; END",
    "BEGIN SELECT INTO x count(*) FROM t; IF NOT FOUND THEN RAISE EXCEPTION 'no % in %', x, lower('a') USING errcode = \
     'P0001', hint = 'b'; END IF; RETURN x; END",
    "BEGIN CASE x WHEN 1, 2 THEN NULL; WHEN 3 THEN y := CASE WHEN a THEN b ELSE c END; ELSE NULL; END CASE; RETURN y; END",
    "BEGIN CASE WHEN x > 1 THEN RETURN 1; END CASE; END",
    "BEGIN BEGIN RETURN 1 / x; EXCEPTION WHEN division_by_zero OR SQLSTATE '22003' THEN RETURN 0; WHEN OTHERS THEN \
     RAISE; END; END",
    "BEGIN PERFORM lower(a) FROM t; ASSERT x > 1, 'no'; RETURN QUERY SELECT a FROM t; RETURN QUERY WITH y AS (SELECT 1) \
     TABLE y; RETURN; END",
    "BEGIN PERFORM 1; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE 'x'; RETURN n; END",
    "BEGIN RETURN (SELECT max(a) FROM t WHERE b IN (SELECT c FROM u)); END",
    "DECLARE\n  -- DELETE\n  x text := 'DELETE FROM t; EXECUTE y';\nBEGIN\n  /* INSERT */ RETURN x || 'a''b'; END;\n",
];

#[test]
fn bodies_in_plpgsql() {
    for body in PLPGSQL {
        let made = Made::default().function("plpgsql", "f", body);
        assert_eq!(made.memo().verdict(READS.as_bytes(), true, super::PLAIN).against, None, "{body}");
    }
}

/// Statements that do more than read, or are not understood; `g` is volatile.
const MORE: [&str; 79] = [
    "PERFORM pg_advisory_lock(1)",
    "PERFORM g(1)",
    "PERFORM s.\"g\"(1)",
    "EXECUTE 'SELECT 1'",
    "EXECUTE 'SELECT 1' INTO x",
    "EXECUTE format('x')",
    "CALL p()",
    "DO $$ BEGIN END $$",
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "MERGE INTO t USING u ON a = b WHEN MATCHED THEN DELETE",
    "TRUNCATE t",
    "LOCK TABLE t",
    "SET x = 1",
    "SET LOCAL x = 1",
    "RESET ALL",
    "NOTIFY a",
    "LISTEN a",
    "CREATE TEMP TABLE x (a int)",
    "DROP TABLE x",
    "COPY t TO '/tmp/x'",
    "ANALYZE t",
    "COMMIT",
    "ROLLBACK",
    "x := g(1)",
    "x.y := a + g(1)",
    "x[g(1)] := 2",
    "x = nextval('s')",
    "x := (SELECT a FROM v)",
    "x := t.g",
    "IF g(1) THEN NULL; END IF",
    "IF a THEN NULL; ELSIF g(1) THEN NULL; END IF",
    "IF a THEN PERFORM g(1); END IF",
    "IF a THEN NULL; ELSE PERFORM g(1); END IF",
    "CASE g(1) WHEN 1 THEN NULL; END CASE",
    "CASE 1 WHEN g(1) THEN NULL; END CASE",
    "CASE 1 WHEN 1 THEN NULL; ELSE PERFORM g(1); END CASE",
    "WHILE g(1) LOOP NULL; END LOOP",
    "LOOP PERFORM g(1); END LOOP",
    "FOR i IN 1..g(1) LOOP NULL; END LOOP",
    "FOR i IN g(1)..2 LOOP NULL; END LOOP",
    "FOR i IN 1..2 BY g(1) LOOP NULL; END LOOP",
    "FOR r IN SELECT g(a) FROM t LOOP NULL; END LOOP",
    "FOR r IN EXECUTE x LOOP NULL; END LOOP",
    "FOR r IN UPDATE t SET a = 1 RETURNING a LOOP NULL; END LOOP",
    "FOR r IN SELECT a FROM t FOR UPDATE LOOP NULL; END LOOP",
    "FOREACH r IN ARRAY g(1) LOOP NULL; END LOOP",
    "EXIT WHEN g(1)",
    "CONTINUE x WHEN g(1)",
    "RETURN g(1)",
    "RETURN NEXT g(1)",
    "RETURN QUERY SELECT g(1)",
    "RETURN QUERY EXECUTE x",
    "RETURN QUERY DELETE FROM t RETURNING a",
    "RAISE NOTICE 'a %', g(1)",
    "RAISE EXCEPTION USING hint = g(1)",
    "ASSERT g(1)",
    "ASSERT a, g(1)",
    "SELECT a INTO x FROM v",
    "SELECT g(1) INTO x",
    "SELECT a INTO x FROM t FOR UPDATE",
    "SELECT INTO x a FROM g(1)",
    "OPEN c FOR SELECT 1",
    "OPEN c FOR EXECUTE 'x'",
    "FETCH c INTO x",
    "DECLARE x int := g(1); BEGIN NULL; END",
    "DECLARE x bad; BEGIN NULL; END",
    "DECLARE x s.\"bad\"[] NOT NULL = 1; BEGIN NULL; END",
    "BEGIN NULL; EXCEPTION WHEN OTHERS THEN PERFORM g(1); END",
    "<<a>> PERFORM g(1)",
    "NULL; PERFORM g(1)",
    "PERFORM '\\', ', pg_advisory_lock(1); --'",
    "x := CASE WHEN a THEN g(1) END",
    "NULL x",
    "x := sqlstate(g(1))",
    "END IF a b c",
    "?",
    "42",
];

#[test]
fn bodies_in_plpgsql_that_do_more() {
    for statement in MORE {
        let body = format!("DECLARE y int; BEGIN {statement};\nRETURN 1; END");
        let made = Made::default()
            .function("volatile sql", "g", "SELECT 1")
            .view("v", "SELECT g(1)")
            .kind("bad", &["SELECT g(VALUE)"], &[])
            .function("plpgsql", "f", &body);
        let why = made.memo().verdict(READS.as_bytes(), true, super::PLAIN).against;
        assert_eq!(why, Some(Against::UnknownFunction), "{body}");
    }
}

/// What statements stand in: `?` is the place.
const AROUND: [&str; 12] = [
    "IF a THEN ?; END IF",
    "IF a THEN NULL; ELSIF b THEN ?; ELSE NULL; END IF",
    "IF a THEN RETURN 1; ELSE ?; END IF",
    "CASE a WHEN 1 THEN NULL; WHEN 2, 3 THEN ?; END CASE",
    "CASE WHEN a THEN NULL; ELSE ?; END CASE",
    "LOOP EXIT WHEN a; ?; END LOOP",
    "<<x>> WHILE a LOOP ?; END LOOP x",
    "FOR i IN 1..2 LOOP ?; END LOOP",
    "FOR a, b IN SELECT c, d FROM t LOOP x := CASE WHEN a THEN b END; ?; END LOOP",
    "FOREACH a IN ARRAY b LOOP ?; END LOOP",
    "BEGIN NULL; EXCEPTION WHEN unique_violation THEN ?; WHEN SQLSTATE '22012' OR others THEN NULL; END",
    "DECLARE a int := 1; b text DEFAULT 'x'; BEGIN SELECT c INTO a FROM t; ?; END",
];

#[test]
fn what_does_more_does_so_wherever_it_stands() {
    for around in AROUND {
        let calls = |body: &str| {
            let body = format!("BEGIN {}; RETURN 1; END", around.replace('?', body));
            let made =
                Made::default().function("volatile sql", "g", "SELECT 1").function("plpgsql", "f", &body);
            made.memo().verdict(READS.as_bytes(), true, super::PLAIN).against
        };
        for statement in
            ["NULL", "x := lower('a')", "RETURN lower('a')", "PERFORM 1", "SELECT a INTO x FROM t"]
        {
            assert_eq!(calls(statement), None, "{around}: {statement}");
        }
        for statement in
            MORE.iter().filter(|it| !it.contains('v') && !it.contains("bad") && !it.contains('?'))
        {
            assert_eq!(calls(statement), Some(Against::UnknownFunction), "{around}: {statement}");
        }
        for other in AROUND {
            let inside = |body: &str| calls(&other.replace('?', body));
            assert_eq!(inside("RETURN 1"), None, "{around}: {other}");
            assert_eq!(inside("PERFORM g(1)"), Some(Against::UnknownFunction), "{around}: {other}");
        }
    }
}

#[test]
fn a_body_that_is_cut_off_is_not_understood() {
    for body in PLPGSQL {
        for (at, _) in body.char_indices().filter(|(at, _)| at % 3 == 0) {
            let cut = body.get(..at).unwrap_or_default();
            // whatever it is taken for, it is looked at to the end
            Made::default().function("plpgsql", "f", cut).memo();
            let call = format!("{cut} PERFORM nextval('s'); END");
            let made = Made::default().function("plpgsql", "f", &call);
            let inside =
                call.contains("'DELETE FROM t; EXECUTE y") || cut.contains("/*") || cut.contains("--");
            let text = cut.matches('\'').count() % 2 == 1;
            let reads = made.memo().verdict(READS.as_bytes(), true, super::PLAIN).reads();
            assert!(!reads || inside || text, "{call}");
        }
    }
}
