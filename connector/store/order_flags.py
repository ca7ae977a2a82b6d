"""Order flags: what the CRM is to show on orders that a check held.

Invariant: the flag follows the hold. It is derived from the holds each time, so that an order that
becomes known later, or a hold that ends while its flag is under way, is never forgotten; a hold that ended
is looked at until its flag is gone, and no longer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import orjson
import sqlalchemy as sa

from connector.store import outbox
from connector.store.outbox import HOLD_FIRST, Item
from connector.store.record_tables import sales_order
from connector.store.tables import field_name, hold
from connector.store.upsert import batches

TARGET = "order"
# States in which an order may not go on.
HOLDING = ("pending", "ready", "forced")


def queue(tx: sa.Connection, connection_id: int, now: dt.datetime, order_key: str | None = None) -> int:
    """Queue the flags of held orders that the CRM does not have yet, of one order or of all; how many.

    Only orders that were read from the CRM have one. An order whose hold ended loses its flag if it was
    given one or one is under way.
    """
    open_ones = sa.or_(hold.c.state.in_(HOLDING), hold.c.flagged == sa.true())
    query = sa.select(hold).where(hold.c.connection_id == connection_id, open_ones).with_for_update()
    if order_key is not None:
        query = query.where(hold.c.order_key == order_key)
    held = tx.execute(query).all()
    if not held:
        return 0
    found = _orders(tx, connection_id, held)
    known = [row for row in held if row.id in found]
    turned = [row for row in known if row.flagged is not (row.state in HOLDING)]
    for flagged in (True, False):
        for part in batches([row.id for row in turned if row.flagged is not flagged]):
            tx.execute(sa.update(hold).where(hold.c.id.in_(part)).values(flagged=flagged))
    return outbox.put(tx, [_item(connection_id, found[row.id], row) for row in known], now)


def look_again(tx: sa.Connection) -> None:
    """What the CRMs show is not known any more: the flag of each order that they have is written again."""
    here = sa.select(1).where(
        sales_order.c.connection_id == hold.c.connection_id,
        sa.or_(sales_order.c.external_id == hold.c.order_key, sales_order.c.number == hold.c.order_key),
    )
    tx.execute(sa.update(hold).where(sa.exists(here)).values(flagged=True))


def wanted(tx: sa.Connection, connection_id: int) -> bool:
    """Whether the CRM has the fields for it."""
    query = sa.select(field_name.c.name).where(
        field_name.c.connection_id == connection_id, field_name.c.target == TARGET
    )
    return tx.execute(query.limit(1)).first() is not None


def _orders(tx: sa.Connection, connection_id: int, held: Iterable[sa.Row[Any]]) -> dict[int, str]:
    """The id of each held order in the CRM by the hold's id: a check names it by id or by number."""
    found: dict[int, str] = {}
    by_key: dict[str, list[sa.Row[Any]]] = {}
    for row in held:
        by_key.setdefault(row.order_key, []).append(row)
    keys = list(by_key)
    for start in range(0, len(keys), 400):
        part = keys[start : start + 400]
        query = sa.select(sales_order.c.external_id, sales_order.c.number, sales_order.c.account_id).where(
            sales_order.c.connection_id == connection_id,
            sales_order.c.deleted.is_(False),
            sa.or_(sales_order.c.external_id.in_(part), sales_order.c.number.in_(part)),
        )
        orders = tx.execute(query.order_by(sales_order.c.external_id)).all()
        for order in orders:
            for row in by_key.get(order.external_id, ()):
                found[row.id] = order.external_id
        for order in orders:
            # A number alone may be another customer's.
            for row in by_key.get(order.number or "", ()):
                if order.account_id == row.account_id:
                    found.setdefault(row.id, order.external_id)
    return found


def _item(connection_id: int, external_id: str, row: sa.Row[Any]) -> Item:
    holding = row.state in HOLDING
    reasons = orjson.loads(row.reasons) if holding else []
    texts = {language: "\n".join(reason["text"][language] for reason in reasons) for language in ("zh", "en")}
    return Item(
        connection_id=connection_id,
        target=TARGET,
        external_id=external_id,
        key="",
        values={
            "credit_hold": holding,
            "credit_reasons": texts if holding else None,
            "credit_state": row.state,
        },
        priority=HOLD_FIRST,
    )
