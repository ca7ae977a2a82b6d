"""Adding up: what was counted for one person, and the figures that come of it.

Invariant: pure, in whole numbers and ``Decimal``. A mean or a share of nothing is not known (``None``), never
zero; a count of nothing is zero. A team is the sum of its people, with each customer once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from connector.money import to_major

# In the order in which they are shown.
FIGURES = (
    "reviews_due",
    "reviews_on_time",
    "reviews_late",
    "reviews_overdue",
    "reviews_on_time_percent",
    "holds_answered",
    "hold_hours",
    "holds_waiting",
    "signals_answered",
    "signal_hours",
    "signals_waiting",
    "customers",
    "customers_unknown",
    "exposure",
    "overdue",
    "overdue_percent",
    "written_off",
    "bad_debt_percent",
    "overrides",
    "overrides_good",
    "overrides_overdue",
    "overrides_lost",
    "overrides_unknown",
    "visits_due",
    "visits_done",
    "visits_missed",
    "visits_over_capacity",
)
MONEY = frozenset({"exposure", "overdue", "written_off"})
# What became of an override.
GOOD, OVERDUE, LOST, UNKNOWN = "good", "overdue", "lost", "unknown"
Figure = int | Decimal | None
_TENTH = Decimal("0.1")


class Standing(NamedTuple):
    """One customer at the end of the month, in minor units of the policy's currency; ``written_off`` within
    24 months, ``None`` where no invoices are known that could have been."""

    exposure: int
    overdue: int
    written_off: int | None


@dataclass
class Tally:
    """What was counted. ``hold_seconds`` and ``signal_seconds`` are the sums of the waits that ended;
    ``customers`` the portfolio (``None``: never assessed by then); ``over`` visits above capacity (``None``:
    no bound is known)."""

    reviews_due: int = 0
    reviews_on_time: int = 0
    reviews_late: int = 0
    holds_answered: int = 0
    hold_seconds: int = 0
    holds_waiting: int = 0
    signals_answered: int = 0
    signal_seconds: int = 0
    signals_waiting: int = 0
    customers: dict[int, Standing | None] = field(default_factory=dict)
    overrides: Counter[str] = field(default_factory=Counter)
    visits_due: int = 0
    visits_done: int = 0
    visits_missed: int = 0
    over: int | None = None

    def figures(self, currency: str) -> dict[str, Figure]:
        """The figures by name: money in major units of ``currency``, shares in percent and waits in hours to
        one place."""
        known = [one for one in self.customers.values() if one is not None]
        lost = [one.written_off for one in known if one.written_off is not None]
        exposure, overdue = sum(one.exposure for one in known), sum(one.overdue for one in known)
        found: dict[str, Figure] = {
            "reviews_due": self.reviews_due,
            "reviews_on_time": self.reviews_on_time,
            "reviews_late": self.reviews_late,
            "reviews_overdue": self.reviews_due - self.reviews_on_time - self.reviews_late,
            "reviews_on_time_percent": _percent(self.reviews_on_time, self.reviews_due),
            "holds_answered": self.holds_answered,
            "hold_hours": _hours(self.hold_seconds, self.holds_answered),
            "holds_waiting": self.holds_waiting,
            "signals_answered": self.signals_answered,
            "signal_hours": _hours(self.signal_seconds, self.signals_answered),
            "signals_waiting": self.signals_waiting,
            "customers": len(self.customers),
            "customers_unknown": len(self.customers) - len(known),
            "exposure": to_major(exposure, currency) if known else None,
            "overdue": to_major(overdue, currency) if known else None,
            "overdue_percent": _percent(overdue, exposure),
            "written_off": to_major(sum(lost), currency) if lost else None,
            "bad_debt_percent": _percent(sum(lost), exposure + sum(lost)) if lost else None,
            "overrides": self.overrides.total(),
            "visits_due": self.visits_due,
            "visits_done": self.visits_done,
            "visits_missed": self.visits_missed,
            "visits_over_capacity": self.over,
        }
        found |= {f"overrides_{one}": self.overrides[one] for one in (GOOD, OVERDUE, LOST, UNKNOWN)}
        return {name: found[name] for name in FIGURES}


_COUNTS = tuple(name for name, value in vars(Tally()).items() if type(value) is int)


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of several people's counts; a customer of two of them counts once."""
    made = Tally()
    for one in tallies:
        for name in _COUNTS:
            setattr(made, name, getattr(made, name) + getattr(one, name))
        made.customers |= one.customers
        made.overrides.update(one.overrides)
        if one.over is not None:
            made.over = (made.over or 0) + one.over
    return made


def _percent(part: int, whole: int) -> Decimal | None:
    if not whole:
        return None
    return (Decimal(part) * 100 / whole).quantize(_TENTH, ROUND_HALF_UP)


def _hours(seconds: int, count: int) -> Decimal | None:
    if not count:
        return None
    return (Decimal(seconds) / 3600 / count).quantize(_TENTH, ROUND_HALF_UP)
