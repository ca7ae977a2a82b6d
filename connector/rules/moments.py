"""Calendar days and the moments at which they begin.

Invariant: a day is one of the policy's time zone; a moment is aware UTC.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo


def local_day(as_of: dt.datetime, timezone: ZoneInfo) -> dt.date:
    """Calendar day of a moment; ``ValueError`` if ``as_of`` is naive."""
    if as_of.tzinfo is None:
        raise ValueError("as_of must be aware")
    return as_of.astimezone(timezone).date()


@lru_cache(maxsize=4096)
def start_of(day: dt.date, timezone: ZoneInfo) -> dt.datetime:
    """The moment (UTC) at which ``day`` begins."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=timezone).astimezone(dt.UTC)
