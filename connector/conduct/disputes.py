"""Disputes that people record: invoices that a customer contests, where the CRM has no field for it.

Invariant: an invoice is in dispute while a person or its source says so; it stays in the exposure, and
whether it counts as overdue is the policy's word (``overdue.count_disputed``).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connector.conduct import acts
from connector.errors import Halt
from connector.people.roles import Act
from connector.runtime import Runtime
from connector.store import conduct, journal
from connector.store.conduct_tables import dispute


def open_(runtime: Runtime, customer_id: int, invoice: str, *, reason: str, actor: str) -> int:
    """Record that an invoice is contested; the dispute's id. ``Halt`` if it is already, is not the
    customer's, or ``actor`` lacks the role."""
    why, now = acts.reason(reason), runtime.now()
    with runtime.store.write() as tx:
        about = acts.known(tx, customer_id)
        runtime.roles.require(actor, Act.RECORD, as_of=runtime.today(), where=about)
        key = acts.invoice(tx, customer_id, invoice)
        who = {"customer_id": customer_id, "reason": why, "actor": actor, "at": now}
        number = conduct.add(tx, dispute, invoice=key, **who)
        if not number:
            raise Halt(f"invoice {invoice} is in dispute already", todo="see 'creditgate dispute list'")
        detail = {"dispute": number, "invoice": key, "reason": why, "before": None, "after": "open"}
        journal.add(tx, now, actor, "dispute_opened", about, detail)
    return number


def close(runtime: Runtime, number: int, *, reason: str, actor: str) -> None:
    """End a dispute, saying how. ``Halt`` if it is not running, or ``actor`` lacks the role."""
    why, now = acts.reason(reason), runtime.now()
    with runtime.store.write() as tx:
        row = conduct.end(tx, dispute, number, **conduct.ending(why, actor, now))
        if row is None:
            raise Halt(f"there is no running dispute {number}", todo="see 'creditgate dispute list'")
        about = acts.known(tx, row.customer_id)
        runtime.roles.require(actor, Act.RECORD, as_of=runtime.today(), where=about)
        detail = {"dispute": number, "invoice": row.invoice, "reason": why}
        detail |= {"before": "open", "after": "closed"}
        journal.add(tx, now, actor, "dispute_closed", about, detail)


def listed(runtime: Runtime, customer_id: int | None = None, *, ended: bool = False) -> list[sa.Row[Any]]:
    """The disputes, oldest first; with ``ended`` also those of the past."""
    with runtime.store.read() as tx:
        return conduct.listed(tx, dispute, customer_id, ended=ended)
