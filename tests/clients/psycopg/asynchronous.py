"""psycopg 3 with asyncio: several connections at once in one program, and a query cancelled."""

import asyncio
import os

import psycopg

TABLE = "shared" + os.environ.get("COPY", "")


async def count(number):
    async with await psycopg.AsyncConnection.connect("", autocommit=True, prepare_threshold=0) as conn:
        right = 0
        for k in range(100):
            cur = await conn.execute(f"select %s::int + {number % 3}", (k,))
            right += (await cur.fetchone())[0] == k + number % 3
            if k % 10 == 0:
                async with conn.transaction():
                    await conn.execute(f"update {TABLE} set sum = sum + %s where id = %s", (k, number))
        return right


async def cancelled():
    async with await psycopg.AsyncConnection.connect("", autocommit=True) as conn:
        try:
            await asyncio.wait_for(conn.execute("select pg_sleep(%s)", (60,)), 0.2)
            print("not cancelled")
        except TimeoutError:
            print("cancelled", conn.info.transaction_status.name, conn.closed)
        cur = await conn.execute("select 'after'")
        print(await cur.fetchone())
        task = asyncio.create_task(conn.execute("select pg_sleep(60)"))
        while not task.done():
            # one that overtakes the query hits nothing, as with any server
            await conn.cancel_safe()
            await asyncio.wait([task], timeout=0.1)
        try:
            await task
        except psycopg.errors.QueryCanceled as error:
            print(error.sqlstate, error.diag.message_primary)
        print(await (await conn.execute("select 'again', %s::int", (1,))).fetchone())


async def main():
    async with await psycopg.AsyncConnection.connect("", autocommit=True) as conn:
        await conn.execute(f"drop table if exists {TABLE}")
        await conn.execute(f"create table {TABLE} (id int primary key, sum int)")
        await conn.execute(f"insert into {TABLE} select g, 0 from generate_series(0, 5) g")
        print(await asyncio.gather(*(count(number) for number in range(6))))
        print(await (await conn.execute(f"select id, sum from {TABLE} order by id")).fetchall())
        await cancelled()
        async with conn.pipeline():
            cursors = [await conn.execute("select %s::int", (k,)) for k in range(20)]
            print([(await cur.fetchone())[0] for cur in cursors])
        await conn.execute(f"drop table {TABLE}")


asyncio.run(main())
