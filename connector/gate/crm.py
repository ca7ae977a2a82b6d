"""Decisions made inside the CRM: a user sets a field of an order on hold to release or reject.

Invariant: only what a user may do who is known to be one of our people is honoured; everything else is put
back and told, and nothing is done twice for one setting of the field. The field is emptied afterwards, so
that it says what is still to be done.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from connector.config import CrmUser
from connector.errors import CreditGateError
from connector.gate import decisions
from connector.gate.decisions import Gate, Terms
from connector.locale import LANGUAGES, say
from connector.store import held, journal, outbox
from connector.store.outbox import HOLD_FIRST, TASK, Item
from connector.store.record_tables import crm_user, sales_order
from connector.store.tables import connection, written
from connector.store.tables import outbox as waiting

RELEASE, REJECT = "release", "reject"


@dataclass(frozen=True)
class _Word:
    """What a user has said of an order; ``key`` marks this setting of the field."""

    connection_id: int
    connection: str
    external_id: str
    number: str | None
    account_id: str
    decision: str
    user: str | None
    key: str


@dataclass
class Heeded:
    """How many words of users were honoured, and how many were put back."""

    honoured: int = 0
    refused: int = 0


def actor_of(
    tx: sa.Connection, people: Collection[CrmUser], connection_id: int, name: str, user: str | None
) -> str | None:
    """Which of our people a user of the connection ``name`` is; ``None`` for a stranger."""
    if not user:
        return None
    query = sa.select(crm_user.c.email).where(
        crm_user.c.connection_id == connection_id,
        crm_user.c.external_id == user,
        crm_user.c.active.is_(True),
        crm_user.c.deleted.is_(False),
    )
    email = (tx.execute(query).scalar() or "").casefold()
    mine = [one for one in people if one.connection == name]
    found = [one for one in mine if one.user == user]
    found += [one for one in mine if email and one.user.casefold() == email]
    return found[0].who if found else None


def heed(
    gate: Gate, people: Collection[CrmUser], notes: Collection[int], code: str, now: dt.datetime
) -> Heeded:
    """Carry out what users have decided on orders on hold. ``code`` is the reason that a release gets, for
    the field says none; ``notes`` are the connections in which a refusal leaves a note."""
    done = Heeded()
    with gate.store.read() as tx:
        words = [word for word in _words(tx) if not _answered(tx, word)]
    for word in words:
        _carry_out(gate, people, notes, code, word, now, done)
    return done


def _carry_out(
    gate: Gate,
    people: Collection[CrmUser],
    notes: Collection[int],
    code: str,
    word: _Word,
    now: dt.datetime,
    done: Heeded,
) -> None:
    with gate.store.read() as tx:
        rows = [held.of_order(tx, word.connection_id, key) for key in (word.external_id, word.number) if key]
        actor = actor_of(tx, people, word.connection_id, word.connection, word.user)
    number = next((row.id for row in rows if row is not None and row.state in held.HOLDING), None)
    why = ""
    if number is not None and actor is None:
        why = "nobody is known to be this user"
    elif number is not None and actor is not None:
        try:
            if word.decision == RELEASE:
                decisions.release(gate, number, Terms(code, "in the CRM"), actor=actor, now=now)
            else:
                decisions.reject(gate, number, reason="in the CRM", actor=actor, now=now)
            done.honoured += 1
        except CreditGateError as fault:
            if fault.exit_code == 3:
                raise
            why = fault.what
    with gate.store.write() as tx:
        _put_back(tx, word, now)
        if why:
            done.refused += 1
            _tell(tx, word, actor, why, notes, now)


def _words(tx: sa.Connection) -> list[_Word]:
    query = (
        sa.select(sales_order, connection.c.name.label("connection"))
        .join(connection, connection.c.id == sales_order.c.connection_id)
        .where(sales_order.c.decision.in_((RELEASE, REJECT)), sales_order.c.deleted.is_(False))
        .order_by(sales_order.c.connection_id, sales_order.c.external_id)
    )
    return [
        _Word(
            row.connection_id,
            row.connection,
            row.external_id,
            row.number,
            row.account_id,
            row.decision,
            row.decided_by,
            f"decision:{row.decided_by}:{row.modified_at.isoformat() if row.modified_at else row.digest}",
        )
        for row in tx.execute(query)
    ]


def _answered(tx: sa.Connection, word: _Word) -> bool:
    """Whether this setting of the field was put back, or is about to be."""
    for table in (waiting, written):
        query = sa.select(table.c.key).where(
            table.c.connection_id == word.connection_id,
            table.c.target == "order",
            table.c.external_id == word.external_id,
            table.c.key == word.key,
        )
        if tx.execute(query).first() is not None:
            return True
    return False


def _put_back(tx: sa.Connection, word: _Word, now: dt.datetime) -> None:
    values = {"credit_decision": None}
    item = Item(word.connection_id, "order", word.external_id, word.key, values, HOLD_FIRST)
    outbox.put(tx, [item], now)


def _tell(
    tx: sa.Connection,
    word: _Word,
    actor: str | None,
    why: str,
    notes: Collection[int],
    now: dt.datetime,
) -> None:
    subject = held.about(word.connection, word.number or word.external_id)
    detail: Mapping[str, str | None] = {"user": word.user, "decision": word.decision, "why": why}
    journal.add(tx, now, actor or f"user {word.user}", "order_decision_refused", subject, detail)
    if word.connection_id not in notes:
        return
    params = {"order": word.number or word.external_id, "why": why}
    values = {
        "title": {language: say("note.decision_refused.title", params, language) for language in LANGUAGES},
        "text": {language: say("note.decision_refused", params, language) for language in LANGUAGES},
        "account_id": word.account_id,
    }
    key = f"{word.key}:{word.external_id}"
    outbox.put(tx, [Item(word.connection_id, "note", word.account_id, key, values, TASK)], now)
