"""Letters are kept, then delivered: once each, however often the command is killed and run again.

Invariant: all letters of a preview are kept in one transaction; a letter is handed to the mail server by
one process, after it is marked as being sent. Whether one went out whose sender was killed in between is for
a person to find out: it is never sent twice by itself, and never forgotten.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from connector.conduct import acts
from connector.dunning import contacts, planning, writing
from connector.dunning.contacts import EMAIL
from connector.dunning.planning import Draft, Preview
from connector.errors import CreditGateError, Halt, Reject, Retry
from connector.people.correspondence import Letterhead
from connector.people.roles import Act
from connector.ports.message import Letter
from connector.rules.dunning import Item
from connector.runtime import Runtime
from connector.store import dossiers, dunning, journal
from connector.store.dunning import State

_AGAIN = dt.timedelta(minutes=15)


@dataclass
class Done:
    """What a run did: letters ``written`` and ``sent``, those ``to_post`` by people, and how many were
    ``failed``, left ``doubtful``, ``put_off`` by the mail server or ``withdrawn`` as too old."""

    written: int = 0
    sent: int = 0
    to_post: int = 0
    failed: int = 0
    doubtful: int = 0
    put_off: int = 0
    withdrawn: int = 0
    changed: list[int] = field(default_factory=list)


def tidy(runtime: Runtime, done: Done | None = None) -> Done:
    """Before anything is planned: letters whose sender did not come back are doubtful, and e-mails of an
    earlier day that did not go out are withdrawn, to be written anew with the figures of today."""
    done = done or Done()
    now = runtime.now()
    with runtime.store.write() as tx:
        for row in dunning.lapse(tx, runtime.clock()):
            _note(tx, row, "dunning_doubtful", "creditgate", now, {})
            done.doubtful += 1
        for row in dunning.stale(tx, runtime.today()):
            dunning.withdraw(tx, row, now, "too old")
            _note(tx, row, "dunning_withdrawn", "creditgate", now, {"reason": "too old"})
            done.withdrawn += 1
    return done


def send(runtime: Runtime, code: str | None, actor: str, customer_id: int | None = None) -> Done:
    """Keep the letters of the preview with this ``code`` and deliver all e-mails that wait.

    Without a code the letters of today are sent as they are, seen by nobody. Run again after a kill, it goes
    on where it was. Raises ``Halt`` if the preview is no longer true or something is not configured,
    ``Retry`` if the mail server cannot be reached: what was kept waits.
    """
    runtime.roles.require(actor, Act.DUN, as_of=runtime.today(), where="dunning")
    done = tidy(runtime)
    if code is None or not _kept(runtime, code):
        seen = planning.preview(runtime, customer_id)
        if code is not None and code != seen.code:
            raise Halt(
                f"the letters of {seen.day} are no longer those of plan {code!r}",
                where="dunning",
                todo="look at 'creditgate dunning preview' again and send the plan that it names",
            )
        _keep(runtime, seen, code, actor, done)
    deliver(runtime, done)
    return done


def deliver(runtime: Runtime, done: Done) -> None:
    """Hand all e-mails that are due to the mail server, one after another."""
    with runtime.store.read() as tx:
        waiting = dunning.listed(tx, states=[State.WAITING])
    if not any(row.channel == EMAIL and row.due_at <= runtime.clock() for row in waiting):
        return
    with contacts.sender(runtime).posting() as post:
        while True:
            with runtime.store.write() as tx:
                row = dunning.claim(tx, runtime.clock())
            if row is None:
                return
            _hand_over(runtime, post, row, done)


def confirm(runtime: Runtime, numbers: Iterable[int], actor: str, day: dt.date | None = None) -> int:
    """A person says that these letters went out on ``day`` (today): posted, or e-mails that were doubtful;
    how many. ``Halt`` for one that is neither, or a day that lies ahead or before it was written."""
    today = runtime.today()
    on = day or today
    wanted = sorted(set(numbers))
    with runtime.store.write() as tx:
        for number in wanted:
            row = _letter(tx, number)
            fits = row.state == State.DOUBTFUL or (row.state == State.WAITING and row.channel != EMAIL)
            if not fits:
                raise Halt(f"letter {number} is {row.state}: it is for nobody to confirm", todo=_SEE)
            if not row.written_on <= on <= today:
                raise Halt(
                    f"letter {number} was written on {row.written_on}, and today is {today}",
                    todo="name a day between the two with --on",
                )
            _permitted(runtime, row, actor)
            dunning.sent(tx, row, on, runtime.now())
            _note(tx, row, "dunning_confirmed", actor, runtime.now(), {"on": on})
    return len(wanted)


def withdraw(runtime: Runtime, numbers: Iterable[int], reason: str, actor: str) -> int:
    """A person says that these letters did not go out and shall not: their levels are free again; how many.
    ``Halt`` for one that was sent, or is being sent."""
    why, wanted = acts.reason(reason), sorted(set(numbers))
    with runtime.store.write() as tx:
        for number in wanted:
            row = _letter(tx, number)
            if row.state not in (State.WAITING, State.FAILED, State.DOUBTFUL):
                raise Halt(f"letter {number} is {row.state}: it cannot be withdrawn", todo=_SEE)
            _permitted(runtime, row, actor)
            dunning.withdraw(tx, row, runtime.now(), why)
            _note(tx, row, "dunning_withdrawn", actor, runtime.now(), {"reason": why})
    return len(wanted)


_SEE = "see 'creditgate dunning list --state all'"


def _kept(runtime: Runtime, code: str) -> bool:
    """Whether the letters of this preview were kept before the command was killed, or ended."""
    with runtime.store.read() as tx:
        return dunning.has_plan(tx, code)


def _keep(runtime: Runtime, seen: Preview, code: str | None, actor: str, done: Done) -> None:
    """Keep all letters of a preview, and end the dunning of what was paid, in one transaction. A customer
    of whom something changed since gets none; it is planned anew next time."""
    drafts = {one.customer_id: one for one in seen.drafts}
    head = runtime.config.letterhead
    if drafts and head is None:
        raise Halt(
            "nobody is named whom the letters come from",
            where="configuration",
            todo="write [letterhead] with name, account and contact",
        )
    if any(one.contact.channel == EMAIL for one in drafts.values()):
        contacts.sender(runtime)  # before anything is kept
    ids = [one.customer_id for one in seen.plans if one.draft or one.over]
    with runtime.store.write() as tx:
        for start in range(0, len(ids), dossiers.CHUNK):
            part = ids[start : start + dossiers.CHUNK]
            dunning.lock(tx, part)
            for now_planned in planning.plans(runtime, tx, part):
                number = now_planned.customer_id
                dunning.end(tx, number, now_planned.over, runtime.now())
                draft = now_planned.draft
                if head is None or not _same(draft, drafts.get(number)):
                    done.changed += [number] if number in drafts else []
                elif draft is not None and _add(runtime, tx, draft, head, code or seen.code, actor):
                    done.written += 1
                    done.to_post += draft.contact.channel != EMAIL
        detail = {"plan": seen.code, "letters": done.written, "seen": code is not None}
        if done.written:
            journal.add(tx, runtime.now(), actor, "dunning_ordered", "dunning", detail)


def _same(draft: Draft | None, shown: Draft | None) -> bool:
    return draft is not None and shown is not None and draft.digest == shown.digest


def _add(runtime: Runtime, tx: sa.Connection, draft: Draft, head: Letterhead, code: str, actor: str) -> bool:
    notice, contact, cipher = draft.notice, draft.contact, runtime.config.cipher()
    letter = text(runtime, draft, head)
    values = {
        "customer_id": draft.customer_id,
        "plan": code,
        "level": notice.level,
        "letter": notice.letter,
        "language": contact.language,
        "channel": contact.channel,
        "address": contacts.closed(contact.address, cipher),
        "subject": contacts.closed(letter.subject, cipher),
        "body": contacts.closed(letter.text, cipher),
        "body_sha256": hashlib.sha256(letter.text.encode()).hexdigest(),
        "message_id": uuid.uuid4().hex,
        "written_on": runtime.today(),
        "pay_by": notice.pay_by,
        "actor": actor,
        "created_at": runtime.now(),
        "due_at": runtime.clock(),
    }
    number = dunning.add(tx, values, [_step(one) for one in notice.items])
    if number is None:
        return False
    detail = {
        "letter": number,
        "level": notice.level,
        "channel": contact.channel,
        "invoices": {one.invoice_id: one.level for one in notice.items},
        "before": None,
        "after": State.WAITING,
    }
    journal.add(tx, runtime.now(), actor, "dunning_written", f"customer {draft.customer_id}", detail)
    return True


def text(runtime: Runtime, draft: Draft, head: Letterhead) -> writing.Letter:
    """The letter that a draft becomes."""
    folder = runtime.config.path(runtime.config.letters)
    return writing.written(folder, draft.contact.language, draft.notice, draft.name, head, runtime.today())


def _step(one: Item) -> dict[str, Any]:
    return {
        "invoice": one.invoice_id,
        "number": one.number or "",
        "level": one.level,
        "days": one.days,
        "amount": one.open,
        "interest": one.interest,
        "currency": one.currency,
    }


def _hand_over(runtime: Runtime, post: Callable[[Letter], None], row: sa.Row[Any], done: Done) -> None:
    """Send one claimed letter, and keep what came of it before any error goes on."""
    fault: CreditGateError | None = None
    try:
        post(_message(runtime, row))
    except (Reject, Retry, Halt) as raised:
        fault = raised
    now = runtime.now()
    with runtime.store.write() as tx:
        if fault is None:
            dunning.sent(tx, row, runtime.today(), now)
            _note(tx, row, "dunning_sent", row.actor, now, {"message_id": row.message_id})
            done.sent += 1
        elif isinstance(fault, Reject):
            dunning.move(tx, row.id, State.FAILED, error=fault.what)
            _note(tx, row, "dunning_failed", row.actor, now, {"why": fault.what})
            done.failed += 1
        elif isinstance(fault, Retry) and fault.unknown_outcome:
            dunning.move(tx, row.id, State.DOUBTFUL, error=fault.what)
            _note(tx, row, "dunning_doubtful", row.actor, now, {"why": fault.what})
            done.doubtful += 1
        else:
            wait = dt.timedelta() if isinstance(fault, Halt) or _busy(fault) else _AGAIN
            dunning.move(tx, row.id, State.WAITING, due_at=runtime.clock() + wait, error=fault.what)
            done.put_off += 1
    if fault is not None and (isinstance(fault, Halt) or _busy(fault)):
        raise fault


def _busy(fault: CreditGateError | None) -> bool:
    """Whether the line can take nothing more."""
    return isinstance(fault, Retry) and fault.busy


def _message(runtime: Runtime, row: sa.Row[Any]) -> Letter:
    head, cipher = runtime.config.letterhead, runtime.config.cipher()
    return Letter(
        key=row.message_id,
        to=contacts.opened(row.address, cipher),
        sender=head.name if head else "",
        subject=contacts.opened(row.subject, cipher),
        text=contacts.opened(row.body, cipher),
    )


def _letter(tx: sa.Connection, number: int) -> sa.Row[Any]:
    row = dunning.letter(tx, number, lock=True)
    if row is None:
        raise Halt(f"there is no letter {number}", todo=_SEE)
    return row


def _permitted(runtime: Runtime, row: sa.Row[Any], actor: str) -> None:
    about = f"customer {row.customer_id}"
    runtime.roles.require(actor, Act.DUN, as_of=runtime.today(), where=about)


def _note(
    tx: sa.Connection, row: sa.Row[Any], act: str, actor: str, now: dt.datetime, detail: dict[str, Any]
) -> None:
    after = State.SENT if act == "dunning_confirmed" else act.removeprefix("dunning_")
    states = {"before": row.state, "after": after}
    told = {"letter": row.id, "level": row.level} | states | detail
    journal.add(tx, now, actor, act, f"customer {row.customer_id}", told)
