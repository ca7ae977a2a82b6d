"""Consultants' reports and trade references, as people recorded them.

Invariant: documents are added and withdrawn, never changed otherwise; each marks its customer as changed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.rules.documents import AdviceDoc
from connector.store.agency_tables import advice
from connector.store.consents import person
from connector.store.customers import touch_customers
from connector.store.tables import customer


@dataclass(frozen=True)
class Advice:
    """One document with its customer; ``amount`` in minor units of ``currency``; ``evidence`` is the path
    of the file and ``evidence_sha256`` its digest, or both are empty."""

    id: int
    customer_id: int
    name: str
    is_person: bool
    kind: str
    author: str
    dated: dt.date
    amount: int | None
    currency: str | None
    risk_class: str | None
    valid_to: dt.date | None
    note: str
    evidence: str
    evidence_sha256: str
    withdrawn_at: dt.datetime | None
    withdrawn_reason: str
    actor: str
    at: dt.datetime

    @property
    def document(self) -> AdviceDoc:
        """What the rules look at."""
        named = (self.dated, self.amount, self.currency, self.risk_class, self.valid_to)
        return AdviceDoc(self.kind, self.author, *named)


def add(tx: sa.Connection, values: dict[str, Any]) -> int:
    """Store a document; its id."""
    added = tx.execute(advice.insert().values(**values).returning(advice.c.id)).scalar_one()
    touch_customers(tx, {values["customer_id"]})
    return int(added)


def withdraw(tx: sa.Connection, found: Advice, reason: str, at: dt.datetime) -> bool:
    """Withdraw a document from now on; false when that was done before."""
    here = advice.c.id == found.id, advice.c.withdrawn_at.is_(None)
    done = tx.execute(advice.update().where(*here).values(withdrawn_at=at, withdrawn_reason=reason))
    if done.rowcount:
        touch_customers(tx, {found.customer_id})
    return bool(done.rowcount)


def find(tx: sa.Connection, *, advice_id: int | None = None, customer_id: int | None = None) -> list[Advice]:
    """Documents by customer, newest first: one, those of a customer, or all."""
    query = (
        sa.select(advice, customer.c.name, person().label("is_person"))
        .join_from(advice, customer, advice.c.customer_id == customer.c.id)
        .order_by(advice.c.customer_id, advice.c.dated.desc(), advice.c.id.desc())
    )
    if advice_id is not None:
        query = query.where(advice.c.id == advice_id)
    if customer_id is not None:
        query = query.where(advice.c.customer_id == customer_id)
    return [Advice(**{**row._mapping, "is_person": bool(row.is_person)}) for row in tx.execute(query)]


def documents(tx: sa.Connection, customer_ids: Sequence[int]) -> defaultdict[int, list[AdviceDoc]]:
    """What stands, by customer, for their dossiers."""
    found: defaultdict[int, list[AdviceDoc]] = defaultdict(list)
    columns = (advice.c[name] for name in AdviceDoc._fields)
    query = sa.select(advice.c.customer_id, *columns).where(
        advice.c.customer_id.in_(customer_ids), advice.c.withdrawn_at.is_(None)
    )
    for owner, *values in tx.execute(query.order_by(advice.c.id)):
        found[owner].append(AdviceDoc(*values))
    return found
