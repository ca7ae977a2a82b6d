"""How long holds of orders and signals waited for an answer that was given in the month.

Invariant: an answer is a person's: an order released or rejected, a signal acknowledged, snoozed or closed,
the first time. What ended by itself was answered by nobody. What waits at the end of the month is counted,
too, so that not answering makes nobody look fast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa

from connector.kpi.month import Window
from connector.kpi.people import People
from connector.kpi.tally import Tally
from connector.store.signal_tables import signal

HOLD_ACTS = (
    "order_held",
    "order_ready",
    "order_released",
    "order_rejected",
    "order_passed",
    "order_withdrawn",
)
SIGNAL_ACTS = ("signal_assigned", "signal_acknowledged", "signal_snoozed", "signal_closed")
Of = Callable[[str | None], Tally]


class Let(NamedTuple):
    """An order that a person let pass against the policy: by whom, when, and of which customer."""

    who: str | None
    at: dt.datetime
    customer_id: int | None


class Holds:
    """Collects what the journal tells of orders on hold."""

    def __init__(self, window: Window, people: People) -> None:
        self._window = window
        self._people = people
        self._open: dict[str, tuple[dt.datetime, int | None]] = {}
        self._clear: set[str] = set()
        self._answers: list[tuple[str | None, int]] = []
        self.let: list[Let] = []

    def take(self, row: Any, detail: dict[str, Any]) -> None:
        """One entry of the journal, in their order."""
        if row.at >= self._window.until:
            return
        if row.act == "order_held":
            since = self._open.get(row.subject, (row.at, None))[0]
            self._open[row.subject] = (since, detail.get("customer_id"))
            self._clear.discard(row.subject)
            return
        if row.act == "order_ready":
            self._clear.add(row.subject)
            return
        since, customer_id = self._open.pop(row.subject, (None, None))
        by_person = row.act in ("order_released", "order_rejected")
        if since is None or not by_person or row.at < self._window.since:
            return
        who = self._people.named(row.actor)
        self._answers.append((who, _seconds(since, row.at)))
        if row.act == "order_released" and row.subject not in self._clear:
            self.let.append(Let(who, row.at, customer_id))

    def count(self, of: Of) -> None:
        """Add up by who answered; what waits has no person yet."""
        for who, seconds in self._answers:
            tally = of(who)
            tally.holds_answered += 1
            tally.hold_seconds += seconds
        if self._open:
            of(None).holds_waiting += len(self._open)


class Signals:
    """Collects what the journal tells of signals; when they were raised stands with the signals."""

    def __init__(self, window: Window, people: People) -> None:
        self._window = window
        self._people = people
        self._owners: dict[int, str | None] = {}
        self._answered: dict[int, tuple[str | None, dt.datetime]] = {}

    def take(self, row: Any, detail: dict[str, Any]) -> None:
        """One entry of the journal, in their order."""
        number = detail.get("signal")
        if not isinstance(number, int) or row.at >= self._window.until:
            return
        if row.act == "signal_assigned":
            self._owners[number] = self._people.named(detail.get("after"))
        else:
            self._answered.setdefault(number, (self._people.named(row.actor), row.at))

    def count(self, tx: sa.Connection, of: Of) -> None:
        """Add up by who answered, and what waits by who it was given to; signals that ask for no answer
        (without a deadline) wait for nobody."""
        query = sa.select(signal.c.id, signal.c.raised_at, signal.c.closed_at, signal.c.deadline)
        for row in tx.execute(query.where(signal.c.raised_at < self._window.until)):
            answer = self._answered.get(row.id)
            if answer is not None:
                who, at = answer
                if at >= self._window.since:
                    tally = of(who)
                    tally.signals_answered += 1
                    tally.signal_seconds += _seconds(row.raised_at, at)
            elif row.deadline is not None and (row.closed_at is None or row.closed_at >= self._window.until):
                of(self._owners.get(row.id)).signals_waiting += 1


def _seconds(since: dt.datetime, at: dt.datetime) -> int:
    return max(int((at - since).total_seconds()), 0)
