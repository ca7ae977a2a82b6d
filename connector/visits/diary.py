"""The day of a visit: within the capacity of the rep, spread over the weeks, by city.

Invariant: pure. A rep never gets more visits in a week (Monday to Sunday) than the policy says, tasks that
exist already included; a visit is on a working day after today; what finds no place is said, not dropped.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(days=7)
_SATURDAY = 5
# A regular visit may be this much earlier than its day, so that one journey sees several customers of a city.
EARLIER = dt.timedelta(days=14)


@dataclass(frozen=True)
class Wish:
    """A visit that is wanted by ``due`` at the latest; ``urgent`` ones are made as soon as there is room,
    none before ``not_before``."""

    due: dt.date
    city: str | None = None
    urgent: bool = False
    not_before: dt.date | None = None


@dataclass
class Diary:
    """The visits of one rep by day. ``per_week`` ``None`` sets no bound."""

    per_week: int | None
    _by_week: Counter[dt.date] = field(default_factory=Counter)
    _by_day: Counter[dt.date] = field(default_factory=Counter)
    _cities: dict[dt.date, set[str]] = field(default_factory=dict)

    def enter(self, day: dt.date, city: str | None) -> None:
        """A visit takes place on this day."""
        self._by_week[monday(day)] += 1
        self._by_day[day] += 1
        if city:
            self._cities.setdefault(day, set()).add(city)

    def in_week(self, day: dt.date) -> int:
        """Visits in the week of ``day``."""
        return self._by_week[monday(day)]

    def place(self, wish: Wish, today: dt.date, until: dt.date) -> dt.date | None:
        """The day of a visit, entered at once; ``None`` if there is no room up to ``until``.

        In time first: an urgent visit in the first week with room, a regular one where the rep is in the same
        city anyway, else as near to its day as there is room. Failing that the first week after its day.
        """
        first = today + DAY
        due = max(workday_before(wish.due), first)
        earliest = first if wish.urgent else max(first, due - EARLIER)
        earliest = min(max(earliest, wish.not_before or earliest), due)
        in_time = [week for week in _weeks(earliest, due) if self._room(week)]
        day = self._best(in_time, wish, earliest, due) if in_time else None
        if day is None:
            day = self._late(wish, max(due + DAY, first), until)
        if day is not None:
            self.enter(day, wish.city)
        return day

    def _best(self, weeks: list[dt.date], wish: Wish, earliest: dt.date, due: dt.date) -> dt.date | None:
        ordered = weeks if wish.urgent else weeks[::-1]
        choices = [[d for d in _days(week) if earliest <= d <= due] for week in ordered]
        found = [days for days in choices if days]
        if not found:
            return None
        if wish.city and not wish.urgent:
            there = [day for days in found for day in days if wish.city in self._cities.get(day, ())]
            if there:
                return min(there, key=lambda day: (self._by_day[day], due - day))
        return self._quietest(found[0], wish)

    def _late(self, wish: Wish, start: dt.date, until: dt.date) -> dt.date | None:
        for week in _weeks(start, until):
            days = [day for day in _days(week) if start <= day <= until]
            if days and self._room(week):
                return self._quietest(days, Wish(wish.due, wish.city, urgent=True))
        return None

    def _quietest(self, days: list[dt.date], wish: Wish) -> dt.date:
        """The same city first, then the day with the fewest visits, then early or late as it is wanted."""

        def order(day: dt.date) -> tuple[int, int, int]:
            near = wish.city is not None and wish.city in self._cities.get(day, ())
            return -int(near), self._by_day[day], day.toordinal() * (1 if wish.urgent else -1)

        return min(days, key=order)

    def _room(self, week: dt.date) -> bool:
        return self.per_week is None or self._by_week[week] < self.per_week


def monday(day: dt.date) -> dt.date:
    """The first day of the week of ``day``."""
    return day - day.weekday() * DAY


def workday_before(day: dt.date) -> dt.date:
    """``day``, or the Friday before it if it is on a weekend."""
    return day - max(day.weekday() - _SATURDAY + 1, 0) * DAY


def _weeks(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    week = monday(first)
    while week <= last:
        yield week
        week += WEEK


def _days(week: dt.date) -> Iterable[dt.date]:
    return (week + number * DAY for number in range(_SATURDAY))
