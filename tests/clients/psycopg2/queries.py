"""psycopg2: simple queries, transactions, named cursors, COPY, notices, cancelling, reset()."""

import io
import os
import threading

import psycopg2
import psycopg2.extras

TABLE = "things" + os.environ.get("COPY", "")


def results(conn):
    cur = conn.cursor()
    for k in range(20):
        cur.execute("select %s, %s, %s::numeric, %s", (k, f"täxt '{k}", k / 8, [k, k + 1]))
        print(cur.fetchone(), cur.statusmessage)
    cur.execute("select 1; select 2 as two")
    print(cur.fetchall(), cur.description[0].name)
    print(conn.server_version, conn.encoding, conn.get_parameter_status("DateStyle"))
    conn.commit()


def transactions(conn):
    cur = conn.cursor()
    psycopg2.extras.execute_values(cur, f"insert into {TABLE} values %s", [(k, f"thing {k}") for k in range(500)])
    conn.commit()
    for wrong in ("select 1/0", "selekt", f"insert into {TABLE} values (1, 'twice')", "select * from no_such_table"):
        try:
            cur.execute(wrong)
        except psycopg2.Error as error:
            print(error.pgcode, conn.get_transaction_status())
        try:
            cur.execute("select 1")
        except psycopg2.Error as error:
            print(error.pgcode)
        conn.rollback()
    with conn:
        cur.execute(f"update {TABLE} set name = upper(name) where id < 3")
        cur.execute("savepoint s")
        cur.execute(f"delete from {TABLE}")
        cur.execute("rollback to savepoint s")
    cur.execute(f"select count(*), min(name) from {TABLE}")
    print(cur.fetchone())
    conn.rollback()
    conn.set_session(readonly=True, isolation_level="SERIALIZABLE")
    try:
        cur.execute(f"delete from {TABLE}")
    except psycopg2.Error as error:
        print(error.pgcode)
    conn.rollback()
    conn.set_session(readonly=False, isolation_level="DEFAULT")


def cursors(conn):
    with conn.cursor("walker") as cur:
        cur.itersize = 70
        cur.execute(f"select id from {TABLE} order by id")
        print(sum(row[0] for row in cur))
    with conn.cursor("scroller", scrollable=True) as cur:
        cur.execute("select generate_series(1, 100)")
        cur.scroll(50)
        print(cur.fetchone())
        cur.scroll(0, mode="absolute")
        print(cur.fetchmany(3))
    conn.commit()


def copies(conn):
    cur = conn.cursor()
    cur.copy_from(io.StringIO("".join(f"{k}\tcopied {k}\n" for k in range(1000, 4000))), TABLE)
    print(cur.rowcount)
    out = io.StringIO()
    cur.copy_expert(f"copy (select * from {TABLE} order by id) to stdout (format csv)", out)
    text = out.getvalue()
    print(len(text), text[:60], text[-60:])
    conn.commit()
    try:
        cur.copy_from(io.StringIO("x\ty\n"), TABLE)
    except psycopg2.Error as error:
        print(error.pgcode)
    conn.rollback()


def notices(conn):
    cur = conn.cursor()
    for k in range(3):
        cur.execute(f"do $$ begin raise notice 'said %', {k}; end $$")
    print(conn.notices)
    conn.commit()


def cancelled(conn):
    done = threading.Event()

    def cancel():
        # one that comes between BEGIN and the query hits nothing, as with any server
        while not done.wait(0.3):
            conn.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        conn.cursor().execute("select pg_sleep(60)")
    except psycopg2.Error as error:
        print(error.pgcode)
    done.set()
    thread.join()
    conn.rollback()


def reset(conn):
    conn.cursor().execute(f"update {TABLE} set name = 'undone'")
    conn.reset()
    cur = conn.cursor()
    cur.execute(f"select count(*) from {TABLE} where name = 'undone'")
    print(cur.fetchone())
    conn.commit()


def main():
    conn = psycopg2.connect("")
    conn.autocommit = True
    conn.cursor().execute(f"drop table if exists {TABLE}")
    conn.cursor().execute(f"create table {TABLE} (id int primary key, name text)")
    conn.autocommit = False
    conn.notices.clear()
    for part in (results, transactions, cursors, copies, notices, cancelled, reset):
        print(part.__name__)
        part(conn)
    conn.cursor().execute(f"drop table {TABLE}")
    conn.commit()
    conn.close()


main()
