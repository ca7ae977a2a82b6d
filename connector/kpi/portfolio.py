"""Portfolios: what the customers of each person owed at the end of the month.

Invariant: owners as they were then, figures of the last assessment that was made by then, in the policy's
currency at the rates of the last day. A customer that was never assessed by then, or whose currency has no
rate, is not known, and counted as that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import sqlalchemy as sa

from connector.kpi.month import Window
from connector.kpi.people import People
from connector.kpi.tally import Standing, Tally
from connector.money import Rates
from connector.store import account_owners, assessments

WRITTEN_OFF = "written_off_24m"
_CHUNK = 500


class Book:
    """The last assessments before a moment (aware UTC), read once each; amounts in ``currency``."""

    def __init__(self, tx: sa.Connection, until: dt.datetime, day: dt.date, rates: Rates, to: str) -> None:
        self._tx = tx
        self._until = until
        self._day = day
        self._rates = rates
        self.currency = to
        self._known: dict[int, Standing | None] = {}

    def standings(self, ids: Iterable[int]) -> dict[int, Standing | None]:
        """How each of these customers stood; ``None`` where it is not known."""
        wanted = sorted(set(ids))
        missing = [number for number in wanted if number not in self._known]
        for start in range(0, len(missing), _CHUNK):
            part = missing[start : start + _CHUNK]
            self._known |= dict.fromkeys(part)
            for kept in assessments.latest_before(self._tx, part, self._until):
                self._known[kept.customer_id] = self._standing(kept)
        return {number: self._known[number] for number in wanted}

    def _standing(self, kept: assessments.Kept) -> Standing | None:
        outcome, facts = orjson.loads(kept.outcome), orjson.loads(kept.facts)
        currency = outcome["currency"]
        exposure, overdue = (self._in(outcome[name], currency) for name in ("exposure", "overdue_amount"))
        lost: Any = facts["values"].get(WRITTEN_OFF)
        if exposure is None or overdue is None:
            return None
        return Standing(exposure, overdue, None if lost is None else self._in(int(lost), currency))

    def _in(self, minor: int, currency: str) -> int | None:
        return self._rates.convert(minor, currency, self.currency, self._day)


def count(
    tx: sa.Connection, window: Window, people: People, book: Book, of: Callable[[str | None], Tally]
) -> None:
    """Give everybody the customers whose accounts they owned when the month ended."""
    found = account_owners.portfolios(tx, window.until)
    standings = book.standings(number for several in found.values() for number in several)
    for (connection_id, owner), several in found.items():
        tally = of(people.owner(connection_id, owner))
        tally.customers |= {number: standings[number] for number in several}
