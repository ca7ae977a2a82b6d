"""What a visit brings about once the CRM has told of it: a promise to pay, and answers to signals.

Invariant: it happens in the transaction that keeps what the CRM told, so that reading the same again brings
nothing about twice; a visit stands behind one running promise at most. Every change is journalled with what
was before and what is after; what the visitor wrote down stays with the visit alone.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from connector.model import VisitResult, VisitState
from connector.store import assessments, conduct, journal, signals, tellings
from connector.store.conduct_tables import promise
from connector.store.record_tables import crm_user
from connector.store.signal_tables import deed, signal

ACTOR = "pull"
MISSED = "missed_visit"
WITHDRAWN = "withdrawn"
_TOLD = ("state", "due_on", "owner_id", "closed_at", "promised_on")


def follow(tx: sa.Connection, known: sa.Row[Any], told: VisitResult, now: dt.datetime) -> None:
    """Journal how the visit ``known`` has changed by what the CRM ``told``, and do what follows."""
    about = f"customer {known.customer_id}"
    after = {name: getattr(told, name) for name in _TOLD} | {"state": told.state.value}
    for name in ("due_on", "owner_id"):
        after[name] = after[name] or getattr(known, name)
    before = {name: getattr(known, name) for name in _TOLD}
    if before != after:
        detail = {"visit": known.key, "connection": known.connection_id, "before": before, "after": after}
        journal.add(tx, now, ACTOR, "visit_told", about, detail)
    if told.promised_on != known.promised_on:
        _promise(tx, known, told, about, now)
    if told.state is VisitState.DONE and known.state != told.state.value:
        _answer(tx, known, told, now)


def gone(tx: sa.Connection, known: sa.Row[Any], now: dt.datetime) -> None:
    """The CRM's task of the visit was deleted: it is not missed any more, nor will it be made."""
    before = {name: getattr(known, name) for name in _TOLD}
    detail = {"visit": known.key, "connection": known.connection_id, "before": before}
    detail["after"] = before | {"state": VisitState.DROPPED.value}
    journal.add(tx, now, ACTOR, "visit_told", f"customer {known.customer_id}", detail)
    signals.settle(tx, known.customer_id, MISSED, now, key=known.key)


def _promise(tx: sa.Connection, known: sa.Row[Any], told: VisitResult, about: str, now: dt.datetime) -> None:
    """Record the promise that the visitor brought home; one for another day takes the place of the last."""
    here = promise.c.visit_key == known.key, promise.c.ended_at.is_(None)
    running = tx.execute(sa.select(promise).where(*here)).first()
    if (running.due_on if running else None) == told.promised_on:
        return
    if running is not None:
        reason = f"visit {known.key}: the CRM tells of another day"
        ending = conduct.ending(reason, ACTOR, now) | {"outcome": WITHDRAWN}
        conduct.end(tx, promise, running.id, **ending)
        detail = {"promise": running.id, "reason": reason, "before": "open", "after": WITHDRAWN}
        journal.add(tx, now, ACTOR, "promise_settled", about, detail)
    if told.promised_on is None:
        return
    made_on = (told.closed_at or now).date()
    kept = assessments.latest(tx, known.customer_id)
    overdue = kept.assessment.overdue_amount if kept else 0
    why = "it is before the visit" if told.promised_on < made_on else "" if overdue else "nothing is overdue"
    if kept is None or why:
        detail = {"visit": known.key, "due_on": told.promised_on, "made_on": made_on}
        detail["reason"] = why or "the customer was never assessed"
        journal.add(tx, now, ACTOR, "promise_not_recorded", about, detail)
        return
    values = {
        "invoice": None,
        "amount": overdue,
        "currency": kept.assessment.currency,
        "made_on": made_on,
        "due_on": told.promised_on,
        "visit_key": known.key,
    }
    reason = f"told at visit {known.key}: all that was overdue"
    who = {"customer_id": known.customer_id, "reason": reason, "actor": ACTOR, "at": now}
    number = conduct.add(tx, promise, **values, **who)
    detail = {"promise": number, **values, "reason": reason, "before": None, "after": "open"}
    journal.add(tx, now, ACTOR, "promise_recorded", about, detail)


def _answer(tx: sa.Connection, known: sa.Row[Any], told: VisitResult, now: dt.datetime) -> None:
    """A visit that was made ends the signal that it was missed; the open signals that asked for one are
    answered by whoever made it, and want no other."""
    signals.settle(tx, known.customer_id, MISSED, now, key=known.key)
    asked = (
        sa.select(signal.c.id)
        .join(deed, deed.c.signal_id == signal.c.id)
        .where(
            signal.c.customer_id == known.customer_id,
            signal.c.state == signals.State.OPEN.value,
            deed.c.action == "visit",
            deed.c.wanted_at <= (told.closed_at or now),
        )
    )
    ids = sorted(set(tx.execute(asked).scalars()))
    if ids:
        owner = told.owner_id or known.owner_id
        signals.acknowledge(tx, ids, f"visit {known.key}", _name(tx, known.connection_id, owner), now)
    until, made = told.closed_at or now, f"visit {known.key} was made"
    tellings.settle_deeds(tx, "visit", {known.customer_id}, now, made, until=until)


def _name(tx: sa.Connection, connection_id: int, owner: str | None) -> str:
    """Whoever made the visit, as the CRM calls them, else by the CRM's id."""
    mine = crm_user.c.connection_id == connection_id, crm_user.c.external_id == owner
    found = tx.execute(sa.select(crm_user.c.name).where(*mine)).scalar()
    return str(found or (f"user {owner}" if owner else ACTOR))
