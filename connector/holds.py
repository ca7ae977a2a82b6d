"""Holds: orders that a check held, and customers that a person put on hold.

Invariant: a hold on a customer has a reason and an author, counts from the next check on, and is
journalled with its end; so is every refusal of an order. What people decide about a held order is in
``connector.gate.decisions``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from connector import notes as account_notes
from connector.errors import Halt
from connector.people.roles import Act, Roles
from connector.store import held, journal, past
from connector.store.customers import touch_customers
from connector.store.engine import Store
from connector.store.held import HeldOrder
from connector.store.past import Past
from connector.store.tables import customer


@dataclass(frozen=True)
class Entry:
    """One line of an order's history, from the journal."""

    at: dt.datetime
    actor: str
    act: str
    detail: dict[str, Any]


def orders(store: Store, state: str | None = None, customer_id: int | None = None) -> list[HeldOrder]:
    """Held orders, the latest refusal first; in one of the states, in any that holds (``holding``), or
    (``None``) all."""
    states = held.HOLDING if state == "holding" else None if state is None else [state]
    with store.read() as tx:
        return held.listed(tx, states, customer_id)


def past_the_gate(store: Store) -> list[Past]:
    """Orders that got past the gate, the latest first."""
    with store.read() as tx:
        return past.listed(tx)


def order(store: Store, number: int) -> tuple[HeldOrder, list[Entry]]:
    """One held order and its history, oldest first; ``Halt`` if there is none with this id."""
    with store.read() as tx:
        found = held.listed(tx, number=number)
        if not found:
            raise Halt(f"there is no held order {number}", todo="see 'creditgate hold list --state all'")
        rows = journal.entries(tx, found[0].subject)
    return found[0], [Entry(row.at, row.actor, row.act, orjson.loads(row.detail)) for row in rows]


def place(
    store: Store,
    customer_id: int,
    reason: str,
    actor: str,
    now: dt.datetime,
    *,
    notes: Collection[int] = (),
    roles: Roles | None = None,
) -> None:
    """Put a customer on hold; an earlier hold gets the new reason. ``notes`` are the connections in which
    its accounts get a note, ``roles`` say who may. Raises ``Halt`` for no such customer, an empty reason, or
    an ``actor`` who may not."""
    why = _reason(reason)
    _require(roles, actor, Act.PLACE_HOLD, customer_id, now)
    _set(store, customer_id, why, actor, now, "hold_placed", {"reason": why}, notes)


def lift(
    store: Store,
    customer_id: int,
    reason: str,
    actor: str,
    now: dt.datetime,
    *,
    notes: Collection[int] = (),
    roles: Roles | None = None,
) -> None:
    """Take back the hold that a person put on a customer; what the policy says of it stays. ``notes`` and
    ``roles`` as in ``place``. Raises ``Halt`` if there is no such customer or hold, or ``actor`` may not."""
    _require(roles, actor, Act.RELEASE_HOLD, customer_id, now)
    why = _reason(reason)
    if _present(store, customer_id) is None:
        raise Halt(
            f"customer {customer_id} was not put on hold by a person",
            todo=f"see 'creditgate explain {customer_id}' for why its orders are held",
        )
    _set(store, customer_id, None, actor, now, "hold_lifted", {"reason": why}, notes)


def _require(roles: Roles | None, actor: str, act: Act, customer_id: int, now: dt.datetime) -> None:
    if roles is not None:
        roles.require(actor, act, as_of=now.date(), where=f"customer {customer_id}")


def _set(
    store: Store,
    customer_id: int,
    value: str | None,
    actor: str,
    now: dt.datetime,
    act: str,
    detail: dict[str, Any],
    notes: Collection[int],
) -> None:
    with store.write() as tx:
        _write(tx, customer_id, value, actor, now, act, detail, notes)


def set_within(
    tx: sa.Connection,
    customer_id: int,
    placed: bool,
    reason: str,
    actor: str,
    now: dt.datetime,
    *,
    notes: Collection[int] = (),
) -> bool:
    """As ``place``, or ``lift`` where ``placed`` is false, in the caller's transaction; whether it changed
    anything: lifting a hold that nobody placed does not."""
    why = _reason(reason)
    was = tx.execute(sa.select(customer.c.hold_placed).where(customer.c.id == customer_id)).scalar()
    if was is None and not placed:
        return False
    act = "hold_placed" if placed else "hold_lifted"
    _write(tx, customer_id, why if placed else None, actor, now, act, {"reason": why}, notes)
    return True


def _write(
    tx: sa.Connection,
    customer_id: int,
    value: str | None,
    actor: str,
    now: dt.datetime,
    act: str,
    detail: dict[str, Any],
    notes: Collection[int],
) -> None:
    before = tx.execute(sa.select(customer.c.hold_placed).where(customer.c.id == customer_id)).scalar()
    changed = tx.execute(sa.update(customer).where(customer.c.id == customer_id).values(hold_placed=value))
    if changed.rowcount != 1:
        raise _unknown(customer_id)
    touch_customers(tx, [customer_id])
    journal.add(tx, now, actor, act, f"customer {customer_id}", detail | {"before": before, "after": value})
    account_notes.on_hold(tx, customer_id, act, detail["reason"], actor, now, notes)


def _present(store: Store, customer_id: int) -> str | None:
    with store.read() as tx:
        row = tx.execute(sa.select(customer.c.hold_placed).where(customer.c.id == customer_id)).one_or_none()
    if row is None:
        raise _unknown(customer_id)
    return None if row.hold_placed is None else str(row.hold_placed)


def _unknown(customer_id: int) -> Halt:
    return Halt(f"there is no customer {customer_id}", todo="see 'creditgate customer list'")


def _reason(text: str) -> str:
    if not text.strip():
        raise Halt("a hold needs a reason", todo="write one behind --reason")
    return text.strip()
