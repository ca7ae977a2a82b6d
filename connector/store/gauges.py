"""Figures for a monitoring system, read from the store alone, so that any process may tell them.

Invariant: reads only; no more rows than there are connections, streams, jobs and states; no figure is about
one customer, and no label carries a name but those of connections, streams and jobs.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from connector.store import slots
from connector.store.daemon_tables import slot
from connector.store.hook_tables import inbox
from connector.store.signal_tables import signal
from connector.store.tables import connection, customer, hold, outbox

OPEN_HOLDS = ("pending", "ready")
OPEN_SIGNALS = ("open", "acknowledged", "snoozed")


@dataclass(frozen=True)
class Pile:
    """How much of a kind waits on a connection, and since when the oldest does."""

    connection: str
    state: str
    count: int
    since: dt.datetime | None


def outboxes(tx: sa.Connection) -> list[Pile]:
    """Pending and dead writes of each connection; ``since`` is when the oldest was queued."""
    return _piles(tx, outbox.c.state, outbox.c.created_at, outbox)


def inboxes(tx: sa.Connection) -> list[Pile]:
    """Events of the CRMs that wait to be read again, by connection."""
    return _piles(tx, inbox.c.state, inbox.c.due_at, inbox)


def holds(tx: sa.Connection) -> list[tuple[str, str, int]]:
    """Orders on hold: connection, state, how many."""
    query = (
        sa.select(connection.c.name, hold.c.state, sa.func.count())
        .join_from(hold, connection, hold.c.connection_id == connection.c.id)
        .where(hold.c.state.in_(OPEN_HOLDS))
        .group_by(connection.c.name, hold.c.state)
        .order_by(connection.c.name, hold.c.state)
    )
    return [(name, state, int(count)) for name, state, count in tx.execute(query)]


def signals(tx: sa.Connection) -> list[tuple[str, str, int]]:
    """Early warnings that are not over: severity, state, how many."""
    query = (
        sa.select(signal.c.severity, signal.c.state, sa.func.count())
        .where(signal.c.state.in_(OPEN_SIGNALS))
        .group_by(signal.c.severity, signal.c.state)
        .order_by(signal.c.severity, signal.c.state)
    )
    return [(severity, state, int(count)) for severity, state, count in tx.execute(query)]


def changed(tx: sa.Connection) -> int:
    """Customers that changed since they were assessed."""
    query = sa.select(sa.func.count()).where(customer.c.changes > customer.c.assessed)
    return int(tx.execute(query).scalar_one())


def jobs(tx: sa.Connection) -> list[tuple[str, str, dt.datetime | None]]:
    """The latest slot of each of the daemon's jobs: its state, and when a slot of it was last done."""
    ends = sa.select(slot.c.job, sa.func.max(slot.c.ended_at)).where(slot.c.state == "done")
    done = {row[0]: row[1] for row in tx.execute(ends.group_by(slot.c.job))}
    return [(name, one.state, done.get(name)) for name, one in slots.latest(tx).items()]


def _piles(
    tx: sa.Connection, state: sa.Column[str], since: sa.Column[dt.datetime], table: sa.Table
) -> list[Pile]:
    query = (
        sa.select(connection.c.name, state, sa.func.count(), sa.func.min(since))
        .join_from(table, connection, table.c.connection_id == connection.c.id)
        .group_by(connection.c.name, state)
        .order_by(connection.c.name, state)
    )
    return [Pile(name, found, int(count), oldest) for name, found, count, oldest in tx.execute(query)]
