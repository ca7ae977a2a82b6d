"""New orders whose CRM tells no number before they are saved and keeps no key for us either.

Invariant: such an order is checked under a key that follows from what is known of it, account, amount and
currency, so that trying again asks about the same order, and the order that arrives is known again. Two new
orders that are alike share the key until one of them has arrived: each counts for itself from then on.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from connector.model import Order
from connector.money import to_major
from connector.store.tables import hold, reservation

PREFIX = "new:"


def key(order: Order) -> str:
    """What a plugin calls ``order`` before it has a number: amounts with two digits after the point, or with
    three where the currency has three."""
    amount = to_major(order.amount, order.currency)
    digits = max(2, -int(amount.as_tuple().exponent))
    return f"{PREFIX}{order.account_id}:{amount:.{digits}f}:{order.currency}"


def names(tx: sa.Connection, connection_id: int, new: Iterable[Order]) -> dict[str, str]:
    """Number or id by key, of those ``new`` orders under whose key something is reserved or held."""
    waiting = _waiting(tx, connection_id)
    found: dict[str, str] = {}
    for order in new if waiting else ():
        if key(order) in waiting:
            found.setdefault(key(order), order.number or order.external_id)
    return found


def _waiting(tx: sa.Connection, connection_id: int) -> set[str]:
    keys: set[str] = set()
    for table, over in ((reservation, reservation.c.state != "active"), (hold, hold.c.state == "withdrawn")):
        query = sa.select(table.c.order_key).where(
            table.c.connection_id == connection_id,
            table.c.order_key.startswith(PREFIX, autoescape=True),
            sa.not_(over),
        )
        keys.update(tx.execute(query).scalars())
    return {one for one in keys if one.startswith(PREFIX)}
