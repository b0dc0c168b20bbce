//! What stands before a parenthesis and is no call, or a call of what is built in.

use super::expect_none;

#[test]
fn names_of_tables_types_and_aliases_are_no_calls() {
    expect_none(&[
        "INSERT INTO a (b, c) VALUES (1, 2)",
        "INSERT INTO s.a (b, c) SELECT d, e FROM f",
        "INSERT INTO \"A\" (\"b\") VALUES ($1) ON CONFLICT (\"b\") DO UPDATE SET (c, d) = (1, 2) RETURNING \"b\"",
        "INSERT INTO a AS x (b) VALUES (1) ON CONFLICT (lower(b), c) WHERE d DO NOTHING",
        "MERGE INTO a USING b ON (a.c = b.c) WHEN MATCHED THEN UPDATE SET d = 1 WHEN NOT MATCHED THEN INSERT (c, d) VALUES (1, 2)",
        "WITH x (a, b) AS (SELECT 1, 2), y (c) AS (VALUES (1)), z AS MATERIALIZED (SELECT 1) SELECT * FROM x, y, z",
        "WITH RECURSIVE x(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x), y(b) AS NOT MATERIALIZED (SELECT 1) TABLE y",
        "WITH x AS (SELECT 1) INSERT INTO a (b) SELECT * FROM x",
        "SELECT * FROM a x (b, c) JOIN d USING (e)",
        "SELECT * FROM a AS x (b, c), (SELECT 1) y (d), (VALUES (1)) AS z (e)",
        "SELECT * FROM json_to_record('{}') AS x (a vector(3), b numeric(10, 2))",
        "SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[1])) WITH ORDINALITY AS x (a, b, c)",
        "SELECT a::vector(3), CAST(b AS geometry(Point, 4326)), c::s.t(1), d::numeric(1)",
        "SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN (1) PRECEDING AND CURRENT ROW) FROM d",
        "SELECT sum(a) FILTER (WHERE b) OVER w FROM c WINDOW w AS (PARTITION BY (d)), v AS (w)",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM b",
        "SELECT a, b FROM c GROUP BY GROUPING SETS ((a), (b), ()), ROLLUP (a), CUBE (a, b)",
        "SELECT a FROM b GROUP BY (a) HAVING (count(*) > 1) ORDER BY (a)",
        "SELECT a FROM b WHERE c IN (1) AND (d) OR NOT (e) AND EXISTS (SELECT 1) AND f = ANY ($1) AND g <> ALL (ARRAY[1])",
        "SELECT a FROM b WHERE (c, d) OVERLAPS (e, f) AND g LIKE ('h') AND i NOT ILIKE ('j') AND k BETWEEN (1) AND (2)",
        "SELECT COALESCE(a, NULLIF(b, 1)), GREATEST(c, 2), LEAST(d, 3), ROW(1, 2), (e).f FROM g LIMIT (1) OFFSET (2)",
        "SELECT EXTRACT(year FROM a), POSITION('b' IN c), SUBSTRING(d FROM 1 FOR 2), TRIM(BOTH 'e' FROM f), OVERLAY(g PLACING 'h' FROM 1)",
        "SELECT xmlelement(name a, xmlattributes(b)), xmlforest(c), json_object('a' : 1), json_array(1, 2)",
        "SELECT * FROM a TABLESAMPLE bernoulli (10) REPEATABLE (1)",
        "SELECT a FROM b FOR UPDATE OF c SKIP LOCKED",
        "SELECT INTERVAL (3) '1 second', TIMESTAMP (3) '2000-01-01', double precision '1', bit varying (5) '1'",
        "SELECT CURRENT_TIMESTAMP(3), LOCALTIME(0), now(), pg_catalog.now(), information_schema._pg_truetypid(a, b) FROM c",
        "SELECT a[lower('1')::int] FROM b FETCH FIRST (1) ROWS ONLY",
        "SELECT 1 OPERATOR(pg_catalog.+) abs(1)",
        "SELECT regclass('a'), jsonb('{}'), pg_catalog.inet('::1'), INTERVAL '1 2:03' DAY TO SECOND(2)",
        "VALUES (1), (2)",
        "TABLE a",
        "(SELECT 1) UNION (SELECT 2)",
        "UPDATE a SET b = c.d FROM (SELECT 1) c (d) WHERE (e) = (1)",
        "DELETE FROM a USING b x (c) WHERE d",
        "SELECT name, setting FROM pg_settings FOR UPDATE",
    ]);
}

#[test]
fn what_applications_send_all_day_leaves_nothing() {
    expect_none(&[
        "BEGIN; COMMIT; SELECT abalance FROM pgbench_accounts WHERE aid = 123; UPDATE a SET b = b + 1 WHERE c = 2; INSERT INTO h (a,b) VALUES (1,CURRENT_TIMESTAMP)",
        "SELECT c FROM sbtest1 WHERE id BETWEEN $1 AND $2 ORDER BY c",
        "SELECT \"u\".\"id\", COUNT(\"p\".\"id\") AS \"n\" FROM \"u\" LEFT OUTER JOIN \"p\" ON (\"u\".\"id\" = \"p\".\"u_id\") GROUP BY \"u\".\"id\"",
        "INSERT INTO \"a\" (\"b\", \"c\") VALUES ('x; SET a = 1', 'it''s'), (E'\\'; SET a = 1 --', $$ SET a = 1 $$) RETURNING \"a\".\"id\"",
        "UPDATE a SET b = jsonb_set(b, '{c}', to_jsonb($1::text)), d = clock_timestamp() WHERE id = ANY($2::int[])",
        "SELECT nextval('a_id_seq'::regclass)",
        "SELECT currval(pg_get_serial_sequence('a', 'id'))",
        "SELECT to_char(date_trunc('month', a), 'YYYY-MM'), array_agg(b ORDER BY c), string_agg(d, ',') FROM e",
        "SELECT gen_random_uuid(), md5(random()::text), current_database(), version(), pg_backend_pid()",
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT 1",
        "EXPLAIN SELECT count(*) FROM a",
    ]);
}
