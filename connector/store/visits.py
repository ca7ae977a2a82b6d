"""Visits: rows of planned account visits.

Invariant: a customer has one open visit at most; the key of a visit is made of its account and day, so
that planning again finds the same one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.store.tables import connection, customer, visit


@dataclass(frozen=True)
class Visit:
    """One visit: where (connection, account), who (the CRM's owner id), until when, and why."""

    key: str
    customer_id: int
    connection_id: int
    account_id: str
    owner_id: str | None
    due_on: dt.date
    reason: str
    priority: str


def open_of(tx: sa.Connection, customer_ids: Sequence[int]) -> set[int]:
    """Those of the customers that have a planned visit."""
    query = sa.select(visit.c.customer_id).where(
        visit.c.customer_id.in_(list(customer_ids)), visit.c.state == "planned"
    )
    return set(tx.execute(query).scalars())


def last_of(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, dt.date]:
    """The due day of the last visit of each customer, whatever became of it."""
    query = (
        sa.select(visit.c.customer_id, sa.func.max(visit.c.due_on))
        .where(visit.c.customer_id.in_(list(customer_ids)))
        .group_by(visit.c.customer_id)
    )
    return {row[0]: row[1] for row in tx.execute(query)}


def first_seen(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, dt.date]:
    """The day (UTC) on which each customer came into the store."""
    query = sa.select(customer.c.id, customer.c.created_at).where(customer.c.id.in_(list(customer_ids)))
    return {row.id: row.created_at.date() for row in tx.execute(query)}


def add(tx: sa.Connection, planned: Sequence[Visit], now: dt.datetime) -> None:
    """Store new visits."""
    rows = [
        {
            "key": one.key,
            "customer_id": one.customer_id,
            "connection_id": one.connection_id,
            "account_id": one.account_id,
            "owner_id": one.owner_id,
            "due_on": one.due_on,
            "reason": one.reason,
            "priority": one.priority,
            "state": "planned",
            "created_at": now,
        }
        for one in planned
    ]
    if rows:
        tx.execute(visit.insert(), rows)


def listing(tx: sa.Connection) -> list[sa.Row[Any]]:
    """All visits with the customer's and the connection's names, the next one due first."""
    query = (
        sa.select(visit, customer.c.name.label("customer"), connection.c.name.label("connection"))
        .join(customer, customer.c.id == visit.c.customer_id)
        .join(connection, connection.c.id == visit.c.connection_id)
        .order_by(visit.c.due_on, visit.c.id)
    )
    return list(tx.execute(query).all())


def every_customer(tx: sa.Connection, after: int, most: int) -> list[int]:
    """Ids of customers above ``after`` that were ever assessed, in order."""
    query = sa.select(customer.c.id).where(customer.c.id > after, customer.c.assessed > 0)
    return list(tx.execute(query.order_by(customer.c.id).limit(most)).scalars())
