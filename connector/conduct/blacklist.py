"""The blacklist that people keep: customers who get no credit, beside the policy's list and the CRM's mark.

Invariant: a customer stands on it once, with who, when and why, until somebody takes it off with a reason.
What it leads to is the policy's word (``blacklisted``).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connector.conduct import acts
from connector.errors import Halt
from connector.people.roles import Act
from connector.runtime import Runtime
from connector.store import conduct, journal
from connector.store.conduct_tables import blacklisting


def add(runtime: Runtime, customer_id: int, *, reason: str, actor: str) -> int:
    """Put a customer on the blacklist; the entry's id. ``Halt`` if it is there, is no customer, or ``actor``
    lacks the role."""
    why, now = acts.reason(reason), runtime.now()
    with runtime.store.write() as tx:
        about = acts.known(tx, customer_id)
        runtime.roles.require(actor, Act.RULE_OUT, as_of=runtime.today(), where=about)
        number = conduct.add(tx, blacklisting, customer_id=customer_id, reason=why, actor=actor, at=now)
        if not number:
            raise Halt(f"{about} is on the blacklist already", todo="see 'creditgate blacklist list'")
        detail = {"entry": number, "reason": why, "before": None, "after": "blacklisted"}
        journal.add(tx, now, actor, "blacklisted", about, detail)
    return number


def remove(runtime: Runtime, customer_id: int, *, reason: str, actor: str) -> None:
    """Take a customer off the blacklist that people keep; the policy's list and the CRM's mark stay. ``Halt``
    if it is not on it, or ``actor`` lacks the role."""
    why, now = acts.reason(reason), runtime.now()
    with runtime.store.write() as tx:
        about = acts.known(tx, customer_id)
        runtime.roles.require(actor, Act.READMIT, as_of=runtime.today(), where=about)
        number = conduct.running_blacklisting(tx, customer_id)
        if number is None or not conduct.end(tx, blacklisting, number, **conduct.ending(why, actor, now)):
            raise Halt(
                f"{about} was not put on the blacklist by a person",
                todo="the policy's own list stands in its file, the CRM's mark in the CRM",
            )
        detail = {"entry": number, "reason": why, "before": "blacklisted", "after": None}
        journal.add(tx, now, actor, "readmitted", about, detail)


def listed(runtime: Runtime, *, ended: bool = False) -> list[sa.Row[Any]]:
    """The entries, oldest first; with ``ended`` also those of the past."""
    with runtime.store.read() as tx:
        return conduct.listed(tx, blacklisting, ended=ended)
