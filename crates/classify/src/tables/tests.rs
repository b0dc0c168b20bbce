//! Which tables are found.

use super::*;

fn found(sql: &str) -> String {
    let tables = tables(sql.as_bytes(), Lexis { backslashes: false });
    assert!(!tables.partial, "{sql}");
    format!("{} > {}", tables.reads.join(" "), tables.writes.join(" "))
}

#[test]
fn tables_are_found_where_they_are_read() {
    for (sql, expected) in [
        ("SELECT a FROM t", "t > "),
        ("select * from A.b, \"C\".\"d\"\"e\" as x, only f", "a.b C.d\"e f > "),
        ("SELECT a FROM ONLY t JOIN LATERAL (SELECT 1 FROM u) x ON true, v", "t u v > "),
        ("SELECT a FROM (t JOIN u USING (a)) JOIN v ON t.a = v.a, w", "t u v w > "),
        ("SELECT extract(year FROM b), trim(both FROM c), a IS NOT DISTINCT FROM d FROM t", "t > "),
        ("SELECT * FROM f(1), ROWS FROM (g(2), h(3)), generate_series(1, 2) AS s, t", "t > "),
        ("SELECT current_user FROM current_user", " > "),
        (
            "WITH x AS (SELECT * FROM t), y (b) AS MATERIALIZED (SELECT * FROM x) SELECT * FROM x, y, z",
            "t z > ",
        ),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", "t > "),
        ("WITH RECURSIVE r AS (SELECT 1 UNION SELECT * FROM r) SELECT * FROM r", " > "),
        ("SELECT (WITH x AS (SELECT 1) SELECT * FROM x), a FROM x", "x > "),
        ("(SELECT a FROM t) UNION ((SELECT b FROM u) EXCEPT SELECT c FROM v ORDER BY c, d)", "t u v > "),
        ("TABLE t", "t > "),
        ("TABLE ONLY s.t UNION ALL TABLE u", "s.t u > "),
        ("SELECT a FROM t, t WHERE b IN (SELECT c FROM u WHERE d = (SELECT max(e) FROM v))", "t u v > "),
        ("SELECT a AS \"from\", b FROM t -- from x\n WHERE c = ' from y '", "t > "),
        ("EXPLAIN (COSTS OFF) SELECT a FROM t; SELECT b FROM u", "t u > "),
        ("COPY (SELECT a FROM t) TO STDOUT", "t > "),
        ("COPY s.t (a, b) TO STDOUT", "s.t > "),
        ("SELECT a FROM t WINDOW w AS (ORDER BY b), w2 AS (w)", "t > "),
        ("SELECT a FROM t FOR UPDATE OF t", "t > "),
        ("LOCK TABLE t, u", "t u > "),
        ("SELECT 1", " > "),
        ("", " > "),
    ] {
        assert_eq!(found(sql), expected, "{sql}");
    }
}

#[test]
fn tables_are_found_where_they_are_written() {
    for (sql, expected) in [
        ("INSERT INTO t (a, b) SELECT a, b FROM u ON CONFLICT (a) DO UPDATE SET a = 1", "u > t"),
        ("INSERT INTO s.t VALUES (1), (2) RETURNING a", " > s.t"),
        ("UPDATE ONLY t SET a = u.a, b = 1 FROM u, v WHERE t.a = u.a", "u v > t"),
        ("DELETE FROM ONLY t USING u, v WHERE a IN (SELECT b FROM w)", "u v w > t"),
        ("MERGE INTO t USING (SELECT * FROM u) s ON true WHEN MATCHED THEN UPDATE SET a = 1, b = 2", "u > t"),
        ("MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT VALUES (1)", "u > t"),
        ("WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x", " > t u"),
        ("SELECT a, b INTO TEMP TABLE x FROM t", "t > x"),
        ("SELECT INTO x FROM t", "t > x"),
        ("COPY t (a) FROM STDIN", " > t"),
        ("TRUNCATE TABLE ONLY t, s.u CASCADE", " > t s.u"),
        ("CREATE TEMP TABLE IF NOT EXISTS t AS SELECT * FROM u", "u > t"),
        ("CREATE OR REPLACE VIEW v AS SELECT a FROM t", "t > v"),
        ("ALTER TABLE IF EXISTS ONLY t ADD a int", " > t"),
        ("DROP TABLE IF EXISTS t, u", " > t u"),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON s.t (a)", " > s.t"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", " > v"),
        ("EXPLAIN ANALYZE DELETE FROM t", " > t"),
        ("PREPARE p AS UPDATE t SET a = 1", " > t"),
    ] {
        assert_eq!(found(sql), expected, "{sql}");
    }
}

#[test]
fn lists_and_depths_are_bounded() {
    let wide: String = (0..300).map(|n| format!(", t{n}")).collect();
    let wide = tables(format!("SELECT 1 FROM t{wide}").as_bytes(), Lexis { backslashes: false });
    assert!(wide.partial && wide.reads.len() == Tables::MOST);
    let deep = format!("SELECT {}1{} FROM t", "(".repeat(5_000), ")".repeat(5_000));
    let deep = tables(deep.as_bytes(), Lexis { backslashes: false });
    assert!(deep.partial && deep.reads == ["t"]);
}
