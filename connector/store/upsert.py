"""Upsert of many rows, with one body for each database.

Invariant: a stored row is replaced only by a newer-or-equal version of itself that really differs, so
that re-reading costs one comparison and late answers never undo newer ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

BATCH = 900  # SQLite takes at most 999 parameters on older builds
KEEP_ON_UPDATE = frozenset({"first_seen", "customer_id", "linked_by", "created_at"})


def batches(items: Sequence[str]) -> Iterator[Sequence[str]]:
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
        statement = sqlite.insert(table)
        connection.execute(_on_conflict(statement, table, rows[0], guarded), list(rows))
    else:
        _copy(connection, table, rows, guarded)


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
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {temporary} ON COMMIT DROP AS "
        f'SELECT {columns} FROM "{table.name}" WITH NO DATA'
    )
    binders = [table.c[name].type.bind_processor(connection.dialect) for name in names]
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {temporary} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(
                [bind(row[name]) if bind else row[name] for name, bind in zip(names, binders, strict=True)]
            )
    columns_of: list[Any] = [sa.column(name) for name in names]
    source: Any = sa.select(*columns_of).select_from(sa.table(temporary))
    statement = postgresql.insert(table).from_select(names, source)
    connection.execute(_on_conflict(statement, table, rows[0], guarded))
