"""psycopg 3: results, types, errors and transactions, in one of its ways to prepare (the first argument)."""

import datetime
import decimal
import os
import sys
import uuid

import psycopg

TABLE = "items" + os.environ.get("COPY", "")

# name -> (arguments of connect, arguments of cursor)
WAYS = {
    "default": ({}, {}),
    "at-once": ({"prepare_threshold": 0}, {}),
    "binary": ({"prepare_threshold": 0}, {"binary": True}),
    "never": ({"prepare_threshold": None}, {}),
    "three": ({"prepare_threshold": 0}, {}),
    "client-side": ({"cursor_factory": psycopg.ClientCursor}, {}),
}

VALUES = [
    0,
    -(2**31),
    2**40,
    1.5,
    "täxt 'quoted' \\ \U0001f418",
    b"\x00\x01\xff",
    True,
    decimal.Decimal("12345678901234567890.123456789"),
    datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc),
    datetime.timedelta(days=3, seconds=5),
    uuid.UUID("12345678-1234-5678-1234-567812345678"),
    [1, 2, 3],
    ["a", None, 'c"d'],
]


def attempt(conn, sql, params=None):
    """Runs what must fail; prints how."""
    try:
        conn.execute(sql, params)
        print("no error:", sql)
    except psycopg.Error as error:
        print(type(error).__name__, error.sqlstate, error.diag.severity, conn.info.transaction_status.name)


def types(conn, options):
    cur = conn.cursor(**options)
    for value in VALUES:
        for _ in range(3):
            row = cur.execute("select %s, %s", (value, [value])).fetchone()
        print(repr(row), [column.type_code for column in cur.description], cur.statusmessage)
    print(cur.execute("select null::int4, %s::jsonb", ('{"a": [1, 2]}',)).fetchone())


def table(conn, options):
    conn.execute(f"drop table if exists {TABLE}")
    conn.execute(f"create table {TABLE} (id int primary key, name text, price numeric(10, 2), at timestamptz)")
    cur = conn.cursor(**options)
    at = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    cur.executemany(
        f"insert into {TABLE} values (%s, %s, %s, %s)",
        [(k, f"item {k}", decimal.Decimal(k) / 4, at + datetime.timedelta(hours=k)) for k in range(60)],
    )
    print(cur.rowcount, cur.statusmessage)
    for k in range(0, 60, 4):
        row = cur.execute(f"select * from {TABLE} where id = %s", (k,)).fetchone()
        print(row[0], row[1], row[2], row[3].astimezone(datetime.timezone.utc))
    rows = cur.execute(f"select id, name from {TABLE} where id < %s order by id desc", (7,)).fetchall()
    print(rows, cur.rowcount)
    cur.executemany(f"update {TABLE} set name = %s where id = %s returning name", [("x", 1), ("y", 2)], returning=True)
    while True:
        print(cur.fetchall())
        if not cur.nextset():
            break


def many_statements(conn, options):
    """More statements than any limit on either side, in turns."""
    cur = conn.cursor(**options)
    total = 0
    for turn in range(4):
        for k in range(12):
            row = cur.execute(f"select %s::int * {k} as product_{k}, %s::text", (turn, f"t{k}")).fetchone()
            assert row == (turn * k, f"t{k}"), row
            total += row[0]
    print("statements", total)


def errors(conn, options):
    attempt(conn, "select 1 / %s", (0,))
    attempt(conn, "select * from no_such_table where id = %s", (1,))
    attempt(conn, "selekt")
    attempt(conn, f"insert into {TABLE} values (%s, 'twice')", (1,))
    attempt(conn, "select %s::int", ("no number",))
    print(conn.execute("select 'fine', %s", ("still",)).fetchone())


def transactions(conn, options):
    cur = conn.cursor(**options)
    with conn.transaction():
        cur.execute(f"update {TABLE} set price = price + %s where id = %s", (1, 3))
        try:
            with conn.transaction():
                cur.execute(f"delete from {TABLE} where id > %s", (3,))
                print("deleted", cur.rowcount, conn.info.transaction_status.name)
                cur.execute("select 1 / %s", (0,))
        except psycopg.errors.DivisionByZero:
            print("inner rolled back", conn.info.transaction_status.name)
        print(cur.execute(f"select count(*), sum(price) from {TABLE} where id >= %s", (0,)).fetchone())
    conn.autocommit = False
    for k in range(8):
        cur.execute(f"update {TABLE} set name = name || %s where id = %s", ("!", k))
        if k % 2:
            conn.rollback()  # DEALLOCATE ALL follows, once something was prepared
        else:
            conn.commit()
    cur.execute(f"select string_agg(name, ',' order by id) from {TABLE} where id < %s", (8,))
    print(cur.fetchone())
    attempt(conn, "select 1 / %s", (0,))
    attempt(conn, "select %s::int", (1,))
    conn.rollback()
    conn.autocommit = True
    print(cur.execute("select %s::int + 1", (41,)).fetchone(), conn.info.transaction_status.name)


def notices(conn):
    heard = []
    conn.add_notice_handler(lambda diag: heard.append((diag.severity, diag.sqlstate, diag.message_primary)))
    for k in range(3):
        conn.execute(f"do $$ begin raise notice 'notice %', {k}; raise warning 'careful'; end $$")
    conn.execute(f"drop table if exists never_there{os.environ.get('COPY', '')}")
    print(len(heard), heard[:4])


def statements_in_one(conn):
    cur = conn.execute("select 1; select 2, 3; create temp table gone () on commit drop; select 'last'", prepare=False)
    while True:
        print(cur.statusmessage, cur.fetchall() if cur.description else None)
        if not cur.nextset():
            break
    try:
        conn.execute("select 1; select 1/0; select 3", prepare=False)
    except psycopg.Error as error:
        print(error.sqlstate)
    print(conn.execute("").statusmessage)


def parameters(conn):
    for name in ("client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "server_encoding",
                 "integer_datetimes", "IntervalStyle", "is_superuser", "session_authorization", "in_hot_standby"):
        print(name, conn.info.parameter_status(name))
    print(conn.info.server_version, conn.info.encoding, conn.info.dbname, conn.info.user)


def main():
    way = sys.argv[1]
    connect, cursor = WAYS[way]
    with psycopg.connect("", autocommit=True, application_name="clients", **connect) as conn:
        if way == "three":
            conn.prepared_max = 3
        parameters(conn)
        if way != "client-side":
            types(conn, cursor)
        table(conn, cursor)
        many_statements(conn, cursor)
        errors(conn, cursor)
        transactions(conn, cursor)
        notices(conn)
        statements_in_one(conn)
        conn.execute(f"drop table {TABLE}")


main()
