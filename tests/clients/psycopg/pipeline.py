"""psycopg 3 in pipeline mode: batches, errors in the middle, several Syncs, with and without preparing."""

import os

import psycopg

TABLE = "lines" + os.environ.get("COPY", "")


def batch(conn):
    with conn.pipeline():
        cursors = [conn.execute("select %s::int * 2", (k,)) for k in range(40)]
        print([cur.fetchone()[0] for cur in cursors])


def transaction(conn):
    with conn.pipeline():
        with conn.transaction():
            conn.execute(f"insert into {TABLE} values (%s, %s)", (1, "one"))
            conn.execute(f"insert into {TABLE} values (%s, %s)", (2, "two"))
        cur = conn.execute(f"select * from {TABLE} order by id")
        print(cur.fetchall(), conn.info.transaction_status.name)


def error_in_the_middle(conn):
    """By libpq's own functions: which results arrive, in which order, does not hang on when they are read."""
    pgconn = conn.pgconn
    pgconn.enter_pipeline_mode()
    for sql, param in (("select 'before', $1::text", b"x"), ("select 1 / $1::int", b"0"), ("select $1::int", b"1")):
        pgconn.send_query_params(sql.encode(), [param])
    pgconn.pipeline_sync()
    pgconn.send_query_params(b"select 'later', $1::int", [b"7"])
    pgconn.send_prepare(b"kept", b"select $1::int * 3")
    pgconn.send_prepare(b"never", b"selekt")
    pgconn.send_query_prepared(b"kept", [b"5"])
    pgconn.pipeline_sync()
    pgconn.send_query_prepared(b"kept", [b"6"])
    pgconn.send_describe_prepared(b"kept")
    pgconn.send_query_prepared(b"never", None)
    pgconn.pipeline_sync()
    pgconn.send_prepare(b"kept", b"select $1::int * 4")
    pgconn.pipeline_sync()
    pgconn.send_query_prepared(b"kept", [b"7"])
    pgconn.send_flush_request()
    pgconn.send_query_params(b"select 'last'", None)
    pgconn.pipeline_sync()
    syncs = 0
    while syncs < 5:
        result = pgconn.get_result()
        if result is None:
            continue
        status = psycopg.pq.ExecStatus(result.status)
        syncs += status == psycopg.pq.ExecStatus.PIPELINE_SYNC
        code = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
        print(status.name, code, [result.get_value(0, k) for k in range(result.nfields) if result.ntuples], result.nparams)
    pgconn.exit_pipeline_mode()
    conn.execute("deallocate all")
    print(conn.info.transaction_status.name)


def error_unseen(conn):
    """The error comes to light when the block ends."""
    try:
        with conn.pipeline():
            conn.execute(f"insert into {TABLE} values (%s, %s)", (10, "undone"))
            conn.execute("select no_such_column")
            conn.execute(f"insert into {TABLE} values (%s, %s)", (11, "skipped"))
    except psycopg.Error as error:
        print(error.sqlstate)
    print(conn.execute(f"select count(*) from {TABLE} where id in (10, 11)").fetchone())


def transaction_undone(conn):
    try:
        with conn.pipeline():
            with conn.transaction():
                conn.execute(f"delete from {TABLE}")
                conn.execute("select 1 / %s", (0,)).fetchone()
    except psycopg.Error as error:
        print(error.sqlstate, conn.info.transaction_status.name)
    print(conn.execute(f"select count(*) from {TABLE}").fetchone())


def nested(conn):
    with conn.pipeline() as outer:
        one = conn.execute("select 1")
        with conn.pipeline():
            two = conn.execute("select %s::text", ("two",))
        three = conn.execute("select 3")
        outer.sync()
        print(one.fetchone(), two.fetchone(), three.fetchone())


def many(conn):
    with conn.pipeline():
        cur = conn.cursor()
        cur.executemany(f"insert into {TABLE} values (%s, %s)", [(k, "x" * (k % 50)) for k in range(1000, 3000)])
    print(conn.execute(f"select count(*), sum(length(name)) from {TABLE} where id >= 1000").fetchone())


def wide(conn):
    """Answers larger than any buffer on the way, while more is sent."""
    with conn.pipeline():
        cursors = [conn.execute("select repeat(%s, 200000), %s::text", ("ab", "c" * 100000)) for _ in range(12)]
        print([tuple(map(len, cur.fetchone())) for cur in cursors])


def main():
    for threshold in (5, 0, None):
        print("threshold", threshold)
        with psycopg.connect("", autocommit=True, prepare_threshold=threshold) as conn:
            conn.execute(f"drop table if exists {TABLE}")
            conn.execute(f"create table {TABLE} (id int primary key, name text)")
            for part in (batch, transaction, error_in_the_middle, error_unseen, transaction_undone, nested, many):
                print(part.__name__)
                part(conn)
            wide(conn)
            conn.execute(f"drop table {TABLE}")


main()
