"""Who stands behind an account of a CRM, and what is known of one of its orders.

Invariant: read only, and only what the order check and the people who ask about credit need.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from connector.store import tree
from connector.store.lines import CUSTOMER, GROUP, Key
from connector.store.record_tables import account, sales_order
from connector.store.tables import connection, customer
from connector.store.tree import Above


@dataclass(frozen=True, slots=True)
class Party:
    """The customer of an account. ``hold_placed`` is the reason of a hold set by a person; ``dirty``
    says that facts changed since the last assessment, ``due_at`` (UTC) when time alone changes it.
    ``above`` are the groups that bound it, nearest first; a ring-fenced customer has none."""

    customer_id: int
    name: str
    above: tuple[Above, ...]
    hold_placed: str | None
    dirty: bool
    due_at: dt.datetime | None

    @property
    def own(self) -> Key:
        """The customer's line."""
        return CUSTOMER, self.customer_id

    @property
    def groups(self) -> list[Key]:
        """The lines of the groups above, nearest first, as far as they may exist."""
        return [(GROUP, one.group_id) for one in self.above]

    @property
    def lines(self) -> list[Key]:
        """All of them."""
        return [self.own, *self.groups]

    def share(self, key: Key) -> Decimal:
        """How much of what the customer owes counts on a line."""
        return next((one.share for one in self.above if (GROUP, one.group_id) == key), Decimal(1))


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as it was last read from the CRM; ``amount`` in minor units of ``currency``."""

    amount: int
    currency: str
    stage: str
    prepaid: bool


def connection_id(tx: sa.Connection, name: str) -> int | None:
    """The id of the connection called ``name``."""
    return tx.execute(_CONNECTION, {"named": name}).scalar_one_or_none()


def of_account(tx: sa.Connection, source: int, account_id: str) -> Party | None:
    """The customer behind an account, ``None`` if the account was never read."""
    return _party(tx, _OF_ACCOUNT, {"source": source, "account": account_id})


def of_customer(tx: sa.Connection, customer_id: int) -> Party | None:
    """A customer by its id."""
    return _party(tx, _customers().where(customer.c.id == customer_id), {})


def stands_on(tx: sa.Connection, customer_id: int, source: int) -> bool:
    """Whether the customer has an account on a connection."""
    query = sa.select(account.c.external_id).where(
        account.c.customer_id == customer_id, account.c.connection_id == source
    )
    return tx.execute(query.limit(1)).first() is not None


def known_order(tx: sa.Connection, source: int, order_key: str, customer_id: int) -> KnownOrder | None:
    """The order with this id or, failing that, number, if it stands on an account of the customer."""
    found = tx.execute(_KNOWN_ORDER, {"source": source, "order": order_key, "owner": customer_id}).all()
    rows = sorted(found, key=lambda row: (row.external_id != order_key, row.external_id))
    if not rows:
        return None
    return KnownOrder(rows[0].amount, rows[0].currency, rows[0].stage, rows[0].prepaid)


def _customers() -> sa.Select[Any]:
    dirty = (customer.c.changes > customer.c.assessed).label("dirty")
    return sa.select(
        customer.c.id.label("customer_id"),
        customer.c.name,
        customer.c.group_id,
        customer.c.group_share_bp,
        customer.c.ring_fenced,
        customer.c.hold_placed,
        dirty,
        customer.c.due_at,
    )


# A check is asked a thousand times a second: its statements are built once.
_OF_ACCOUNT = (
    _customers()
    .join(account, account.c.customer_id == customer.c.id)
    .where(
        account.c.connection_id == sa.bindparam("source"), account.c.external_id == sa.bindparam("account")
    )
)
_CONNECTION = sa.select(connection.c.id).where(connection.c.name == sa.bindparam("named"))
_KNOWN_ORDER = (
    sa.select(
        sales_order.c.external_id,
        sales_order.c.amount,
        sales_order.c.currency,
        sales_order.c.stage,
        sales_order.c.prepaid,
    )
    .join(
        account,
        sa.and_(
            account.c.connection_id == sales_order.c.connection_id,
            account.c.external_id == sales_order.c.account_id,
        ),
    )
    .where(
        sales_order.c.connection_id == sa.bindparam("source"),
        sa.or_(
            sales_order.c.external_id == sa.bindparam("order"), sales_order.c.number == sa.bindparam("order")
        ),
        sales_order.c.deleted.is_(False),
        account.c.customer_id == sa.bindparam("owner"),
    )
)


def _party(tx: sa.Connection, query: sa.Select[Any], values: Mapping[str, Any]) -> Party | None:
    row = tx.execute(query, values).one_or_none()
    if row is None:
        return None
    return Party(
        customer_id=row.customer_id,
        name=row.name,
        above=tree.chain(tx, row.group_id, row.group_share_bp, row.ring_fenced),
        hold_placed=row.hold_placed,
        dirty=bool(row.dirty),
        due_at=row.due_at,
    )
