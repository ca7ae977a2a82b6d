"""The move of an SQLite store into a PostgreSQL that is empty.

Invariant: from the first row on nothing writes to the SQLite store (``connector.store.moved``), and nothing
runs on the copy until each of its rows was found equal to the original's. Killed at any line, the next run
goes on with the batch it had come to. One batch at a time is in memory.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa

from connector.errors import Halt
from connector.store import locks, moved, schema
from connector.store.columns import metadata
from connector.store.engine import Store
from connector.store.moved import Mark
from connector.store.tables import journal_head

BATCH = 2_000
_PROGRESS = sa.Table(
    "copying",
    sa.MetaData(),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("after", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
)
Row = tuple[Any, ...]


class Copy:
    """One move, begun or gone on with. ``original`` is the SQLite store as its driver opens it."""

    def __init__(self, source: Store, target: Store) -> None:
        """Mark both ends. Raises ``Halt`` unless ``source`` is a current SQLite store and ``target`` a
        PostgreSQL that is empty, or has the beginning of this very copy."""
        if not source.is_sqlite or not source.url.database or target.is_sqlite:
            raise Halt(
                "only an SQLite store moves, and only to PostgreSQL",
                where=f"{source.name} to {target.name}",
                todo="pass --to postgresql+psycopg://user@host/database",
            )
        self.target = target
        self.original = opened(source)
        try:
            self._begin(source)
        except BaseException:
            self.close()
            raise

    def _begin(self, source: Store) -> None:
        mark = moved.read(self.original)
        if mark is not None and mark.target != self.target.name:
            what = f"this store {'has moved' if mark.done else 'is being moved'} to {mark.target}"
            raise Halt(what, where=source.name, todo="name that one, or pass --abandon before it is there")
        if mark is None:
            _require_current(self.original, source)
        begun = self._arriving()
        if begun is None and mark is not None and mark.done:
            raise Halt(
                "this store has moved already",
                where=source.name,
                todo=f"name {mark.target} in database_url (and database_schema)",
            )
        if begun is not None and (mark is None or begun != mark.source):
            raise Halt(
                "the target has the beginning of another copy",
                where=self.target.name,
                todo="drop that schema or database, or name another one",
            )
        if begun is None:
            self._prepare()
        with self.target.read() as tx:
            self._tables = _tables(tx)
            if begun is None:
                self._require_empty(tx)
        if mark is None:
            mark = Mark(uuid.uuid4().hex, self.target.name, done=False)
            moved.write(self.original, mark)
        self.mark = mark
        if begun is None:
            self._receive()

    def _arriving(self) -> str | None:
        """Which source the target has the beginning of a copy of."""
        with self.target.read() as tx:
            if not sa.inspect(tx).has_table(_PROGRESS.name):
                return None
            source: str = tx.execute(sa.select(_PROGRESS.c.source).limit(1)).scalar_one()
            return source

    def _prepare(self) -> None:
        found = schema.current(self.target)
        if found not in (None, schema.head()):
            what = f"the target has a store with the schema {found}"
            raise Halt(what, where=self.target.name, todo="name an empty database or schema")
        schema.upgrade(self.target)

    def _require_empty(self, tx: sa.Connection) -> None:
        for table in self._tables:
            query = sa.select(sa.literal(1)).select_from(table).limit(1)
            if table.name == journal_head.name:  # has its one row from the start
                query = query.where(table.c.number > 0)
            if tx.execute(query).first():
                raise Halt(
                    f"the target is not empty: {table.name} has rows",
                    where=self.target.name,
                    todo="name an empty database or schema",
                )

    def _receive(self) -> None:
        """From here on the target is a copy that is not whole."""
        with self.target.write() as tx:
            locks.take(tx, "upgrade")
            self._require_empty(tx)
            tx.execute(sa.delete(journal_head))
            _PROGRESS.create(tx)
            start = {"source": self.mark.source, "after": -(2**63), "rows": 0}
            tx.execute(_PROGRESS.insert(), [{"name": t.name, **start} for t in self._tables])
            schema.stamp(tx, schema.COPYING)

    def rows(self) -> Iterator[tuple[str, int]]:
        """Copy what is left, a batch a transaction; each time the table, and its rows so far."""
        if self.mark.done:
            return
        with self.target.read() as tx:
            reached = {row.name: row for row in tx.execute(sa.select(_PROGRESS))}
        for table in self._tables:
            after, count = reached[table.name].after, reached[table.name].rows
            names = _quoted(table.c)
            # Names of our own tables and columns, which no parameter can be.
            query = f'SELECT rowid, {names} FROM "{table.name}" WHERE rowid > ? ORDER BY rowid LIMIT {BATCH}'  # noqa: S608
            while batch := self.original.execute(query, (after,)).fetchall():
                after, count = batch[-1][0], count + len(batch)
                self._put(table, names, batch, {"after": after, "rows": count})
                yield table.name, count

    def _put(self, table: sa.Table, names: str, batch: Sequence[Row], progress: dict[str, int]) -> None:
        _require_storable(table, batch)
        with self.target.write() as tx:
            cursor: Any = tx.connection.cursor()
            with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
                for row in batch:
                    copy.write_row(row[1:])
            tx.execute(sa.update(_PROGRESS).where(_PROGRESS.c.name == table.name).values(**progress))

    def compare(self) -> Iterator[tuple[str, int]]:
        """Compare every row of both, table by table: name and number of rows. Raises ``Halt`` at the first
        that differs, or stands on one side only."""
        for table in self._tables:
            count = 0
            for ours, theirs in zip_longest(self._original_rows(table), self._target_rows(table)):
                if ours != theirs:
                    raise _unequal(table, ours, theirs)
                count += 1
            yield table.name, count

    def _original_rows(self, table: sa.Table) -> Iterator[Row]:
        names = _quoted(table.c)
        keys = _quoted(table.primary_key)
        yield from self.original.execute(f'SELECT {names} FROM "{table.name}" ORDER BY {keys}')  # noqa: S608

    def _target_rows(self, table: sa.Table) -> Iterator[Row]:
        """In the order of SQLite, which is that of bytes, and as SQLite has them."""
        names = _quoted(table.c)
        keys = ", ".join(
            f'"{column.name}"' + (' COLLATE "C"' if isinstance(column.type, sa.Text) else "")
            for column in table.primary_key
        )
        meanings = [(at, _meaning(column)) for at, column in enumerate(table.c)]
        known = [(at, meaning) for at, meaning in meanings if meaning is not None]
        with self.target.read() as tx:
            streamed = tx.execution_options(yield_per=BATCH)
            query = f'SELECT {names} FROM "{table.name}" ORDER BY {keys}'  # noqa: S608
            with streamed.exec_driver_sql(query) as rows:
                for row in rows:
                    values = list(row)
                    for at, meaning in known:
                        values[at] = None if values[at] is None else meaning(values[at])
                    yield tuple(values)

    def finish(self, last_words: Callable[[sa.Connection], None]) -> None:
        """Make the copy the store: first nobody may go on with the original, then everybody with the copy.
        ``last_words`` may write to it in the same transaction."""
        if not self.mark.done:
            self.mark = Mark(self.mark.source, self.mark.target, done=True)
            moved.write(self.original, self.mark)
        with self.target.write() as tx:
            for table in self._tables:
                _continue_numbers(tx, table)
                tx.exec_driver_sql(f'ANALYZE "{table.name}"')
            last_words(tx)
            _PROGRESS.drop(tx)
            schema.stamp(tx, schema.head())

    def close(self) -> None:
        """Close the original."""
        self.original.close()


def abandon(source: Store) -> str:
    """Take the mark off a store whose move has not ended; where it was moving to. ``Halt`` if it has, or
    none began."""
    raw = opened(source)
    try:
        mark = moved.read(raw)
        if mark is None or mark.done:
            what = "this store has moved" if mark else "this store is not being moved"
            todo = f"the store is {mark.target} now" if mark else "there is nothing to abandon"
            raise Halt(what, where=source.name, todo=todo)
        moved.write(raw, None)
    finally:
        raw.close()
    return mark.target


def opened(store: Store) -> sqlite3.Connection:
    """An SQLite store as its driver sees it, marked or not."""
    if not store.is_sqlite or not store.url.database:
        raise Halt("this is not an SQLite store", where=store.name, todo="only such a store moves")
    return sqlite3.connect(store.url.database, isolation_level=None, timeout=60)


def _tables(tx: sa.Connection) -> list[sa.Table]:
    """Every table as it is there, columns that no version uses any more included; those that others refer
    to come first."""
    found = sa.MetaData()
    found.reflect(tx, only=list(metadata.tables))
    return found.sorted_tables


def _require_current(raw: sqlite3.Connection, source: Store) -> None:
    tables = raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    found = raw.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
    if found is None or found[0] != schema.head():
        raise Halt(
            "the store is empty"
            if found is None
            else f"the store's schema is {found[0]}, not {schema.head()}",
            where=source.name,
            todo="run 'creditgate db upgrade' first",
        )


def _require_storable(table: sa.Table, batch: Sequence[Row]) -> None:
    """SQLite stores what PostgreSQL refuses: say which row it is, and never what it holds."""
    for at, column in enumerate(table.c, start=1):
        for row in batch:
            value = row[at]
            trouble = ""
            if isinstance(value, str):
                trouble = "has a NUL character" if "\0" in value else ""
            elif _is_short(column) and isinstance(value, int) and not -(2**31) <= value < 2**31:
                trouble = "is too large a number"
            if trouble:
                raise Halt(
                    f"{column.name} {trouble}, which PostgreSQL does not store",
                    where=f"{table.name}, {_key(table, row[1:])}",
                    todo="'creditgate db copy --abandon', correct it where it comes from, read it again",
                )


def _is_short(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.Integer) and not isinstance(column.type, sa.BigInteger)


def _meaning(column: sa.Column[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, sa.Boolean):
        return int
    if isinstance(column.type, sa.Date):
        return lambda day: day.isoformat()
    return bytes if isinstance(column.type, sa.LargeBinary) else None


def _unequal(table: sa.Table, ours: Row | None, theirs: Row | None) -> Halt:
    what = "is not in the original" if ours is None else "is missing" if theirs is None else "differs"
    return Halt(
        f"a row of the copy {what}",
        where=f"{table.name}, {_key(table, ours or theirs or ())}",
        todo="'creditgate db copy --abandon', drop the target's schema, then copy again",
    )


def _quoted(columns: Iterable[sa.Column[Any]]) -> str:
    return ", ".join(f'"{column.name}"' for column in columns)


def _key(table: sa.Table, row: Row) -> str:
    names = table.c.keys()
    return ", ".join(f"{column.name} {row[names.index(column.name)]}" for column in table.primary_key)


def _continue_numbers(tx: sa.Connection, table: sa.Table) -> None:
    if "id" in table.c:
        last = sa.select(sa.func.max(table.c.id)).scalar_subquery()
        sequence = sa.func.pg_get_serial_sequence(table.name, "id")
        tx.execute(sa.select(sa.func.setval(sequence, sa.func.coalesce(last, 1), last.is_not(None))))
