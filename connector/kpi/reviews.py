"""Reviews whose day fell into the month: approved by their day, after it, or not yet.

Invariant: from the journal alone. A review belongs to whoever it was given to when it was opened, else to
whoever recommended what comes of it; handing it up later takes it from nobody. One that was closed without an
outcome is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.kpi.month import Window
from connector.kpi.people import People
from connector.kpi.tally import Tally

ACTS = ("review_opened", "review_recommended", "review_finished", "review_closed")


@dataclass
class _Case:
    due_on: dt.date
    owner: str | None
    finished_on: dt.date | None = None
    closed: bool = False


class Reviews:
    """Collects what the journal tells of reviews."""

    def __init__(self, window: Window, people: People) -> None:
        self._window = window
        self._people = people
        self._cases: dict[int, _Case] = {}

    def take(self, row: Any, detail: dict[str, Any]) -> None:
        """One entry of the journal, in their order."""
        number = detail.get("review")
        if row.act == "review_opened":
            due_on = dt.date.fromisoformat(detail["due_on"])
            self._cases[detail["review"]] = _Case(due_on, self._people.named(detail.get("owner")))
            return
        case = self._cases.get(number) if isinstance(number, int) else None
        if case is None:
            return
        if row.act == "review_recommended":
            case.owner = case.owner or self._people.named(row.actor)
        elif row.act == "review_finished":
            case.finished_on = self._window.day(row.at)
        else:
            case.closed = True

    def count(self, of: Callable[[str | None], Tally]) -> None:
        """Add up what is due, by person."""
        for case in self._cases.values():
            if case.closed or not self._window.holds(case.due_on):
                continue
            tally = of(case.owner)
            tally.reviews_due += 1
            if case.finished_on is not None:
                on_time = case.finished_on <= case.due_on
                tally.reviews_on_time += on_time
                tally.reviews_late += not on_time
