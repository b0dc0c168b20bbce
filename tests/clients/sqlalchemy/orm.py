"""SQLAlchemy over the driver that the first argument names: sessions, savepoints, streams, reflection, its pool."""

import os
import sys
import threading

import sqlalchemy as sa
from sqlalchemy import orm

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


class Author(Base):
    __tablename__ = "author" + COPY
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(unique=True)
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book" + COPY
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey(Author.id))
    title: orm.Mapped[str]
    notes: orm.Mapped[dict] = orm.mapped_column(sa.JSON, default=dict)
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


def code(error):
    """The SQLSTATE, wherever the driver keeps it."""
    cause = error.orig
    if isinstance(cause.args[0] if cause.args else None, dict):
        return cause.args[0]["C"]
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def sessions(engine):
    with orm.Session(engine) as session:
        session.add_all(
            Author(name=f"author {k}", books=[Book(title=f"book {k}.{j}", notes={"k": k, "j": j}) for j in range(k % 4)])
            for k in range(40)
        )
        session.commit()
        query = sa.select(Author).options(orm.selectinload(Author.books)).where(Author.id <= 8).order_by(Author.id)
        for author in session.scalars(query):
            print(author.name, [(book.title, book.notes) for book in author.books])
        author = session.get(Author, 4)
        author.name = "renamed"
        del author.books[0]
        session.flush()
        print(session.scalar(sa.select(sa.func.count()).select_from(Book)))
        session.rollback()
        print(author.name, len(author.books))
        session.execute(sa.update(Author).where(Author.id < 3).values(name=Author.name + "!"))
        session.commit()
        print(session.scalars(sa.select(Author.name).where(Author.id < 4).order_by(Author.id)).all())


def savepoints(engine):
    with orm.Session(engine) as session:
        kept = 0
        for k in range(6):
            try:
                with session.begin_nested():
                    session.add(Author(name="same" if k % 2 else f"new {k}"))
            except sa.exc.IntegrityError as error:
                print(code(error))
            else:
                kept += 1
        session.commit()
        print(kept)
    with engine.connect() as conn:
        for wrong in ("select 1/0", "select * from no_such_table", "selekt"):
            try:
                conn.execute(sa.text(wrong))
            except sa.exc.DBAPIError as error:
                print(type(error).__name__, code(error), error.connection_invalidated)
            conn.rollback()


def streams(engine):
    with engine.connect() as conn:
        numbers = sa.select(sa.func.generate_series(1, 5000))
        total = 0
        for part in conn.execution_options(stream_results=True, max_row_buffer=200).execute(numbers).partitions(300):
            total += sum(row[0] for row in part)
        print(total)
        conn.commit()
    with orm.Session(engine) as session:
        print(sum(1 for _ in session.scalars(sa.select(Author).execution_options(yield_per=7))))
    for level in ("REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT", "READ COMMITTED"):
        with engine.connect().execution_options(isolation_level=level) as conn:
            print(level, conn.scalar(sa.text("show transaction_isolation")))


def catalogue(engine):
    inspector = sa.inspect(engine)
    print([(column["name"], str(column["type"])) for column in inspector.get_columns(Book.__tablename__)])
    print([key["referred_columns"] for key in inspector.get_foreign_keys(Book.__tablename__)])
    print(inspector.has_table("no_such_table"), inspector.default_schema_name)


def together(engine):
    right = []

    def work(number):
        for k in range(40):
            with orm.Session(engine) as session:
                right.append(session.scalar(sa.select(sa.cast(k, sa.Integer) + number)) == k + number)
                session.scalars(sa.select(Author).where(Author.id == k % 9 + 1)).one()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(right), all(right))


def main():
    engine = sa.create_engine(URL, pool_size=4, max_overflow=2, pool_pre_ping=True, pool_timeout=250)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    for part in (sessions, savepoints, streams, catalogue, together):
        print(part.__name__)
        part(engine)
    Base.metadata.drop_all(engine)
    engine.dispose()


main()
