"""Credit acts of which people are to be told, out of the journal, and how far each channel has told them.

Invariant: the journal is only read; a channel's cursor moves past an act when it was told, or is never taken,
and one that was being told when the process died is told again, as the same message.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.signal_tables import notice_cursor
from connector.store.tables import journal

# A process that began to send so long ago is not running any more.
LEASE = dt.timedelta(minutes=10)


def acts(
    tx: sa.Connection, names: Collection[str], *, after: int = 0, upto: int | None = None, most: int
) -> list[sa.Row[Any]]:
    """The oldest ``most`` entries of these acts with a number above ``after``, up to ``upto``."""
    query = sa.select(journal).where(journal.c.act.in_(list(names)), journal.c.number > after)
    if upto is not None:
        query = query.where(journal.c.number <= upto)
    return list(tx.execute(query.order_by(journal.c.number).limit(most)))


def newest(
    tx: sa.Connection, names: Collection[str], *, since: dt.datetime | None = None, most: int
) -> list[sa.Row[Any]]:
    """The newest ``most`` entries of these acts since a moment, oldest first."""
    query = sa.select(journal).where(journal.c.act.in_(list(names)))
    if since is not None:
        query = query.where(journal.c.at >= since)
    return list(reversed(tx.execute(query.order_by(journal.c.number.desc()).limit(most)).all()))


def cursor(tx: sa.Connection, connection_id: int, name: str, now: dt.datetime) -> sa.Row[Any]:
    """How far a channel has told. A new one begins where it was connected: it tells nothing of before."""
    connected = sa.select(sa.func.coalesce(sa.func.max(journal.c.number), 0)).where(
        journal.c.act == "connection_set", journal.c.subject == f"connection {name}"
    )
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    row = {
        "connection_id": connection_id,
        "number": tx.execute(connected).scalar_one(),
        "due_at": now,
        "attempts": 0,
    }
    statement = dialect.insert(notice_cursor).values(**row)
    tx.execute(statement.on_conflict_do_nothing(index_elements=["connection_id"]))
    here = notice_cursor.c.connection_id == connection_id
    return tx.execute(sa.select(notice_cursor).where(here).with_for_update()).one()


def ready(row: sa.Row[Any], now: dt.datetime) -> bool:
    """Whether a channel may be used now; one whose message is being sent by another process may not."""
    since: dt.datetime = row.due_at
    return since + (LEASE if row.sending is not None and not row.error else dt.timedelta(0)) <= now


def begin(tx: sa.Connection, row: sa.Row[Any], upto: int, now: dt.datetime) -> bool:
    """Mark that a message up to ``upto`` is being sent; ``False`` if another process was quicker."""
    mine = (
        notice_cursor.c.connection_id == row.connection_id,
        notice_cursor.c.number == row.number,
        notice_cursor.c.attempts == row.attempts,
    )
    values = {"sending": upto, "due_at": now, "attempts": row.attempts + 1, "error": ""}
    return tx.execute(notice_cursor.update().where(*mine).values(**values)).rowcount == 1


def told(tx: sa.Connection, connection_id: int, number: int, now: dt.datetime, error: str = "") -> None:
    """Everything up to ``number`` was told, or will never be taken (``error``)."""
    values = {"number": number, "sending": None, "due_at": now, "attempts": 0, "error": error[:300]}
    tx.execute(notice_cursor.update().where(notice_cursor.c.connection_id == connection_id).values(**values))


def later(tx: sa.Connection, connection_id: int, due_at: dt.datetime, error: str) -> None:
    """The message under way is to be sent again, the same one, whatever has been done since."""
    values = {"due_at": due_at, "error": error[:300]}
    tx.execute(notice_cursor.update().where(notice_cursor.c.connection_id == connection_id).values(**values))
