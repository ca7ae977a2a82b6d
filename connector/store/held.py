"""Orders on hold.

Invariant: one row per order, holding the reasons of its latest refusal; a row is never deleted, and
every refusal, every decision and every end of a hold is in the journal too. A hold that ended and begins
anew is in its next round; what was released belongs to the round before and covers nothing any more.
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
HOLDING = order_flags.HOLDING
_NOT_RELEASED: dict[str, Any] = dict.fromkeys(
    ("released_until", "released_amount", "released_terms_days", "released_by", "release_code")
)


@dataclass(frozen=True)
class HeldOrder:
    """One held order; ``amount`` in minor units of ``currency``; ``reasons`` as they were answered
    (code, params, text). ``checkpoint`` is the step that was refused, ``excess`` what a release would let
    through in minor units of the policy's currency (``None``: not known). What is ``released``: until when,
    up to which amount, on terms up to how many days, by whom and why. ``told`` is the ``mark`` that the CRM
    was told of last."""

    id: int
    connection_id: int
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
    round: int = 1
    checkpoint: str = "order_save"
    terms_days: int | None = None
    excess: int | None = None
    released_until: dt.datetime | None = None
    released_amount: int | None = None
    released_terms_days: int | None = None
    released_by: str | None = None
    release_code: str | None = None
    told: str = ""

    @property
    def holding(self) -> bool:
        """Whether the order may not go on."""
        return self.state in HOLDING

    @property
    def mark(self) -> str:
        """Which turn of it this is: its round and state."""
        return f"{self.round}:{self.state}"

    @property
    def subject(self) -> str:
        """How the journal names it."""
        return about(self.connection, self.order)


def about(connection_name: str, order_key: str) -> str:
    """How the journal names an order."""
    return f"order {connection_name}/{order_key}"


def keep(
    tx: sa.Connection,
    values: Mapping[str, Any],
    subject: str,
    now: dt.datetime,
    *,
    actor: str = ACTOR,
    state: str = "pending",
) -> None:
    """Write or renew the hold of an order and journal it; one that a person forced stays forced.

    ``values`` are the columns of the hold but for state and times, ``reasons`` as a list.
    """
    reasons, before = values["reasons"], of_order(tx, values["connection_id"], values["order_key"])
    row = dict(values) | {"reasons": orjson.dumps(reasons).decode(), "updated_at": now} | _NOT_RELEASED
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    statement = insert(hold).values(**row, state=state, created_at=now)
    again = {
        "state": sa.case((hold.c.state == "forced", "forced"), else_=state),
        "round": sa.case((hold.c.state.in_(HOLDING), hold.c.round), else_=hold.c.round + 1),
    }
    statement = statement.on_conflict_do_update(
        index_elements=["connection_id", "order_key"], set_=row | again
    )
    turn = tx.execute(statement.returning(hold.c.round)).scalar_one()
    flag(tx, values["connection_id"], values["order_key"], now)
    detail = {"codes": [reason["code"] for reason in reasons], "round": turn} | {
        name: values[name] for name in ("customer_id", "amount", "currency")
    }
    after = "forced" if before is not None and before.state == "forced" else state
    detail |= {"before": None if before is None else before.state, "after": after}
    act = "order_forced" if state == "forced" else "order_held"
    journal.add(tx, now, actor, act, subject, detail)


def of_order(tx: sa.Connection, connection_id: int, order_key: str) -> sa.Row[Any] | None:
    """The row of one order, in whatever state."""
    return tx.execute(_OF_ORDER, {"source": connection_id, "order": order_key}).one_or_none()


_OF_ORDER = sa.select(hold).where(
    hold.c.connection_id == sa.bindparam("source"), hold.c.order_key == sa.bindparam("order")
)


def clear(tx: sa.Connection, connection_id: int, order_key: str, subject: str, now: dt.datetime) -> bool:
    """A later check let the order pass: its hold, if there is one, ends as released."""
    statement = (
        sa.update(hold)
        .where(hold.c.connection_id == connection_id, hold.c.order_key == order_key)
        .where(hold.c.state.in_(("pending", "ready", "rejected")))
        .values(state="released", updated_at=now, **_NOT_RELEASED)
    )
    ended = tx.execute(statement).rowcount == 1
    if ended:
        flag(tx, connection_id, order_key, now)
        journal.add(tx, now, ACTOR, "order_passed", subject, {"before": "held", "after": "released"})
    return ended


def end(
    tx: sa.Connection,
    found: HeldOrder,
    state: str,
    detail: Mapping[str, Any],
    actor: str,
    now: dt.datetime,
    *,
    until: dt.datetime | None = None,
    amount: int | None = None,
    terms_days: int | None = None,
    code: str | None = None,
) -> bool:
    """A person ends a hold as ``released`` (``until``, ``amount``, ``terms_days``, ``code`` bound it) or
    ``rejected``; whether it was still as the person saw it."""
    values: dict[str, Any] = {
        "released_until": until,
        "released_amount": amount,
        "released_terms_days": terms_days,
        "released_by": actor if state == "released" else None,
        "release_code": code,
    }
    statement = (
        sa.update(hold)
        .where(hold.c.id == found.id, hold.c.state == found.state, hold.c.round == found.round)
        .values(state=state, updated_at=now, **values)
    )
    if tx.execute(statement).rowcount != 1:
        return False
    flag(tx, found.connection_id, found.order, now)
    journal.add(
        tx, now, actor, f"order_{state}", found.subject, {**detail, "before": found.state, "after": state}
    )
    return True


def turn_ready(tx: sa.Connection, found: HeldOrder, now: dt.datetime) -> bool:
    """Every reason has gone: only a person is still waited for; whether it was pending."""
    statement = (
        sa.update(hold)
        .where(hold.c.id == found.id, hold.c.state == "pending", hold.c.round == found.round)
        .values(state="ready", updated_at=now)
    )
    if tx.execute(statement).rowcount != 1:
        return False
    flag(tx, found.connection_id, found.order, now)
    journal.add(tx, now, ACTOR, "order_ready", found.subject, {})
    return True


def lapse(tx: sa.Connection, found: HeldOrder) -> None:
    """The release has ended, and nothing comes of it."""
    here = hold.c.id == found.id, hold.c.state == "released", hold.c.round == found.round
    tx.execute(sa.update(hold).where(*here).values(**_NOT_RELEASED))


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
            flag(tx, connection_id, key, now)


def rename(tx: sa.Connection, connection_id: int, names: Mapping[str, str], now: dt.datetime) -> None:
    """New orders have numbers by now: the hold under the name of the first check (the key) goes by the
    number, unless there is one under it."""
    for key, name in names.items():
        row = of_order(tx, connection_id, key)
        if row is not None and of_order(tx, connection_id, name) is None:
            tx.execute(sa.update(hold).where(hold.c.id == row.id).values(order_key=name))
            flag(tx, connection_id, name, now)


def flag(tx: sa.Connection, connection_id: int, order_key: str, now: dt.datetime) -> None:
    """The CRM shows the hold, or its end, where it has the fields for it."""
    if order_flags.wanted(tx, connection_id):
        order_flags.queue(tx, connection_id, now, order_key)


def listed(
    tx: sa.Connection,
    states: Collection[str] | None = None,
    customer_id: int | None = None,
    number: int | None = None,
    source: int | None = None,
    order: str | None = None,
    before: int | None = None,
    most: int | None = None,
) -> list[HeldOrder]:
    """Held orders, the latest refusal first; those in some states, of one customer, connection or order (as
    its check named it), or the one with an id. With ``most`` a page of them, the latest id first, below the
    id ``before``."""
    query = _ALL.order_by(*_LATEST) if most is None else _ALL.order_by(hold.c.id.desc()).limit(most)
    if before is not None:
        query = query.where(hold.c.id < before)
    if states is not None:
        query = query.where(hold.c.state.in_(list(states)))
    for of, wanted in (
        (hold.c.customer_id, customer_id),
        (hold.c.id, number),
        (hold.c.connection_id, source),
        (hold.c.order_key, order),
    ):
        if wanted is not None:
            query = query.where(of == wanted)
    return [_held(row) for row in tx.execute(query)]


def untold(tx: sa.Connection) -> list[HeldOrder]:
    """Those whose present turn the CRM was not told of, the latest first."""
    mark = sa.cast(hold.c.round, sa.Text) + ":" + hold.c.state
    return [_held(row) for row in tx.execute(_ALL.where(hold.c.told != mark).order_by(*_LATEST))]


def lapsed(tx: sa.Connection, now: dt.datetime) -> list[HeldOrder]:
    """Those whose release has ended by ``now``, the latest first."""
    over = hold.c.state == "released", hold.c.released_until <= now
    return [_held(row) for row in tx.execute(_ALL.where(*over).order_by(*_LATEST))]


_ALL = (
    sa.select(
        hold, connection.c.name.label("connection"), customer.c.name.label("name"), customer.c.is_person
    )
    .join(connection, connection.c.id == hold.c.connection_id)
    .outerjoin(customer, customer.c.id == hold.c.customer_id)
)
_LATEST = hold.c.updated_at.desc(), hold.c.id.desc()


def _held(row: sa.Row[Any]) -> HeldOrder:
    same = {name: getattr(row, name) for name in _SAME}
    return HeldOrder(
        order=row.order_key,
        account=row.account_id,
        is_person=bool(row.is_person),
        reasons=orjson.loads(row.reasons),
        **same,
    )


_SAME = [
    name
    for name in HeldOrder.__dataclass_fields__
    if name not in ("order", "account", "is_person", "reasons")
]
