"""SQLAlchemy with asyncio, over the driver that the first argument names: sessions, savepoints, streams, its pool."""

import asyncio
import os
import sys

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext import asyncio as sa_asyncio

COPY = os.environ.get("COPY", "")
URL = sa.URL.create(
    "postgresql+" + sys.argv[1],
    os.environ["PGUSER"],
    os.environ["PGPASSWORD"],
    os.environ["PGHOST"],
    int(os.environ["PGPORT"]),
    os.environ["PGDATABASE"],
)


class Base(orm.DeclarativeBase):
    pass


class Track(Base):
    __tablename__ = "track" + COPY
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    title: orm.Mapped[str] = orm.mapped_column(unique=True)
    seconds: orm.Mapped[int | None]


async def sessions(engine):
    async with sa_asyncio.AsyncSession(engine) as session:
        session.add_all(Track(title=f"track {k}", seconds=k if k % 3 else None) for k in range(60))
        await session.commit()
        tracks = await session.scalars(sa.select(Track).where(Track.id < 6).order_by(Track.id))
        print([(track.id, track.title, track.seconds) for track in tracks])
        for k in range(4):
            try:
                async with session.begin_nested():
                    session.add(Track(title="same" if k % 2 else f"new {k}"))
            except sa.exc.IntegrityError as error:
                print(error.orig.sqlstate)
        await session.commit()
        print(await session.scalar(sa.select(sa.func.count()).select_from(Track)))
        try:
            await session.execute(sa.select(1 / sa.bindparam("by", 0, sa.Integer)))
        except sa.exc.DBAPIError as error:
            print(error.orig.sqlstate, error.connection_invalidated)
        await session.rollback()


async def streams(engine):
    async with engine.connect() as conn:
        result = await conn.stream(sa.select(sa.func.generate_series(1, 3000)))
        total = 0
        async for part in result.partitions(250):
            total += sum(row[0] for row in part)
        print(total)
    for level in ("SERIALIZABLE", "AUTOCOMMIT"):
        async with engine.connect() as conn:
            conn = await conn.execution_options(isolation_level=level)
            print(level, await conn.scalar(sa.text("show transaction_isolation")))


async def altered(engine):
    """A table changes beneath statements that are kept."""
    async with engine.connect() as conn:
        await conn.execute(sa.select(Track).limit(1))
        await conn.rollback()
        inspected = await conn.run_sync(lambda sync: sa.inspect(sync).get_columns(Track.__tablename__))
        print([column["name"] for column in inspected])
        await conn.rollback()


async def together(engine):
    async def work(number):
        async with sa_asyncio.AsyncSession(engine) as session, session.begin():
            return await session.scalar(sa.select(sa.cast(number, sa.Integer) + 1)) == number + 1

    right = await asyncio.gather(*(work(number) for number in range(120)))
    print(len(right), all(right))


async def main():
    engine = sa_asyncio.create_async_engine(URL, pool_size=4, pool_pre_ping=True, pool_timeout=250)
    async with engine.begin() as conn:
        await conn.run_sync(Base.metadata.drop_all)
        await conn.run_sync(Base.metadata.create_all)
    for part in (sessions, streams, altered, together):
        print(part.__name__)
        await part(engine)
    async with engine.begin() as conn:
        await conn.run_sync(Base.metadata.drop_all)
    await engine.dispose()


asyncio.run(main())
