"""pg8000 through both of its interfaces: results, errors, prepared statements, transactions, COPY."""

import io
import os

import pg8000.dbapi
import pg8000.native

TABLE = "articles" + os.environ.get("COPY", "")
PLACE = {
    "user": os.environ["PGUSER"],
    "host": os.environ["PGHOST"],
    "port": int(os.environ["PGPORT"]),
    "database": os.environ["PGDATABASE"],
    "password": os.environ["PGPASSWORD"],
}


def code(error):
    return error.args[0]["C"] if isinstance(error.args[0], dict) else str(error)


def native():
    conn = pg8000.native.Connection(**PLACE)
    conn.run(f"drop table if exists {TABLE}")
    conn.notices.clear()
    conn.run(f"create table {TABLE} (id int primary key, name text)")
    for k in range(30):
        conn.run(f"insert into {TABLE} values (:id, :name)", id=k, name=f"article {k}")
    print(conn.run(f"select * from {TABLE} where id < :k order by id", k=5), [c["name"] for c in conn.columns])
    statement = conn.prepare(f"select name from {TABLE} where id = :id")
    another = conn.prepare("select cast(:a as int) + 1")
    for k in range(10):
        print(statement.run(id=k), another.run(a=k))
    statement.close()
    another.close()
    for sql, params in (("select 1 / cast(:a as int)", {"a": 0}), ("selekt", {}), ("select * from no_such_table", {})):
        try:
            conn.run(sql, **params)
        except pg8000.native.DatabaseError as error:
            print(code(error))
    conn.run("start transaction")
    conn.run(f"delete from {TABLE} where id > :id", id=3)
    print(conn.run(f"select count(*) from {TABLE}"), conn.row_count)
    conn.run("rollback")
    print(conn.run(f"select count(*) from {TABLE}"))
    conn.run("do $$ begin raise notice 'said'; end $$")
    print([notice[b"M"] for notice in conn.notices])
    conn.close()


def dbapi():
    conn = pg8000.dbapi.connect(**PLACE)
    cur = conn.cursor()
    cur.executemany(f"insert into {TABLE} values (%s, %s)", [(k, f"more {k}") for k in range(100, 140)])
    conn.commit()
    cur.execute(f"select id, name from {TABLE} where id >= %s order by id", (130,))
    print(cur.fetchone(), cur.fetchmany(3), cur.fetchall(), cur.rowcount)
    try:
        cur.execute(f"insert into {TABLE} values (%s, %s)", (1, "twice"))
    except pg8000.dbapi.DatabaseError as error:
        print(code(error))
    conn.rollback()
    cur.execute(f"copy {TABLE} from stdin with (format csv)", stream=io.StringIO("500,five\n501,five and one\n"))
    out = io.BytesIO()
    cur.execute(f"copy (select * from {TABLE} where id >= 500 order by id) to stdout", stream=out)
    print(out.getvalue().decode())
    conn.commit()
    cur.execute(f"drop table {TABLE}")
    conn.commit()
    conn.close()


native()
dbapi()
