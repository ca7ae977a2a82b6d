"""The daily run: reviews that signals ask for or that fall due are opened, overdue ones are handed up.

Invariant: running it again opens nothing twice – a customer has one live case – and tells nothing twice: a
case remembers how far it was escalated. Each customer is its own transaction, so that it can be killed
anywhere.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from connector.locale import Params, say
from connector.people.roles import Role
from connector.reviews.cases import CALENDAR, EVENT, open_within
from connector.runtime import Runtime
from connector.store import assessments, journal, review_cases, signals, tellings, visits
from connector.store.review_cases import LIVE, Case
from connector.store.signals import Severity

CHUNK = 500
ACTOR, POLICY = "calendar", "policy"
KIND = "review_overdue"
TOLD, HANDED_UP = 1, 2


@dataclass
class Planned:
    """What a run did."""

    looked_at: int = 0
    opened: int = 0
    told: int = 0
    handed_up: int = 0


def plan(runtime: Runtime) -> Planned:
    """Open the reviews that signals ask for and those that are due within the policy's ``open_days``, and
    escalate the overdue ones."""
    done, last = Planned(), 0
    _by_signals(runtime, done)
    while True:
        with runtime.store.read() as tx:
            ids = visits.every_customer(tx, last, CHUNK)
            due = _due(runtime, tx, ids) if ids else []
        if not ids:
            break
        for customer_id, day, code, params in due:
            reason = say(code, params, runtime.config.language)
            with runtime.store.write() as tx:
                _, new = open_within(
                    runtime, tx, customer_id, reason=reason, actor=ACTOR, origin=CALENDAR, due_on=day
                )
            done.opened += new
        done.looked_at += len(ids)
        last = ids[-1]
    _escalate(runtime, done)
    return done


def _by_signals(runtime: Runtime, done: Planned) -> None:
    """What the policy wants of signals: each opens a review, or is served by the one that is live."""
    language = runtime.config.language
    with runtime.store.read() as tx:
        rows = tellings.wanted(tx, ["review"])
    for row in rows:
        name = say(f"signal_name.{row.kind}", {}, language)
        reason = say("signal_reason", {"number": row.signal_id, "name": name}, language)
        with runtime.store.write() as tx:
            if row.alive == "closed":
                tellings.settle_deed(tx, row.id, tellings.MOOT, "the signal has ended", runtime.clock())
                continue
            number, new = open_within(runtime, tx, row.customer_id, reason=reason, actor=POLICY, origin=EVENT)
            done.opened += new
            told = f"review {number} {'is opened' if new else 'is live already'}"
            tellings.settle_deed(tx, row.id, tellings.DONE, told, runtime.clock())


def _due(runtime: Runtime, tx: sa.Connection, ids: list[int]) -> list[tuple[int, dt.date, str, Params]]:
    """Customer, day, and why, of those without a live case whose next review is near."""
    rules, today = runtime.policy.reviews, runtime.today()
    until = today + dt.timedelta(days=rules.open_days)
    live, found = review_cases.live_of(tx, ids), []
    for kept in assessments.latest_of(tx, [one for one in ids if one not in live]):
        outcome = kept.assessment
        if outcome.next_review <= until:
            # A class or status that became worse may ask for a review at a day that has passed: nobody can
            # have held it then, so that it gets the time of one that an event opens.
            due = outcome.next_review
            due = due if due >= today else today + dt.timedelta(days=rules.decide_days)
            params: Params = {"on": outcome.next_review.isoformat(), "risk_class": outcome.risk_class}
            found.append((kept.customer_id, due, "review.by_calendar", params))
    return found


def _escalate(runtime: Runtime, done: Planned) -> None:
    rules, today = runtime.policy.reviews, runtime.today()
    last_day = today - dt.timedelta(days=rules.escalate_days)
    with runtime.store.read() as tx:
        overdue = review_cases.find(tx, states=LIVE, due_before=today)
    for case in overdue:
        step = HANDED_UP if case.due_on < last_day else TOLD
        if case.escalation >= step:
            continue
        _raise(runtime, case.id, step)
        done.told += step == TOLD
        done.handed_up += step == HANDED_UP


def _raise(runtime: Runtime, number: int, step: int) -> None:
    now, role = runtime.now(), Role(runtime.policy.reviews.escalate_to)
    with runtime.store.write() as tx:
        (case,) = review_cases.find(tx, number=number, locked=True)
        if case.state not in LIVE or case.escalation >= step:
            return
        owner = _owner(runtime, case, role) if step == HANDED_UP else case.owner
        evidence = {"review": case.id, "due_on": case.due_on, "owner": owner}
        if step == HANDED_UP:
            evidence["role"] = role.value
        signals.raise_signal(
            tx,
            customer_id=case.customer_id,
            kind=KIND,
            key=str(case.id),
            severity=Severity.ALARM if step == HANDED_UP else Severity.WARNING,
            evidence=evidence,
            now=now,
        )
        review_cases.change(tx, case.id, escalation=step, owner=owner)
        detail = {"review": case.id, "before": case.escalation, "after": step, "due_on": case.due_on}
        detail |= {"owner_before": case.owner, "owner_after": owner}
        journal.add(tx, now, ACTOR, "review_escalated", case.about, detail)


def _owner(runtime: Runtime, case: Case, role: Role) -> str:
    """Who answers for it from now on: the person with the role, or the role where none or several have it."""
    today = runtime.today()
    holders = {one.who for one in runtime.roles.grants if one.role == role and one.holds(today)}
    return holders.pop() if len(holders) == 1 else role.value
