"""Limits that others must agree to: asked for by one, approved or declined by others.

Invariant: nobody approves what he asked for, however he spells his name, nobody approves twice, not even
by a deputy, and nobody above what his role lets him sign for; the limit begins with the last approval that
the policy wants, in the same transaction. A request that nobody decides in time lapses; what was decided
stays on record.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa

from connector.errors import Halt
from connector.limits.acts import enter
from connector.limits.bounds import Wanted, approvals
from connector.people.roles import Act, Roles, person, same_person
from connector.runtime import Runtime
from connector.store import journal
from connector.store.decision_tables import limit_decision, limit_request
from connector.store.limits import Entry

PENDING, APPROVED, DECLINED, EXPIRED = "pending", "approved", "declined", "expired"
STATES = (PENDING, APPROVED, DECLINED, EXPIRED)


@dataclass(frozen=True)
class Verdict:
    """What one person said."""

    actor: str
    verdict: str
    note: str
    at: dt.datetime


@dataclass(frozen=True)
class Request:
    """A limit asked for: the entry as it would be, how many must approve in which role, and who has said
    what."""

    id: int
    entry: Entry
    needs: int
    role: str
    state: str
    expires_at: dt.datetime
    verdicts: tuple[Verdict, ...]

    @property
    def approved_by(self) -> list[str]:
        """Who has approved."""
        return [one.actor for one in self.verdicts if one.verdict == "approve"]


def request(runtime: Runtime, entry: Entry) -> Request:
    """Ask for the limit ``entry`` (see ``limits.prepare``). Where the policy wants nobody else to agree,
    it is set at once."""
    now = runtime.now()
    with runtime.store.write() as tx:
        wanted, about = approvals(runtime, tx, entry), f"{entry.subject} {entry.subject_id}"
        act = Act.REQUEST_LIMIT if wanted.others else wanted.act
        runtime.roles.require(entry.actor, act, wanted.amount, as_of=runtime.today(), where=about)
        needs = wanted.others
        values = {
            "subject": entry.subject,
            "subject_id": entry.subject_id,
            "wanted": orjson.dumps(asdict(entry)).decode(),
            "needs": needs,
            "role": wanted.role,
            "state": PENDING if needs else APPROVED,
            "reason": entry.reason,
            "actor": entry.actor,
            "at": now,
            "expires_at": now + dt.timedelta(days=runtime.policy.approvals.request_days),
            "decided_at": None if needs else now,
        }
        number = tx.execute(
            sa.insert(limit_request).values(**values).returning(limit_request.c.id)
        ).scalar_one()
        detail = {"request": number, "needs": needs, "amount": entry.amount, "currency": entry.currency}
        detail |= {"before": None, "after": values["state"]}
        journal.add(tx, now, entry.actor, "limit_requested", about, detail | {"reason": entry.reason})
        if not needs:
            enter(runtime, tx, replace(entry, request_id=number))
        return _get(tx, number, now)


def approve(runtime: Runtime, number: int, *, actor: str, note: str = "") -> Request:
    """Agree to a request; the last approval that is needed sets the limit.

    Raises ``Halt`` if there is none pending with this id, if ``actor`` asked for it or has decided on it
    before, may not sign for so much, or if the limit would have ended by now.
    """
    now = runtime.now()
    with runtime.store.write() as tx:
        found = _pending(tx, number, now)
        if same_person(found.entry.actor, actor):
            raise Halt(
                f"request {number} was made by {found.entry.actor}",
                todo="somebody else has to approve it",
            )
        if any(same_person(one.actor, actor) for one in found.verdicts):
            raise Halt(f"{actor} has approved request {number} already", todo="another one has to approve it")
        about = f"{found.entry.subject} {found.entry.subject_id}"
        wanted = approvals(runtime, tx, found.entry)
        taken = _signed(runtime.roles, found, wanted)
        who, today = runtime.roles, runtime.today()
        right = who.require(actor, wanted.act, wanted.amount, as_of=today, taken=taken, where=about)
        _decide(tx, number, actor, "approve", note, now)
        # A policy that has become stricter since is heeded, one that has become laxer is not.
        last = len(found.approved_by) + 1 >= max(found.needs, wanted.others)
        stands_in = {} if same_person(right, actor) else {"for": right}
        detail = {"request": number, "note": note, "before": found.state} | stands_in
        detail |= {"after": APPROVED if last else PENDING, "amount": found.entry.amount}
        journal.add(tx, now, actor, "limit_approved", about, detail | {"currency": found.entry.currency})
        if last:
            entry = _from_today(found.entry, runtime.today(), number)
            enter(runtime, tx, replace(entry, request_id=number, at=now))
            _close(tx, number, APPROVED, now)
        return _get(tx, number, now)


def decline(runtime: Runtime, number: int, *, actor: str, note: str) -> Request:
    """Refuse a request, which takes a signer's role, or take back one's own. Raises ``Halt`` without a word
    why, or if it is not pending."""
    if not note.strip():
        raise Halt("a refusal needs a reason", todo="say with --reason why")
    now = runtime.now()
    with runtime.store.write() as tx:
        found = _pending(tx, number, now)
        about = f"{found.entry.subject} {found.entry.subject_id}"
        if not same_person(found.entry.actor, actor):
            runtime.roles.require(actor, Act.GRANT_LIMIT, as_of=runtime.today(), where=about)
        _decide(tx, number, actor, "decline", note.strip(), now)
        _close(tx, number, DECLINED, now)
        detail = {"request": number, "note": note.strip(), "before": found.state, "after": DECLINED}
        journal.add(tx, now, actor, "limit_declined", about, detail)
        return _get(tx, number, now)


def listed(runtime: Runtime, state: str | None = PENDING) -> list[Request]:
    """Requests in a state (``None``: all), the newest last."""
    now = runtime.now()
    with runtime.store.read() as tx:
        query = sa.select(limit_request).order_by(limit_request.c.id)
        if state is not None:
            # An expired one is stored as pending: nobody decided it.
            query = query.where(limit_request.c.state == (PENDING if state == EXPIRED else state))
        found = [_request(row, _verdicts(tx, row.id), now) for row in tx.execute(query).all()]
    return [one for one in found if state is None or one.state == state]


def _signed(roles: Roles, found: Request, wanted: Wanted) -> list[str]:
    """Whose right has been used for a request: of whoever asked, and of those who approved it so far."""
    taken = [found.entry.actor]
    asked = roles.right(found.entry.actor, wanted.act, wanted.amount, as_of=found.entry.at.date())
    taken += [asked] if asked else []
    for one in found.verdicts:
        used = roles.right(one.actor, wanted.act, wanted.amount, as_of=one.at.date(), taken=taken)
        taken += [one.actor, used] if used else [one.actor]
    return taken


def _from_today(entry: Entry, today: dt.date, number: int) -> Entry:
    """The entry as it begins today if its first day has passed meanwhile."""
    if entry.valid_to is not None and entry.valid_to < today:
        raise Halt(
            f"the limit of request {number} would have ended on {entry.valid_to}",
            todo="decline it, and ask anew",
        )
    return replace(entry, valid_from=max(entry.valid_from, today))


def _pending(tx: sa.Connection, number: int, now: dt.datetime) -> Request:
    """The request, kept from others until the transaction ends."""
    query = sa.select(limit_request).where(limit_request.c.id == number).with_for_update()
    row = tx.execute(query).one_or_none()
    if row is None:
        raise Halt(f"there is no request {number}", todo="see 'creditgate limit list --state all'")
    found = _request(row, _verdicts(tx, number), now)
    if found.state != PENDING:
        raise Halt(f"request {number} is {found.state}", todo="ask anew with 'creditgate limit request'")
    return found


def _decide(tx: sa.Connection, number: int, actor: str, verdict: str, note: str, now: dt.datetime) -> None:
    """Keep what one person says; who approved and now declines has changed his mind."""
    here = (limit_decision.c.request_id == number, limit_decision.c.actor_key == person(actor))
    tx.execute(sa.delete(limit_decision).where(*here))
    values = {"request_id": number, "actor_key": person(actor), "actor": actor, "verdict": verdict}
    tx.execute(sa.insert(limit_decision).values(**values, note=note, at=now))


def _close(tx: sa.Connection, number: int, state: str, now: dt.datetime) -> None:
    here = limit_request.c.id == number
    tx.execute(sa.update(limit_request).where(here).values(state=state, decided_at=now))


def _get(tx: sa.Connection, number: int, now: dt.datetime) -> Request:
    row = tx.execute(sa.select(limit_request).where(limit_request.c.id == number)).one()
    return _request(row, _verdicts(tx, number), now)


def _verdicts(tx: sa.Connection, number: int) -> tuple[Verdict, ...]:
    query = sa.select(
        limit_decision.c.actor, limit_decision.c.verdict, limit_decision.c.note, limit_decision.c.at
    ).where(limit_decision.c.request_id == number)
    return tuple(Verdict(*row) for row in tx.execute(query.order_by(limit_decision.c.at)))


def _request(row: Any, verdicts: tuple[Verdict, ...], now: dt.datetime) -> Request:
    values = orjson.loads(row.wanted)
    for name in ("valid_from", "valid_to"):
        values[name] = values[name] and dt.date.fromisoformat(values[name])
    values["at"] = dt.datetime.fromisoformat(values["at"])
    state = EXPIRED if row.state == PENDING and row.expires_at <= now else row.state
    return Request(row.id, Entry(**values), row.needs, row.role, state, row.expires_at, verdicts)
