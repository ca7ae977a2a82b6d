"""Groups: the shared line of customers that belong together, and the tree in which groups stand.

Invariant: a group has a line only if a person set a limit for it; its exposure is the sum of its parts:
of each customer and each group directly below, what the share says, rounded part by part. The tree has
no circle.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from connector.errors import Halt
from connector.money import Rates, scale
from connector.store import lines, tree
from connector.store.lines import CUSTOMER, GROUP
from connector.store.tables import credit_group, customer


class Total(NamedTuple):
    """Exposure in minor units; ``incomplete`` if it is a lower bound; ``no_rate`` names a currency that
    could not be converted."""

    exposure: int
    incomplete: bool
    no_rate: str | None


@dataclass(frozen=True)
class Group:
    """One group. ``share`` is how much of its exposure counts in ``parent_id``."""

    id: int
    key: str
    name: str
    parent_id: int | None
    share: Decimal
    ring_fenced: bool
    members: int


def total(tx: sa.Connection, customer_ids: Sequence[int], rates: Rates, now: dt.datetime) -> None:
    """Bring the lines of all groups above these customers up to what is below them.

    Raises ``Halt`` when a line below is in a currency without a rate to the group's.
    """
    above = tree.chains(tx, customer_ids)
    refresh(tx, {one.group_id for chain in above.values() for one in chain}, rates, now)


def refresh(tx: sa.Connection, group_ids: Collection[int], rates: Rates, now: dt.datetime) -> None:
    """Bring the lines of these groups up to what is below them: exposure, and reservations that customers
    brought along. Raises ``Halt`` as ``total`` does."""
    stored = lines.lock(tx, [(GROUP, number) for number in group_ids])
    judged = []
    for (_, number), line in sorted(stored.items()):
        lines.adopt(tx, line, rates, now.date())
        found = sum_of_parts(tx, number, line.currency, rates, now.date())
        if found.no_rate is not None:
            raise Halt(
                f"a member of group {number} has a line in a currency without a rate to {line.currency}",
                where="rates",
                todo="add the rate, then assess again",
            )
        judged.append(
            replace(line, exposure=found.exposure, incomplete=found.incomplete, as_of=now, version=None)
        )
    if judged:
        lines.save(tx, judged, rates, now.date())


def sum_of_parts(tx: sa.Connection, group_id: int, currency: str, rates: Rates, day: dt.date) -> Total:
    """The exposure of a group in ``currency``, from the lines of all customers below it."""
    groups, customers = tree.below(tx, group_id)
    known = lines.read(tx, [(CUSTOMER, part.id) for part in customers])
    sums = dict.fromkeys([group_id, *(part.id for part in groups)], 0)
    incomplete = len(known) < len(customers)
    no_rate: str | None = None
    for part in customers:
        line = known.get((CUSTOMER, part.id))
        if line is None:
            continue
        amount = rates.convert(line.exposure, line.currency, currency, day)
        if amount is None:
            no_rate = line.currency
        incomplete = incomplete or line.incomplete or amount is None
        sums[part.parent] += scale(amount or 0, part.share)
    for part in reversed(groups):  # what is below comes first
        sums[part.parent] += scale(sums[part.id], part.share)
    return Total(sums[group_id], incomplete, no_rate)


def every(tx: sa.Connection) -> list[Group]:
    """All groups by id."""
    counted = (
        sa.select(customer.c.group_id, sa.func.count().label("members"))
        .group_by(customer.c.group_id)
        .subquery()
    )
    query = (
        sa.select(credit_group, sa.func.coalesce(counted.c.members, 0).label("members"))
        .outerjoin(counted, counted.c.group_id == credit_group.c.id)
        .order_by(credit_group.c.id)
    )
    return [_group(row) for row in tx.execute(query)]


def find(tx: sa.Connection, text: str) -> Group:
    """The group that a person means: its number, or the name that only one group has; else ``Halt``."""
    found = [one for one in every(tx) if text in (str(one.id), one.name)]
    exact = [one for one in found if str(one.id) == text] or found
    if len(exact) != 1:
        what = "no group fits" if not exact else "several groups fit"
        raise Halt(f"{what} {text!r}", todo="give its number, see 'creditgate group list'")
    return exact[0]


def create(tx: sa.Connection, name: str, now: dt.datetime) -> int:
    """The group that a person calls ``name``, made if there is none; its id."""
    key = f"name:{name}"
    found = tx.execute(sa.select(credit_group.c.id).where(credit_group.c.key == key)).scalar()
    if found is None:
        statement = sa.insert(credit_group).values(key=key, name=name, created_at=now)
        found = tx.execute(statement.returning(credit_group.c.id)).scalar_one()
    return int(found)


def place(
    tx: sa.Connection, group_id: int, parent_id: int | None, share: Decimal, *, ring_fenced: bool
) -> None:
    """Put a group below another, or (``None``) on top. Raises ``Halt`` if that would close a circle."""
    # All that have a parent are locked, so that two moves at a time cannot close a circle together.
    concerned = sa.or_(
        credit_group.c.parent_id.is_not(None), credit_group.c.id.in_([group_id, parent_id or 0])
    )
    query = sa.select(credit_group.c.id, credit_group.c.parent_id).where(concerned)
    parents = {
        row.id: row.parent_id for row in tx.execute(query.order_by(credit_group.c.id).with_for_update())
    }
    at = parent_id
    while at is not None:
        if at == group_id:
            raise Halt(
                f"group {group_id} is above group {parent_id} already: that would be a circle",
                todo="take the other one out first: 'creditgate group place … --top'",
            )
        at = parents.get(at)
    tx.execute(
        sa.update(credit_group)
        .where(credit_group.c.id == group_id)
        .values(parent_id=parent_id, share_bp=int(share * tree.BASIS), ring_fenced=ring_fenced)
    )


def _group(row: Any) -> Group:
    return Group(
        row.id, row.key, row.name, row.parent_id, tree.share_of(row.share_bp), row.ring_fenced, row.members
    )
