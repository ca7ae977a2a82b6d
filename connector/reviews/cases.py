"""Cases: opened once, with the checklist of the policy; looked at point by point, on evidence.

Invariant: a customer has one live case; opening another is told its number and changes nothing. Every act is
journalled with what was before and what is after, in the transaction of the act.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from connector.errors import Halt
from connector.locale import LANGUAGES, say
from connector.people.roles import Act
from connector.policy.schema import CheckItem, Reviews
from connector.reviews.statements import ask
from connector.runtime import Runtime
from connector.store import journal, review_cases
from connector.store.review_cases import DONE, LIVE, NOT_APPLICABLE, OPEN, Case
from connector.store.tables import customer

CALENDAR, PERSON, EVENT = "calendar", "person", "event"
_BLOCK = 1 << 20


def open_case(
    runtime: Runtime,
    customer_id: int,
    *,
    reason: str,
    actor: str,
    origin: str = PERSON,
    due_on: dt.date | None = None,
    owner: str | None = None,
) -> tuple[int, bool]:
    """Open a review of a customer: its number, and whether it is new (one that is live already stays as it
    is). ``due_on`` is by default the policy's ``decide_days`` from today. ``Halt`` for no such customer, no
    reason, a day that is past, or who may not."""
    with runtime.store.write() as tx:
        runtime.roles.require(actor, Act.OPEN_REVIEW, as_of=runtime.today(), where=f"customer {customer_id}")
        return open_within(
            runtime,
            tx,
            customer_id,
            reason=reason,
            actor=actor,
            origin=origin,
            due_on=due_on,
            owner=owner,
        )


def open_within(
    runtime: Runtime,
    tx: sa.Connection,
    customer_id: int,
    *,
    reason: str,
    actor: str,
    origin: str,
    due_on: dt.date | None = None,
    owner: str | None = None,
) -> tuple[int, bool]:
    """As ``open_case``, in the caller's transaction and without asking for the actor's role: for what the
    calendar or an event opens."""
    rules, today, now = runtime.policy.reviews, runtime.today(), runtime.now()
    if not reason.strip():
        raise Halt("a review needs a reason", todo="say with --reason why it is opened")
    if due_on is not None and due_on < today and origin != CALENDAR:
        raise Halt(f"{due_on} is past", where=f"customer {customer_id}", todo="name today or a later day")
    if tx.execute(sa.select(customer.c.id).where(customer.c.id == customer_id)).first() is None:
        raise Halt(f"there is no customer {customer_id}", todo="see 'creditgate customer list'")
    values = {
        "customer_id": customer_id,
        "origin": origin,
        "reason": reason.strip(),
        "due_on": due_on or today + dt.timedelta(days=rules.decide_days),
        "opened_at": now,
        "opened_by": actor,
        "owner": owner,
    }
    number = review_cases.add(tx, values, _checklist(rules))
    if number is None:
        (there,) = review_cases.find(tx, customer_id=customer_id, states=LIVE)
        return there.id, False
    asked = ask(runtime, tx, customer_id, number) if rules.ask_for_statements else None
    if asked is not None:
        review_cases.change(tx, number, asked_for=asked)
    detail: dict[str, Any] = {"review": number, "before": None, "after": OPEN, "asked_for": asked}
    detail |= {name: values[name] for name in ("origin", "reason", "due_on", "owner")}
    journal.add(tx, now, actor, "review_opened", f"customer {customer_id}", detail)
    return number, True


def check(runtime: Runtime, number: int, key: str, *, note: str, actor: str, applies: bool = True) -> Case:
    """Say of one line of the checklist what was found, or why it does not apply. ``Halt`` without a note, for
    a line that the case does not have, or a case that is not being prepared."""
    if not note.strip():
        raise Halt("nothing is noted", where=f"review {number}", todo="say with --note what was found")
    with runtime.store.write() as tx:
        found = being_prepared(runtime, tx, number, actor)
        item = next((one for one in found.items if one.key == key), None)
        if item is None:
            known = ", ".join(one.key for one in found.items)
            raise Halt(f"there is no item {key!r}", where=f"review {number}", todo=f"name one of {known}")
        state = DONE if applies else NOT_APPLICABLE
        values = {"state": state, "note": note.strip(), "actor": actor}
        if values != {"state": item.state, "note": item.note, "actor": item.actor}:
            review_cases.mark(tx, number, key, **values, at=runtime.now())
            detail = {
                "review": number,
                "item": key,
                "before": item.state,
                "after": state,
                "note": note.strip(),
            }
            journal.add(tx, runtime.now(), actor, "review_checked", found.about, detail)
        return _whole(tx, number)


def attach(
    runtime: Runtime, number: int, *, file: Path | None = None, link: str | None = None, note: str, actor: str
) -> bool:
    """Add evidence to a case: a file, of which the SHA-256, name and size are kept (the file stays where it
    is), or a link; whether it is new to the case. ``Halt`` for a file that cannot be read, or no link."""
    values = _file(file) if file is not None else _link(link or "")
    with runtime.store.write() as tx:
        found = being_prepared(runtime, tx, number, actor)
        new = review_cases.attach(tx, number, **values, note=note.strip(), actor=actor, at=runtime.now())
        if new:
            count = len(found.evidence)
            detail = {
                "review": number,
                "evidence": values["key"],
                "name": values["name"],
                "note": note.strip(),
            }
            detail |= {"before": count, "after": count + 1}
            journal.add(tx, runtime.now(), actor, "review_evidence_added", found.about, detail)
        return new


def listed(
    runtime: Runtime,
    states: Collection[str] | None = LIVE,
    *,
    customer_id: int | None = None,
    owner: str | None = None,
    overdue: bool = False,
) -> list[Case]:
    """Cases in these states (``None``: all), the first due first; ``overdue``: live ones past their day."""
    with runtime.store.read() as tx:
        return review_cases.find(
            tx,
            states=LIVE if overdue else states,
            customer_id=customer_id,
            owner=owner,
            due_before=runtime.today() if overdue else None,
        )


def show(runtime: Runtime, number: int) -> Case:
    """One case whole; ``Halt`` if there is none."""
    with runtime.store.read() as tx:
        return _whole(tx, number)


def being_prepared(runtime: Runtime, tx: sa.Connection, number: int, actor: str) -> Case:
    """The case, kept from others until the transaction ends; ``Halt`` if it is not open, or ``actor`` may not
    work on it."""
    found = _whole(tx, number, locked=True)
    runtime.roles.require(actor, Act.OPEN_REVIEW, as_of=runtime.today(), where=found.about)
    if found.state != OPEN:
        todo = "decline the recommendation first" if found.state in LIVE else "open another review"
        raise Halt(f"review {number} is {found.state}", where=found.about, todo=todo)
    return found


def _whole(tx: sa.Connection, number: int, *, locked: bool = False) -> Case:
    found = review_cases.whole(tx, number, locked=locked)
    if found is None:
        raise Halt(f"there is no review {number}", todo="see 'creditgate review list --state all'")
    return found


def _checklist(rules: Reviews) -> list[tuple[str, dict[str, str], bool]]:
    """Key, words by language and whether it must be done, as the policy has it now."""
    return [(item.key, item_words(item), item.required) for item in rules.checklist]


def item_words(item: CheckItem) -> dict[str, str]:
    """The words of a line of the checklist by language; the policy's own, in the one language that it has
    where it has but one."""
    if item.say is None:
        return {language: say(f"review.item.{item.key}", {}, language) for language in LANGUAGES}
    own = dict(item.say)
    return {language: own.get(language) or next(iter(own.values())) for language in LANGUAGES}


def _file(path: Path) -> dict[str, str | int]:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as fault:
        raise Halt(f"{path} cannot be read: {fault.strerror}", todo="name a file that is there") from None
    return {"key": digest.hexdigest(), "kind": "file", "name": path.name, "bytes": size}


def _link(text: str) -> dict[str, str | None]:
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Halt(f"{text!r} is no link", todo="write it whole, such as https://…")
    return {"key": text.strip(), "kind": "link", "name": text.strip(), "bytes": None}
