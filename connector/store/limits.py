"""Limits set by a person, for a customer or a group.

Invariant: an entry is never deleted; a new one ends those of its kind that are in force on its first
day, so that of one kind the one begun last holds. An entry whose last day lies before its first one was
replaced by another on that very day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from connector.store.lines import CUSTOMER, GROUP
from connector.store.tables import credit_group, customer, limit_entry

BASE, TEMPORARY = "base", "temporary"
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """One limit. ``state`` ``none``, ``amount`` (minor units of ``currency``) or ``unlimited``; in force
    on days in ``[valid_from, valid_to]``, ``valid_to`` ``None`` is open-ended."""

    id: int
    subject: str
    subject_id: int
    kind: str
    state: str
    amount: int | None
    currency: str
    valid_from: dt.date
    valid_to: dt.date | None
    reason: str
    actor: str
    at: dt.datetime

    def phase(self, day: dt.date) -> str:
        """``replaced`` (on its first day), ``past``, ``in force`` or ``future`` on ``day``."""
        if self.valid_to is not None and self.valid_to < self.valid_from:
            return "replaced"
        if self.valid_from > day:
            return "future"
        return "past" if self.valid_to is not None and self.valid_to < day else "in force"


def name_of(tx: sa.Connection, subject: str, subject_id: int) -> str | None:
    """The name of a customer or group; ``None`` when there is none with this number."""
    table = customer if subject == CUSTOMER else credit_group
    name: str | None = tx.execute(sa.select(table.c.name).where(table.c.id == subject_id)).scalar()
    return name


def members(tx: sa.Connection, subject: str, subject_id: int) -> list[int]:
    """The customers whom a limit of this subject concerns."""
    if subject == CUSTOMER:
        return [subject_id]
    query = sa.select(customer.c.id).where(customer.c.group_id == subject_id).order_by(customer.c.id)
    return list(tx.execute(query).scalars())


def group_of(tx: sa.Connection, customer_id: int) -> int | None:
    """The group of a customer."""
    group: int | None = tx.execute(
        sa.select(customer.c.group_id).where(customer.c.id == customer_id)
    ).scalar()
    return group


def awaits_assessment(tx: sa.Connection, customer_id: int) -> bool:
    """Whether something about a customer changed since it was assessed."""
    query = sa.select(customer.c.changes > customer.c.assessed).where(customer.c.id == customer_id)
    return bool(tx.execute(query).scalar())


def entries(tx: sa.Connection, subject: str, subject_id: int) -> list[Entry]:
    """All entries, oldest first."""
    query = sa.select(limit_entry).where(
        limit_entry.c.subject == subject, limit_entry.c.subject_id == subject_id
    )
    return [Entry(**row._mapping) for row in tx.execute(query.order_by(limit_entry.c.id))]


def in_force(found: list[Entry], day: dt.date) -> Entry | None:
    """The entry that holds on ``day``: a temporary one before a base one, then the one begun last."""
    valid = [entry for entry in found if entry.phase(day) == "in force"]
    return max(valid, key=lambda e: (e.kind == TEMPORARY, e.valid_from, e.id), default=None)


def groups_with_entries(tx: sa.Connection) -> list[int]:
    """Groups that ever had a limit of their own."""
    query = sa.select(limit_entry.c.subject_id).where(limit_entry.c.subject == GROUP).distinct()
    return sorted(tx.execute(query).scalars())


def end(
    tx: sa.Connection, subject: str, subject_id: int, kind: str, day: dt.date, *, future: bool = False
) -> int:
    """End the entries of a kind that are in force on ``day`` with the day before; with ``future`` also
    those that begin later. How many there were."""
    here = [
        limit_entry.c.subject == subject,
        limit_entry.c.subject_id == subject_id,
        limit_entry.c.kind == kind,
        sa.or_(limit_entry.c.valid_to.is_(None), limit_entry.c.valid_to >= day),
        # One that is replaced already stays as it is.
        sa.or_(limit_entry.c.valid_to.is_(None), limit_entry.c.valid_to >= limit_entry.c.valid_from),
    ]
    if not future:
        here.append(limit_entry.c.valid_from <= day)
    return tx.execute(limit_entry.update().where(*here).values(valid_to=day - DAY)).rowcount


def add(tx: sa.Connection, entry: Entry) -> int:
    """Add an entry (its ``id`` is given by the store), ending those of its kind that it replaces."""
    end(tx, entry.subject, entry.subject_id, entry.kind, entry.valid_from)
    values = {
        name: getattr(entry, name)
        for name in (
            "subject subject_id kind state amount currency valid_from valid_to reason actor at".split()
        )
    }
    return int(tx.execute(limit_entry.insert().values(**values).returning(limit_entry.c.id)).scalar_one())
