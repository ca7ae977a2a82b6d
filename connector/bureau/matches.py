"""Doubtful matches: a person says which company of an agency a customer is.

Invariant: a decision is journalled with the name of who took it, and holds until a person takes another.
"""

from __future__ import annotations

from connector.errors import Halt
from connector.runtime import Runtime
from connector.store import journal, matches, reports
from connector.store.matches import Doubt

ACTS = {matches.ACCEPTED: "match_accepted", matches.DECLINED: "match_declined"}


def listed(runtime: Runtime, *, every: bool) -> list[Doubt]:
    """What waits for a decision, or ``every`` candidate."""
    with runtime.store.read() as tx:
        return matches.find(tx, state=None if every else matches.OPEN)


def decide(runtime: Runtime, match_id: int, state: str, *, actor: str) -> Doubt:
    """``accepted`` or ``declined``; the candidate as it was. ``Halt`` when there is no such candidate."""
    with runtime.store.write() as tx:
        found = matches.find(tx, match_id=match_id)
        if not found:
            raise Halt(f"there is no match {match_id}", todo="see 'creditgate bureau matches list --all'")
        doubt = found[0]
        if doubt.state != state:
            matches.decide(tx, doubt, state, actor, runtime.now())
            detail = {"connection": doubt.connection, "ref": doubt.ref, "confidence": doubt.confidence}
            journal.add(tx, runtime.now(), actor, ACTS[state], reports.about(doubt.customer_id), detail)
    return doubt
