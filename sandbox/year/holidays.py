"""The year's rhythm: weekends, holidays on which nobody orders or pays, and months that are busier.

Invariant: pure; the days are those of the Chinese calendar of 2024 and 2025.
"""

from __future__ import annotations

import datetime as dt

DAY = dt.timedelta(days=1)
_HOLIDAYS = (
    (dt.date(2024, 2, 10), dt.date(2024, 2, 17)),
    (dt.date(2024, 10, 1), dt.date(2024, 10, 7)),
    (dt.date(2025, 1, 28), dt.date(2025, 2, 4)),  # Spring Festival
    (dt.date(2025, 10, 1), dt.date(2025, 10, 8)),  # National Day
)
_BUSY = {
    1: 1.15,
    2: 0.75,
    3: 1.0,
    4: 1.0,
    5: 0.95,
    6: 1.0,
    7: 0.9,
    8: 0.9,
    9: 1.15,
    10: 1.1,
    11: 1.2,
    12: 1.1,
}


def works(day: dt.date) -> bool:
    """Whether firms order and pay on ``day``."""
    return day.weekday() < 5 and not any(first <= day <= last for first, last in _HOLIDAYS)


def working(day: dt.date) -> dt.date:
    """``day``, or the next one on which firms work."""
    while not works(day):
        day += DAY
    return day


def season(day: dt.date) -> float:
    """How much more is ordered than on the average, by the month."""
    return _BUSY[day.month]
