"""Advice: consultants' reports and trade references, recorded by people and withdrawn by them.

Invariant: a document names its author and its day and recommends something; about a natural person it
is recorded only on a consent; recording, refusing and withdrawing are journalled.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from connector.errors import Halt
from connector.privacy import consent
from connector.rules.advice import CONSULTANT, REFERENCE, last_day
from connector.runtime import Runtime
from connector.store import advice, consents, journal, reports
from connector.store.advice import Advice
from connector.yamlfile import close_to

KINDS = (CONSULTANT, REFERENCE)


@dataclass(frozen=True)
class Recommended:
    """What a document recommends: a limit (minor units of ``currency``), a class of the policy, or both."""

    amount: int | None = None
    currency: str | None = None
    risk_class: str | None = None


def add(
    runtime: Runtime,
    customer_id: int,
    *,
    kind: str,
    author: str,
    dated: dt.date,
    says: Recommended,
    valid_to: dt.date | None,
    evidence: Path | None,
    note: str,
    actor: str,
) -> int:
    """Record a document; its number. ``Halt`` for one that makes no sense or is recorded already, for a
    class that the policy does not have, and about a natural person without a consent."""
    _check(runtime, author, dated, says, valid_to)
    digest = consent.file_digest(evidence) if evidence else ""
    now = runtime.now()
    with runtime.store.write() as tx:
        person = consents.is_person(tx, customer_id)
        if person is None:
            raise Halt(f"there is no customer {customer_id}", todo="see 'creditgate customer list'")
        allowed = not person or consent.ground(tx, customer_id, "", runtime.today()) is not None
        if not allowed:
            why = {"purpose": consent.PURPOSE, "from": kind}
            journal.add(tx, now, actor, "advice_refused", reports.about(customer_id), why)
        else:
            _once(advice.find(tx, customer_id=customer_id), kind, author, dated)
            values = {
                "customer_id": customer_id,
                "kind": kind,
                "author": author.strip(),
                "dated": dated,
                "amount": says.amount,
                "currency": says.currency,
                "risk_class": says.risk_class,
                "valid_to": valid_to,
                "note": note.strip(),
                "evidence": str(evidence.resolve()) if evidence else "",
                "evidence_sha256": digest,
                "actor": actor,
                "at": now,
            }
            number = advice.add(tx, values)
            detail = {"advice": number, "kind": kind, "author": author, "dated": dated, "sha256": digest}
            journal.add(tx, now, actor, "advice_added", reports.about(customer_id), detail)
    if not allowed:
        raise Halt(
            f"customer {customer_id} is a natural person without a consent; the refusal is on record",
            todo=f"record one: creditgate consent add {customer_id} --evidence FILE",
        )
    return number


def withdraw(runtime: Runtime, advice_id: int, *, reason: str, actor: str) -> None:
    """Take a document out of account from now on; what was decided with it stays on record."""
    with runtime.store.write() as tx:
        found = advice.find(tx, advice_id=advice_id)
        if not found:
            raise Halt(f"there is no advice {advice_id}", todo="see 'creditgate advice list --all'")
        if not advice.withdraw(tx, found[0], reason, runtime.now()):
            raise Halt(f"advice {advice_id} is withdrawn already", todo="see 'creditgate advice list --all'")
        detail = {"advice": advice_id, "reason": reason}
        about = reports.about(found[0].customer_id)
        journal.add(tx, runtime.now(), actor, "advice_withdrawn", about, detail)


def listed(runtime: Runtime, customer_id: int | None, *, every: bool) -> list[tuple[Advice, str]]:
    """Documents with their state (``valid``, ``expired``, ``withdrawn``): those that count, or ``every``
    one."""
    with runtime.store.read() as tx:
        found = [(one, state(runtime, one)) for one in advice.find(tx, customer_id=customer_id)]
    return [(one, stands) for one, stands in found if every or stands == "valid"]


def state(runtime: Runtime, found: Advice) -> str:
    """Whether a document counts today, by its expiry and by the policy."""
    if found.withdrawn_at is not None:
        return "withdrawn"
    ends = last_day(found.document, runtime.policy.staleness.advice_days)
    return "valid" if ends >= runtime.today() else "expired"


def _check(
    runtime: Runtime, author: str, dated: dt.date, says: Recommended, valid_to: dt.date | None
) -> None:
    if not author.strip():
        raise Halt("the author is missing", todo="name with --author who wrote it")
    if dated > runtime.today():
        raise Halt(f"it is dated {dated}, which is still to come", todo="give the day on the document")
    if valid_to is not None and valid_to < dated:
        raise Halt(f"it would expire on {valid_to}, before its own day", todo="give a later --to")
    if says.amount is None and says.risk_class is None:
        raise Halt("it recommends nothing", todo="give --limit, --class or both")
    if says.amount is not None and says.amount < 0:
        raise Halt("a limit is not below zero", todo="give --limit 0 for no credit")
    known = [one.name for one in runtime.policy.classes]
    if says.risk_class is not None and says.risk_class not in known:
        raise Halt(f"the policy has no class {says.risk_class!r}", todo=close_to(says.risk_class, known))


def _once(there: list[Advice], kind: str, author: str, dated: dt.date) -> None:
    for one in there:
        if one.withdrawn_at is None and (one.kind, one.author, one.dated) == (kind, author.strip(), dated):
            raise Halt(
                f"this document is recorded already as advice {one.id}",
                todo=f"withdraw it first, if it is wrong: creditgate advice withdraw {one.id}",
            )
