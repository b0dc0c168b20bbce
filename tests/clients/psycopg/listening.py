"""psycopg 3, then psycopg2: LISTEN and NOTIFY, also by several listeners, in transactions, and after UNLISTEN."""

import os
import select

import psycopg
import psycopg2

CHANNEL = "news" + os.environ.get("COPY", "")


def heard(conn, count):
    """So many notifications, as they come."""
    return [(note.channel.removeprefix(CHANNEL), note.payload) for note in conn.notifies(timeout=60, stop_after=count)][:count]


def first():
    with psycopg.connect("", autocommit=True) as listener, psycopg.connect("", autocommit=True) as teller:
        listener.execute(f"listen {CHANNEL}")
        listener.execute(f'listen "{CHANNEL} too"')
        for k in range(3):
            teller.execute(f"notify {CHANNEL}, 'number {k}'")
        teller.execute("select pg_notify(%s, %s)", (f"{CHANNEL} too", "by function"))
        print(heard(listener, 4))
        with teller.transaction():
            for k in range(3):
                teller.execute(f"notify {CHANNEL}, 'same'")
            teller.execute(f"notify {CHANNEL}, 'in a transaction'")
        try:
            with teller.transaction():
                teller.execute(f"notify {CHANNEL}, 'never'")
                raise ValueError
        except ValueError:
            pass
        listener.execute(f"notify {CHANNEL}, 'my own'")
        print(heard(listener, 3))
        with listener.transaction():
            listener.execute(f"unlisten {CHANNEL}")
            listener.execute(f"listen {CHANNEL}_late")
        try:
            with listener.transaction():
                listener.execute(f'unlisten "{CHANNEL} too"')
                raise ValueError
        except ValueError:
            pass
        teller.execute(f"notify {CHANNEL}, 'to nobody'")
        teller.execute(f"notify {CHANNEL}_late, 'late'")
        teller.execute(f"notify \"{CHANNEL} too\", 'still'")
        print(heard(listener, 2))
        listener.execute("unlisten *")
        teller.execute(f"notify {CHANNEL}_late, 'to nobody'")
        print(listener.execute("select 'after'").fetchone())
        listener.execute(f"listen {CHANNEL}")
        teller.execute(f"notify {CHANNEL}")
        print(heard(listener, 1))


def several():
    listeners = [psycopg.connect("", autocommit=True) for _ in range(6)]
    for listener in listeners:
        listener.execute(f"listen {CHANNEL}")
    with psycopg.connect("", autocommit=True) as teller:
        for k in range(20):
            teller.execute("select pg_notify(%s, %s)", (CHANNEL, str(k)))
    for listener in listeners:
        print([payload for _, payload in heard(listener, 20)])
        listener.close()


def second():
    conn, teller = psycopg2.connect(""), psycopg2.connect("")
    conn.autocommit = teller.autocommit = True
    conn.cursor().execute(f"listen {CHANNEL}")
    for k in range(3):
        teller.cursor().execute(f"notify {CHANNEL}, 'number {k}'")
    while len(conn.notifies) < 3:
        select.select([conn], [], [], 60)
        conn.poll()
    print([note.payload for note in conn.notifies])
    conn.close()
    teller.close()


first()
several()
second()
