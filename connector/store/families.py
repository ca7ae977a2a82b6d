"""Groups from the parents that accounts name in their CRM.

Invariant: the group of an account is that of the topmost parent; a circle of parents forms no group and is
journalled; groups named by a person stay. The work follows the families of what changed, not what exists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from connector.store import journal
from connector.store.record_tables import account
from connector.store.tables import credit_group, customer
from connector.store.upsert import batches

Rows = dict[str, sa.Row[Any]]
_PARENT = account.c.parent_id


def regroup(
    tx: sa.Connection, connection_id: int, now: dt.datetime, touched: Iterable[str] | None = None
) -> int:
    """Put customers into the groups of their families, all of a connection or those of the accounts
    ``touched``; how many moved."""
    if touched is None:
        query = _living(connection_id).where(_PARENT.is_not(None)).with_only_columns(account.c.external_id)
        touched = list(tx.execute(query).scalars())
    rows = _families(tx, connection_id, touched)
    parents = {key: row.parent_id for key, row in rows.items() if row.parent_id is not None}
    roots = {child: _root(child, parents) for child in parents}
    for child in sorted(child for child, root in roots.items() if root is None):
        journal.add(tx, now, "pull", "group_circle", f"account {connection_id}/{child}", {})
    wanted = {child: root for child, root in roots.items() if root is not None}
    wanted |= {root: root for root in set(wanted.values())}
    # A customer with accounts in several families belongs to that of the last one.
    target = {
        rows[key].customer_id: (rows[key].group_key or "", root)
        for key, root in sorted(wanted.items())
        if key in rows and root in rows and rows[key].customer_id is not None
    }
    moved = 0
    for customer_id, (present, root) in target.items():
        key = f"{connection_id}/{root}"
        if present != key and not present.startswith("name:"):
            moved += _move(tx, customer_id, _group(tx, key, rows[root].name, now))
    return moved


def _living(connection_id: int) -> sa.Select[Any]:
    return (
        sa.select(
            account.c.external_id,
            account.c.parent_id,
            account.c.customer_id,
            account.c.name,
            credit_group.c.key.label("group_key"),
        )
        .select_from(
            account.outerjoin(customer, customer.c.id == account.c.customer_id).outerjoin(
                credit_group, credit_group.c.id == customer.c.group_id
            )
        )
        .where(account.c.connection_id == connection_id, account.c.deleted.is_(False))
    )


def _families(tx: sa.Connection, connection_id: int, touched: Iterable[str]) -> Rows:
    """The accounts that are related to those ``touched``: up to the topmost ones, then all below."""
    rows: Rows = {}
    asked: set[str] = set()
    level = set(touched)
    while level:
        asked |= level
        found = _found(tx, connection_id, account.c.external_id, level)
        rows |= found
        level = {row.parent_id for row in found.values() if row.parent_id is not None} - asked
    level = set(rows)
    while level:
        found = _found(tx, connection_id, _PARENT, level)
        level = found.keys() - rows.keys()
        rows |= found
    return rows


def _found(tx: sa.Connection, connection_id: int, column: sa.Column[Any], values: Iterable[str]) -> Rows:
    found: Rows = {}
    for part in batches(sorted(values)):
        query = _living(connection_id).where(column.in_(part), column.is_not(None))
        found.update({row.external_id: row for row in tx.execute(query)})
    return found


def _root(child: str, parents: Mapping[str, str]) -> str | None:
    seen = {child}
    at = child
    while at in parents:
        at = parents[at]
        if at in seen:
            return None
        seen.add(at)
    return at


def _group(tx: sa.Connection, key: str, name: str, now: dt.datetime) -> int:
    found = tx.execute(sa.select(credit_group.c.id).where(credit_group.c.key == key)).scalar()
    if found is None:
        statement = sa.insert(credit_group).values(key=key, name=name, created_at=now)
        found = tx.execute(statement.returning(credit_group.c.id)).scalar_one()
    return int(found)


def _move(tx: sa.Connection, customer_id: int, group: int) -> int:
    here = sa.select(customer.c.group_id, credit_group.c.key).select_from(
        customer.outerjoin(credit_group, customer.c.group_id == credit_group.c.id)
    )
    row = tx.execute(here.where(customer.c.id == customer_id)).one()
    if row.group_id == group or (row.key or "").startswith("name:"):
        return 0
    if row.group_id is not None:  # those who stay are assessed, so that the group's total follows
        tx.execute(
            sa.update(customer)
            .where(customer.c.group_id == row.group_id)
            .values(changes=customer.c.changes + 1)
        )
    tx.execute(
        sa.update(customer)
        .where(customer.c.id == customer_id)
        .values(group_id=group, changes=customer.c.changes + 1)
    )
    return 1
