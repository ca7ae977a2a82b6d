"""Rows for every table of a store, whatever its revision: made from what the database says of its tables.

Texts hold what is easily lost on the way (quotes, tabs, line ends, backslashes, signs beyond the BMP); every
column is empty in some row if it may be. The journal is chained as the program does it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import orjson
import sqlalchemy as sa

ROWS = 3
ODD = '信用 "it\'s" 50%\t\\N\\.\n\u2028 🏦 é \x7f'
DAY = dt.date(2026, 1, 31)
# The revision, and on PostgreSQL the queue, which is another library's.
LEFT_OUT = ("alembic_version", "procrastinate_")
JSON = {("reservation", "answer")}
Content = dict[str, list[dict[str, Any]]]


def fill(tx: sa.Connection, rows: int = ROWS) -> None:
    """Put ``rows`` rows into every table that the connection sees, parents first."""
    seen = sa.MetaData()
    seen.reflect(tx)
    made: dict[str, list[dict[str, Any]]] = {}
    for table in seen.sorted_tables:
        if table.name.startswith(LEFT_OUT) or table.name == "journal_head":
            continue
        made[table.name] = [_row(table, number, made) for number in range(1, rows + 1)]
        if table.name == "journal":
            _chain(tx, table, made["journal"], seen)
        tx.execute(table.insert(), made[table.name])


def content(tx: sa.Connection) -> Content:
    """Every row of every table, values as either database gives them."""
    seen = sa.MetaData()
    seen.reflect(tx)
    found: Content = {}
    for table in seen.sorted_tables:
        if not table.name.startswith(LEFT_OUT):
            rows = [_plain(row._mapping) for row in tx.execute(sa.select(table))]
            found[table.name] = sorted(rows, key=lambda row: [str(row[c.name]) for c in table.primary_key])
    return found


def _plain(row: Any) -> dict[str, Any]:
    return {
        name: bytes(value) if isinstance(value, memoryview) else int(value) if value is True or value is False
        else value
        for name, value in row.items()
    }  # fmt: skip


def _row(table: sa.Table, number: int, made: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    row = {}
    for at, column in enumerate(table.c):
        parent = next(iter(column.foreign_keys), None)
        if parent is not None:
            row[column.name] = made[parent.column.table.name][number - 1][parent.column.name]
        elif column.nullable and (number + at) % 3 == 0:
            row[column.name] = None
        else:
            row[column.name] = _value(table, column, number, at)
    return row


def _value(table: sa.Table, column: sa.Column[Any], number: int, at: int) -> Any:
    kind = column.type
    if isinstance(kind, sa.Boolean):
        return bool((number + at) % 2)
    if isinstance(kind, sa.BigInteger) and column.name != "id":
        return number * 2**40 + at
    if isinstance(kind, sa.Integer):
        return number
    if isinstance(kind, sa.Date):
        return DAY + dt.timedelta(days=number)
    if isinstance(kind, sa.LargeBinary):
        return bytes(range(256)) * number
    # What a migration reads as more than text.
    return "{}" if (table.name, column.name) in JSON else f"{column.name} {number} {ODD}"


def _chain(tx: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], seen: sa.MetaData) -> None:
    if "hash" not in table.c:
        return
    last = "0" * 64
    for number, row in enumerate(rows, start=1):
        texts = [row[name] for name in ("actor", "act", "subject", "detail")]
        last = hashlib.sha256(orjson.dumps([last, number, row["at"], *texts])).hexdigest()
        row |= {"number": number, "hash": last}
    head = seen.tables["journal_head"]
    tx.execute(sa.delete(head))
    tx.execute(head.insert(), {"id": 1, "number": len(rows), "hash": last})
