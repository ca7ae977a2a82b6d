"""What a person does with pending writes: look at them, try dead ones again, drop some.

Invariant: every change is journalled in the same transaction; a dropped write is recorded with its
digest, so that it stays known what was not sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connector.errors import Halt
from connector.store import journal
from connector.store.tables import connection, outbox


@dataclass(frozen=True)
class Waiting:
    """One row of the outbox without its values. ``state`` is ``pending`` or ``dead``; ``error`` is the
    vendor's last word; ``due_at`` the moment of the next try."""

    id: int
    connection: str
    target: str
    external_id: str
    key: str
    state: str
    attempts: int
    due_at: dt.datetime
    error: str
    created_at: dt.datetime


def find(tx: sa.Connection, *, connection_name: str | None = None, state: str | None = None) -> list[Waiting]:
    """Rows of all connections or one, in the order in which they are sent."""
    names = ("id", "target", "external_id", "key", "state", "attempts", "due_at", "error", "created_at")
    query = (
        sa.select(connection.c.name.label("connection"), *(outbox.c[name] for name in names))
        .join_from(outbox, connection, outbox.c.connection_id == connection.c.id)
        .order_by(outbox.c.connection_id, outbox.c.state.desc(), outbox.c.priority, outbox.c.id)
    )
    if connection_name is not None:
        query = query.where(connection.c.name == connection_name)
    if state is not None:
        query = query.where(outbox.c.state == state)
    return [Waiting(**row._mapping) for row in tx.execute(query)]


def retry(tx: sa.Connection, ids: Sequence[int] | None, *, actor: str, now: dt.datetime) -> int:
    """Make dead rows pending again, due now and with fresh attempts; all of them when ``ids`` is
    ``None``. How many. ``Halt`` for an id that is not there; one that is pending only becomes due."""
    here = outbox.c.state == "dead" if ids is None else outbox.c.id.in_(_checked(tx, ids))
    values = {"state": "pending", "attempts": 0, "due_at": now, "error": ""}
    changed = list(tx.execute(outbox.update().where(here).values(**values).returning(outbox.c.id)).scalars())
    for one in sorted(changed):
        journal.add(tx, now, actor, "outbox_retried", f"outbox {one}", {})
    return len(changed)


def drop(tx: sa.Connection, ids: Sequence[int], *, reason: str, actor: str, now: dt.datetime) -> int:
    """Remove rows; how many. ``Halt`` for an id that is not there, and then nothing is removed.

    The next assessment of the customer queues again what then differs from the CRM.
    """
    query = sa.select(outbox).where(outbox.c.id.in_(_checked(tx, ids))).order_by(outbox.c.id)
    rows = tx.execute(query).all()
    for row in rows:
        detail = {
            "connection": row.connection_id,
            "target": row.target,
            "external_id": row.external_id,
            "key": row.key,
            "state": row.state,
            "digest": row.digest,
            "reason": reason,
        }
        journal.add(tx, now, actor, "outbox_dropped", f"outbox {row.id}", detail)
    tx.execute(outbox.delete().where(outbox.c.id.in_([row.id for row in rows])))
    return len(rows)


def _checked(tx: sa.Connection, ids: Sequence[int]) -> list[int]:
    wanted = sorted(set(ids))
    there = set(tx.execute(sa.select(outbox.c.id).where(outbox.c.id.in_(wanted))).scalars())
    absent = [one for one in wanted if one not in there]
    if absent:
        raise Halt(f"there is no pending write {absent[0]}", todo="see 'creditgate outbox list'")
    return wanted
