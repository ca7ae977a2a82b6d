"""Visits whose day fell into the month: made, missed, and above what a rep's weeks hold.

Invariant: from the journal alone: where a visit stood, and whose it was, as the CRM had told by then. A visit
that was missed counts as missed even if it was made later.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.kpi.month import Window
from connector.kpi.people import People
from connector.kpi.tally import Tally

ACTS = ("visit_planned", "visit_told", "visit_missed")


@dataclass
class _Visit:
    connection: int
    owner: str | None
    due_on: dt.date
    per_week: int | None = None
    state: str = "planned"
    missed: bool = False


class Visiting:
    """Collects what the journal tells of visits."""

    def __init__(self, window: Window, people: People) -> None:
        self._window = window
        self._people = people
        self._visits: dict[str, _Visit] = {}

    def take(self, row: Any, detail: dict[str, Any]) -> None:
        """One entry of the journal, in their order."""
        key, connection = detail["visit"], detail["connection"]
        if row.act == "visit_told":
            after = detail["after"]
            due_on = dt.date.fromisoformat(after["due_on"])
            one = self._visits.setdefault(key, _Visit(connection, after["owner_id"], due_on))
            one.state, one.owner, one.due_on = after["state"], after["owner_id"], due_on
            return
        due_on = dt.date.fromisoformat(detail["due_on"])
        one = self._visits.setdefault(key, _Visit(connection, detail["owner"], due_on))
        if row.act == "visit_planned":
            one.per_week = detail["per_week"]
        else:
            one.missed = True

    def count(self, of: Callable[[str | None], Tally]) -> None:
        """Add up by whose visit it was last."""
        weeks: defaultdict[tuple[int, str | None, dt.date], list[_Visit]] = defaultdict(list)
        for one in self._visits.values():
            if one.state == "dropped":
                continue
            weeks[one.connection, one.owner, _monday(one.due_on)].append(one)
            if self._window.holds(one.due_on):
                tally = of(self._people.owner(one.connection, one.owner))
                tally.visits_due += 1
                tally.visits_done += one.state == "done"
                tally.visits_missed += one.missed
        for (connection, owner, week), several in weeks.items():
            bounds = [one.per_week for one in several if one.per_week is not None]
            if bounds and self._window.holds(week):
                tally = of(self._people.owner(connection, owner))
                tally.over = (tally.over or 0) + max(len(several) - max(bounds), 0)


def _monday(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())
