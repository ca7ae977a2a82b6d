"""Overrides: what people decided beyond the policy in the month, and what became of it.

Invariant: an override is a limit above the one that the policy worked out in the last assessment before it,
or an order that was let pass while its reasons stood. It belongs to whoever asked for the limit, or signed
the release last. What became of it is how the customer stood as of the view: nothing overdue, something
overdue, or more written off than before. Whether that was right is not for a figure to say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from connector.kpi.answers import Let
from connector.kpi.month import Window
from connector.kpi.people import People
from connector.kpi.portfolio import Book
from connector.kpi.tally import GOOD, LOST, OVERDUE, UNKNOWN, Standing, Tally
from connector.money import Rates
from connector.store import assessments
from connector.store.lines import CUSTOMER

ACTS = ("limit_set",)
# Limits that people set in place of the policy's; others are securities that stand beside it.
KINDS = frozenset({"base", "temporary", "seasonal"})
# Steps of an assessment that tell what the policy alone gives.
_OWN = ("limit_rounded", "limit_new_customer")
# What was assessed at the very moment of the decision was known to it.
_TICK = dt.timedelta(microseconds=1)


class _Set(NamedTuple):
    who: str | None
    at: dt.datetime
    customer_id: int
    state: str
    amount: int | None
    currency: str


class Overrides:
    """Collects the limits that people set in the month."""

    def __init__(self, window: Window, people: People) -> None:
        self._window = window
        self._people = people
        self._set: list[_Set] = []

    def take(self, row: Any, detail: dict[str, Any]) -> None:
        """One entry of the journal, in their order."""
        kind, _, number = row.subject.partition(" ")
        who = self._people.named(row.actor)
        ours = kind == CUSTOMER and detail["kind"] in KINDS and who is not None
        if ours and self._window.since <= row.at < self._window.until:
            values = (detail["state"], detail["amount"], detail["currency"])
            self._set.append(_Set(who, row.at, int(number), *values))

    def count(
        self,
        tx: sa.Connection,
        let: Iterable[Let],
        rates: Rates,
        later: Book,
        of: Callable[[str | None], Tally],
    ) -> None:
        """Add up by who decided; ``let`` are the orders that were let pass, ``later`` how customers stand as
        of the view."""
        beyond = [(one.who, one.at, one.customer_id) for one in self._set if _above(tx, one, rates)]
        for who, at, number in [*beyond, *let]:
            if number is None:
                of(who).overrides[UNKNOWN] += 1
                continue
            before = Book(tx, at + _TICK, self._window.last, rates, later.currency).standings([number])[
                number
            ]
            of(who).overrides[_outcome(before, later.standings([number])[number])] += 1


def _above(tx: sa.Connection, one: _Set, rates: Rates) -> bool:
    """Whether a limit is above the policy's own; before the first assessment there is none to override."""
    found = assessments.latest_before(tx, [one.customer_id], one.at + _TICK)
    if not found or one.state == "none":
        return False
    outcome = orjson.loads(found[0].outcome)
    own = [step[2]["amount"] for step in outcome["steps"] if step[0] == "limit" and step[1] in _OWN]
    if one.state == "unlimited" or not own:
        return True  # the policy gave none at all
    given = rates.convert(one.amount or 0, one.currency, outcome["currency"], one.at.date())
    return given is not None and given > own[-1]


def _outcome(before: Standing | None, after: Standing | None) -> str:
    if after is None:
        return UNKNOWN
    lost = (before.written_off if before else None) or 0
    if (after.written_off or 0) > lost:
        return LOST
    return OVERDUE if after.overdue else GOOD
