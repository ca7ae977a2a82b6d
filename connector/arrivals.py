"""Arrivals: orders that come out of the CRM, and what they occupy before the next assessment knows exactly.

Invariant: the transaction that stores an order brings the lines of its customer up to it: what it had
reserved moves into the exposure, and what no check had granted is added on top, so that no moment passes
in which a promise counts nowhere. It is counted by the policy's stages and weights, an increase only: what
becomes less is left to the assessment, which alone knows what was invoiced or paid meanwhile. An order that
occupies more than any check granted is written down as one that got past the gate.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connector.model import Order, OrderStage
from connector.money import Rates, scale
from connector.policy.schema import Policy
from connector.store import held, lines, past, reservations, tree, unsaved
from connector.store.connections import Connection
from connector.store.lines import CUSTOMER, GROUP, Key, Line
from connector.store.record_tables import account
from connector.store.records import Stored
from connector.store.reservations import Reservation
from connector.store.tables import credit_line

_OVER = (OrderStage.CLOSED, OrderStage.CANCELLED)


@dataclass(frozen=True)
class Counting:
    """How an order counts until it is assessed: the policy in force, and the rates."""

    policy: Policy
    rates: Rates

    def occupies(self, order: Any, day: dt.date) -> int:
        """What an order (a record or its stored row) occupies on ``day``, minor units of its currency, as
        far as it is neither invoiced nor paid; weighted as its stage is."""
        rules, stage = self.policy.exposure, OrderStage(order.stage)
        if order.prepaid or order.amount <= 0 or stage in _OVER:
            return 0
        left = max(0, order.amount - max(order.invoiced or 0, order.paid or 0))
        if stage is OrderStage.DELIVERED:
            return scale(left, rules.weights.delivered)
        if rules.open_orders == "none" or (stage is OrderStage.DRAFT and not rules.draft_orders):
            return 0
        bounded = rules.open_orders == "within_horizon" and rules.horizon_days is not None
        if bounded and order.deliver_on is not None:
            horizon = day + dt.timedelta(days=rules.horizon_days or 0)
            if order.deliver_on > horizon:
                return 0
        return scale(left, rules.weights.open_orders)


class _Owner(NamedTuple):
    """The customer of an account with the lines that its orders count on, and how much of them there."""

    customer_id: int
    shares: Mapping[Key, Decimal]


def take(
    tx: sa.Connection, connection: Connection, stored: Stored, now: dt.datetime, counting: Counting | None
) -> None:
    """Bring the lines up to the orders that were just stored. Without ``counting`` only what they had
    reserved moves. The customers are marked already (see ``lines``)."""
    orders = [record for record in stored.changed if isinstance(record, Order)]
    if not orders:
        return
    new = [order for order in orders if order.external_id not in stored.before]
    names = unsaved.names(tx, connection.id, (order for order in new if not order.check_key))
    names |= {order.check_key: order.number or order.external_id for order in new if order.check_key}
    reservations.rename(tx, connection.id, names)
    held.rename(tx, connection.id, names, now)
    over = [order for order in orders if order.stage in _OVER]
    held.withdraw(tx, connection.id, {k for o in over for k in (o.external_id, o.number) if k}, now)
    if counting is None:
        reservations.arrive(tx, connection.id, orders, now)
        return
    owners = _owners(tx, connection.id, orders, stored.before)
    growth: dict[str, dict[Key, int]] = {}
    doubtful: set[Key] = set()
    if owners:
        found = lines.read(tx, {key for owner in owners.values() for key in owner.shares})
        day = now.astimezone(ZoneInfo(counting.policy.timezone)).date()
        for order in orders:
            grown = _growth(order, stored.before.get(order.external_id), owners, found, counting, day)
            doubtful |= {key for key, amount in grown.items() if amount is None}
            growth[order.external_id] = {key: amount or 0 for key, amount in grown.items()}
    reserved = reservations.arrive(tx, connection.id, orders, now, growth)
    lines.blur(tx, doubtful)
    if counting.policy.check.checked_order == "inside":
        return  # checks come after the order here, and reserve nothing
    for order in orders:
        owner = owners.get(order.account_id)
        own = growth.get(order.external_id, {}).get((CUSTOMER, owner.customer_id), 0) if owner else 0
        excess = own - _granted(order, owner, reserved.get(order.external_id, ()), own) if owner else 0
        if owner and excess > 0:
            past.found(
                tx, connection.id, order, owner.customer_id, excess, counting.policy.check.got_past, now
            )


def _granted(order: Order, owner: _Owner, held: Sequence[Reservation], grown: int) -> int:
    """How much of the growth was granted by checks; all of it where the whole amount was: only rates or
    the stage have changed."""
    mine = [item for item in held if item.customer_id == owner.customer_id]
    if any(item.currency == order.currency and item.amount >= order.amount for item in mine):
        return grown
    return sum(item.reserved for item in mine)


def _growth(
    order: Order,
    before: Any,
    owners: Mapping[str, _Owner],
    found: Mapping[Key, Line],
    counting: Counting,
    day: dt.date,
) -> dict[Key, int | None]:
    """By how much an order occupies more than it did, by line (``None``: no rate); nothing where it is not
    more or its customer has no line."""
    owner = owners.get(order.account_id)
    if owner is None or (CUSTOMER, owner.customer_id) not in found:
        return {}
    previous = owners.get(before.account_id) if before is not None else None
    stays = previous is not None and previous.customer_id == owner.customer_id
    grown: dict[Key, int | None] = {}
    for key, share in owner.shares.items():
        line = found.get(key)
        if line is None:
            continue
        new = _in(line, counting.occupies(order, day), order.currency, share, counting, day)
        old = 0
        if stays:
            old = _in(line, counting.occupies(before, day), before.currency, share, counting, day) or 0
        if new is None or new > old:
            grown[key] = None if new is None else new - old
    return grown


def _in(
    line: Line, amount: int, currency: str, share: Decimal, counting: Counting, day: dt.date
) -> int | None:
    converted = counting.rates.convert(amount, currency, line.currency, day)
    return None if converted is None else scale(converted, share)


def _owners(
    tx: sa.Connection, connection_id: int, orders: Sequence[Order], before: Mapping[str, Any]
) -> dict[str, _Owner]:
    """Who stands behind the accounts of these orders, as far as it was ever assessed."""
    ids = {order.account_id for order in orders} | {row.account_id for row in before.values()}
    assessed = sa.exists().where(
        credit_line.c.subject == CUSTOMER, credit_line.c.subject_id == account.c.customer_id
    )
    customers: dict[str, int] = {}
    for part in reservations.batches(sorted(ids)):
        query = sa.select(account.c.external_id, account.c.customer_id).where(
            account.c.connection_id == connection_id, account.c.external_id.in_(part), assessed
        )
        customers.update({row.external_id: row.customer_id for row in tx.execute(query)})
    above = tree.chains(tx, set(customers.values())) if customers else {}
    return {
        name: _Owner(
            number,
            {
                (CUSTOMER, number): Decimal(1),
                **{(GROUP, one.group_id): one.share for one in above.get(number, ())},
            },
        )
        for name, number in customers.items()
    }
