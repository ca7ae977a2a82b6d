"""What people do in a simulated year beside the CRM: promises, reviews, answers to signals, letters.

Invariant: each act is done once, however often a day is run again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from connector import dunning, reviews
from connector.conduct import promises
from connector.limits.acts import Size
from connector.reviews.deciding import Wish
from connector.runtime import Runtime
from connector.store import dunning as letters
from connector.store import listing, review_cases, signals
from connector.store.signals import State
from sandbox.year.economy import Economy

SALES, ANALYST, SIGNERS = "sales", "analyst", ("controller", "director", "board")
ANSWERED_AFTER = dt.timedelta(days=2)
PREPARED_AFTER = dt.timedelta(days=7)


def write_down_promises(runtime: Runtime, economy: Economy) -> None:
    """Sales reps write down what customers promised today."""
    today = list(economy.promises(runtime.today()))
    if not today:
        return
    names = {one.company.key: one.company.name for one in economy.members}
    with runtime.store.read() as tx:
        numbers = {row.name: row.id for row in listing.customers(tx)}
    for one in today:
        customer = numbers[names[one.company_key]]
        known = {(kept.row.due_on, kept.row.amount) for kept in promises.listed(runtime, customer)}
        if (one.due_on, one.amount) not in known:
            size = Size("amount", one.amount, one.currency)
            reason = "told on the telephone"
            promises.record(
                runtime, customer, size, one.due_on, invoice=one.invoice, reason=reason, actor=SALES
            )


def evening(runtime: Runtime) -> None:
    """Answer signals, decide reviews that have been open for a week, post letters."""
    _answer_signals(runtime)
    with runtime.store.read() as tx:
        cases = review_cases.find(tx, states=review_cases.LIVE)
    _review(runtime, (one.id for one in cases if runtime.now() - one.opened_at >= PREPARED_AFTER))
    with runtime.store.read() as tx:
        waiting = [row.id for row in letters.listed(tx, states=["waiting"])]
    if waiting:
        dunning.confirm(runtime, waiting, ANALYST)


def _answer_signals(runtime: Runtime) -> None:
    with runtime.store.write() as tx:
        found = signals.listed(tx, states=[State.OPEN])
        old = [one.id for one in found if runtime.now() - one.raised_at >= ANSWERED_AFTER]
        if old:
            signals.acknowledge(tx, old, "looked into", ANALYST, runtime.now())


def _review(runtime: Runtime, numbers: Iterable[int]) -> None:
    for number in numbers:
        case = reviews.show(runtime, number)
        for item in case.items:
            if item.required and item.state == review_cases.OPEN:
                reviews.check(runtime, number, item.key, note="looked at", actor=ANALYST)
        if case.state == review_cases.State.OPEN:
            case = reviews.recommend(runtime, number, Wish(), reason="stays as it is", actor=ANALYST)
        signed = {one.actor for one in case.approvals}
        for signer in [one for one in SIGNERS if one not in signed]:
            if case.state in review_cases.LIVE:
                case = reviews.approve(runtime, number, actor=signer)
