"""Decisions about natural persons that wait for a reviewer.

Invariant: what the policy decides about a natural person is in force only if a person confirmed that very
decision; until then the last confirmed one stays. Rows are added and decided once, never deleted.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from connector.rules.outcome import Assessment
from connector.store import journal
from connector.store.consents import person
from connector.store.decision_tables import person_review
from connector.store.tables import customer

PROPOSED, CONFIRMED, REJECTED, SUPERSEDED = "proposed", "confirmed", "rejected", "superseded"


@dataclass(frozen=True)
class Review:
    """One proposal: ``proposed`` tells status, class, limit (minor units) and terms."""

    id: int
    customer_id: int
    name: str
    decision: str
    proposed: dict[str, Any]
    state: str
    applied: bool
    reason: str
    actor: str | None
    created_at: dt.datetime
    decided_at: dt.datetime | None


@dataclass(frozen=True)
class Sifted:
    """Customers whose decision ``waits``, and those whose confirmed one comes into force just now."""

    waits: frozenset[int]
    confirmed: frozenset[int]


def sift(tx: sa.Connection, outcomes: Sequence[Assessment], now: dt.datetime) -> Sifted:
    """Propose what is new among the decisions about natural persons; which of them must wait."""
    by_id = {one.customer_id: one for one in outcomes}
    query = sa.select(customer.c.id).where(customer.c.id.in_(by_id), person()).order_by(customer.c.id)
    waits, confirmed = set(), set()
    for number in tx.execute(query).scalars():
        outcome = by_id[number]
        decision, proposed = _decision(outcome)
        agreed, last = _newest(tx, number, CONFIRMED), _newest(tx, number, None)
        if agreed is not None and agreed.decision == decision:
            if last is not None and last.state == PROPOSED:
                _end(tx, last.id, SUPERSEDED, now)
            if not agreed.applied:
                tx.execute(person_review.update().where(person_review.c.id == agreed.id).values(applied=True))
                confirmed.add(number)
            continue
        waits.add(number)
        if last is not None and last.decision == decision and last.state in (PROPOSED, REJECTED):
            continue
        if last is not None and last.state == PROPOSED:
            _end(tx, last.id, SUPERSEDED, now)
        values = {"customer_id": number, "decision": decision, "proposed": orjson.dumps(proposed).decode()}
        tx.execute(person_review.insert().values(**values, state=PROPOSED, created_at=now))
        journal.add(tx, now, "assess", "review_proposed", f"customer {number}", proposed)
    return Sifted(frozenset(waits), frozenset(confirmed))


def find(tx: sa.Connection, *, customer_id: int | None = None, state: str | None = PROPOSED) -> list[Review]:
    """Reviews, oldest first; those of a state (``None``: all) and a customer."""
    query = sa.select(person_review, customer.c.name).join(
        customer, customer.c.id == person_review.c.customer_id
    )
    if state is not None:
        query = query.where(person_review.c.state == state)
    if customer_id is not None:
        query = query.where(person_review.c.customer_id == customer_id)
    return [
        Review(**{**row._mapping, "proposed": orjson.loads(row.proposed)})
        for row in tx.execute(query.order_by(person_review.c.id))
    ]


def decide(
    tx: sa.Connection, customer_id: int, state: str, reason: str, actor: str, now: dt.datetime
) -> Review | None:
    """Decide the open proposal about a customer; ``None`` when there is none."""
    found = find(tx, customer_id=customer_id)
    if not found:
        return None
    values = {"state": state, "reason": reason, "actor": actor, "decided_at": now}
    here = sa.and_(person_review.c.id == found[0].id, person_review.c.state == PROPOSED)
    if tx.execute(person_review.update().where(here).values(**values)).rowcount != 1:
        return None
    detail = {"review": found[0].id, "reason": reason, **found[0].proposed}
    journal.add(tx, now, actor, f"review_{state}", f"customer {customer_id}", detail)
    return found[0]


def _decision(outcome: Assessment) -> tuple[str, dict[str, Any]]:
    proposed = {
        "status": outcome.status,
        "hold": outcome.hold,
        "risk_class": outcome.risk_class,
        "limit_state": outcome.limit_state,
        "limit": outcome.limit,
        "currency": outcome.currency,
        "terms_days": outcome.terms_days,
    }
    return hashlib.blake2b(orjson.dumps(proposed), digest_size=12).hexdigest(), proposed


def _newest(tx: sa.Connection, customer_id: int, state: str | None) -> Any:
    query = sa.select(person_review).where(person_review.c.customer_id == customer_id)
    if state is not None:
        query = query.where(person_review.c.state == state)
    return tx.execute(query.order_by(person_review.c.id.desc()).limit(1)).one_or_none()


def _end(tx: sa.Connection, review_id: int, state: str, now: dt.datetime) -> None:
    values = {"state": state, "decided_at": now}
    tx.execute(person_review.update().where(person_review.c.id == review_id).values(**values))
