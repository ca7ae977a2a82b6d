"""Doubtful matches: companies of an agency that may be a customer.

Invariant: what a person has decided is never undone by what an agency answers later; of one customer at
one agency at most one company is accepted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.adapter import Match
from connector.store.agency_tables import agency_match
from connector.store.consents import person
from connector.store.tables import connection, customer

OPEN, ACCEPTED, DECLINED = "open", "accepted", "declined"
BY_PERSON = "person"


@dataclass(frozen=True)
class Doubt:
    """A candidate with its customer, for listings. ``candidate`` is the agency's name for it."""

    id: int
    customer_id: int
    connection_id: int
    customer: str
    is_person: bool
    connection: str
    ref: str
    candidate: str
    confidence: float
    state: str
    decided_by: str | None


def remember(
    tx: sa.Connection, customer_id: int, connection_id: int, found: Sequence[Match], now: dt.datetime
) -> None:
    """Keep candidates as open; of those known already only name and likeness are renewed."""
    known = {row.ref: row for row in _rows(tx, customer_id, connection_id)}
    for match in found:
        values: dict[str, Any] = {"name": match.name, "confidence_bp": round(match.confidence * 10_000)}
        if match.ref in known:
            changed = agency_match.update().where(agency_match.c.id == known[match.ref].id)
            tx.execute(changed.values(**values, seen_at=now))
            continue
        row = {"customer_id": customer_id, "connection_id": connection_id, "ref": match.ref}
        tx.execute(agency_match.insert().values(**row, **values, state=OPEN, seen_at=now))
        known[match.ref] = _rows(tx, customer_id, connection_id)[-1]


def accepted(tx: sa.Connection, customer_id: int, connection_id: int) -> Match | None:
    """The company that a person has taken for the customer."""
    for row in _rows(tx, customer_id, connection_id):
        if row.state == ACCEPTED:
            return Match(row.ref, row.name, 1.0, BY_PERSON)
    return None


def without_declined(
    tx: sa.Connection, customer_id: int, connection_id: int, found: Iterable[Match]
) -> list[Match]:
    """``found`` without the companies that a person said are others."""
    declined = {row.ref for row in _rows(tx, customer_id, connection_id) if row.state == DECLINED}
    return [match for match in found if match.ref not in declined]


def waiting(tx: sa.Connection, connection_id: int, since: dt.datetime) -> set[int]:
    """Customers with candidates seen since then on which nobody has decided."""
    query = sa.select(agency_match.c.customer_id).where(
        agency_match.c.connection_id == connection_id,
        agency_match.c.state == OPEN,
        agency_match.c.seen_at >= since,
    )
    return set(tx.execute(query).scalars())


def find(tx: sa.Connection, *, match_id: int | None = None, state: str | None = None) -> list[Doubt]:
    """Candidates by customer, the likeliest first."""
    query = (
        sa.select(
            agency_match,
            customer.c.name.label("customer"),
            person().label("is_person"),
            connection.c.name.label("connection"),
        )
        .join_from(agency_match, customer, agency_match.c.customer_id == customer.c.id)
        .join(connection, agency_match.c.connection_id == connection.c.id)
        .order_by(agency_match.c.customer_id, agency_match.c.confidence_bp.desc(), agency_match.c.id)
    )
    if match_id is not None:
        query = query.where(agency_match.c.id == match_id)
    if state is not None:
        query = query.where(agency_match.c.state == state)
    return [
        Doubt(
            id=row.id,
            customer_id=row.customer_id,
            connection_id=row.connection_id,
            customer=row.customer,
            is_person=bool(row.is_person),
            connection=row.connection,
            ref=row.ref,
            candidate=row.name,
            confidence=row.confidence_bp / 10_000,
            state=row.state,
            decided_by=row.decided_by,
        )
        for row in tx.execute(query)
    ]


def decide(tx: sa.Connection, doubt: Doubt, state: str, actor: str, now: dt.datetime) -> None:
    """Put a decision on record; accepting one company declines all others of that customer there."""
    values = {"decided_by": actor, "decided_at": now}
    here = agency_match.update().where(
        agency_match.c.customer_id == doubt.customer_id, agency_match.c.connection_id == doubt.connection_id
    )
    tx.execute(here.where(agency_match.c.id == doubt.id).values(state=state, **values))
    if state == ACCEPTED:
        others = here.where(agency_match.c.id != doubt.id, agency_match.c.state != DECLINED)
        tx.execute(others.values(state=DECLINED, **values))


def _rows(tx: sa.Connection, customer_id: int, connection_id: int) -> list[sa.Row[Any]]:
    query = sa.select(agency_match).where(
        agency_match.c.customer_id == customer_id, agency_match.c.connection_id == connection_id
    )
    return list(tx.execute(query.order_by(agency_match.c.id)).all())
