"""Orders that got past the gate: those that occupy more than any check granted, and how they came by.

Invariant: one row an order, renewed when it happens again; nothing is deleted. How it came is told only as
far as our own books show it: whether it was asked for, whether the service was up, whether there is a
plugin at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.model import Order
from connector.store.gate_tables import gate_beat, past_gate
from connector.store.order_flags import HOLDING
from connector.store.tables import api_key, connection, customer, hold, reservation

# A beat may be this late.
LATE = dt.timedelta(minutes=2)
# Without any question for so long a plugin counts as switched off.
SILENCE = dt.timedelta(days=1)


@dataclass(frozen=True)
class Past:
    """An order that got past. ``amount`` is its own, ``excess`` what no check had granted, minor units of
    the currency of its customer's line."""

    id: int
    connection_id: int
    connection: str
    order_id: str
    order: str
    account: str
    customer_id: int | None
    name: str | None
    is_person: bool
    amount: int
    currency: str
    excess: int
    how: str
    state: str
    found_at: dt.datetime


def found(
    tx: sa.Connection,
    connection_id: int,
    order: Order,
    customer_id: int,
    excess: int,
    rule: str,
    now: dt.datetime,
) -> None:
    """Write down that ``order`` occupies ``excess`` more than it was granted, unless it is on hold already.

    Where there never was a plugin, nothing is past it: then only if the policy's ``rule`` is to act.
    """
    keys = [key for key in (order.external_id, order.number) if key]
    held = sa.select(hold.c.state).where(hold.c.connection_id == connection_id, hold.c.order_key.in_(keys))
    states = set(tx.execute(held).scalars())
    if states & set(HOLDING):
        return
    how = "rejected" if "rejected" in states else _how(tx, connection_id, keys, order, now)
    if how == "no_plugin" and rule == "list":
        return
    row = {
        "connection_id": connection_id,
        "order_id": order.external_id,
        "order_key": _key(order),
        "account_id": order.account_id,
        "customer_id": customer_id,
        "amount": order.amount,
        "currency": order.currency,
        "excess": excess,
        "how": how,
        "found_at": now,
        "state": "found",
        "judged_at": None,
    }
    here = past_gate.c.connection_id == connection_id, past_gate.c.order_id == order.external_id
    if not tx.execute(sa.update(past_gate).where(*here).values(**row)).rowcount:
        tx.execute(sa.insert(past_gate).values(**row))


def waiting(tx: sa.Connection, after: int, most: int) -> Sequence[sa.Row[Any]]:
    """Rows that nobody has judged yet, in order of their ids from ``after`` on."""
    query = (
        sa.select(past_gate, connection.c.name.label("connection"))
        .join(connection, connection.c.id == past_gate.c.connection_id)
        .where(past_gate.c.state == "found", past_gate.c.id > after)
    )
    return tx.execute(query.order_by(past_gate.c.id).limit(most)).all()


def judged(tx: sa.Connection, number: int, found_at: dt.datetime, state: str, now: dt.datetime) -> bool:
    """Keep what became of one; whether it is still the one that was found then."""
    here = past_gate.c.id == number, past_gate.c.found_at == found_at, past_gate.c.state == "found"
    return tx.execute(sa.update(past_gate).where(*here).values(state=state, judged_at=now)).rowcount == 1


def listed(tx: sa.Connection, source: int | None = None) -> list[Past]:
    """All of them, the latest first; those of one connection."""
    query = (
        sa.select(past_gate, connection.c.name.label("connection"), customer.c.name, customer.c.is_person)
        .join(connection, connection.c.id == past_gate.c.connection_id)
        .outerjoin(customer, customer.c.id == past_gate.c.customer_id)
        .order_by(past_gate.c.found_at.desc(), past_gate.c.id.desc())
    )
    if source is not None:
        query = query.where(past_gate.c.connection_id == source)
    return [
        Past(
            id=row.id,
            connection_id=row.connection_id,
            connection=row.connection,
            order_id=row.order_id,
            order=row.order_key,
            account=row.account_id,
            customer_id=row.customer_id,
            name=row.name,
            is_person=bool(row.is_person),
            amount=row.amount,
            currency=row.currency,
            excess=row.excess,
            how=row.how,
            state=row.state,
            found_at=row.found_at,
        )
        for row in tx.execute(query)
    ]


def count_since(tx: sa.Connection, since: dt.datetime) -> int:
    """How many were found after a moment."""
    query = sa.select(sa.func.count()).select_from(past_gate).where(past_gate.c.found_at > since)
    return int(tx.execute(query).scalar_one())


def beat(tx: sa.Connection, started_at: dt.datetime, number: int | None, now: dt.datetime) -> int:
    """The service is up: move the end of its row on, or (``None``) begin one; its number."""
    if number is not None:
        tx.execute(sa.update(gate_beat).where(gate_beat.c.id == number).values(seen_at=now))
        return number
    values = {"started_at": started_at, "seen_at": now}
    return int(tx.execute(sa.insert(gate_beat).values(**values).returning(gate_beat.c.id)).scalar_one())


def _key(order: Order) -> str:
    """How a check names the order: by its number, if a check would take it."""
    number = order.number or ""
    return number if 0 < len(number) <= 200 and number.isprintable() else order.external_id


def _how(tx: sa.Connection, connection_id: int, keys: Sequence[str], order: Order, now: dt.datetime) -> str:
    asked = (
        sa.select(reservation.c.state)
        .where(reservation.c.connection_id == connection_id, reservation.c.order_key.in_(keys))
        .order_by(reservation.c.id.desc())
    )
    last = tx.execute(asked.limit(1)).scalar()
    if last is not None:
        return "expired" if last == "expired" else "changed"
    plugin = sa.select(api_key.c.id).where(
        api_key.c.connection_id == connection_id, api_key.c.scopes.contains("check")
    )
    if tx.execute(plugin.limit(1)).first() is None:
        return "no_plugin"
    moment = order.modified_at or now
    up = sa.select(gate_beat.c.id).where(
        gate_beat.c.started_at <= moment + LATE, gate_beat.c.seen_at >= moment - LATE
    )
    if tx.execute(up.limit(1)).first() is None:
        return "unreachable"
    times = [
        sa.select(sa.func.max(table.c[name])).where(table.c.connection_id == connection_id)
        for table, name in ((reservation, "created_at"), (hold, "updated_at"))
    ]
    heard = [moment_ for query in times if (moment_ := tx.execute(query).scalar()) is not None]
    return "unasked" if heard and max(heard) >= moment - SILENCE else "silent"
