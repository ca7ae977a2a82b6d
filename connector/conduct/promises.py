"""Promises to pay: who promised what by when, and what came of it.

Invariant: whether a promise was kept is read off the money; a person may say otherwise, with a reason, once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.conduct import acts
from connector.errors import Halt
from connector.limits.acts import Size
from connector.people.roles import Act
from connector.rules import promises as rules
from connector.rules.exposure import converter
from connector.rules.promises import BROKEN, KEPT, WITHDRAWN, Judged
from connector.rules.settlement import settle
from connector.runtime import Runtime
from connector.store import conduct, dossiers, journal
from connector.store.conduct_tables import promise

OUTCOMES = (KEPT, BROKEN, WITHDRAWN)
_CUSTOMERS = 500


@dataclass(frozen=True)
class Promise:
    """A promise as it stands: the row as it was recorded, and what became of it."""

    row: sa.Row[Any]
    judged: Judged


def record(
    runtime: Runtime,
    customer_id: int,
    size: Size,
    due_on: dt.date,
    *,
    reason: str,
    actor: str,
    invoice: str | None = None,
    made_on: dt.date | None = None,
) -> int:
    """Record a promise to pay ``size`` by ``due_on``, made on ``made_on`` (today); its id. ``reason`` says by
    whom and how it was made.

    Raises ``Halt`` for a customer or invoice that is not there, days that do not fit, an amount that is
    none, or an ``actor`` without the role.
    """
    made, today = made_on or runtime.today(), runtime.today()
    if made > today or due_on < made:
        raise Halt(f"made on {made} for {due_on}: these days do not fit", todo="give days like 2026-01-31")
    if not size.amount:
        raise Halt("a promise is about an amount", todo="write it in figures, such as 50000")
    why = acts.reason(reason)
    with runtime.store.write() as tx:
        about = acts.known(tx, customer_id)
        runtime.roles.require(actor, Act.RECORD, as_of=today, where=about)
        values = {
            "invoice": acts.invoice(tx, customer_id, invoice) if invoice else None,
            "amount": size.amount,
            "currency": size.currency,
            "made_on": made,
            "due_on": due_on,
        }
        who = {"customer_id": customer_id, "reason": why, "actor": actor, "at": runtime.now()}
        number = conduct.add(tx, promise, **values, **who)
        detail = {"promise": number, **values, "reason": why, "before": None, "after": "open"}
        journal.add(tx, runtime.now(), actor, "promise_recorded", about, detail)
    return number


def settle_by_hand(runtime: Runtime, number: int, outcome: str, *, reason: str, actor: str) -> None:
    """Say what came of a promise where the money does not tell: one of ``OUTCOMES``. ``Halt`` if it was
    said before, or there is no such promise."""
    why, now = acts.reason(reason), runtime.now()
    with runtime.store.write() as tx:
        row = conduct.end(tx, promise, number, outcome=outcome, **conduct.ending(why, actor, now))
        if row is None:
            raise Halt(
                f"there is no promise {number} that was left to the money",
                todo="see 'creditgate promise list --state all'",
            )
        about = acts.known(tx, row.customer_id)
        runtime.roles.require(actor, Act.RECORD, as_of=runtime.today(), where=about)
        detail = {"promise": number, "reason": why, "before": "open", "after": outcome}
        journal.add(tx, now, actor, "promise_settled", about, detail)


def listed(runtime: Runtime, customer_id: int | None = None, state: str | None = None) -> Iterator[Promise]:
    """Promises with what became of them by the policy in force, by customer in the order in which they fall
    due; those of one ``state`` if given."""
    with runtime.store.read() as tx:
        rows = {row.id: row for row in conduct.listed(tx, promise, customer_id, ended=True)}
    owners = sorted({row.customer_id for row in rows.values()})
    for start in range(0, len(owners), _CUSTOMERS):
        with runtime.store.read() as tx:
            found = dossiers.read(tx, owners[start : start + _CUSTOMERS])
        for dossier, _ in found:
            policy, today = runtime.policy, runtime.today()
            convert = converter(runtime.rates, today)
            lines = settle(dossier, policy.terms.default_days, convert, today).invoices
            for one in rules.judged(dossier, lines, policy.overdue.grace_days, today, convert):
                if one.promise.id in rows and state in (None, one.state):
                    yield Promise(rows[one.promise.id], one)
