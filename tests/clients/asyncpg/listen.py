"""asyncpg: fifty connections with listeners, one that sends, in and outside of transactions."""

import asyncio

import asyncpg

ODD = 'an "odd" Name'


async def main():
    listeners = [await asyncpg.connect() for _ in range(50)]
    heard = [[] for _ in listeners]
    over = [asyncio.Event() for _ in listeners]
    calls = []
    for number, conn in enumerate(listeners):
        def call(_, pid, channel, payload, number=number):
            heard[number].append((channel, payload, pid > 0))
            if payload == "end":
                over[number].set()

        calls.append(call)
        await conn.add_listener("news", call)
        await conn.add_listener(ODD, call)
    sender = await asyncpg.connect()
    for turn in range(10):
        await sender.execute("select pg_notify('news', $1)", str(turn))
        async with sender.transaction():
            await sender.execute("notify news, 'in a transaction'")
            await sender.execute("notify unheard, 'of'")
    try:
        async with sender.transaction():
            await sender.execute("notify news, 'never'")
            raise KeyError
    except KeyError:
        pass
    await sender.execute("select pg_notify($1, 'end')", ODD)
    await asyncio.wait_for(asyncio.gather(*(one.wait() for one in over)), 60)
    for number, conn in enumerate(listeners):
        print(number, heard[number], await conn.fetchval("select 1"))
        await conn.remove_listener("news", calls[number])
        heard[number].clear()
        over[number].clear()
    await sender.execute("notify news, 'nobody listens'")
    await sender.execute("select pg_notify($1, 'end')", ODD)
    await asyncio.wait_for(asyncio.gather(*(one.wait() for one in over)), 60)
    print(heard)


asyncio.run(main())
