"""From the recommendation to the outcome: four eyes, by the amount that is at stake.

Invariant: nobody approves what they recommended, however they spell their name, nobody approves twice, not
even by a deputy, and nobody above what their role lets them sign for. The last approval brings the outcome
into force by the acts that exist for it – a limit entry, a hold, a note – in its own transaction; so a case
is approved with all that follows, or not at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from connector import holds, notes
from connector.errors import Halt
from connector.limits.acts import Size, enter
from connector.limits.bounds import converted
from connector.locale import LANGUAGES, say
from connector.people.roles import UNBOUNDED, Act, Role, person, same_person
from connector.reviews.cases import being_prepared
from connector.reviews.planning import KIND
from connector.rules.approval import approver
from connector.runtime import Runtime
from connector.store import journal, lines, review_cases, signals
from connector.store.customers import touch_customers
from connector.store.limits import Entry
from connector.store.lines import CUSTOMER
from connector.store.review_cases import LIVE, OPEN, Case, State

LIFT, PLACE = "lift", "place"


@dataclass(frozen=True)
class Wish:
    """What is recommended. ``limit`` replaces the base limit (``None``: it stays as it is); ``hold`` places
    or lifts a hold. ``risk_class`` and ``terms_days`` are the preparer's view where it differs from the
    policy's: they are kept and told, and change nothing by themselves, for class and terms come of the
    policy."""

    limit: Size | None = None
    hold: str | None = None
    risk_class: str | None = None
    terms_days: int | None = None


def recommend(runtime: Runtime, number: int, wish: Wish, *, reason: str, actor: str) -> Case:
    """Recommend what comes of a review; others have to approve it. ``Halt`` without a reason, while required
    lines of the checklist are open, for a class that the policy does not have, a limit that cannot be, or
    where nobody may sign for so much."""
    why = _why(reason, number)
    with runtime.store.write() as tx:
        found = being_prepared(runtime, tx, number, actor)
        runtime.roles.require(actor, Act.RECOMMEND_REVIEW, as_of=runtime.today(), where=found.about)
        left = [one.key for one in found.items if one.required and one.state == OPEN]
        if left:
            todo = f"say what was found: 'creditgate review check {number} {left[0]} --note …'"
            raise Halt(f"open on the checklist: {', '.join(left)}", where=f"review {number}", todo=todo)
        classes = [one.name for one in runtime.policy.classes]
        if wish.risk_class is not None and wish.risk_class not in classes:
            raise Halt(f"there is no class {wish.risk_class!r}", todo=f"name one of {', '.join(classes)}")
        amount = _at_stake(runtime, tx, found.customer_id, wish)
        needs, role = _signers(runtime, amount, found.about)
        asked = asdict(wish) | {"reason": why, "amount": amount}
        values = {
            "state": State.RECOMMENDED.value,
            "round": found.round + 1,
            "recommended": asked,
            "recommended_by": actor,
            "recommended_at": runtime.now(),
            "needs": needs,
            "signed_as": role,
        }
        review_cases.change(tx, number, **values)
        detail = {"review": number, "before": found.state, "after": "recommended", "wanted": asked}
        detail |= {"needs": needs, "role": role, "stands": _standing(tx, found.customer_id)}
        journal.add(tx, runtime.now(), actor, "review_recommended", found.about, detail)
        return _get(tx, number)


def approve(runtime: Runtime, number: int, *, actor: str, note: str = "") -> Case:
    """Agree to a recommendation; the last approval that is needed brings its outcome into force. ``Halt`` if
    none waits, if ``actor`` made it or has approved it before, or may not sign for so much."""
    with runtime.store.write() as tx:
        found = _waiting(tx, number)
        if same_person(found.recommended_by or "", actor):
            todo = "somebody else has to approve it"
            raise Halt(f"review {number} was recommended by {found.recommended_by}", todo=todo)
        if any(same_person(one.actor, actor) for one in found.approvals):
            raise Halt(f"{actor} has approved review {number} already", todo="another one has to approve it")
        amount = _at_stake(runtime, tx, found.customer_id, _wish(found))
        right = runtime.roles.require(
            actor,
            Act.GRANT_LIMIT,
            amount,
            as_of=runtime.today(),
            taken=_signed(runtime, found, amount),
            where=found.about,
        )
        _say(runtime, tx, found, actor, "approve", note)
        # A policy that has become stricter since is heeded, one that has become laxer is not.
        needs = max(found.needs or 1, _signers(runtime, amount, found.about)[0])
        last = len(found.approvals) + 1 >= needs
        after = State.APPROVED if last else State.RECOMMENDED
        detail = {"review": number, "before": found.state, "after": after, "note": note}
        detail |= {} if same_person(right, actor) else {"for": right}
        journal.add(tx, runtime.now(), actor, "review_approved", found.about, detail)
        if last:
            _finish(runtime, tx, found, actor)
        return _get(tx, number)


def decline(runtime: Runtime, number: int, *, reason: str, actor: str) -> Case:
    """Send a recommendation back to be prepared anew, which takes a signer's role, or take back one's own.
    ``Halt`` without a word why, or if none waits."""
    why = _why(reason, number)
    with runtime.store.write() as tx:
        found = _waiting(tx, number)
        if not same_person(found.recommended_by or "", actor):
            runtime.roles.require(actor, Act.GRANT_LIMIT, as_of=runtime.today(), where=found.about)
        if not any(same_person(one.actor, actor) for one in found.approvals):
            _say(runtime, tx, found, actor, "decline", why)
        review_cases.change(tx, number, state=State.OPEN.value)
        detail = {"review": number, "before": found.state, "after": "open", "reason": why}
        journal.add(tx, runtime.now(), actor, "review_declined", found.about, detail)
        return _get(tx, number)


def close(runtime: Runtime, number: int, *, reason: str, actor: str) -> Case:
    """End a case without an outcome: it does not count as a review, so that the calendar opens one again as
    long as it is due. Takes a signer's role. ``Halt`` without a reason, or if it has ended."""
    why = _why(reason, number)
    with runtime.store.write() as tx:
        found = _live(tx, number)
        runtime.roles.require(actor, Act.CLOSE_REVIEW, as_of=runtime.today(), where=found.about)
        outcome = {"reason": why}
        review_cases.end(tx, number, State.CLOSED, ended_at=runtime.now(), ended_by=actor, outcome=outcome)
        signals.settle(tx, found.customer_id, KIND, runtime.now(), key=str(number))
        detail = {"review": number, "before": found.state, "after": "closed", "reason": why}
        journal.add(tx, runtime.now(), actor, "review_closed", found.about, detail)
        return _get(tx, number)


def _finish(runtime: Runtime, tx: sa.Connection, found: Case, actor: str) -> None:
    """Bring the outcome into force; the reason names the review, the actor is who recommended it."""
    wish, now, today = _wish(found), runtime.now(), runtime.today()
    by, why = found.recommended_by or actor, f"review {found.id}: {(found.recommended or {})['reason']}"
    before = _standing(tx, found.customer_id)
    entered = None
    if wish.limit is not None:
        entered = enter(runtime, tx, _entry(runtime, found.customer_id, wish.limit, why, by))
    if wish.hold is not None:
        holds.set_within(tx, found.customer_id, wish.hold == PLACE, why, by, now)
    told: dict[str, str | dict[str, str]] = {
        "outcome": _told(wish),
        "reason": why,
        "actor": by,
        "approver": actor,
    }
    notes.on_review(tx, found.customer_id, found.id, told, now, runtime.writing("note"))
    # The calendar counts from today: assess the customer anew, whatever the outcome is.
    touch_customers(tx, [found.customer_id])
    outcome = asdict(wish) | {"limit_entry": entered, "before": before}
    review_cases.end(
        tx, found.id, State.APPROVED, ended_at=now, ended_by=actor, reviewed_on=today, outcome=outcome
    )
    signals.settle(tx, found.customer_id, KIND, now, key=str(found.id))
    detail = {"review": found.id, "before": before, "after": asdict(wish), "limit_entry": entered}
    journal.add(tx, now, actor, "review_finished", found.about, detail)


def _entry(runtime: Runtime, customer_id: int, limit: Size, reason: str, actor: str) -> Entry:
    """The base limit that a review sets, from today on."""
    return Entry(
        id=0,
        subject=CUSTOMER,
        subject_id=customer_id,
        kind="base",
        state=limit.state,
        amount=limit.amount,
        currency=limit.currency,
        valid_from=runtime.today(),
        valid_to=None,
        reason=reason,
        actor=actor,
        at=runtime.now(),
    )


def _told(wish: Wish) -> dict[str, str]:
    """What comes of the review, by language."""
    told: dict[str, str] = {}
    for language in LANGUAGES:
        parts = [_limit_told(wish.limit, language)]
        parts += [say(f"review.hold.{wish.hold}", {}, language)] if wish.hold else []
        params = {"risk_class": wish.risk_class, "days": wish.terms_days}
        parts += [say("review.class", params, language)] if wish.risk_class else []
        parts += [say("review.terms", params, language)] if wish.terms_days is not None else []
        told[language] = "\n".join(parts)
    return told


def _limit_told(limit: Size | None, language: str) -> str:
    if limit is None:
        return say("review.limit.kept", {}, language)
    return say(f"review.limit.{limit.state}", {"limit": limit.amount, "currency": limit.currency}, language)


def _at_stake(runtime: Runtime, tx: sa.Connection, customer_id: int, wish: Wish) -> int:
    """The credit that goes on after the review, in minor units of the policy's currency: the limit that is
    recommended, else the one that stands."""
    if wish.limit is None:
        line = lines.read(tx, [(CUSTOMER, customer_id)]).get((CUSTOMER, customer_id))
        if line is None:
            return 0
        state, amount, currency = line.limit_state, line.limit_minor, line.currency
    else:
        state, amount, currency = wish.limit.state, wish.limit.amount, wish.limit.currency
    if state == "unlimited":
        return UNBOUNDED
    return 0 if amount is None else converted(runtime, amount, currency, runtime.today())


def _signers(runtime: Runtime, amount: int, about: str) -> tuple[int, str]:
    """How many others must approve, and as what: the band's signers without the preparer, one at least."""
    bands = runtime.policy.approvals.limit
    if not bands:
        return 1, Role.APPROVER.value
    band = approver(bands, amount, runtime.policy.currency)
    if band is None:
        todo = "recommend less, or give `approvals.limit` of the policy a band without `up_to`"
        raise Halt("the policy lets nobody sign for so much", where=about, todo=todo)
    return max(band.signers - 1, 1), band.role


def _signed(runtime: Runtime, found: Case, amount: int) -> list[str]:
    """Whose right has been used: of who recommended it, and of those who approved it so far."""
    by, roles = found.recommended_by or "", runtime.roles
    at = found.recommended_at or found.opened_at
    taken = [by]
    asked = roles.right(by, Act.RECOMMEND_REVIEW, as_of=at.date())
    taken += [asked] if asked else []
    for one in found.approvals:
        used = roles.right(one.actor, Act.GRANT_LIMIT, amount, as_of=one.at.date(), taken=taken)
        taken += [one.actor, used] if used else [one.actor]
    return taken


def _standing(tx: sa.Connection, customer_id: int) -> dict[str, Any]:
    """The credit as it stands: limit (minor units), currency and status."""
    line = lines.read(tx, [(CUSTOMER, customer_id)]).get((CUSTOMER, customer_id))
    if line is None:
        return {"state": None}
    return {
        "state": line.limit_state,
        "amount": line.limit_minor,
        "currency": line.currency,
        "status": line.status,
    }


def _wish(found: Case) -> Wish:
    asked = found.recommended or {}
    limit = None if asked.get("limit") is None else Size(**asked["limit"])
    return Wish(limit, asked.get("hold"), asked.get("risk_class"), asked.get("terms_days"))


def _say(runtime: Runtime, tx: sa.Connection, found: Case, actor: str, verdict: str, note: str) -> None:
    words = {"actor": actor, "actor_key": person(actor), "verdict": verdict, "note": note.strip()}
    review_cases.say(tx, found.id, round=found.round, **words, at=runtime.now())


def _waiting(tx: sa.Connection, number: int) -> Case:
    found = _live(tx, number)
    if found.state != State.RECOMMENDED:
        todo = f"recommend first: 'creditgate review recommend {number}'"
        raise Halt(f"review {number} is {found.state}", where=found.about, todo=todo)
    return found


def _live(tx: sa.Connection, number: int) -> Case:
    found = review_cases.whole(tx, number, locked=True)
    if found is None:
        raise Halt(f"there is no review {number}", todo="see 'creditgate review list --state all'")
    if found.state not in LIVE:
        raise Halt(f"review {number} is {found.state}", where=found.about, todo="open another review")
    return found


def _get(tx: sa.Connection, number: int) -> Case:
    found = review_cases.whole(tx, number)
    if found is None:
        raise Halt(f"there is no review {number}", todo="see 'creditgate review list --state all'")
    return found


def _why(reason: str, number: int) -> str:
    if not reason.strip():
        raise Halt("no reason is given", where=f"review {number}", todo="say why with --reason")
    return reason.strip()
