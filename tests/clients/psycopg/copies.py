"""psycopg 3: COPY in both directions, errors inside it, and named cursors."""

import os

import psycopg

TABLE = "copied" + os.environ.get("COPY", "")


def copy_in(conn):
    with conn.cursor() as cur:
        with cur.copy(f"copy {TABLE} from stdin") as copy:
            for k in range(5000):
                copy.write_row((k, f"row {k}\twith a tab", None if k % 7 else k))
        print("rows", cur.rowcount, cur.statusmessage)
        with cur.copy(f"copy {TABLE} (id, name) from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            for k in range(5000, 5200):
                copy.write_row((k, f"binary {k}"))
        print("rows", cur.rowcount)
        with cur.copy(f"copy {TABLE} from stdin (format csv)") as copy:
            copy.write("6000,one,1\n6001,\"two, with")
            copy.write(" a comma\",\n")
        print("rows", cur.rowcount, conn.info.transaction_status.name)


def copy_out(conn):
    with conn.cursor() as cur:
        with cur.copy(f"copy (select * from {TABLE} order by id) to stdout") as copy:
            data = b"".join(bytes(block) for block in copy)
        print(len(data), hash_of(data), cur.statusmessage)
        with cur.copy(f"copy (select * from {TABLE} where id >= %s order by id) to stdout (format csv)", (5195,)) as copy:
            print(b"".join(bytes(block) for block in copy).decode())
        with cur.copy(f"copy (select id, name from {TABLE} where id < 3 order by id) to stdout (format binary)") as copy:
            copy.set_types(["int4", "text"])
            print(list(copy.rows()))


def hash_of(data):
    value = 0
    for byte in data:
        value = (value * 31 + byte) % 1_000_000_007
    return value


def errors(conn):
    cur = conn.cursor()
    for data in ("1\ttwice\t\\N\n", "no number\tx\t\\N\n", "too few\n"):
        try:
            with cur.copy(f"copy {TABLE} from stdin") as copy:
                copy.write(data)
        except psycopg.Error as error:
            print(error.sqlstate, conn.info.transaction_status.name)
    try:
        with cur.copy(f"copy {TABLE} from stdin") as copy:
            copy.write("9000\tgiven up\t\\N\n")
            raise ValueError("changed my mind")
    except ValueError as error:
        print("given up:", error, conn.info.transaction_status.name)
    try:
        with cur.copy(f"copy {TABLE} from stdin") as copy:
            for k in range(20000):
                copy.write(f"{k}\tan error early, much data late\tx\n")
    except psycopg.Error as error:
        print(error.sqlstate)
    try:
        with cur.copy("copy (select 1 / (500 - g) from generate_series(1, 600) g) to stdout") as copy:
            blocks = sum(1 for _ in copy)
            print(blocks)
    except psycopg.Error as error:
        print(error.sqlstate)
    print(cur.execute(f"select count(*) from {TABLE}").fetchone())


def named_cursors(conn):
    with conn.transaction():
        with conn.cursor("walker") as cur:
            cur.itersize = 700
            cur.execute(f"select id from {TABLE} where id < %s order by id", (5000,))
            total = sum(row[0] for row in cur)
            print("walker", total)
        with conn.cursor("scroller", scrollable=True) as cur:
            cur.execute(f"select id, name from {TABLE} where id < 100 order by id")
            print(cur.fetchone(), cur.fetchmany(2))
            cur.scroll(10)
            print(cur.fetchone())
            cur.scroll(0, mode="absolute")
            print(cur.fetchone(), cur.description[1].name)
        first, second = conn.cursor("first"), conn.cursor("second")
        first.execute("select generate_series(1, 10)")
        second.execute("select generate_series(101, 110)")
        for _ in range(3):
            print(first.fetchmany(2), second.fetchmany(2))
        conn.cursor().execute(f"update {TABLE} set name = 'seen' where id = 5")
        print(first.fetchall())
    try:
        with conn.transaction():
            with conn.cursor("broken") as cur:
                cur.execute("select 10 / (5 - g) from generate_series(1, 9) g")
                print(cur.fetchmany(3))
                print(cur.fetchall())
    except psycopg.Error as error:
        print(error.sqlstate, conn.info.transaction_status.name)


def streamed(conn):
    cur = conn.cursor()
    print(sum(row[0] for row in cur.stream("select g from generate_series(1, %s) g", (3000,))))
    for row in cur.stream("select g from generate_series(1, %s) g", (3000,), size=100):
        print(row)
        break


def main():
    with psycopg.connect("", autocommit=True, prepare_threshold=0) as conn:
        conn.execute(f"drop table if exists {TABLE}")
        conn.execute(f"create table {TABLE} (id int primary key, name text, extra int)")
        for part in (copy_in, copy_out, errors, named_cursors, streamed):
            print(part.__name__)
            part(conn)
        conn.execute(f"drop table {TABLE}")


main()
