"""What the store says about the state of the installation, in a few counts.

Invariant: reads only, and no more rows than there are connections, streams and currencies.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from connector.store.record_tables import invoice, payment, reject, sales_order
from connector.store.tables import connection, cursor, customer, outbox


@dataclass(frozen=True)
class StreamState:
    """When a stream was last read (``updated_at``), and up to where it is complete (``watermark``)."""

    connection: str
    stream: str
    watermark: dt.datetime | None
    updated_at: dt.datetime


@dataclass(frozen=True)
class Waiting:
    """Pending writes of a connection: how many, how many of them dead, since when the oldest is due, how
    many the vendor refused at least once, and its words on one of them, dead ones first."""

    connection: str
    count: int
    dead: int
    oldest_due: dt.datetime | None
    refused: int
    words: str


def currencies(tx: sa.Connection) -> list[str]:
    """Currencies of the documents that are stored."""
    found: set[str] = set()
    for table in (sales_order, invoice, payment):
        query = sa.select(table.c.currency).where(table.c.deleted.is_(False)).distinct()
        found |= set(tx.execute(query).scalars())
    return sorted(found)


def rejects(tx: sa.Connection) -> list[tuple[str, int]]:
    """How many records of each connection are set aside."""
    query = (
        sa.select(connection.c.name, sa.func.count())
        .join_from(reject, connection, reject.c.connection_id == connection.c.id)
        .group_by(connection.c.name)
        .order_by(connection.c.name)
    )
    return [(name, count) for name, count in tx.execute(query)]


def waiting(tx: sa.Connection) -> list[Waiting]:
    """Pending and dead writes of each connection that has any."""
    dead = outbox.c.state == "dead"
    query = (
        sa.select(
            connection.c.name,
            sa.func.count(),
            sa.func.sum(sa.case((dead, 1), else_=0)),
            sa.func.min(sa.case((dead, None), else_=outbox.c.due_at)),
            sa.func.sum(sa.case((outbox.c.error != "", 1), else_=0)),
            sa.func.max(sa.case((dead, outbox.c.error), else_="")),
            sa.func.max(outbox.c.error),
        )
        .join_from(outbox, connection, outbox.c.connection_id == connection.c.id)
        .group_by(connection.c.name)
        .order_by(connection.c.name)
    )
    return [
        Waiting(name, count, int(gone), oldest, int(refused), of_dead or of_any)
        for name, count, gone, oldest, refused, of_dead, of_any in tx.execute(query)
    ]


def streams(tx: sa.Connection) -> list[StreamState]:
    """Where every stream stands that was ever read."""
    query = (
        sa.select(connection.c.name, cursor.c.stream, cursor.c.watermark, cursor.c.updated_at)
        .join_from(cursor, connection, cursor.c.connection_id == connection.c.id)
        .order_by(connection.c.id, cursor.c.stream)
    )
    return [StreamState(*row) for row in tx.execute(query)]


def never_read(tx: sa.Connection) -> list[str]:
    """CRM connections of which no stream was ever read."""
    read = sa.select(cursor.c.connection_id).where(cursor.c.connection_id == connection.c.id)
    query = sa.select(connection.c.name).where(connection.c.role == "crm", ~read.exists())
    return list(tx.execute(query.order_by(connection.c.id)).scalars())


def unassessed(tx: sa.Connection) -> tuple[int, int]:
    """How many customers there are, and how many changed since they were assessed."""
    changed = sa.case((customer.c.changes > customer.c.assessed, 1), else_=0)
    total, dirty = tx.execute(sa.select(sa.func.count(), sa.func.sum(changed)).select_from(customer)).one()
    return int(total), int(dirty or 0)
