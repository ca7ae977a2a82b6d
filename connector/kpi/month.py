"""Months: which moments belong to one, and up to which moment its figures know.

Invariant: pure. A month runs from midnight to midnight in the policy's time zone. What happened counts if it
happened in the month; what became of it is told as it was known at the end of the day ``as_of``.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connector.errors import Halt

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, order=True)
class Month:
    """One month of the calendar."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @classmethod
    def parse(cls, text: str) -> Month:
        """The month that ``YYYY-MM`` names; ``Halt`` for anything else."""
        found = re.fullmatch(r"(\d{4})-(\d{2})", text.strip())
        if found is None or not 1 <= int(found[2]) <= 12 or not int(found[1]):
            raise Halt(f"{text!r} is no month", todo="write it like 2026-03")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def before(cls, day: dt.date) -> Month:
        """The last whole month before ``day``."""
        last = day.replace(day=1) - _DAY
        return cls(last.year, last.month)

    @property
    def first(self) -> dt.date:
        """Its first day."""
        return dt.date(self.year, self.number, 1)

    @property
    def last(self) -> dt.date:
        """Its last day."""
        return (self.first + 31 * _DAY).replace(day=1) - _DAY


@dataclass(frozen=True)
class Window:
    """What counts for a month as seen on a day. Moments are aware UTC: it begins at ``since``, what happened
    before ``until`` counts, and what became of it is told as of ``known``. ``last`` is the last day that
    counts, ``as_of`` the day of the view."""

    month: Month
    as_of: dt.date
    zone: ZoneInfo
    since: dt.datetime
    until: dt.datetime
    known: dt.datetime

    @property
    def last(self) -> dt.date:
        """The last day of the month, or the day of the view if that is earlier."""
        return min(self.month.last, self.as_of)

    def day(self, moment: dt.datetime) -> dt.date:
        """The calendar day of a moment."""
        return moment.astimezone(self.zone).date()

    def holds(self, day: dt.date) -> bool:
        """Whether a day counts."""
        return self.month.first <= day <= self.last


def window(month: Month, today: dt.date, zone: ZoneInfo, as_of: dt.date | None = None) -> Window:
    """The window of ``month`` as seen at the end of ``as_of``: by default of its last day, or of ``today``
    while it runs. ``Halt`` for a month or a day that has not come, or a day before the month."""
    if month.first > today:
        raise Halt(f"{month} has not begun", todo=f"name a month up to {today:%Y-%m}")
    seen = as_of or min(month.last, today)
    if seen > today or seen < month.first:
        raise Halt(
            f"{month} cannot be seen as of {seen}", todo=f"name a day from {month.first} up to {today}"
        )
    last = min(month.last, seen)
    return Window(
        month,
        seen,
        zone,
        since=_midnight(month.first, zone),
        until=_midnight(last + _DAY, zone),
        known=_midnight(seen + _DAY, zone),
    )


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
