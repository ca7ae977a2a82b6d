"""Reservations: credit promised to one order until it arrives in the exposure.

Invariant: an order has one active reservation at most; what an active reservation holds is in
``reserved`` of its lines, and what a finished one held is not. A change of state and the change of the
lines are one transaction.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.model import Order, OrderStage
from connector.store import lines
from connector.store.columns import Moment
from connector.store.lines import CUSTOMER, GROUP, Key
from connector.store.tables import reservation, reservation_group

BATCH = 400
_FINISHED = (OrderStage.CLOSED, OrderStage.CANCELLED)


@dataclass(frozen=True, slots=True)
class Reservation:
    """One reservation. ``amount`` is the order's, minor units of ``currency``; ``reserved`` is what it
    takes from the customer's line, ``groups`` (group, amount) from those of the groups above, each in
    the line's currency.

    ``state``: active, replaced, consumed, released or expired. ``answer`` is the JSON that was given,
    ``rates`` the JSON of those that served (``Rates.served``).
    """

    id: int
    connection_id: int
    order_key: str
    revision: str
    account_id: str
    customer_id: int
    amount: int
    currency: str
    reserved: int
    state: str
    answer: str
    created_at: dt.datetime
    expires_at: dt.datetime
    rates: str | None = None
    groups: tuple[tuple[int, int], ...] = ()

    @property
    def held(self) -> dict[Key, int]:
        """What it holds, by line."""
        held = {(CUSTOMER, self.customer_id): self.reserved}
        held.update({(GROUP, group): amount for group, amount in self.groups})
        return held


# A check is asked a thousand times a second: its statements are built once.
_OF_ORDER = (
    sa.select(reservation)
    .where(
        reservation.c.connection_id == sa.bindparam("source"),
        reservation.c.order_key == sa.bindparam("order"),
    )
    .order_by(reservation.c.id)
)
_OVERDUE = (
    sa.select(reservation)
    .where(reservation.c.state == "active", reservation.c.expires_at <= sa.bindparam("moment", type_=Moment))
    .order_by(reservation.c.id)
)
_PUT_GROUP = sa.insert(reservation_group)


def of_order(connection: sa.Connection, connection_id: int, order_key: str) -> list[Reservation]:
    """Every reservation that was ever made for an order, oldest first."""
    rows = connection.execute(_OF_ORDER, {"source": connection_id, "order": order_key})
    return _read(connection, rows)


def overdue(connection: sa.Connection, now: dt.datetime) -> list[Reservation]:
    """Active reservations whose time is over."""
    return _read(connection, connection.execute(_OVERDUE, {"moment": now}))


def expire(tx: sa.Connection, now: dt.datetime) -> int:
    """Give back what has expired; how many reservations that were."""
    found = overdue(tx, now)
    lines.lock(tx, keys_of(found))
    return len(end(tx, [item.id for item in found], "expired"))


def keys_of(found: Iterable[Reservation]) -> set[Key]:
    """The lines on which these reservations stand."""
    return {key for item in found for key in item.held}


def put(
    tx: sa.Connection, values: Mapping[str, Any], groups: Mapping[int, int], known: Reservation | None
) -> int | None:
    """Write an active reservation with what it takes from ``groups``, over ``known`` if its key is in use;
    its id. The ``rates`` among ``values`` are those that served (``Rates.served``), perhaps none.

    ``None`` when another transaction has just written one for the same order. The lines are the
    caller's to change.
    """
    served = values.get("rates")
    values = {**values, "rates": orjson.dumps(served).decode() if served else None}
    if known is not None:
        number: int | None = known.id
        tx.execute(sa.update(reservation).where(reservation.c.id == known.id).values(**values))
        tx.execute(sa.delete(reservation_group).where(reservation_group.c.reservation_id == known.id))
    else:
        number = tx.execute(_put(tx.dialect.name), dict(values)).scalar_one_or_none()
    rows = [{"reservation_id": number, "group_id": group, "reserved": groups[group]} for group in groups]
    if number is not None and rows:
        tx.execute(_PUT_GROUP, rows)
    return number


@cache
def _put(dialect: str) -> Any:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(reservation).on_conflict_do_nothing().returning(reservation.c.id)


def replace(tx: sa.Connection, old: Reservation) -> None:
    """Another reservation takes over for the same order. The lines are the caller's to change."""
    tx.execute(sa.update(reservation).where(reservation.c.id == old.id).values(state="replaced"))


def answered(tx: sa.Connection, number: int, answer: str) -> None:
    """Keep the answer that was given."""
    tx.execute(sa.update(reservation).where(reservation.c.id == number).values(answer=answer))


def prolong(tx: sa.Connection, old: Reservation, expires_at: dt.datetime) -> None:
    """The order was asked about again, so it is alive: a reservation never gets shorter by that."""
    if expires_at > old.expires_at:
        tx.execute(sa.update(reservation).where(reservation.c.id == old.id).values(expires_at=expires_at))


def end(tx: sa.Connection, ids: Sequence[int], state: str) -> list[Reservation]:
    """Finish the active ones among ``ids`` and take them off their (locked) lines; those finished."""
    ended: list[Reservation] = []
    for part in batches(ids):
        statement = (
            sa.update(reservation)
            .where(reservation.c.id.in_(part), reservation.c.state == "active")
            .values(state=state)
            .returning(*reservation.c)
        )
        ended += _read(tx, tx.execute(statement))
    freed: Counter[Key] = Counter()
    for item in ended:
        freed.update(item.held)
    for key in sorted(freed):
        lines.shift(tx, key, reserved=-freed[key])
    return ended


def arrive(
    tx: sa.Connection,
    connection_id: int,
    orders: Sequence[Order],
    now: dt.datetime,
    growth: Mapping[str, Mapping[Key, int]] | None = None,
) -> dict[str, list[Reservation]]:
    """Orders were stored: what they had reserved moves from ``reserved`` to the exposure, and so does what
    they occupy beyond it. ``growth`` is what each order (by external id) adds to lines as its record says;
    the lines exist. Returns the reservations that were found, by external id.

    An order that was cancelled or closed gives its reservation back, and so does one that now stands
    on another account. A draft keeps it, for it occupies no credit yet; so does a version from before
    the check, for the one that was checked is still to come, less what has come already. The caller marks
    the customers for assessment (before, see ``lines``), which then computes the exposure exactly.
    """
    growth = growth or {}
    by_key = {order.number: order for order in orders if order.number}
    by_key |= {order.external_id: order for order in orders}
    found = _active(tx, connection_id, by_key)
    grown = {key for keys in growth.values() for key in keys}
    if not found and not grown:
        return {}
    lines.lock(tx, keys_of(found) | grown)
    # Read again: what was found may have been replaced before the lines were ours.
    mine: dict[str, list[Reservation]] = {}
    for item in _active(tx, connection_id, by_key):
        mine.setdefault(by_key[item.order_key].external_id, []).append(item)
    added: Counter[Key] = Counter()
    for order in orders:
        added.update(_settle(tx, order, mine.get(order.external_id, []), growth.get(order.external_id, {})))
    for key in sorted(added):
        if added[key]:
            lines.shift(tx, key, reserved=0, exposure=added[key])
    return mine


def rename(tx: sa.Connection, connection_id: int, names: Mapping[str, str]) -> None:
    """New orders have numbers by now: what was reserved under the name of the first check (the key) goes by
    the number. Where something is reserved under the number already, the earlier one is given back."""
    if not names or not (found := _active(tx, connection_id, names)):
        return
    lines.lock(tx, keys_of(found))
    # Read again: what was found may have been replaced before the lines were ours.
    found = _active(tx, connection_id, names)
    taken = {item.order_key for item in _active(tx, connection_id, names.values())}
    end(tx, [item.id for item in found if names[item.order_key] in taken], "released")
    for key in sorted({item.order_key for item in found}):
        if names[key] not in taken:
            here = reservation.c.connection_id == connection_id, reservation.c.order_key == key
            tx.execute(sa.update(reservation).where(*here).values(order_key=names[key]))


def vanish(tx: sa.Connection, connection_id: int, keys: Collection[str]) -> int:
    """Orders with these ids or numbers are gone from the CRM: what they had reserved is given back at
    once; how many had."""
    found = _active(tx, connection_id, keys)
    if not found:
        return 0
    lines.lock(tx, keys_of(found))
    return len(end(tx, [item.id for item in found], "released"))


def _settle(
    tx: sa.Connection, order: Order, held: Sequence[Reservation], grown: Mapping[Key, int]
) -> dict[Key, int]:
    """Finish or shorten what an order has reserved on its (locked) lines; what its lines' exposure gets:
    what was held or what the record says, whichever is more until the assessment knows exactly."""
    added: dict[Key, int] = dict(grown)
    for item in held:
        fate = _fate(item, order)
        if fate == "kept":
            _shorten(tx, item, grown)
            continue
        end(tx, [item.id], fate)
        if fate == "consumed":
            added |= {key: max(added.get(key, 0), amount) for key, amount in item.held.items()}
    return added


def _shorten(tx: sa.Connection, item: Reservation, arrived: Mapping[Key, int]) -> None:
    """Part of the order is in the exposure by now: only the rest is still to come."""
    taken = {key: min(amount, arrived.get(key, 0)) for key, amount in item.held.items()}
    if taken == item.held:
        end(tx, [item.id], "consumed")
        return
    for key in sorted(taken):
        if not taken[key]:
            continue
        lines.shift(tx, key, reserved=-taken[key])
        if key[0] == CUSTOMER:
            here: sa.Update = sa.update(reservation).where(reservation.c.id == item.id)
            tx.execute(here.values(reserved=item.reserved - taken[key]))
        else:
            here = sa.update(reservation_group).where(
                reservation_group.c.reservation_id == item.id, reservation_group.c.group_id == key[1]
            )
            tx.execute(here.values(reserved=item.held[key] - taken[key]))


def _fate(item: Reservation, order: Order) -> str:
    """What becomes of a reservation when this version of its order is stored."""
    older = order.modified_at is not None and order.modified_at < item.created_at.replace(microsecond=0)
    covered = order.currency == item.currency and order.amount >= item.amount
    if order.stage in _FINISHED:
        return "kept" if older else "released"
    if order.account_id != item.account_id:
        return "kept" if older else "released"
    if order.stage is OrderStage.DRAFT or (older and not covered):
        return "kept"
    return "consumed"


def _active(connection: sa.Connection, connection_id: int, keys: Collection[str]) -> list[Reservation]:
    found: list[Reservation] = []
    for part in batches(sorted(keys)):
        query = sa.select(reservation).where(
            reservation.c.connection_id == connection_id,
            reservation.c.order_key.in_(part),
            reservation.c.state == "active",
        )
        found += _read(connection, connection.execute(query.order_by(reservation.c.id)))
    return found


def batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def _read(connection: sa.Connection, rows: Any) -> list[Reservation]:
    found = [row._mapping for row in rows]
    groups: dict[int, list[tuple[int, int]]] = {}
    for part in batches([row["id"] for row in found]):
        query = sa.select(reservation_group).where(reservation_group.c.reservation_id.in_(part))
        for row in connection.execute(query.order_by(reservation_group.c.group_id)):
            groups.setdefault(row.reservation_id, []).append((row.group_id, row.reserved))
    return [Reservation(**row, groups=tuple(groups.get(row["id"], ()))) for row in found]
