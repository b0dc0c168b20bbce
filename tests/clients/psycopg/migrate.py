"""A tool that migrates behind a session-level advisory lock, as Rails, Flyway or golang-migrate do (first argument).

Several run at once; each migration is applied once, and each run ends without an error.
"""

import sys
import time

import psycopg

KEY = 4711
MIGRATIONS = [
    "create table account (id int primary key, name text)",
    "insert into account select g, 'account ' || g from generate_series(1, 100) g",
    "alter table account add column mail text",
    "create index concurrently account_mail on account (mail)",
    "update account set mail = name || '@example.org'",
]


if sys.argv[1] == "golang":
    # it would wait for the transaction of the one who waits for the lock, at any server
    MIGRATIONS[3] = MIGRATIONS[3].replace(" concurrently", "")


def applied(conn):
    return {row[0] for row in conn.execute("select version from schema_migrations")}


def apply(conn):
    conn.execute("create table if not exists schema_migrations (version int primary key)")
    for version, sql in enumerate(MIGRATIONS):
        if version in applied(conn):
            continue
        if "concurrently" in sql:
            conn.execute(sql)
            conn.execute("insert into schema_migrations values (%s)", (version,))
            continue
        with conn.transaction():
            conn.execute(sql)
            conn.execute("insert into schema_migrations values (%s)", (version,))


def locked(conn):
    return conn.execute("select pg_try_advisory_lock(%s)", (KEY,), prepare=True).fetchone()[0]


def unlock(conn):
    if not conn.execute("select pg_advisory_unlock(%s)", (KEY,)).fetchone()[0]:
        raise SystemExit("the lock was lost")


def rails():
    """One connection, no waiting: who does not get the lock tries the whole command again."""
    with psycopg.connect("", autocommit=True) as conn:
        conn.execute("set client_min_messages to warning; set lock_timeout = '120s'")
        while not locked(conn):
            time.sleep(0.02)
        apply(conn)
        unlock(conn)


def flyway():
    """The lock on one connection, the work on another."""
    with psycopg.connect("", autocommit=True) as keeper, psycopg.connect("", autocommit=True) as worker:
        worker.execute("set client_min_messages to warning")
        while not locked(keeper):
            time.sleep(0.02)
        apply(worker)
        unlock(keeper)


def golang():
    """Waits for the lock at the server."""
    with psycopg.connect("", autocommit=True) as conn:
        conn.execute("set client_min_messages to warning")
        conn.execute("select pg_advisory_lock(%s)", (KEY,))
        apply(conn)
        unlock(conn)


{"rails": rails, "flyway": flyway, "golang": golang}[sys.argv[1]]()
print("migrated")
