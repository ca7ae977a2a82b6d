"""What the policy makes of a signal: a hold, a lower limit, a visit, a review, a question to an agency.

Invariant: each action is done once a signal, by the actor ``policy``, and journalled; what a person decided
is never made looser. Visits, reviews and agencies have calendars of their own: for them it is kept that
something is wanted, until it was done.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN
from typing import Any

import sqlalchemy as sa

from connector import holds
from connector.errors import CreditGateError
from connector.limits import acts as limits
from connector.limits.acts import Subject, Terms
from connector.locale import say
from connector.money import to_major
from connector.policy.form_signals import Kind, Signals
from connector.runtime import Runtime
from connector.store import lines, signals, tellings
from connector.store.signals import LIVE, Signal
from connector.store.tables import customer

ACTOR = "policy"
_AT_ONCE = ("hold", "lower_limit")


@dataclass
class Acted:
    """What was done, and what is wanted of others; ``faults`` are deeds that failed."""

    wanted: int = 0
    done: int = 0
    faults: tuple[str, ...] = ()


def act(runtime: Runtime) -> Acted:
    """Keep what the policy wants about the live signals, and do at once what can be done at once."""
    acted = Acted()
    rules = runtime.policy.signals
    with runtime.store.write() as tx:
        live = signals.listed(tx, states=LIVE)
        deeds = [(one.id, action) for one in live for action in actions(rules, one)]
        acted.wanted = tellings.want(tx, deeds, runtime.clock())
        rows = tellings.wanted(tx, _AT_ONCE)
    for row in rows:
        _do(runtime, row, acted)
    return acted


def actions(rules: Signals, one: Signal) -> Iterator[str]:
    """What the policy wants about a signal beside telling people: of its kind, and of its step."""
    section = rules.of(one.kind)
    wanted = (*section.actions, *_of_step(section, one.key))
    yield from (action for action in dict.fromkeys(wanted) if action != "notify")


def _of_step(section: Kind, key: str) -> tuple[str, ...]:
    for step in getattr(section, "steps", ()):
        bound = getattr(step, "days", None) or format(step.share.normalize(), "f")
        if str(bound) == key:
            found: tuple[str, ...] = step.actions
            return found
    return ()


def _do(runtime: Runtime, row: sa.Row[Any], acted: Acted) -> None:
    if row.alive == "closed":
        _finish(runtime, row, tellings.MOOT, "the signal has ended")
        return
    try:
        done = _hold(runtime, row) if row.action == "hold" else _lower(runtime, row)
    except CreditGateError as fault:
        _finish(runtime, row, tellings.FAILED, str(fault))
        acted.faults += (f"signal {row.signal_id}: {fault}",)
        return
    _finish(runtime, row, tellings.DONE if done else tellings.MOOT, done or "nothing to do")
    acted.done += bool(done)


def _hold(runtime: Runtime, row: sa.Row[Any]) -> str:
    with runtime.store.read() as tx:
        query = sa.select(customer.c.hold_placed).where(customer.c.id == row.customer_id)
        if tx.execute(query).scalar():
            return ""
    reason = _reason(runtime, row)
    notes = runtime.writing("note")
    holds.place(runtime.store, row.customer_id, reason, ACTOR, runtime.now(), notes=notes)
    return "put on hold"


def _lower(runtime: Runtime, row: sa.Row[Any]) -> str:
    rules = runtime.policy.signals.lowering
    key = (lines.CUSTOMER, row.customer_id)
    with runtime.store.read() as tx:
        line = lines.read(tx, [key]).get(key)
    if line is None or line.limit_state != "amount" or not line.limit_minor:
        return ""
    step = runtime.policy.limit.step
    major = to_major(line.limit_minor, line.currency) * rules.share
    rounded = (major / step).to_integral_value(ROUND_DOWN) * step if step else major
    until = runtime.today() + dt.timedelta(days=rules.days)
    subject = Subject(lines.CUSTOMER, row.customer_id)
    wanted = limits.size("amount", format(rounded, "f"), line.currency)
    terms = Terms("temporary", valid_to=until)
    for standing in limits.standing(runtime, subject):
        if standing.set_by is not None and standing.set_by.kind == "temporary":
            return ""  # another one, of a person or of an earlier signal, is in force
    entry = limits.prepare(runtime, subject, wanted, terms, reason=_reason(runtime, row), actor=ACTOR)
    limits.put(runtime, entry)
    return f"limit {format(rounded, 'f')} {line.currency} until {until}"


def _reason(runtime: Runtime, row: sa.Row[Any]) -> str:
    name = say(f"signal_name.{row.kind}", {}, runtime.config.language)
    return say("signal_reason", {"number": row.signal_id, "name": name}, runtime.config.language)


def _finish(runtime: Runtime, row: sa.Row[Any], state: str, detail: str) -> None:
    with runtime.store.write() as tx:
        tellings.settle_deed(tx, row.id, state, detail, runtime.clock())
