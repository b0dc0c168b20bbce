"""asyncpg: listeners, what its pool does at release, settings given at the start and later, advisory locks."""

import asyncio
import os

import asyncpg

COPY = os.environ.get("COPY", "")
CHANNEL = "wire" + COPY
KEY = 8000 + int(COPY or 0)


async def listeners():
    conn, teller = await asyncpg.connect(), await asyncpg.connect()
    heard = asyncio.Queue()
    listener = lambda _, pid, channel, payload: heard.put_nowait((channel.removeprefix(CHANNEL), payload))  # noqa: E731
    await conn.add_listener(CHANNEL, listener)
    await conn.add_listener(CHANNEL + "_b", listener)
    for k in range(3):
        await teller.execute(f"notify {CHANNEL}, 'number {k}'")
    await teller.fetchval("select pg_notify($1, $2)", CHANNEL + "_b", "other")
    print([await asyncio.wait_for(heard.get(), 60) for _ in range(4)])
    await conn.remove_listener(CHANNEL, listener)
    await teller.execute(f"notify {CHANNEL}, 'to nobody'")
    await teller.execute(f"notify {CHANNEL}_b, 'still'")
    print(await asyncio.wait_for(heard.get(), 60), await conn.fetchval("select 1"))
    await conn.close()
    await teller.close()


async def release():
    """RESET ALL, UNLISTEN *, CLOSE ALL and pg_advisory_unlock_all() come in one string."""
    async with asyncpg.create_pool(min_size=1, max_size=3, server_settings={"work_mem": "6MB", "my.app": "it's"}) as pool:
        for turn in range(4):
            async with pool.acquire() as conn:
                before = await conn.fetchrow("select current_setting('work_mem'), current_setting('my.app'), current_setting('statement_timeout')")
                await conn.execute("set work_mem = '7MB'; set statement_timeout = '48s'")
                locked = await conn.fetchval("select pg_try_advisory_lock($1)", KEY)
                await conn.add_listener(CHANNEL, lambda *_: None)
                await conn.reset()
                print(turn, tuple(before), locked, await conn.fetchval("select current_setting('work_mem')"))
                await conn.execute("set statement_timeout = '49s'")
                print(await conn.fetchval("show statement_timeout"), await conn.fetchval("select $1::int", turn))

        async def work(number):
            async with pool.acquire() as conn:
                await conn.execute(f"set lock_timeout = '{number + 1}s'")
                async with conn.transaction():
                    a = await conn.fetchval("show lock_timeout")
                return a == f"{number + 1}s" and await conn.fetchval("show lock_timeout") == a

        print(all(await asyncio.gather(*(work(number) for number in range(40)))))
    conn = await asyncpg.connect()
    print(await conn.fetchval("show lock_timeout"), await conn.fetchval("select pg_try_advisory_lock($1)", KEY))
    await conn.close()


async def main():
    for part in (listeners, release):
        print(part.__name__)
        await part()


asyncio.run(main())
