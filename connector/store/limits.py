"""Limits set by a person, for a customer or a group.

Invariant: an entry is never deleted; a new one ends those of its kind that are in force on its first
day, so that of one kind the one begun last holds. An entry whose last day lies before its first one was
replaced by another on that very day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields

import sqlalchemy as sa

from connector.rules.entries import SEASONAL, holds_on
from connector.store import tree
from connector.store.lines import CUSTOMER, GROUP
from connector.store.tables import credit_group, customer, limit_entry

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """One limit, ``kind`` ``base``, ``seasonal``, ``temporary``, ``insured`` or ``guaranteed``.

    ``state`` ``none``, ``amount`` (minor units of ``currency``) or ``unlimited``; in force on days in
    ``[valid_from, valid_to]``, ``valid_to`` ``None`` is open-ended. A seasonal one holds from
    ``season_from`` to ``season_to`` (``MM-DD``) of every year; of what is insured or guaranteed
    ``cover_bp`` / 10000 would be paid. ``request_id`` is the decision that it rests on, if others had to
    agree.
    """

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
    season_from: str | None = None
    season_to: str | None = None
    cover_bp: int | None = None
    request_id: int | None = None

    def phase(self, day: dt.date) -> str:
        """``replaced`` (on its first day), ``past``, ``in force``, ``out of season`` or ``future``."""
        if self.valid_to is not None and self.valid_to < self.valid_from:
            return "replaced"
        if self.valid_from > day:
            return "future"
        if self.valid_to is not None and self.valid_to < day:
            return "past"
        return "in force" if holds_on(self, day) else "out of season"


def name_of(tx: sa.Connection, subject: str, subject_id: int) -> str | None:
    """The name of a customer or group; ``None`` when there is none with this number."""
    table = customer if subject == CUSTOMER else credit_group
    name: str | None = tx.execute(sa.select(table.c.name).where(table.c.id == subject_id)).scalar()
    return name


def members(tx: sa.Connection, subject: str, subject_id: int) -> list[int]:
    """The customers whom a limit of this subject concerns: for a group all that count in it."""
    return [subject_id] if subject == CUSTOMER else sorted(tree.members(tx, subject_id))


def groups_of(tx: sa.Connection, customer_id: int) -> list[int]:
    """The groups above a customer, nearest first."""
    return [one.group_id for one in tree.chains(tx, [customer_id]).get(customer_id, ())]


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


def groups_with_entries(tx: sa.Connection) -> list[int]:
    """Groups that ever had a limit of their own."""
    query = sa.select(limit_entry.c.subject_id).where(limit_entry.c.subject == GROUP).distinct()
    return sorted(tx.execute(query).scalars())


def end(
    tx: sa.Connection,
    subject: str,
    subject_id: int,
    kind: str,
    day: dt.date,
    *,
    future: bool = False,
    season: tuple[str | None, str | None] | None = None,
) -> int:
    """End the entries of a kind that are in force on ``day`` with the day before; with ``future`` also
    those that begin later; with ``season`` only those of that season. How many there were."""
    here = [
        limit_entry.c.subject == subject,
        limit_entry.c.subject_id == subject_id,
        limit_entry.c.kind == kind,
        sa.or_(limit_entry.c.valid_to.is_(None), limit_entry.c.valid_to >= day),
        # One that is replaced already stays as it is.
        sa.or_(limit_entry.c.valid_to.is_(None), limit_entry.c.valid_to >= limit_entry.c.valid_from),
    ]
    if season is not None:
        here += [limit_entry.c.season_from == season[0], limit_entry.c.season_to == season[1]]
    if not future:
        here.append(limit_entry.c.valid_from <= day)
    return tx.execute(limit_entry.update().where(*here).values(valid_to=day - DAY)).rowcount


def add(tx: sa.Connection, entry: Entry) -> int:
    """Add an entry (its ``id`` is given by the store), ending those of its kind that it replaces."""
    season = (entry.season_from, entry.season_to) if entry.kind == SEASONAL else None
    end(tx, entry.subject, entry.subject_id, entry.kind, entry.valid_from, season=season)
    values = {one.name: getattr(entry, one.name) for one in fields(entry) if one.name != "id"}
    return int(tx.execute(limit_entry.insert().values(**values).returning(limit_entry.c.id)).scalar_one())
