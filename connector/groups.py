"""Groups of customers: who belongs to which, and how groups stand in one another.

Invariant: every change has an author, is journalled, and brings the lines of all groups concerned, on
the old way up and on the new one, to the sum of their parts in the same transaction.
"""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from connector.errors import Halt
from connector.runtime import Runtime
from connector.store import groups, journal, lines, tree
from connector.store.customers import touch_customers
from connector.store.groups import Group
from connector.store.lines import GROUP, Line
from connector.store.tables import customer

_ALL = Decimal(1)


def every(runtime: Runtime) -> list[tuple[Group, Line | None]]:
    """All groups with their lines; a group without a limit has none."""
    with runtime.store.read() as tx:
        found = groups.every(tx)
        known = lines.read(tx, [(GROUP, one.id) for one in found])
    return [(one, known.get((GROUP, one.id))) for one in found]


def join(
    runtime: Runtime,
    customer_id: int,
    name: str | None,
    *,
    actor: str,
    share: Decimal = _ALL,
    ring_fenced: bool = False,
) -> None:
    """Put a customer into the group that a person calls ``name`` or by its number, or (``None``) take it
    out. ``share`` of its exposure counts there; ``ring_fenced``: it is named there but stands apart.

    Raises ``Halt`` for no such customer or a share outside 0…1.
    """
    _check(share)
    with runtime.store.write() as tx:
        row = tx.execute(sa.select(customer.c.id).where(customer.c.id == customer_id)).one_or_none()
        if row is None:
            raise Halt(f"there is no customer {customer_id}", todo="see 'creditgate customer list'")
        before = _above(tx, customer_id)
        group = _named(runtime, tx, name) if name else None
        tx.execute(
            sa.update(customer)
            .where(customer.c.id == customer_id)
            .values(group_id=group, group_share_bp=int(share * tree.BASIS), ring_fenced=ring_fenced)
        )
        touch_customers(tx, [customer_id])
        groups.refresh(tx, before | _above(tx, customer_id), runtime.rates, runtime.now())
        detail = {"group": name or "", "share": str(share), "ring_fenced": ring_fenced}
        journal.add(tx, runtime.now(), actor, "group", f"customer {customer_id}", detail)


def place(
    runtime: Runtime,
    group: str,
    parent: str | None,
    *,
    actor: str,
    share: Decimal = _ALL,
    ring_fenced: bool = False,
) -> Group:
    """Put ``group`` (number or name) below ``parent``, or (``None``) on top; the group as it stands now.

    Raises ``Halt`` for a group that does not exist, a circle, or a share outside 0…1.
    """
    _check(share)
    with runtime.store.write() as tx:
        moved = groups.find(tx, group)
        above = groups.find(tx, parent).id if parent is not None else None
        before = tree.upwards(tx, [moved.id])
        groups.place(tx, moved.id, above, share, ring_fenced=ring_fenced)
        groups.refresh(tx, before | tree.upwards(tx, [moved.id]), runtime.rates, runtime.now())
        detail = {"parent": above, "share": str(share), "ring_fenced": ring_fenced, "was": moved.parent_id}
        journal.add(tx, runtime.now(), actor, "group_placed", f"group {moved.id}", detail)
        return groups.find(tx, str(moved.id))


def create(runtime: Runtime, name: str, *, actor: str) -> int:
    """A group without members yet, so that others can stand below it; its id. The same name is the same
    group."""
    if not name.strip():
        raise Halt("a group needs a name", todo="write one")
    with runtime.store.write() as tx:
        number = groups.create(tx, name.strip(), runtime.now())
        journal.add(tx, runtime.now(), actor, "group_created", f"group {number}", {"name": name.strip()})
    return number


def _named(runtime: Runtime, tx: sa.Connection, name: str) -> int:
    """The group with this number or name; a new one by that name if there is none."""
    found = [one for one in groups.every(tx) if name in (str(one.id), one.name)]
    return groups.find(tx, name).id if found else groups.create(tx, name, runtime.now())


def _above(tx: sa.Connection, customer_id: int) -> set[int]:
    return {one.group_id for one in tree.chains(tx, [customer_id]).get(customer_id, ())}


def _check(share: Decimal) -> None:
    if not 0 <= share <= 1 or share * tree.BASIS != int(share * tree.BASIS):
        raise Halt(f"{share} is no share", todo="write it between 0% and 100%, such as 50% or 33.33%")
