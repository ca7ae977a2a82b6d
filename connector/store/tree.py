"""The tree of groups: who is above a customer, who is below a group, and how much of it counts there.

Invariant: read only. A ring-fenced customer or group stands apart: nothing of it counts above, and
nothing above bounds or serves it. Shares multiply on the way up. A circle, should one ever have come
about, ends the walk instead of hanging it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from connector.store.tables import credit_group, customer

BASIS = Decimal(10_000)  # shares are stored in hundredths of a percent
DEEPEST = 30
BATCH = 800


_ONE = sa.select(
    credit_group.c.id, credit_group.c.parent_id, credit_group.c.share_bp, credit_group.c.ring_fenced
).where(credit_group.c.id == sa.bindparam("group"))


class Above(NamedTuple):
    """A group above a customer, and how much of the customer's exposure counts there (1 is all)."""

    group_id: int
    share: Decimal


class Part(NamedTuple):
    """A customer or group directly below a group, and how much of it counts there."""

    parent: int
    id: int
    share: Decimal


def share_of(basis_points: int) -> Decimal:
    """A stored share: 10000 is all of it."""
    return Decimal(basis_points) / BASIS


def chains(connection: sa.Connection, customer_ids: Collection[int]) -> dict[int, tuple[Above, ...]]:
    """The groups above each of these customers, nearest first; customers without any are left out."""
    starts: list[Any] = []
    for ids in _batches(sorted(customer_ids)):
        query = sa.select(customer.c.id, customer.c.group_id, customer.c.group_share_bp).where(
            customer.c.id.in_(ids), customer.c.group_id.is_not(None), customer.c.ring_fenced.is_(False)
        )
        starts += connection.execute(query).all()
    nodes = _upwards(connection, {row.group_id for row in starts})
    return {row.id: _chain(nodes, row.group_id, share_of(row.group_share_bp)) for row in starts}


def chain(
    connection: sa.Connection, group_id: int | None, share_bp: int, ring_fenced: bool
) -> tuple[Above, ...]:
    """The groups above a customer that stands so in ``group_id``, nearest first."""
    if group_id is None or ring_fenced:
        return ()
    nodes: dict[int, Any] = {}
    at: int | None = group_id
    while at is not None and at not in nodes:
        row = connection.execute(_ONE, {"group": at}).one_or_none()
        if row is None:
            break
        nodes[at] = row
        at = None if row.ring_fenced else row.parent_id
    return _chain(nodes, group_id, share_of(share_bp))


def upwards(connection: sa.Connection, group_ids: Collection[int]) -> set[int]:
    """These groups and every group in which something of them counts."""
    nodes = _upwards(connection, group_ids)
    return {above.group_id for one in group_ids for above in _chain(nodes, one, Decimal(1))}


def below(connection: sa.Connection, group_id: int) -> tuple[list[Part], list[Part]]:
    """What is below a group and counts in it: groups (each before what is below it) and customers."""
    groups: list[Part] = []
    seen = {group_id}
    level: list[int] = [group_id]
    while level:
        query = sa.select(credit_group.c.parent_id, credit_group.c.id, credit_group.c.share_bp).where(
            credit_group.c.parent_id.in_(level), credit_group.c.ring_fenced.is_(False)
        )
        rows = [row for row in connection.execute(query.order_by(credit_group.c.id)) if row.id not in seen]
        groups += [Part(row.parent_id, row.id, share_of(row.share_bp)) for row in rows]
        level = [row.id for row in rows]
        seen.update(level)
    customers: list[Part] = []
    for ids in _batches(sorted(seen)):
        members = (
            sa.select(customer.c.group_id, customer.c.id, customer.c.group_share_bp)
            .where(customer.c.group_id.in_(ids), customer.c.ring_fenced.is_(False))
            .order_by(customer.c.id)
        )
        customers += [
            Part(row.group_id, row.id, share_of(row.group_share_bp)) for row in connection.execute(members)
        ]
    return groups, customers


def members(connection: sa.Connection, group_id: int) -> dict[int, Decimal]:
    """Every customer below a group that counts in it, with the share of its exposure that does."""
    groups, customers = below(connection, group_id)
    shares = {group_id: Decimal(1)}
    for part in groups:
        shares[part.id] = shares[part.parent] * part.share
    return {part.id: shares[part.parent] * part.share for part in customers}


def _upwards(connection: sa.Connection, group_ids: Collection[int]) -> dict[int, Any]:
    """The rows of these groups and of all groups above them."""
    nodes: dict[int, Any] = {}
    level = sorted(group_ids)
    while level:
        for ids in _batches(level):
            query = sa.select(
                credit_group.c.id,
                credit_group.c.parent_id,
                credit_group.c.share_bp,
                credit_group.c.ring_fenced,
            ).where(credit_group.c.id.in_(ids))
            nodes.update({row.id: row for row in connection.execute(query)})
        parents = {
            row.parent_id for row in nodes.values() if row.parent_id is not None and not row.ring_fenced
        }
        level = sorted(parents - nodes.keys())
    return nodes


def _chain(nodes: dict[int, Any], start: int, share: Decimal) -> tuple[Above, ...]:
    found: list[Above] = []
    at: int | None = start
    seen: set[int] = set()
    while at is not None and at in nodes and at not in seen and len(found) < DEEPEST:
        seen.add(at)
        found.append(Above(at, share))
        row = nodes[at]
        share *= share_of(row.share_bp)
        at = None if row.ring_fenced else row.parent_id
    return tuple(found)


def _batches(items: Sequence[int]) -> list[Sequence[int]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
