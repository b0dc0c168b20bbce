//! Statements by their first words.

use super::{expect, expect_all, expect_none};

#[test]
fn what_makes_temporary_objects_is_told() {
    expect_all(
        "TEMPORARY",
        &[
            "CREATE TEMP TABLE a (b int)",
            "create temporary table a as select 1",
            "CREATE LOCAL TEMP TABLE a (b int)",
            "CREATE GLOBAL TEMPORARY TABLE a (b int) ON COMMIT DROP",
            "CREATE OR REPLACE TEMP VIEW a AS SELECT 1",
            "CREATE TEMP RECURSIVE VIEW a (b) AS SELECT 1",
            "CREATE TEMP SEQUENCE a",
            "CREATE TABLE pg_temp.a (b int)",
            "CREATE FUNCTION pg_temp.a() RETURNS int LANGUAGE sql AS 'select 1'",
            "SELECT * FROM pg_temp_3.a",
            "CREATE VIEW \"pg_temp\".a AS SELECT 1",
            "SELECT 1 INTO TEMP a",
            "SELECT b, c INTO TEMPORARY TABLE a FROM d",
            "SELECT 1 INTO LOCAL TEMP a",
            "WITH x AS (SELECT 1) SELECT * INTO TEMP a FROM x",
            "EXPLAIN ANALYZE CREATE TEMP TABLE a AS SELECT 1",
        ],
    );
    expect_none(&[
        "CREATE TABLE temp (a int)",
        "CREATE TABLE a (temp int)",
        "INSERT INTO temp (a) VALUES (1)",
        "INSERT INTO temp VALUES (1)",
        "INSERT INTO temp SELECT 1",
        "SELECT temp, temporary FROM temp",
        "SELECT 1 INTO a",
        "CREATE UNLOGGED TABLE a (b int)",
        "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_temp_'",
        "CREATE FUNCTION a() RETURNS int LANGUAGE sql SET search_path = a, pg_temp AS 'select 1'",
    ]);
}

#[test]
fn what_may_end_a_reason_to_keep_the_server_is_told() {
    expect_all(
        "RELEASES",
        &[
            "DROP TABLE a",
            "drop view if exists a",
            "CLOSE a",
            "CLOSE ALL",
            "DISCARD TEMP",
            "DISCARD TEMPORARY",
            "SELECT pg_advisory_unlock(1)",
            "SELECT pg_advisory_unlock_shared(1, 2)",
            "SELECT pg_advisory_unlock_all()",
            "ALTER TABLE a SET SCHEMA b",
            "ALTER SEQUENCE a SET SCHEMA b",
        ],
    );
    expect(&[("DISCARD ALL", "DISCARDS_ALL FORGETS RELEASES")]);
    expect_none(&["DISCARD PLANS", "DISCARD SEQUENCES"]);
}

#[test]
fn what_outlives_the_transaction_is_told() {
    expect_all(
        "HOLDS",
        &[
            "DECLARE a CURSOR WITH HOLD FOR SELECT 1",
            "declare \"a\" no scroll cursor with hold for select now()",
            "DECLARE a BINARY INSENSITIVE SCROLL CURSOR WITH HOLD FOR VALUES (1)",
        ],
    );
    expect_all(
        "LOCKS",
        &[
            "SELECT pg_advisory_lock(1)",
            "SELECT pg_advisory_lock_shared(1, 2)",
            "SELECT pg_try_advisory_lock($1)",
            "SELECT pg_catalog.pg_try_advisory_lock_shared(1)",
            "SELECT a, CASE WHEN pg_try_advisory_lock(a) THEN 1 END FROM b WHERE c IN (1, 2)",
        ],
    );
    expect_all(
        "LOADS",
        &[
            "LOAD 'auto_explain'",
            "SELECT setseed(0.5)",
            "SELECT pg_create_logical_replication_slot('a', 'pgoutput', true)",
            "SELECT pg_replication_origin_session_setup('a')",
            "SELECT pg_backup_start('a')",
        ],
    );
    expect_none(&[
        "DECLARE a CURSOR FOR SELECT 1",
        "DECLARE a CURSOR WITHOUT HOLD FOR WITH x AS (SELECT 1) SELECT * FROM x",
        "FETCH 10 FROM a",
        "MOVE FORWARD ALL IN a",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT pg_try_advisory_xact_lock_shared(1)",
    ]);
}

#[test]
fn what_may_do_anything_is_told() {
    expect_all(
        "UNKNOWN",
        &[
            "DO $$ BEGIN PERFORM set_config('a', 'b', false); END $$",
            "CALL a()",
            "SELECT my_function(1)",
            "SELECT public.now()",
            "SELECT db.pg_catalog.now()",
            "SELECT \"Now\"()",
            "SELECT U&\"now\"()",
            "CREATE TABLE U&\"pg\\005ftemp\".a (b int)",
            "SELECT a IS JSON WITH UNIQUE KEYS, my_function(b) FROM c",
            "SELECT * FROM generate_series(1, 2) WITH ORDINALITY AS a (b, c), my_function(d)",
            "WITH a AS (SELECT 1) SELECT b, my_function(c) FROM a",
            "WITH a AS (SELECT 1) (SELECT 2) ORDER BY 1, my_function(3)",
            "WITH a AS (SELECT 1), b AS (SELECT 2, my_function(3)) SELECT 4",
            "INSERT INTO a (b) SELECT my_function(c) FROM d ON CONFLICT DO NOTHING",
            "SELECT xmlparse(DOCUMENT my_function(a)), xmltable('/a' PASSING b COLUMNS c int PATH 'd')",
            "SELECT json_object('a' VALUE my_function(b))",
            "SELECT sum(a) OVER (ORDER BY b ROWS my_function() PRECEDING) FROM c",
            "SELECT a FROM b FETCH FIRST my_function() ROWS ONLY",
            "SELECT a LIKE b ESCAPE my_function() FROM c",
            "SELECT ARRAY[my_function(), a[1:my_function()]]",
            "SELECT lower(a => my_function())",
            "INSERT INTO a VALUES (1) RETURNING WITH (OLD AS o) my_function(o.b)",
            "MERGE INTO a USING b ON c WHEN MATCHED AND my_function() THEN DELETE",
            "SELECT set('t')",
            "SELECT * FROM my_function(1) AS f (a, b)",
            "SELECT * FROM a, my_function(1)",
            "SELECT * FROM a JOIN LATERAL my_function(a.b) ON true",
            "SELECT 1 WHERE my_function()",
            "SELECT 1 ORDER BY my_function()",
            "SELECT 1 OPERATOR(pg_catalog.+) my_function()",
            "SELECT DISTINCT ON (a, (b)) my_function(c) FROM d",
            "SELECT a AT TIME ZONE my_function()",
            "SELECT (0.5).setseed",
            "SELECT (1::bigint).pg_advisory_lock",
            "SELECT query_to_xml('select set_config(''a'', ''b'', false)', true, true, '')",
            "INSERT INTO a VALUES (my_function())",
            "UPDATE a SET b = my_function()",
            "DELETE FROM a USING my_function() RETURNING b",
            "UPDATE pg_settings SET setting = 'a' WHERE name = 'b'",
            "UPDATE ONLY pg_catalog.pg_settings AS s SET setting = 'a'",
            "UPDATE \"pg_settings\" SET setting = 'a'",
            "WITH x AS (UPDATE pg_settings SET setting = '1' RETURNING *) SELECT 1",
            "CREATE EXTENSION postgis",
            "CREATE TABLE a AS SELECT my_function()",
            "CREATE MATERIALIZED VIEW a AS SELECT my_function()",
            "ALTER TABLE a ALTER b TYPE int USING my_function(b)",
            "CREATE INDEX a ON b (my_function(c))",
            "COPY a FROM STDIN WHERE my_function(b)",
            "COPY (SELECT my_function()) TO STDOUT",
            "FROBNICATE a",
            "SELECT 'a",
            "SELECT \"a",
            "SELECT $$a",
            "SELECT 1 /* a",
            "SELECT 1 /* a /* b */",
        ],
    );
}

#[test]
fn definitions_evaluate_nothing() {
    expect_none(&[
        "CREATE TABLE a (b int DEFAULT my_function(), c geometry(Point, 4326), CHECK (my_check(b)))",
        "CREATE TABLE s.a (b int REFERENCES s.c (d), UNIQUE (b), EXCLUDE USING gist (b WITH =))",
        "CREATE TABLE a PARTITION OF b FOR VALUES FROM (1) TO (10) PARTITION BY LIST (c)",
        "CREATE TABLE a (LIKE b INCLUDING ALL) PARTITION BY RANGE (date_trunc('day', c))",
        "CREATE TABLE a AS SELECT count(*) FROM b",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON s.b USING gin (c, lower(d) text_pattern_ops) WITH (fillfactor = 70)",
        "CREATE UNIQUE INDEX ON a (b DESC NULLS LAST, c my_ops (siglen = 32)) INCLUDE (d) WHERE e > 1",
        "CREATE VIEW a (b) AS SELECT my_function()",
        "CREATE OR REPLACE FUNCTION a(b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN f(b); END $$",
        "CREATE PROCEDURE a() LANGUAGE sql BEGIN ATOMIC INSERT INTO b VALUES (1); END",
        "CREATE TYPE a AS ENUM ('b')",
        "CREATE TYPE a AS (b int, c s.d(3))",
        "CREATE SEQUENCE a INCREMENT BY 1",
        "CREATE RULE a AS ON INSERT TO b DO INSTEAD (SELECT my_function(); SELECT 2)",
        "CREATE POLICY a ON b USING (my_function())",
        "CREATE ROLE a PASSWORD 'b'",
        "ALTER TABLE a ADD COLUMN b numeric(10, 2) DEFAULT 0 NOT NULL, ADD value vector(3)",
        "ALTER TABLE a ADD CONSTRAINT b FOREIGN KEY (c) REFERENCES s.d (e) ON DELETE CASCADE DEFERRABLE",
        "ALTER TABLE a ADD PRIMARY KEY (b), ADD CONSTRAINT c UNIQUE (d), ADD CHECK (length(e) > 1)",
        "ALTER TABLE a ADD CONSTRAINT b EXCLUDE USING gist (c WITH &&)",
        "ALTER TABLE a ALTER b TYPE vector(3), ALTER c SET DEFAULT now(), SET (fillfactor = 70)",
        "ALTER TABLE a ATTACH PARTITION b FOR VALUES FROM ('a') TO ('b')",
        "ALTER ROLE a SET search_path = b",
        "ALTER DATABASE a SET work_mem = '1MB'",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "ALTER FUNCTION a(int) SET search_path = b",
        "GRANT SELECT (a, b) ON c TO d",
        "COMMENT ON FUNCTION a(int) IS 'b'",
        "VACUUM (ANALYZE, VERBOSE) a (b, c)",
        "ANALYZE a (b)",
        "TRUNCATE a, b RESTART IDENTITY CASCADE",
        "REINDEX (VERBOSE) TABLE a",
        "CLUSTER a USING b",
        "LOCK TABLE a IN EXCLUSIVE MODE",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY a",
        "SECURITY LABEL FOR a ON TABLE b IS 'c'",
        "IMPORT FOREIGN SCHEMA a LIMIT TO (b, c) FROM SERVER d INTO e",
    ]);
}

#[test]
fn transactions_and_nothing_at_all_leave_nothing() {
    expect_none(&[
        "",
        ";;",
        " -- a\n/* b */ ; ",
        "BEGIN",
        "START TRANSACTION READ ONLY",
        "COMMIT AND CHAIN",
        "END",
        "ABORT",
        "SAVEPOINT a",
        "RELEASE SAVEPOINT a",
        "ROLLBACK TO a",
        "CHECKPOINT",
        "COPY a FROM STDIN",
        "COPY a (b, c) FROM STDIN WITH (FORMAT csv, FORCE_NULL (b))",
        "COPY s.a TO STDOUT (FORMAT binary)",
        "COPY (SELECT a FROM b) TO STDOUT WITH (FORMAT csv, FORCE_QUOTE (a))",
        "COPY a FROM STDIN WHERE b IN (1, 2)",
    ]);
}

#[test]
fn every_statement_of_a_text_counts() {
    expect(&[
        ("BEGIN; SET a = 1; COMMIT", "SETS set:a"),
        ("/* b */ SET a = 1", "SETS set:a"),
        ("-- b\nSET a = 1", "SETS set:a"),
        (";;SET a = 1;;", "SETS set:a"),
        ("SELECT ';'; SET a = ';'; SELECT 1", "SETS set:a"),
        ("SET a = 1; SET b = 2; LISTEN c; SELECT f()", "UNKNOWN LISTENS SETS set:a set:b listen:c"),
        ("SELECT 1;SET LOCAL a = 1;SET b = 1", "SETS set:b"),
        ("CREATE TABLE a (b int); CREATE TEMP TABLE c (d int); DROP TABLE a", "TEMPORARY RELEASES"),
    ]);
}
