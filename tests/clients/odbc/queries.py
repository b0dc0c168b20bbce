"""psqlODBC through pyodbc: prepared at the server or not, DECLARE and FETCH, a savepoint for every statement."""

import os
import sys

import pyodbc

TABLE = "boxes" + os.environ.get("COPY", "")
pyodbc.pooling = False


def connect(**options):
    place = {
        "DRIVER": "{PostgreSQL Unicode}",
        "SERVER": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "DATABASE": os.environ["PGDATABASE"],
        "UID": os.environ["PGUSER"],
        "PWD": "{" + os.environ["PGPASSWORD"] + "}",
    }
    for argument in sys.argv[1:]:
        name, value = argument.split("=")
        place[name] = value
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in place.items()), **options)


def attempt(cur, sql, *params):
    try:
        cur.execute(sql, *params)
        print("no error")
    except pyodbc.Error as error:
        print(error.args[0])


def results(conn):
    cur = conn.cursor()
    for k in range(15):
        row = cur.execute("select ?::int + 1, ?::text, ?::numeric", k, f"täxt '{k}'", k / 4).fetchone()
        print(row, [column[0] for column in cur.description])
    cur.executemany(f"insert into {TABLE} values (?, ?)", [(k, f"box {k}") for k in range(60)])
    print(cur.execute(f"select name from {TABLE} where id between ? and ? order by id", 3, 6).fetchall())
    cur.execute("select 1; select 2, 3")
    print(cur.fetchall(), cur.nextset(), cur.fetchall())
    print(cur.execute(f"update {TABLE} set name = upper(name) where id < ?", 3).rowcount)
    print([column.column_name for column in cur.columns(table=TABLE)])
    print([key.column_name for key in cur.primaryKeys(table=TABLE)])


def errors(conn):
    cur = conn.cursor()
    for _ in range(2):
        attempt(cur, "select 1 / ?::int", 0)
        attempt(cur, "select * from no_such_table where a = ?", 1)
        attempt(cur, "selekt")
        attempt(cur, f"insert into {TABLE} values (?, 'twice')", 1)
    print(cur.execute("select ?::int", 2).fetchone())


def transactions(conn):
    conn.autocommit = False
    cur = conn.cursor()
    for keep in (True, False):
        for k in range(5):
            cur.execute(f"update {TABLE} set name = name || ? where id = ?", "!", k)
        attempt(cur, "select 1 / ?::int", 0)
        attempt(cur, "select 1")
        if keep:
            conn.rollback()
        for k in range(5):
            cur.execute(f"update {TABLE} set name = name || ? where id = ?", "?", k) if keep else None
        conn.commit() if keep else conn.rollback()
    print(cur.execute(f"select string_agg(name, ',' order by id) from {TABLE} where id < 6").fetchone())
    conn.commit()
    total = 0
    cur.execute("select generate_series(1, 2500)")
    while rows := cur.fetchmany(100):
        total += sum(row[0] for row in rows)
    print(total)
    conn.commit()
    conn.autocommit = True


conn = connect(autocommit=True)
cur = conn.cursor()
cur.execute(f"drop table if exists {TABLE}")
cur.execute(f"create table {TABLE} (id int primary key, name varchar(40))")
for part in (results, errors, transactions):
    print(part.__name__)
    part(conn)
cur.execute(f"drop table {TABLE}")
conn.close()
