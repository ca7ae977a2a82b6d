"""Upsert of many rows, with one body for each database.

Invariant: a stored row is replaced only by a newer-or-equal version of itself that really differs, so
that re-reading costs one comparison and late answers never undo newer ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Key = TypeVar("Key", str, int)
BATCH = 900  # SQLite takes at most 999 parameters on older builds
KEEP_ON_UPDATE = frozenset({"first_seen", "customer_id", "linked_by", "created_at"})


def batches(items: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """``items`` in parts that fit into one statement."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, guarded: bool = True
) -> None:
    """Insert or update ``rows`` by the table's primary key.

    ``guarded``: an existing row is touched only if the new one's ``modified_at`` is newer or equal (or
    unknown) and its ``digest`` or ``deleted`` differs. All rows must have the same columns.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        text, names = _sqlite_text(connection.dialect, table, tuple(rows[0]), guarded)
        connection.exec_driver_sql(text, _bound(connection.dialect, table, names, rows))
    else:
        _copy(connection, table, rows, guarded)


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``, which all have the same columns."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        text, names = _sqlite_insert(connection.dialect, table, tuple(rows[0]))
        connection.exec_driver_sql(text, _bound(connection.dialect, table, names, rows))
    else:
        connection.execute(sa.insert(table), list(rows))


def new_ids(connection: sa.Connection, table: sa.Table, count: int) -> list[int]:
    """``count`` values for the surrogate key ``id`` of ``table``, which nobody else will get.

    They make one statement for many rows possible where each row's id must be known. The caller is in
    a writing transaction (see ``Store.write``): on SQLite nobody else writes meanwhile.
    """
    if connection.dialect.name == "sqlite":
        last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar_one()
        return list(range(last + 1, last + 1 + count))
    sequence = sa.func.pg_get_serial_sequence(table.name, "id")
    series = sa.func.generate_series(1, count).table_valued()
    return list(connection.execute(sa.select(sa.func.nextval(sequence)).select_from(series)).scalars())


@lru_cache(maxsize=64)
def _sqlite_text(
    dialect: sa.Dialect, table: sa.Table, names: tuple[str, ...], guarded: bool
) -> tuple[str, tuple[str, ...]]:
    """The statement as the driver takes it, and the order in which it binds ``names``. Building
    parameters through the toolkit would cost three times what SQLite itself takes."""
    statement = sqlite.insert(table).values({name: sa.bindparam(name) for name in names})
    compiled = _on_conflict(statement, table, dict.fromkeys(names), guarded).compile(dialect=dialect)
    return str(compiled), tuple(getattr(compiled, "positiontup"))  # noqa: B009 - of SQL compilers only


@lru_cache(maxsize=64)
def _sqlite_insert(
    dialect: sa.Dialect, table: sa.Table, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    statement = sqlite.insert(table).values({name: sa.bindparam(name) for name in names})
    compiled = statement.compile(dialect=dialect)
    return str(compiled), tuple(getattr(compiled, "positiontup"))  # noqa: B009 - as above


def _bound(
    dialect: sa.Dialect, table: sa.Table, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """The values of ``rows`` as the driver takes them."""
    binds = (table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names)
    # Days and moments repeat: each of them is bound once.
    known = [(at, _Bound(bind)) for at, bind in enumerate(binds) if bind is not None]
    bound = []
    for values in map(list, map(itemgetter(*names), rows)):
        for at, meaning in known:
            values[at] = meaning[values[at]]
        bound.append(tuple(values))
    return bound


class _Bound(dict[Any, Any]):
    """Values as the driver takes them, by value."""

    def __init__(self, bind: Callable[[Any], Any]) -> None:
        super().__init__()
        self._bind = bind

    def __missing__(self, value: Any) -> Any:
        self[value] = self._bind(value)
        return self[value]


def _on_conflict(statement: Any, table: sa.Table, row: Mapping[str, Any], guarded: bool) -> Any:
    new = statement.excluded
    keys = [column.name for column in table.primary_key.columns]
    changes = {name: new[name] for name in row if name not in keys and name not in KEEP_ON_UPDATE}
    where = None
    if guarded:
        where = sa.and_(
            sa.or_(
                new.modified_at.is_(None),
                table.c.modified_at.is_(None),
                new.modified_at >= table.c.modified_at,
            ),
            sa.or_(new.digest != table.c.digest, table.c.deleted != new.deleted),
        )
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=where)


def _copy(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], guarded: bool
) -> None:
    """COPY into a temporary table, then one INSERT … SELECT … ON CONFLICT."""
    names = list(rows[0])
    temporary = f"incoming_{table.name}"
    columns = ", ".join(f'"{name}"' for name in names)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {temporary}")
    like = f'SELECT {columns} FROM "{table.name}"'  # noqa: S608 - names of the schema, no values
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {temporary} ON COMMIT DROP AS {like} WITH NO DATA")
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {temporary} ({columns}) FROM STDIN") as copy:
        for values in _bound(connection.dialect, table, names, rows):
            copy.write_row(values)
    columns_of: list[Any] = [sa.column(name) for name in names]
    source: Any = sa.select(*columns_of).select_from(sa.table(temporary))
    statement = postgresql.insert(table).from_select(names, source)
    connection.execute(_on_conflict(statement, table, rows[0], guarded))
