"""Holds: orders that a check held, and customers that a person put on hold.

Invariant: a hold on a customer has a reason and an author, counts from the next check on, and is
journalled with its end; so is every refusal of an order. Whoever releases or rejects a held order takes
back its flag in the CRM; the order is checked again when it is saved again.
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
from connector.store import held, journal
from connector.store.customers import touch_customers
from connector.store.engine import Store
from connector.store.held import HeldOrder
from connector.store.tables import customer


@dataclass(frozen=True)
class Entry:
    """One line of an order's history, from the journal."""

    at: dt.datetime
    actor: str
    act: str
    detail: dict[str, Any]


def orders(store: Store, state: str | None = None, customer_id: int | None = None) -> list[HeldOrder]:
    """Held orders, the latest refusal first; ``state`` pending, released or rejected, ``None`` for all."""
    with store.read() as tx:
        return held.listed(tx, state, customer_id)


def order(store: Store, number: int) -> tuple[HeldOrder, list[Entry]]:
    """One held order and its history, oldest first; ``Halt`` if there is none with this id."""
    with store.read() as tx:
        found = held.listed(tx, number=number)
        if not found:
            raise Halt(f"there is no held order {number}", todo="see 'creditgate hold list --state all'")
        rows = journal.entries(tx, held.about(found[0].connection, found[0].order))
    return found[0], [Entry(row.at, row.actor, row.act, orjson.loads(row.detail)) for row in rows]


def release(store: Store, number: int, reason: str, actor: str, now: dt.datetime) -> None:
    """A person lets a held order go on. Raises ``Halt`` if there is no such order, it is not pending, or
    there is no reason."""
    _end(store, number, "released", reason, actor, now)


def reject(store: Store, number: int, reason: str, actor: str, now: dt.datetime) -> None:
    """A person refuses a held order for good: it is no longer locked, so that it can be cancelled. Raises
    as ``release`` does."""
    _end(store, number, "rejected", reason, actor, now)


def _end(store: Store, number: int, state: str, reason: str, actor: str, now: dt.datetime) -> None:
    why = _reason(reason)
    found, _ = order(store, number)
    with store.write() as tx:
        if not held.end(tx, found, state, why, actor, now):
            raise Halt(
                f"held order {number} is {found.state} already",
                todo=f"see 'creditgate hold show {number}'",
            )


def place(
    store: Store,
    customer_id: int,
    reason: str,
    actor: str,
    now: dt.datetime,
    *,
    notes: Collection[int] = (),
) -> None:
    """Put a customer on hold; an earlier hold gets the new reason. ``notes`` are the connections in which
    its accounts get a note. Raises ``Halt`` for no such customer or an empty reason."""
    why = _reason(reason)
    _set(store, customer_id, why, actor, now, "hold_placed", {"reason": why}, notes)


def lift(
    store: Store,
    customer_id: int,
    reason: str,
    actor: str,
    now: dt.datetime,
    *,
    notes: Collection[int] = (),
) -> None:
    """Take back the hold that a person put on a customer; what the policy says of it stays. ``notes`` as
    in ``place``. Raises ``Halt`` if there is no such customer or hold."""
    detail = {"reason": _reason(reason), "was": _present(store, customer_id)}
    if detail["was"] is None:
        raise Halt(
            f"customer {customer_id} was not put on hold by a person",
            todo=f"see 'creditgate explain {customer_id}' for why its orders are held",
        )
    _set(store, customer_id, None, actor, now, "hold_lifted", detail, notes)


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
    _write(tx, customer_id, why if placed else None, actor, now, act, {"reason": why, "was": was}, notes)
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
    changed = tx.execute(sa.update(customer).where(customer.c.id == customer_id).values(hold_placed=value))
    if changed.rowcount != 1:
        raise _unknown(customer_id)
    touch_customers(tx, [customer_id])
    journal.add(tx, now, actor, act, f"customer {customer_id}", detail)
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
