"""Agencies that contradict one another about a customer, and which of them a person believes.

Invariant: a decision is about the very reports that were there; with a newer one the question is open again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.errors import Halt
from connector.store import journal
from connector.store.agency_tables import agency_dispute
from connector.store.consents import person
from connector.store.customers import touch_customers
from connector.store.tables import customer

OPEN, SETTLED, OVER = "open", "settled", "over"


@dataclass(frozen=True)
class Dispute:
    """One contradiction. ``evidence`` is, by agency, the probability of default (text), the credit quality
    step and the day of the report."""

    id: int
    customer_id: int
    customer: str
    is_person: bool
    reports: str
    evidence: dict[str, dict[str, Any]]
    state: str
    found_at: dt.datetime
    chosen: str | None
    reason: str
    decided_by: str | None


def key(reports: Iterable[tuple[str, dt.date]]) -> str:
    """Which reports a contradiction is between: agency and day of each."""
    return " ".join(f"{provider}:{day}" for provider, day in sorted(reports))


def found(
    tx: sa.Connection, customer_id: int, reports: str, evidence: dict[str, dict[str, Any]], now: dt.datetime
) -> None:
    """The agencies contradict one another; those between older reports are over."""
    _over(tx, customer_id, but=reports)
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    row = {"customer_id": customer_id, "reports": reports, "state": OPEN, "found_at": now}
    row["evidence"] = orjson.dumps(evidence, default=str, option=orjson.OPT_SORT_KEYS).decode()
    tx.execute(dialect.insert(agency_dispute).values(**row).on_conflict_do_nothing())


def over(tx: sa.Connection, customer_id: int) -> None:
    """The agencies agree by now."""
    _over(tx, customer_id, but="")


def chosen(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Of these customers, the reports that a decision is about, and the agency that speaks."""
    query = sa.select(agency_dispute.c.customer_id, agency_dispute.c.reports, agency_dispute.c.chosen).where(
        agency_dispute.c.customer_id.in_(customer_ids), agency_dispute.c.state == SETTLED
    )
    return {row.customer_id: (row.reports, row.chosen) for row in tx.execute(query)}


def listed(
    tx: sa.Connection, *, state: str | None = OPEN, number: int | None = None, customer_id: int | None = None
) -> list[Dispute]:
    """Contradictions, the oldest first."""
    query = (
        sa.select(agency_dispute, customer.c.name.label("customer"), person().label("is_person"))
        .join(customer, customer.c.id == agency_dispute.c.customer_id)
        .order_by(agency_dispute.c.id)
    )
    for column, value in (("state", state), ("id", number), ("customer_id", customer_id)):
        if value is not None:
            query = query.where(agency_dispute.c[column] == value)
    return [
        Dispute(
            row.id,
            row.customer_id,
            row.customer,
            bool(row.is_person),
            row.reports,
            orjson.loads(row.evidence),
            row.state,
            row.found_at,
            row.chosen,
            row.reason,
            row.decided_by,
        )
        for row in tx.execute(query)
    ]


def settle(
    tx: sa.Connection, number: int, provider: str, reason: str, actor: str, now: dt.datetime
) -> Dispute:
    """A person says which agency speaks. ``Halt`` for a contradiction that is not there or over, for an
    agency that has no part in it, and without a reason."""
    rows = listed(tx, state=None, number=number)
    if not rows or rows[0].state == OVER:
        todo = "see 'creditgate bureau disputes list'"
        raise Halt(f"there is no contradiction {number} to settle", todo=todo)
    one, why = rows[0], reason.strip()
    if provider not in one.evidence:
        named = ", ".join(sorted(one.evidence))
        raise Halt(f"{provider!r} has no part in it", todo=f"name one of: {named}")
    if not why:
        raise Halt("no reason is given", todo="say why with --reason")
    values = {"state": SETTLED, "chosen": provider, "reason": why, "decided_by": actor, "decided_at": now}
    tx.execute(agency_dispute.update().where(agency_dispute.c.id == number).values(**values))
    detail = {"dispute": number, "before": one.chosen, "after": provider, "reason": why}
    detail["reports"] = one.reports
    journal.add(tx, now, actor, "agencies_settled", f"customer {one.customer_id}", detail)
    touch_customers(tx, {one.customer_id})
    return one


def _over(tx: sa.Connection, customer_id: int, *, but: str) -> None:
    here = agency_dispute.c.customer_id == customer_id, agency_dispute.c.reports != but
    tx.execute(agency_dispute.update().where(*here, agency_dispute.c.state != OVER).values(state=OVER))
