"""What people record about a customer's conduct: promises to pay, the blacklist, disputes.

Invariant: rows are added and ended, never changed otherwise; every change of them that is a fact marks the
customer in the same transaction.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connector.rules.documents import PromiseDoc
from connector.store import dunning
from connector.store.conduct_tables import blacklisting, dispute, promise
from connector.store.record_tables import account
from connector.store.tables import customer

ALL = (promise, blacklisting, dispute)


def add(tx: sa.Connection, table: sa.Table, **values: Any) -> int:
    """Record something; its id. A blacklisting or dispute that runs already is not recorded again: 0."""
    if table is not promise:
        same = [table.c[name] == values[name] for name in ("customer_id", "invoice") if name in table.c]
        running = sa.select(table.c.id).where(*same, table.c.ended_at.is_(None)).limit(1)
        if tx.execute(running).first() is not None:
            return 0
    number = int(tx.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one())
    _touch(tx, values["customer_id"])
    return number


def end(tx: sa.Connection, table: sa.Table, number: int, **values: Any) -> sa.Row[Any] | None:
    """End what runs; the row as it was, ``None`` if nothing with this id runs."""
    here = (table.c.id == number, table.c.ended_at.is_(None))
    row = tx.execute(sa.select(table).where(*here).with_for_update()).one_or_none()
    if row is not None:
        tx.execute(sa.update(table).where(*here).values(**values))
        _touch(tx, row.customer_id)
    return row


def listed(
    tx: sa.Connection, table: sa.Table, customer_id: int | None = None, *, ended: bool
) -> list[sa.Row[Any]]:
    """What is recorded, with the customer's ``name`` and ``is_person``, oldest first; with ``ended`` also
    what runs no more."""
    query = sa.select(table, customer.c.name, customer.c.is_person).join_from(table, customer)
    if customer_id is not None:
        query = query.where(table.c.customer_id == customer_id)
    if not ended:
        query = query.where(table.c.ended_at.is_(None))
    return list(tx.execute(query.order_by(table.c.id)).all())


def running_blacklisting(tx: sa.Connection, customer_id: int) -> int | None:
    """The id of the entry by which a person has ruled the customer out."""
    query = sa.select(blacklisting.c.id).where(
        blacklisting.c.customer_id == customer_id, blacklisting.c.ended_at.is_(None)
    )
    return tx.execute(query.limit(1)).scalar()


def follow(tx: sa.Connection, before: int, after: int) -> None:
    """What was recorded about a customer goes with its last account to the customer that it turned out to
    be: what people decided about a debtor is not lost by a link."""
    left = sa.select(account.c.external_id).where(account.c.customer_id == before).limit(1)
    if before == after or tx.execute(left).first() is not None:
        return
    for table in ALL:
        tx.execute(sa.update(table).where(table.c.customer_id == before).values(customer_id=after))
    dunning.follow(tx, before, after)


def promises(tx: sa.Connection, ids: Sequence[int]) -> defaultdict[int, list[PromiseDoc]]:
    """The promises of each customer, oldest first."""
    found: defaultdict[int, list[PromiseDoc]] = defaultdict(list)
    query = sa.select(promise).where(promise.c.customer_id.in_(ids)).order_by(promise.c.id)
    for row in tx.execute(query):
        found[row.customer_id].append(
            PromiseDoc(row.id, row.made_on, row.due_on, row.amount, row.currency, row.invoice, row.outcome)
        )
    return found


def ruled_out(tx: sa.Connection, ids: Sequence[int]) -> dict[int, bool]:
    """By customer: whether people have it on the blacklist now; without those who never were."""
    found: dict[int, bool] = {}
    query = sa.select(blacklisting.c.customer_id, blacklisting.c.ended_at)
    for owner, ended in tx.execute(query.where(blacklisting.c.customer_id.in_(ids))):
        found[owner] = found.get(owner, False) or ended is None
    return found


def disputed(tx: sa.Connection, ids: Sequence[int]) -> dict[str, bool]:
    """By invoice (``connection/external id``): whether people say that it is in dispute now."""
    found: dict[str, bool] = {}
    query = sa.select(dispute.c.invoice, dispute.c.ended_at)
    for key, ended in tx.execute(query.where(dispute.c.customer_id.in_(ids))):
        found[key] = found.get(key, False) or ended is None
    return found


def _touch(tx: sa.Connection, customer_id: int) -> None:
    here = sa.update(customer).where(customer.c.id == customer_id)
    tx.execute(here.values(changes=customer.c.changes + 1))


def ending(reason: str, actor: str, at: dt.datetime) -> dict[str, Any]:
    """The values of an end."""
    return {"ended_reason": reason, "ended_by": actor, "ended_at": at}
