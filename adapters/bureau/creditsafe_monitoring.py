"""A monitoring portfolio at Creditsafe: whom it holds, what has changed about them.

Invariant: adding and removing again changes nothing; an event that comes twice is one change.

API facts: Creditsafe Connect manual, Monitoring (portfolios, companies, notification events). There is
nothing to receive events by itself: they are asked for, page by page, pages counted from 0.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from adapters.bureau.common import at, decode, rows, text, whole
from adapters.bureau.creditsafe_connect import Connect
from connector.adapter import Change
from connector.errors import Reject

PAGE = 1000
MOST_PAGES = 1000  # more than this is an answer that never ends


class Portfolio:
    """One portfolio by its number."""

    def __init__(self, connect: Connect, number: str) -> None:
        self._connect = connect
        self._number = number
        self._companies = f"/monitoring/portfolios/{quote(number, safe='')}/companies"

    def watched(self) -> frozenset[str]:
        """The Connect ids of its companies."""
        return frozenset(ref for row in self._pages(self._companies, {}) if (ref := text(row, "id")))

    def add(self, refs: Sequence[str]) -> None:
        """Add those that are not in it yet."""
        for ref in sorted(set(refs) - self.watched()):
            self._connect.call("POST", self._companies, json={"id": ref})

    def remove(self, refs: Sequence[str]) -> None:
        """Take out those that are in it."""
        for ref in sorted(set(refs)):
            try:
                self._connect.call("DELETE", f"{self._companies}/{quote(ref, safe='')}")
            except Reject as fault:
                if fault.code != "not_found":
                    raise

    def changes(self, since: dt.datetime) -> list[Change]:
        """Events from the day of ``since`` (UTC) on, oldest first, each once."""
        params = {
            "portfolioId": self._number,
            "startDate": f"{since.astimezone(dt.UTC).date().isoformat()}T00:00:00Z",
            "sortBy": "eventDate",
        }
        events = (_change(row) for row in self._pages("/monitoring/notificationEvents", params))
        found = {change.key: change for change in events if change}
        return sorted(found.values(), key=lambda change: change.at)

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        seen = 0
        for page in range(MOST_PAGES):
            answer = self._connect.call("GET", path, {**params, "page": str(page), "pageSize": str(PAGE)})
            body = decode(answer.content)
            shown = rows(body, "data")
            yield from shown
            seen += len(shown)
            if not shown or seen >= (whole(at(body, "totalCount")) or 0):
                return


def _change(row: Mapping[str, Any]) -> Change | None:
    ref = text(row, "company.id")
    try:
        moment = dt.datetime.fromisoformat(text(row, "eventDate"))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    rule = text(row, "ruleCode")
    what = text(row, "ruleName") or f"rule {rule}"
    key = "|".join((ref, rule, moment.isoformat(), str(at(row, "newValue"))))
    return Change(ref, moment, what, key) if ref else None
