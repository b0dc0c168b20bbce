"""asyncpg: statements with and without its cache (the first argument: cache or none), cursors, COPY, timeouts, pool."""

import asyncio
import datetime
import decimal
import io
import os
import sys

import asyncpg

TABLE = "events" + os.environ.get("COPY", "")


async def results(conn):
    for k in range(12):
        print(await conn.fetchval("select $1::int * 2", k))
    row = await conn.fetchrow(
        "select $1::text t, $2::bytea b, $3::numeric n, $4::timestamptz at, $5::int[] l, $6::float8 f, $7::jsonb j",
        "täxt", b"\x00\xff", decimal.Decimal("1.50"), datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
        [1, None, 3], 0.1, '{"a": 1}')
    print(list(row.items()))
    statement = await conn.prepare("select g, g * $1::int as by from generate_series(1, 3) g")
    for k in (2, 3):
        print(await statement.fetch(k), [a.name for a in statement.get_attributes()])
    print(await conn.execute("select 1; select 2"), conn.get_server_version().major)
    total = 0
    for k in range(150):  # more than its cache of 100
        total += await conn.fetchval(f"select {k} + $1::int", 1)
    for k in range(150):
        total += await conn.fetchval(f"select {k} + $1::int", 1)
    print(total)


async def types_of_its_own(conn):
    """What it does not know it asks the catalogue for, in prepared statements of its own."""
    name = "mood" + os.environ.get("COPY", "")
    await conn.execute(f"drop type if exists {name}; create type {name} as enum ('sad', 'happy')")
    print(await conn.fetch(f"select $1::{name} as a, array['sad', 'happy']::{name}[] as b", "happy"))
    await conn.execute(f"drop type {name}")


async def errors(conn):
    for sql, args in (("select 1 / $1::int", (0,)), ("select * from no_such_table", ()), ("selekt", ()),
                      (f"insert into {TABLE} values ($1, $2)", (1, "twice"))):
        try:
            await conn.fetch(sql, *args)
        except asyncpg.PostgresError as error:
            print(type(error).__name__, error.sqlstate, conn.is_in_transaction())
    try:
        await conn.fetch("select $1::int", "no number")
    except asyncpg.DataError as error:
        print(type(error).__name__)
    print(await conn.fetchval("select 'fine'"))


async def transactions(conn):
    async with conn.transaction():
        await conn.execute(f"update {TABLE} set name = 'first' where id = $1", 1)
        try:
            async with conn.transaction():
                await conn.execute(f"delete from {TABLE}")
                await conn.execute("select 1 / 0")
        except asyncpg.DivisionByZeroError:
            print("inner rolled back", conn.is_in_transaction())
    print(await conn.fetch(f"select count(*), min(name) from {TABLE}"))
    async with conn.transaction(isolation="serializable", readonly=True):
        try:
            await conn.execute(f"delete from {TABLE}")
        except asyncpg.PostgresError as error:
            print(error.sqlstate)
    async with conn.transaction():
        total = 0
        async for record in conn.cursor(f"select id from {TABLE} order by id", prefetch=37):
            total += record["id"]
        cursor = await conn.cursor("select generate_series(1, $1::int)", 100)
        print(total, await cursor.fetch(3), await cursor.forward(10), await cursor.fetchrow())


async def many(conn):
    await conn.executemany(f"insert into {TABLE} values ($1, $2)", [(k, f"event {k}") for k in range(1, 2001)])
    try:
        await conn.executemany(f"insert into {TABLE} values ($1, $2)", [(3000, "new"), (1, "twice"), (3001, "new")])
    except asyncpg.UniqueViolationError as error:
        print(error.sqlstate)
    print(await conn.fetchrow(f"select count(*), sum(length(name)) from {TABLE}"))


async def copies(conn):
    print(await conn.copy_records_to_table(TABLE, records=[(k, f"record {k}") for k in range(4000, 4500)]))
    out = io.BytesIO()
    print(await conn.copy_from_query(f"select * from {TABLE} where id > $1 order by id", 4490, output=out, format="csv"))
    print(out.getvalue().decode())
    try:
        print(await conn.copy_to_table(TABLE, source=io.BytesIO(b"x,y\n"), format="csv"))
    except asyncpg.PostgresError as error:
        print(error.sqlstate)
    print(await conn.copy_to_table(TABLE, source=io.BytesIO(b"5000,y\n5001,z\n"), format="csv"))


async def timeouts(conn):
    for _ in range(3):
        try:
            await conn.fetchval("select pg_sleep(60)", timeout=0.2)
        except TimeoutError:
            print("timed out", conn.is_closed())
        print(await conn.fetchval("select $1::int", 5))
    task = asyncio.create_task(conn.fetchval("select pg_sleep(60)"))
    await asyncio.sleep(0.2)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
    print(await conn.fetchval("select $1::int", 6))


async def pooled(options):
    async with asyncpg.create_pool(min_size=4, max_size=4, **options) as pool:
        async def work(number):
            async with pool.acquire() as conn:
                async with conn.transaction():
                    a = await conn.fetchval("select $1::int + 1", number)
                return a, await conn.fetchval("select $1::text || '!'", f"n{number}")

        got = await asyncio.gather(*(work(k) for k in range(200)))
        print(got == [(k + 1, f"n{k}!") for k in range(200)])


async def notices(conn):
    heard = []
    conn.add_log_listener(lambda _, message: heard.append((message.severity, message.message)))
    await conn.execute("do $$ begin raise notice 'said'; raise warning 'shouted'; end $$")
    await asyncio.sleep(0)
    print(heard)


async def main():
    options = {"statement_cache_size": 0} if sys.argv[1] == "none" else {}
    conn = await asyncpg.connect(**options)
    await conn.execute(f"drop table if exists {TABLE}")
    await conn.execute(f"create table {TABLE} (id int primary key, name text)")
    for part in (results, types_of_its_own, many, errors, transactions, copies, timeouts, notices):
        print(part.__name__)
        await part(conn)
    await pooled(options)
    await conn.execute(f"drop table {TABLE}")
    await conn.close()


asyncio.run(main())
