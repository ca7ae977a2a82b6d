"""Whose account it was, and from when on: what a figure about a past month stands on.

Invariant: an entry is added when an account is read with another owner than before, in the transaction that
stores the account; nothing is changed later. Before the first entry the owner is not known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from connector.model import Account
from connector.store.record_tables import account, account_owner
from connector.store.upsert import batches, upsert


def keep(tx: sa.Connection, connection_id: int, accounts: Sequence[Account], now: dt.datetime) -> None:
    """Note the owners of these accounts where they are others than the last ones that were noted."""
    wanted = {one.external_id: one.owner_id for one in accounts}
    known: dict[str, str | None] = {}
    for part in batches(list(wanted)):
        here = account_owner.c.connection_id == connection_id, account_owner.c.account_id.in_(part)
        query = sa.select(account_owner).where(*here).order_by(account_owner.c.since)
        known |= {row.account_id: row.owner_id for row in tx.execute(query)}
    rows = [
        {"connection_id": connection_id, "account_id": key, "since": now, "owner_id": owner}
        for key, owner in wanted.items()
        if key not in known or known[key] != owner
    ]
    # Two readings within one moment: the later one is right.
    upsert(tx, account_owner, rows, guarded=False)


def portfolios(tx: sa.Connection, until: dt.datetime) -> dict[tuple[int, str | None], set[int]]:
    """The customers by connection and owner (``None``: an account without one) as they were just before a
    moment (aware UTC); an account belongs to the customer that it is linked to today."""
    newest = (
        sa.select(
            account_owner.c.connection_id,
            account_owner.c.account_id,
            sa.func.max(account_owner.c.since).label("since"),
        )
        .where(account_owner.c.since < until)
        .group_by(account_owner.c.connection_id, account_owner.c.account_id)
        .subquery()
    )
    same = [account_owner.c[name] == newest.c[name] for name in ("connection_id", "account_id", "since")]
    theirs = (
        account.c.connection_id == account_owner.c.connection_id,
        account.c.external_id == account_owner.c.account_id,
    )
    query = (
        sa.select(account_owner.c.connection_id, account_owner.c.owner_id, account.c.customer_id)
        .join(newest, sa.and_(*same))
        .join(account, sa.and_(*theirs))
        .where(account.c.customer_id.is_not(None))
    )
    found: dict[tuple[int, str | None], set[int]] = {}
    for connection_id, owner, customer_id in tx.execute(query):
        found.setdefault((connection_id, owner), set()).add(customer_id)
    return found
