//! SET, RESET, `set_config`.

use super::{expect, expect_all, expect_none};

#[test]
fn set_names_what_it_touches() {
    expect(&[
        ("SET search_path TO a, b", "SETS set:search_path"),
        ("set SESSION work_mem = '4MB'", "SETS set:work_mem"),
        ("SET TimeZone='UTC'", "SETS set:timezone"),
        ("SET \"TimeZone\" TO 'UTC'", "SETS set:timezone"),
        ("SET TIME ZONE 'UTC'", "SETS set:timezone"),
        ("SET SESSION TIME ZONE -3", "SETS set:timezone"),
        ("SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE", "SETS set:timezone"),
        ("SET TIME ZONE LOCAL", "SETS reset:timezone"),
        ("SET TIME ZONE DEFAULT", "SETS reset:timezone"),
        ("SET NAMES 'UTF8'", "SETS set:client_encoding"),
        ("SET NAMES DEFAULT", "SETS reset:client_encoding"),
        ("SET NAMES", "SETS reset:client_encoding"),
        ("SET SCHEMA 'a'", "SETS set:search_path"),
        ("SET ROLE a", "SETS set:role"),
        ("SET ROLE NONE", "SETS set:role"),
        ("SET role = 'a'", "SETS set:role"),
        ("SET SESSION ROLE a", "SETS set:role"),
        ("SET SESSION AUTHORIZATION a", "SETS set:role set:session_authorization"),
        ("SET SESSION SESSION AUTHORIZATION 'a'", "SETS set:role set:session_authorization"),
        ("SET SESSION AUTHORIZATION DEFAULT", "SETS reset:role reset:session_authorization"),
        ("SET session_authorization TO DEFAULT", "SETS reset:role reset:session_authorization"),
        ("SET XML OPTION DOCUMENT", "SETS set:xmloption"),
        ("SET app.user = '1'", "SETS set:app.user"),
        ("SET app.a.b TO x", "SETS set:app.a.b"),
        ("SET \"App\".\"User\"\"s\" = 1", "SETS set:app.user\"s"),
        ("SET session.a = 1", "SETS set:session.a"),
        ("SET local.a = 1", "SETS set:local.a"),
        ("SET SESSION local.a = 1", "SETS set:local.a"),
        ("SET names.a = 1", "SETS set:names.a"),
        ("SET time.zone TO 1", "SETS set:time.zone"),
        ("SET a TO DEFAULT", "SETS reset:a"),
        ("SET a FROM CURRENT", "SETS set:a"),
        ("SET a = 1; SET a TO DEFAULT; SET a = 2", "SETS set:a reset:a"),
        ("SET SEED TO 0.5", "LOADS SETS"),
        ("SET U&\"a\" = 1", "UNKNOWN"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SETS set:default_transaction_isolation set:default_transaction_read_only \
             set:default_transaction_deferrable",
        ),
    ]);
}

#[test]
fn what_ends_with_the_transaction_is_nothing() {
    expect_none(&[
        "SET LOCAL search_path = a",
        "set local time zone 'UTC'",
        "SET LOCAL ROLE a",
        "SET LOCAL SESSION AUTHORIZATION a",
        "SET TRANSACTION READ ONLY",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE, DEFERRABLE",
        "SET SESSION TRANSACTION READ ONLY",
        "SET TRANSACTION SNAPSHOT '00000003-0000001B-1'",
        "SET transaction_read_only TO on",
        "SET CONSTRAINTS ALL DEFERRED",
        "SET CONSTRAINTS a.b, c IMMEDIATE",
        "RESET TRANSACTION ISOLATION LEVEL",
        "SHOW ALL",
        "SHOW search_path",
        "SHOW TIME ZONE",
    ]);
}

#[test]
fn reset_names_what_goes_back() {
    expect(&[
        ("RESET ALL", "RESETS_ALL SETS"),
        ("RESET search_path", "SETS reset:search_path"),
        ("RESET TIME ZONE", "SETS reset:timezone"),
        ("RESET ROLE", "SETS reset:role"),
        ("RESET SESSION AUTHORIZATION", "SETS reset:role reset:session_authorization"),
        ("RESET session_authorization", "SETS reset:role reset:session_authorization"),
        ("RESET app.user", "SETS reset:app.user"),
        ("RESET session.a", "SETS reset:session.a"),
        ("RESET time.a", "SETS reset:time.a"),
    ]);
}

#[test]
fn a_path_that_begins_with_temporary_objects_makes_tables_temporary() {
    expect_all(
        "TEMPORARY SETS set:search_path",
        &[
            "SET search_path = pg_temp",
            "SET search_path TO 'pg_temp', a",
            "SET search_path TO \"$user\", pg_temp",
            "SET SCHEMA 'pg_temp'",
            "SET search_path = E'pg\\x5ftemp'",
            "SET search_path = U&\"pg\\005ftemp\"",
            "SELECT set_config('search_path', 'pg_temp, public', false)",
            "SELECT set_config('search_path', '\"pg_temp\"', false)",
        ],
    );
    expect_all("SETS set:search_path", &["SET search_path = pg_catalog, pg_temp"]);
}

#[test]
fn set_config_names_what_it_touches() {
    expect_all(
        "SETS set:timezone",
        &[
            "SELECT set_config('TimeZone', 'UTC', false)",
            "SELECT pg_catalog.set_config('TimeZone', $1, 'f')",
            "select \"pg_catalog\" . \"set_config\" ( E'timezone', $$UTC$$ , false )",
            "SELECT set_config($$TimeZone$$, 'UTC', $1)",
            "SELECT set_config($a$TimeZone$a$, f.x, NOT true) FROM f",
            "SELECT set_config('TimeZone'::text, 'UTC'::text, 'no'::bool)",
            "SELECT set_config('TimeZone', lower(upper('UTC')), true AND false)",
            "SELECT 1 WHERE set_config('TimeZone', 'UTC', 'false') = 'UTC'",
            "INSERT INTO t (a) VALUES (set_config('TimeZone', 'UTC', false))",
            "WITH x AS (SELECT set_config('TimeZone', 'UTC', false)) SELECT * FROM x",
            "EXPLAIN ANALYZE SELECT set_config('TimeZone', 'UTC', false)",
            "COPY (SELECT set_config('TimeZone', 'UTC', false)) TO STDOUT",
            "SELECT DISTINCT ON (a) set_config('TimeZone', 'UTC', false) FROM t",
        ],
    );
    expect(&[
        ("SELECT set_config($1, $2, $3)", "SETS set:$1"),
        ("SELECT set_config($2::text, 'x', false)", "SETS set:$2"),
        ("SELECT set_config($1::varchar, 'x', false), set_config('a', '', false)", "SETS set:$1 set:a"),
        ("SELECT set_config('a' || 'b', 'x', false)", "UNKNOWN SETS"),
        ("SELECT set_config('a'::char, 'x', false)", "UNKNOWN SETS"),
        ("SELECT set_config(name, setting, false) FROM s", "UNKNOWN SETS"),
        ("SELECT set_config('a''b', 'x', false)", "UNKNOWN SETS"),
        ("SELECT set_config(E'a\\x62', 'x', false)", "UNKNOWN SETS"),
        ("SELECT set_config(U&'a\\0062', 'x', false)", "UNKNOWN SETS"),
        ("SELECT set_config('a'\n'b', 'x', false)", "UNKNOWN SETS"),
        ("SELECT set_config($99999, 'x', false)", "UNKNOWN SETS"),
        ("SELECT set_config('a', set_config('b', 'c', false), false)", "UNKNOWN SETS set:a"),
        ("SELECT set_config('role', 'a', false)", "SETS set:role"),
        ("SELECT set_config('seed', '0.1', false)", "LOADS SETS"),
        ("DECLARE c CURSOR FOR SELECT set_config('a', 'b', false)", "UNKNOWN SETS set:a"),
    ]);
    expect_none(&[
        "SELECT set_config('TimeZone', 'UTC', true)",
        "SELECT set_config('TimeZone', 'UTC', 'true')",
        "SELECT set_config('TimeZone', 'UTC', 't'::bool)",
        "SELECT set_config($1, $2, TRUE)",
        "SELECT set_config(name, value, true) FROM s",
        "SELECT current_setting('search_path')",
        "SELECT 'set_config(''a'', ''b'', false)'",
        "SELECT set_config FROM t",
        "SELECT $$ select set_config('a', 'b', false) $$",
    ]);
}
