//! What drivers, poolers and tools send of their own accord.

use super::{expect, expect_none};

#[test]
fn what_drivers_send_is_told() {
    expect(&[
        // asyncpg, when a connection goes back
        (
            "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
            "RESETS_ALL RELEASES UNLISTENS SETS unlisten:*",
        ),
        // Django
        ("SELECT set_config('TimeZone', 'UTC', false)", "SETS set:timezone"),
        (
            "DECLARE \"_django_curs_1_sync_1\" NO SCROLL CURSOR WITH HOLD FOR SELECT \"a\".\"id\" FROM \"a\"",
            "HOLDS",
        ),
        // pg_dump
        ("SELECT pg_catalog.set_config('search_path', '', false);", "SETS set:search_path"),
        (
            "SET client_encoding = 'UTF8';\nSET row_security = off;",
            "SETS set:client_encoding set:row_security",
        ),
        // JDBC
        ("SET extra_float_digits = 3", "SETS set:extra_float_digits"),
        ("SET application_name = 'PostgreSQL JDBC Driver'", "SETS set:application_name"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SETS set:default_transaction_isolation set:default_transaction_read_only set:default_transaction_deferrable",
        ),
        // psycopg, Npgsql
        ("DEALLOCATE ALL", "FORGETS"),
        ("DEALLOCATE pdo_stmt_00000001", "deallocate:pdo_stmt_00000001"),
        ("DISCARD ALL", "DISCARDS_ALL FORGETS RELEASES"),
        // Rails, Sequelize
        ("SET client_min_messages TO 'warning'", "SETS set:client_min_messages"),
        (
            "SET standard_conforming_strings=on;SET client_min_messages TO warning;SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE",
            "SETS set:standard_conforming_strings set:client_min_messages set:timezone",
        ),
        ("SELECT pg_try_advisory_lock(4276)", "LOCKS"),
        ("SELECT pg_advisory_unlock(4276)", "RELEASES"),
        // Prisma
        ("SET search_path = \"public\"; SET NAMES 'UTF8'", "SETS set:search_path set:client_encoding"),
    ]);
    expect_none(&[
        "BEGIN READ ONLY",
        "ROLLBACK",
        "SHOW TRANSACTION ISOLATION LEVEL",
        "show standard_conforming_strings",
        "select pg_catalog.version()",
        "select current_schema()",
        "SELECT 1",
        "",
        "SELECT pg_is_in_recovery()",
        "SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = ns.oid WHERE typname = 'hstore'",
        "SELECT CAST('test plain returns' AS VARCHAR(60)) AS anon_1",
        "savepoint a; select 1; release savepoint a",
    ]);
}
