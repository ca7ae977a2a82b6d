"""Dunning in the store: letters and the levels that they bring invoices to.

Invariant: a letter and its levels are written in one transaction or not at all; a level counts as sent when
its letter was; a letter that may have gone out is never handed out again by itself.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.model import InvoiceState
from connector.rules.documents import DunnedDoc
from connector.store.dunning_tables import dunning_contact, dunning_letter, dunning_step
from connector.store.record_tables import account, invoice
from connector.store.tables import customer
from connector.store.upsert import batches

# Who claims a letter has it for so long; who is killed meanwhile leaves it doubtful.
LEASE = dt.timedelta(minutes=5)


class State(StrEnum):
    """``waiting`` to be sent or posted; ``sending`` right now; ``sent``; ``failed``: refused; ``doubtful``:
    nobody knows whether it went out; ``withdrawn``: it does not count."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DOUBTFUL = "doubtful"
    WITHDRAWN = "withdrawn"


def running(tx: sa.Connection, ids: Sequence[int]) -> defaultdict[int, list[DunnedDoc]]:
    """By customer: the levels of invoices whose dunning has not ended."""
    found: defaultdict[int, list[DunnedDoc]] = defaultdict(list)
    step = dunning_step.c
    query = sa.select(
        step.customer_id, step.invoice, step.level, step.sent_on, dunning_letter.c.pay_by
    ).join_from(dunning_step, dunning_letter)
    mine = step.customer_id.in_(ids), step.ended_at.is_(None)
    for owner, *values in tx.execute(query.where(*mine).order_by(step.invoice, step.level)):
        found[owner].append(DunnedDoc(*values))
    return found


def last_letters(tx: sa.Connection, ids: Sequence[int]) -> dict[int, dt.date]:
    """By customer: the day of the last letter that was sent, or is under way."""
    letter = dunning_letter.c
    day = sa.func.coalesce(letter.sent_on, letter.written_on)
    query = sa.select(letter.customer_id, sa.func.max(day)).where(
        letter.customer_id.in_(ids), letter.state != State.WITHDRAWN
    )
    return {row[0]: row[1] for row in tx.execute(query.group_by(letter.customer_id))}


def candidates(tx: sa.Connection, after: int, most: int) -> list[int]:
    """The next ids above ``after`` of customers with an open invoice or with dunning that runs."""
    mine = account.c.customer_id == customer.c.id, account.c.deleted.is_(False)
    same = (
        invoice.c.connection_id == account.c.connection_id,
        invoice.c.account_id == account.c.external_id,
        invoice.c.deleted.is_(False),
        invoice.c.state == InvoiceState.OPEN.value,
    )
    owes = sa.exists().select_from(account).where(*mine, sa.exists().where(*same))
    runs = sa.exists().where(dunning_step.c.customer_id == customer.c.id, dunning_step.c.ended_at.is_(None))
    query = sa.select(customer.c.id).where(customer.c.id > after, sa.or_(owes, runs))
    return list(tx.execute(query.order_by(customer.c.id).limit(most)).scalars())


def lock(tx: sa.Connection, ids: Sequence[int]) -> None:
    """Keep others from writing letters to these customers until the transaction ends."""
    query = sa.select(customer.c.id).where(customer.c.id.in_(ids)).order_by(customer.c.id)
    tx.execute(query.with_for_update()).all()


def add(tx: sa.Connection, letter: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> int | None:
    """Store a letter that waits, with the levels of its invoices; its id. ``None``, and nothing is stored,
    if one of the levels was given already."""
    with tx.begin_nested() as point:
        values = {**letter, "state": State.WAITING.value}
        query = sa.insert(dunning_letter).values(**values).returning(dunning_letter.c.id)
        number = int(tx.execute(query).scalar_one())
        dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
        for step in steps:
            row = {**step, "letter_id": number, "customer_id": letter["customer_id"]}
            added = (
                dialect.insert(dunning_step)
                .values(**row)
                .on_conflict_do_nothing(
                    index_elements=["invoice", "level"], index_where=dunning_step.c.ended_at.is_(None)
                )
                .returning(dunning_step.c.id)
            )
            if tx.execute(added).first() is None:
                point.rollback()
                return None
    return number


def end(tx: sa.Connection, customer_id: int, invoices: Collection[str], now: dt.datetime) -> int:
    """The dunning of these invoices is over: they were paid, or are no longer overdue; how many levels."""
    count = 0
    for part in batches(sorted(invoices)):
        mine = dunning_step.c.customer_id == customer_id, dunning_step.c.invoice.in_(part)
        over = sa.update(dunning_step).where(*mine, dunning_step.c.ended_at.is_(None))
        count += tx.execute(over.values(ended_at=now, ended="settled")).rowcount
    return count


def stale(tx: sa.Connection, today: dt.date) -> list[sa.Row[Any]]:
    """E-mails written on an earlier day that were not tried since, or only in vain: their figures are old."""
    letter = dunning_letter.c
    old = letter.state == State.WAITING.value, letter.channel == "email", letter.written_on < today
    return list(tx.execute(sa.select(dunning_letter).where(*old).order_by(letter.id)).all())


def claim(tx: sa.Connection, now: dt.datetime) -> sa.Row[Any] | None:
    """The next e-mail that is due, from now on in the caller's hands alone; ``None`` if there is none."""
    letter = dunning_letter.c
    due = letter.state == State.WAITING.value, letter.channel == "email", letter.due_at <= now
    query = sa.select(dunning_letter).where(*due).order_by(letter.id).limit(1)
    row = tx.execute(query.with_for_update(skip_locked=True)).one_or_none()
    if row is not None:
        move(tx, row.id, State.SENDING, due_at=now + LEASE, attempts=row.attempts + 1)
    return row


def lapse(tx: sa.Connection, now: dt.datetime) -> list[sa.Row[Any]]:
    """Letters whose sender did not come back are doubtful now; these."""
    letter = dunning_letter.c
    query = sa.select(dunning_letter).where(letter.state == State.SENDING.value, letter.due_at <= now)
    rows = list(tx.execute(query.order_by(letter.id).with_for_update()).all())
    for row in rows:
        move(tx, row.id, State.DOUBTFUL, error="the sender did not come back")
    return rows


def move(tx: sa.Connection, number: int, state: State, **values: Any) -> None:
    """Bring a letter into another state."""
    here = sa.update(dunning_letter).where(dunning_letter.c.id == number)
    tx.execute(here.values(state=state.value, **values))


def sent(tx: sa.Connection, row: sa.Row[Any], day: dt.date, now: dt.datetime) -> None:
    """The letter went out on ``day``: its levels count, and the customer is assessed again."""
    move(tx, row.id, State.SENT, sent_at=now, error="", sent_on=day)
    mine = dunning_step.c.letter_id == row.id, dunning_step.c.sent_on.is_(None)
    tx.execute(sa.update(dunning_step).where(*mine).values(sent_on=day))
    _touch(tx, row.customer_id)


def withdraw(tx: sa.Connection, row: sa.Row[Any], now: dt.datetime, why: str) -> None:
    """The letter does not count: its levels may be given again."""
    move(tx, row.id, State.WITHDRAWN, error=why)
    mine = dunning_step.c.letter_id == row.id, dunning_step.c.ended_at.is_(None)
    tx.execute(sa.update(dunning_step).where(*mine).values(ended_at=now, ended="withdrawn"))


def has_plan(tx: sa.Connection, code: str) -> bool:
    """Whether letters of the preview with this code were kept, and count."""
    letter = dunning_letter.c
    mine = letter.plan == code, letter.state != State.WITHDRAWN
    return tx.execute(sa.select(letter.id).where(*mine).limit(1)).first() is not None


def letter(tx: sa.Connection, number: int, *, lock: bool = False) -> sa.Row[Any] | None:
    """One letter; ``lock`` keeps others from changing it until the transaction ends."""
    query = sa.select(dunning_letter).where(dunning_letter.c.id == number)
    return tx.execute(query.with_for_update() if lock else query).one_or_none()


def steps(tx: sa.Connection, number: int) -> list[sa.Row[Any]]:
    """What a letter is about, the oldest due first."""
    query = sa.select(dunning_step).where(dunning_step.c.letter_id == number)
    return list(tx.execute(query.order_by(dunning_step.c.days.desc(), dunning_step.c.id)).all())


def listed(
    tx: sa.Connection, *, states: Sequence[str] = (), customer_id: int | None = None
) -> list[sa.Row[Any]]:
    """Letters with the customer's ``name`` and ``is_person`` and the number of ``invoices``, newest first."""
    count = sa.select(sa.func.count()).where(dunning_step.c.letter_id == dunning_letter.c.id)
    query = sa.select(
        dunning_letter, customer.c.name, customer.c.is_person, count.scalar_subquery().label("invoices")
    ).join_from(dunning_letter, customer)
    if states:
        query = query.where(dunning_letter.c.state.in_(states))
    if customer_id is not None:
        query = query.where(dunning_letter.c.customer_id == customer_id)
    return list(tx.execute(query.order_by(dunning_letter.c.id.desc())).all())


def contacts(tx: sa.Connection, ids: Sequence[int] | None = None) -> dict[int, sa.Row[Any]]:
    """By customer: where its letters go; all of them without ``ids``."""
    query = sa.select(dunning_contact, customer.c.name, customer.c.is_person).join_from(
        dunning_contact, customer
    )
    if ids is not None:
        query = query.where(dunning_contact.c.customer_id.in_(ids))
    return {row.customer_id: row for row in tx.execute(query.order_by(dunning_contact.c.customer_id))}


def set_contact(tx: sa.Connection, customer_id: int, values: Mapping[str, Any]) -> None:
    """Say where a customer's letters go."""
    forget_contact(tx, customer_id)
    tx.execute(sa.insert(dunning_contact).values(customer_id=customer_id, **values))


def forget_contact(tx: sa.Connection, customer_id: int) -> bool:
    """Remove the address; whether there was one."""
    gone = sa.delete(dunning_contact).where(dunning_contact.c.customer_id == customer_id)
    return tx.execute(gone).rowcount > 0


def follow(tx: sa.Connection, before: int, after: int) -> None:
    """Letters and levels go with a customer's last account to the customer that it turned out to be."""
    for table in (dunning_letter, dunning_step):
        tx.execute(sa.update(table).where(table.c.customer_id == before).values(customer_id=after))
    if not contacts(tx, [after]):
        here = sa.update(dunning_contact).where(dunning_contact.c.customer_id == before)
        tx.execute(here.values(customer_id=after))


def _touch(tx: sa.Connection, customer_id: int) -> None:
    here = sa.update(customer).where(customer.c.id == customer_id)
    tx.execute(here.values(changes=customer.c.changes + 1))
