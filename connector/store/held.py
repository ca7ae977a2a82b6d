"""Orders that a check held.

Invariant: one row per order, holding the reasons of its latest refusal; a row is never deleted, and
every refusal and every end of a hold is in the journal too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.store import journal, order_flags
from connector.store.tables import connection, customer, hold
from connector.store.upsert import batches

ACTOR = "check"
# Waits for a person; waits and is clear by now; let pass; refused; held by a person; the order is gone.
STATES = ("pending", "ready", "released", "rejected", "forced", "withdrawn")
HOLDING = ("pending", "ready", "forced")


@dataclass(frozen=True)
class HeldOrder:
    """One held order; ``amount`` in minor units of ``currency``; ``reasons`` as they were answered
    (code, params, text)."""

    id: int
    connection: str
    order: str
    account: str
    customer_id: int | None
    name: str | None
    is_person: bool
    amount: int
    currency: str
    state: str
    reasons: list[dict[str, Any]]
    created_at: dt.datetime
    updated_at: dt.datetime


def about(connection_name: str, order_key: str) -> str:
    """How the journal names an order."""
    return f"order {connection_name}/{order_key}"


def keep(tx: sa.Connection, values: Mapping[str, Any], subject: str, now: dt.datetime) -> None:
    """Write or renew the hold of an order, in state pending, and journal it.

    ``values`` are the columns of the hold but for state and times, ``reasons`` as a list.
    """
    reasons = values["reasons"]
    row = dict(values) | {"reasons": orjson.dumps(reasons).decode(), "state": "pending", "updated_at": now}
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    statement = insert(hold).values(**row, created_at=now)
    tx.execute(statement.on_conflict_do_update(index_elements=["connection_id", "order_key"], set_=row))
    _flag(tx, values["connection_id"], values["order_key"], now)
    detail = {"codes": [reason["code"] for reason in reasons]} | {
        name: values[name] for name in ("customer_id", "amount", "currency")
    }
    journal.add(tx, now, ACTOR, "order_held", subject, detail)


def clear(tx: sa.Connection, connection_id: int, order_key: str, subject: str, now: dt.datetime) -> bool:
    """A later check let the order pass: its hold, if there is one, ends as released."""
    statement = (
        sa.update(hold)
        .where(hold.c.connection_id == connection_id, hold.c.order_key == order_key)
        .where(hold.c.state == "pending")
        .values(state="released", updated_at=now)
    )
    ended = tx.execute(statement).rowcount == 1
    if ended:
        _flag(tx, connection_id, order_key, now)
        journal.add(tx, now, ACTOR, "order_passed", subject, {})
    return ended


def end(tx: sa.Connection, found: HeldOrder, state: str, reason: str, actor: str, now: dt.datetime) -> bool:
    """A person ends a pending hold as ``released`` or ``rejected``; whether it was pending."""
    statement = (
        sa.update(hold)
        .where(hold.c.id == found.id, hold.c.state == "pending")
        .values(state=state, updated_at=now)
        .returning(hold.c.connection_id)
    )
    source = tx.execute(statement).scalar()
    if source is None:
        return False
    _flag(tx, source, found.order, now)
    journal.add(tx, now, actor, f"order_{state}", about(found.connection, found.order), {"reason": reason})
    return True


def withdraw(tx: sa.Connection, connection_id: int, keys: Collection[str], now: dt.datetime) -> None:
    """Orders with these ids or numbers are gone from the CRM: there is nothing left to hold."""
    for part in batches(sorted(keys)):
        statement = (
            sa.update(hold)
            .where(hold.c.connection_id == connection_id, hold.c.order_key.in_(part))
            .where(hold.c.state.in_(HOLDING))
            .values(state="withdrawn", updated_at=now)
            .returning(hold.c.order_key)
        )
        for key in sorted(tx.execute(statement).scalars()):
            name = tx.execute(sa.select(connection.c.name).where(connection.c.id == connection_id)).scalar()
            journal.add(tx, now, ACTOR, "order_withdrawn", about(str(name), key), {})
            _flag(tx, connection_id, key, now)


def _flag(tx: sa.Connection, connection_id: int, order_key: str, now: dt.datetime) -> None:
    """The CRM shows the hold, or its end, where it has the fields for it."""
    if order_flags.wanted(tx, connection_id):
        order_flags.queue(tx, connection_id, now, order_key)


def listed(
    tx: sa.Connection, state: str | None = None, customer_id: int | None = None, number: int | None = None
) -> list[HeldOrder]:
    """Held orders, the latest refusal first; those in one state, of one customer, or the one with an id."""
    query = (
        sa.select(
            hold, connection.c.name.label("connection"), customer.c.name.label("name"), customer.c.is_person
        )
        .join(connection, connection.c.id == hold.c.connection_id)
        .outerjoin(customer, customer.c.id == hold.c.customer_id)
        .order_by(hold.c.updated_at.desc(), hold.c.id.desc())
    )
    for column, wanted in ((hold.c.state, state), (hold.c.customer_id, customer_id), (hold.c.id, number)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [
        HeldOrder(
            id=row.id,
            connection=row.connection,
            order=row.order_key,
            account=row.account_id,
            customer_id=row.customer_id,
            name=row.name,
            is_person=bool(row.is_person),
            amount=row.amount,
            currency=row.currency,
            state=row.state,
            reasons=orjson.loads(row.reasons),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in tx.execute(query)
    ]
