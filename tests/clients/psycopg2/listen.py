"""psycopg2: connections that listen and look for notifies when their socket can be read."""

import select

import psycopg2

listeners = [psycopg2.connect("") for _ in range(20)]
for conn in listeners:
    conn.autocommit = True
    conn.cursor().execute("listen news")
sender = psycopg2.connect("")
for turn in range(10):
    sender.cursor().execute("select pg_notify('news', %s)", (str(turn),))
    sender.commit()
for number, conn in enumerate(listeners):
    heard = []
    while len(heard) < 10 and select.select([conn], [], [], 60)[0]:
        conn.poll()
        heard += [(notify.channel, notify.payload) for notify in conn.notifies]
        conn.notifies.clear()
    print(number, heard)
