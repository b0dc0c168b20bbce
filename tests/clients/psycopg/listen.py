"""psycopg 3: fifty connections that listen and are asked for their notifies(), one that sends."""

import psycopg

listeners = [psycopg.connect("", autocommit=True) for _ in range(50)]
for conn in listeners:
    print(conn.execute("listen news").statusmessage)
    with conn.transaction():
        conn.execute('listen "Odd"')
sender = psycopg.connect("")
for turn in range(10):
    sender.execute("select pg_notify('news', %s)", (str(turn),))
    sender.commit()
    sender.execute("notify news, 'never'")
    sender.rollback()
sender.execute("notify \"Odd\", 'end'")
sender.commit()
for number, conn in enumerate(listeners):
    heard = []
    for notify in conn.notifies(timeout=60, stop_after=11):
        heard.append((notify.channel, notify.payload, notify.pid > 0))
    print(number, heard, conn.execute("select 1").fetchone())
    print(conn.execute("unlisten *").statusmessage)
    conn.close()
