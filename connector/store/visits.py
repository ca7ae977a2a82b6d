"""Visits: rows of planned account visits.

Invariant: a customer has one open visit at most; the key of a visit is made of its account and day, so
that planning again finds the same one. What became of a visit is told by the CRM alone.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.model import VisitResult
from connector.store import visit_outcomes
from connector.store.record_tables import account, crm_user
from connector.store.tables import connection, customer, visit
from connector.store.upsert import batches


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


def open_of(tx: sa.Connection, customer_ids: Sequence[int], until: dt.date | None = None) -> set[int]:
    """Those of the customers that have a planned visit; with ``until`` one due by then and not missed."""
    found: set[int] = set()
    for part in batches(list(customer_ids)):
        query = sa.select(visit.c.customer_id).where(
            visit.c.customer_id.in_(part), visit.c.state == "planned"
        )
        if until is not None:
            query = query.where(visit.c.due_on <= until, visit.c.missed_at.is_(None))
        found.update(tx.execute(query).scalars())
    return found


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


def settle(tx: sa.Connection, connection_id: int, told: Sequence[VisitResult], now: dt.datetime) -> list[Any]:
    """Keep what the CRM tells of our tasks, with all that follows; the results that changed something. Keys
    of others, and answers older than what is known, are passed over."""
    changed = []
    newest = {one.key: one for one in told}
    for part in batches(list(newest)):
        mine = visit.c.connection_id == connection_id, visit.c.key.in_(part)
        for known in tx.execute(sa.select(visit).where(*mine)).all():
            one = newest[known.key]
            if known.reported_at and one.modified_at and one.modified_at < known.reported_at:
                continue
            values = {
                "state": one.state.value,
                "task_id": one.external_id,
                "closed_at": one.closed_at,
                "result": one.result,
                "promised_on": one.promised_on,
                "photos": one.photos,
                # Whoever moved the task or gave it away is right.
                "due_on": one.due_on or known.due_on,
                "owner_id": one.owner_id or known.owner_id,
            }
            if values != {name: getattr(known, name) for name in values}:
                values["reported_at"] = one.modified_at or now
                tx.execute(visit.update().where(visit.c.id == known.id).values(**values))
                visit_outcomes.follow(tx, known, one, now)
                changed.append(one)
    return changed


def since(tx: sa.Connection, day: dt.date) -> list[sa.Row[Any]]:
    """Connection, owner, day and city of the visits from ``day`` on that were not dropped."""
    place = sa.and_(
        account.c.connection_id == visit.c.connection_id, account.c.external_id == visit.c.account_id
    )
    query = (
        sa.select(visit.c.connection_id, visit.c.owner_id, visit.c.due_on, account.c.city)
        .outerjoin(account, place)
        .where(visit.c.due_on >= day, visit.c.state != "dropped")
    )
    rows: list[Any] = list(tx.execute(query).all())
    return rows


def names(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, str]:
    """The customers' names."""
    found: dict[int, str] = {}
    for part in batches(list(customer_ids)):
        query = sa.select(customer.c.id, customer.c.name).where(customer.c.id.in_(part))
        found |= {row.id: row.name for row in tx.execute(query)}
    return found


def load(tx: sa.Connection, day: dt.date, per_week: int | None) -> list[dict[str, Any]]:
    """Visits of each rep by week from ``day`` (a Monday) on, with the bound that the policy sets."""
    count: Counter[tuple[int, str | None, dt.date]] = Counter()
    for row in since(tx, day):
        count[row.connection_id, row.owner_id, row.due_on - dt.timedelta(days=row.due_on.weekday())] += 1
    known = {row.id: row.name for row in tx.execute(sa.select(connection.c.id, connection.c.name))}
    people = {
        (row.connection_id, row.external_id): row.name
        for row in tx.execute(sa.select(crm_user.c.connection_id, crm_user.c.external_id, crm_user.c.name))
    }
    return [
        {
            "connection": known[where],
            "owner_id": owner,
            "owner": people.get((where, owner)),
            "week": week,
            "visits": number,
            "per_week": None if owner is None else per_week,
        }
        for (where, owner, week), number in sorted(count.items(), key=lambda item: (item[0][2], str(item[0])))
    ]


def miss(tx: sa.Connection, last_day: dt.date, now: dt.datetime) -> list[sa.Row[Any]]:
    """Mark visits that are open although their day was ``last_day`` or earlier; those that are new."""
    overdue = visit.c.state == "planned", visit.c.due_on <= last_day, visit.c.missed_at.is_(None)
    found = tx.execute(sa.select(visit).where(*overdue).order_by(visit.c.key)).all()
    tx.execute(visit.update().where(*overdue).values(missed_at=now))
    return list(found)


def made_after_all(tx: sa.Connection, keys: Sequence[str]) -> set[str]:
    """Those of these visits that are no longer planned."""
    found: set[str] = set()
    for part in batches(keys):
        query = sa.select(visit.c.key).where(visit.c.key.in_(part), visit.c.state != "planned")
        found.update(tx.execute(query).scalars())
    return found


def tasks(tx: sa.Connection, connection_id: int) -> set[str]:
    """Ids of the CRM's tasks of visits that are still planned, as far as it told them."""
    query = sa.select(visit.c.task_id).where(
        visit.c.connection_id == connection_id, visit.c.task_id.is_not(None), visit.c.state == "planned"
    )
    return set(tx.execute(query).scalars())


def lost(tx: sa.Connection, connection_id: int, task_ids: Sequence[str], now: dt.datetime) -> int:
    """The CRM's tasks were deleted: their planned visits are dropped; how many there were."""
    count = 0
    for part in batches(task_ids):
        mine = (
            visit.c.connection_id == connection_id,
            visit.c.task_id.in_(part),
            visit.c.state == "planned",
        )
        found = tx.execute(sa.select(visit).where(*mine).order_by(visit.c.key)).all()
        tx.execute(visit.update().where(*mine).values(state="dropped", reported_at=now))
        for row in found:
            visit_outcomes.gone(tx, row, now)
        count += len(found)
    return count


def listing(tx: sa.Connection) -> list[sa.Row[Any]]:
    """All visits with the names of customer, connection and owner, the next one due first."""
    owner = sa.and_(
        crm_user.c.connection_id == visit.c.connection_id, crm_user.c.external_id == visit.c.owner_id
    )
    query = (
        sa.select(
            visit,
            customer.c.name.label("customer"),
            connection.c.name.label("connection"),
            sa.func.coalesce(crm_user.c.name, visit.c.owner_id).label("owner"),
        )
        .join(customer, customer.c.id == visit.c.customer_id)
        .join(connection, connection.c.id == visit.c.connection_id)
        .outerjoin(crm_user, owner)
        .order_by(visit.c.due_on, visit.c.id)
    )
    return list(tx.execute(query).all())


def every_customer(tx: sa.Connection, after: int, most: int) -> list[int]:
    """Ids of customers above ``after`` that were ever assessed, in order."""
    query = sa.select(customer.c.id).where(customer.c.id > after, customer.c.assessed > 0)
    return list(tx.execute(query.order_by(customer.c.id).limit(most)).scalars())
