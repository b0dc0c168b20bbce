"""psycopg 3: what a session keeps beyond a transaction: settings, roles, temporary tables, held cursors, locks."""

import os

import psycopg

COPY = os.environ.get("COPY", "")
TABLE = "kept" + COPY
KEY = 7000 + int(COPY or 0)


def one(conn, sql, params=None, **options):
    return conn.execute(sql, params, **options).fetchone()[0]


def settings(conn):
    conn.execute("set statement_timeout = '47s'; set work_mem = '5MB'")
    conn.execute("set search_path to pg_catalog, public")
    conn.execute("select set_config('my.tenant', %s, false)", (f"it's {TABLE}",))
    conn.execute("set session my.other = 'a \"quoted\" \\value'")
    conn.execute("set time zone 'Asia/Kathmandu'; /* a comment */ set datestyle = 'German'")
    for name in ("statement_timeout", "work_mem", "search_path", "my.other", "TimeZone", "DateStyle"):
        print(name, one(conn, f"show {name}"))
    print(one(conn, "select current_setting('my.tenant')") == f"it's {TABLE}", conn.info.parameter_status("TimeZone"))
    with conn.transaction():
        conn.execute("set local work_mem = '6MB'; set lock_timeout = '3s'")
        try:
            with conn.transaction():
                conn.execute("set lock_timeout = '4s'; set work_mem = '7MB'")
                conn.execute("select 1/0")
        except psycopg.Error as error:
            print(error.sqlstate)
        print(one(conn, "show work_mem"), one(conn, "show lock_timeout"))
    print(one(conn, "show work_mem"), one(conn, "show lock_timeout"))
    try:
        with conn.transaction():
            conn.execute("set lock_timeout = '9s'; reset statement_timeout")
            raise ValueError
    except ValueError:
        print(one(conn, "show lock_timeout"), one(conn, "show statement_timeout"))
    conn.execute("reset work_mem")
    print(one(conn, "show work_mem"), one(conn, "show lock_timeout"))
    conn.execute("reset all")
    print([one(conn, f"show {name}") for name in ("statement_timeout", "search_path", "TimeZone", "DateStyle")])
    conn.execute("set default_transaction_read_only = on")
    for _ in range(2):
        try:
            conn.execute(f"create table never{COPY} ()")
        except psycopg.Error as error:
            print(error.sqlstate)
    conn.execute("reset default_transaction_read_only")
    conn.execute("set session characteristics as transaction isolation level serializable")
    with conn.transaction():
        print(one(conn, "show transaction_isolation"))
    conn.execute("reset default_transaction_isolation")
    print(one(conn, "show transaction_isolation"))


def temporary(conn):
    conn.execute("create temp table scratch (id int, name text)")
    for k in range(10):
        conn.execute("insert into scratch values (%s, %s)", (k, f"scratch {k}"))
    print(one(conn, "select count(*) from scratch"))
    with conn.transaction():
        conn.execute("create temp table brief on commit drop as select 1 as a")
        print(one(conn, "select a from brief"))
    conn.execute("drop table scratch")
    try:
        conn.execute("select * from scratch")
    except psycopg.Error as error:
        print(error.sqlstate)
    conn.execute("create temp table again (a int)")
    conn.execute("discard temp")
    print(one(conn, "select to_regclass('again')"))


def held(conn):
    with conn.cursor("held", withhold=True) as cur:
        cur.itersize = 20
        cur.execute(f"select id from {TABLE} order by id")
        total = 0
        for (number,) in cur:
            if number % 30 == 0:
                conn.execute(f"update {TABLE} set name = %s where id = %s", (f"seen {number}", number))
            total += number
        print(total)
    print(one(conn, f"select count(*) from {TABLE} where name like 'seen %%'"))
    conn.execute("declare walker cursor with hold for select generate_series(1, 5)")
    print(conn.execute("fetch 2 from walker").fetchall(), conn.execute("fetch 2 from walker").fetchall())
    conn.execute("close walker")
    try:
        conn.execute("fetch 1 from walker")
    except psycopg.Error as error:
        print(error.sqlstate)


def locks(conn):
    print(one(conn, "select pg_try_advisory_lock(%s)", (KEY,)))
    with psycopg.connect("", autocommit=True) as other:
        print(one(other, "select pg_try_advisory_lock(%s)", (KEY,)))
        conn.execute("select pg_advisory_lock(%s)", (KEY,))
        for _ in range(2):
            print(one(conn, "select pg_advisory_unlock(%s)", (KEY,)), one(other, "select pg_try_advisory_lock(%s)", (KEY,)))
        other.execute("select pg_advisory_unlock_all()")
        print(one(conn, "select pg_try_advisory_lock_shared(%s)", (KEY,)), one(other, "select pg_try_advisory_lock_shared(%s)", (KEY,)))
    print(one(conn, "select pg_advisory_unlock_shared(%s)", (KEY,)))


def statements(conn):
    """Prepared by SQL, by the driver, and thrown away by both."""
    conn.execute("prepare plus(int) as select $1 + 1", prepare=False)
    conn.execute("prepare twice as select $1::int * 2", prepare=False)
    for k in range(5):
        print(one(conn, f"execute plus({k})", prepare=False), one(conn, f"execute twice({k})", prepare=False))
    try:
        conn.execute("prepare plus as select 1", prepare=False)
    except psycopg.Error as error:
        print(error.sqlstate)
    conn.execute("deallocate plus")
    try:
        conn.execute("execute plus(1)", prepare=False)
    except psycopg.Error as error:
        print(error.sqlstate)
    conn.prepare_threshold = 0
    conn.autocommit = False
    for k in range(6):
        print(one(conn, f"select %s::int + {k % 2}", (k,)))
        conn.rollback()  # the driver sends DEALLOCATE ALL before the next statement
    conn.autocommit = True
    try:
        conn.execute("execute twice(1)", prepare=False)
    except psycopg.Error as error:
        print(error.sqlstate)
    conn.pgconn.prepare(b"mine", b"select $1::int * 3")
    conn.execute("deallocate mine", prepare=False)
    print(conn.pgconn.exec_prepared(b"mine", [b"1"]).error_field(psycopg.pq.DiagnosticField.SQLSTATE))
    conn.execute("discard all", prepare=False)
    conn.prepare_threshold = 5


def main():
    with psycopg.connect("", autocommit=True, options="-c my.started=yes") as conn:
        conn.execute("set client_min_messages = warning")
        conn.execute(f"drop table if exists {TABLE}")
        conn.execute(f"create table {TABLE} (id int primary key, name text)")
        conn.execute(f"insert into {TABLE} select g, 'row' from generate_series(1, 200) g")
        for part in (settings, temporary, held, locks, statements):
            print(part.__name__)
            part(conn)
        print(one(conn, "select current_setting('my.started')"))
        conn.execute(f"drop table {TABLE}")


main()
