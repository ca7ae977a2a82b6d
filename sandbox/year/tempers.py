"""How customers behave: the good ones, with the noise of good customers, and ten ways of going bad.

Invariant: until ``onset`` a customer that goes bad behaves as a good one does, and draws its chances in the
same manner. ``stops`` is the day from which on what comes due is not paid any more (``Slower`` apart).
``haste`` shortens a decline, for years that are shorter than a year.
"""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import ClassVar

from sandbox.year.holidays import DAY

Span = tuple[dt.date, dt.date | None]
"""From a day on, until (not including) another, if it ends."""


class Temper:
    """A good customer: mostly early or on the day, one invoice in six some days late within what anybody
    grants, one in forty up to eleven days, very few longer; now and then a dispute that is settled."""

    way: ClassVar[str] = ""
    lead: ClassVar[int] = 0
    needs_china: ClassVar[bool] = False
    needs_rating: ClassVar[bool] = False

    def __init__(self, onset: dt.date | None = None, haste: float = 1.0) -> None:
        self.onset = onset or dt.date.max
        self.stops = self.after(self.lead, haste)
        self.haste = haste

    def after(self, days: int, haste: float) -> dt.date:
        """So many days after the onset, at this haste."""
        return self.onset if self.onset == dt.date.max else self.onset + round(days * haste) * DAY

    def bad(self, day: dt.date) -> bool:
        """Whether the decline has begun."""
        return day >= self.onset

    def frequency(self, day: dt.date) -> float:
        """How many times as often as usual it orders; 0 is not at all any more."""
        return 1.0

    def volume(self, day: dt.date) -> float:
        """How many times as much as usual it orders at a time."""
        return 1.0

    def late(self, rng: Random, due: dt.date) -> int | None:
        """Days after the due day on which it means to pay, negative is before; ``None`` never."""
        usual = _habit(rng)
        return None if due >= self.stops else usual

    def disputed(self, rng: Random, due: dt.date) -> Span | None:
        """When the invoice is disputed."""
        begins, lasts = due - rng.randint(2, 15) * DAY, rng.randint(8, 25) * DAY
        return (begins, begins + lasts) if rng.random() < 0.004 else None

    def health(self, day: dt.date, usual: float) -> float:
        """What the agency sees, 0 to 1; without accounts or courts it learns of trouble long afterwards."""
        return usual if day < self.stops or self.stops == dt.date.max else usual - self._seen(day)

    def _seen(self, day: dt.date) -> float:
        return min(0.4, max(0, (day - self.stops).days - 75) / 150)

    def cases(self, day: dt.date) -> list[tuple[str, dt.date]]:
        """Court records, each with its day: ``enforcement`` or ``dishonest``."""
        return []

    def moved(self, day: dt.date) -> bool:
        """Whether address and legal representative are others than at the beginning."""
        return False

    def promises(self, due: dt.date) -> list[tuple[dt.date, dt.date]]:
        """For an invoice that is not paid: the days on which money is promised, each with the day for it."""
        return []


def _habit(rng: Random) -> int:
    chance = rng.random()
    if chance < 0.80:
        return -int(rng.triangular(0, 8, 1))
    if chance < 0.97:
        return rng.randint(1, 4)
    return rng.randint(5, 11) if chance < 0.996 else rng.randint(12, 25)


class Slower(Temper):
    """Pays slower and slower, until invoices stay open for more than two months."""

    way, lead = "slower", 150

    def late(self, rng: Random, due: dt.date) -> int | None:
        usual = _habit(rng)
        if not self.bad(due):
            return usual
        days = (self.stops - self.onset).days
        return 2 + round(70 * (due - self.onset).days / days) + max(0, usual)


class Surge(Temper):
    """Orders three times as often and twice as much for a month, then pays nothing of it."""

    way, lead = "surge", 40

    def _surging(self, day: dt.date) -> bool:
        return self.onset <= day < self.stops

    def frequency(self, day: dt.date) -> float:
        return 3.0 if self._surging(day) else 0.0 if day >= self.stops else 1.0

    def volume(self, day: dt.date) -> float:
        return 2.0 if self._surging(day) else 1.0


class Judged(Temper):
    """A court enforces against it; some weeks later it stops paying at once."""

    way, lead, needs_china = "judgment", 30, True

    def cases(self, day: dt.date) -> list[tuple[str, dt.date]]:
        return [("enforcement", self.onset)] if self.bad(day) else []


class Downgraded(Temper):
    """Its agency rating falls step by step, before its own payments tell anything."""

    way, lead, needs_rating = "downgrade", 60, True

    def health(self, day: dt.date, usual: float) -> float:
        if not self.bad(day):
            return usual
        steps = min(4, 1 + (day - self.onset).days * 4 // max(1, (self.stops - self.onset).days))
        return usual - (usual - 0.3) * steps / 4


class Promising(Temper):
    """Does not pay, promises, does not pay, promises again."""

    way, lead = "promises", 10

    def promises(self, due: dt.date) -> list[tuple[dt.date, dt.date]]:
        if due < self.stops:
            return []
        return [(due + 9 * DAY, due + 14 * DAY), (due + 22 * DAY, due + 29 * DAY)]


class Disputing(Temper):
    """Finds fault with every invoice shortly before it is due, and pays none of them."""

    way, lead = "disputes", 10

    def disputed(self, rng: Random, due: dt.date) -> Span | None:
        now_and_then = super().disputed(rng, due)
        return (due - 2 * DAY, None) if due >= self.stops else now_and_then


class Silent(Temper):
    """A regular customer that orders nothing any more and leaves the last invoices open."""

    way, lead = "silence", 25

    def frequency(self, day: dt.date) -> float:
        return 0.0 if self.bad(day) else 1.0


class Weakening(Temper):
    """Its new accounts are much worse than the last ones; later it stops paying."""

    way, lead, needs_rating = "accounts", 45, True

    def health(self, day: dt.date, usual: float) -> float:
        return usual - 0.25 if self.bad(day) else usual


class Moving(Temper):
    """Another legal representative and another address, then an entry as dishonest debtor (失信)."""

    way, lead, needs_china = "registration", 50, True

    def moved(self, day: dt.date) -> bool:
        return self.bad(day)

    def cases(self, day: dt.date) -> list[tuple[str, dt.date]]:
        entered = self.after(30, self.haste)
        return [("dishonest", entered)] if self.bad(day) and day >= entered else []


class Parent(Temper):
    """Heads a group and stops paying; ``Child`` follows."""

    way, lead = "group", 0


class Child(Temper):
    """Belongs to a group whose parent has stopped paying, and stops some weeks after it."""

    way, lead = "group", 60


WAYS: tuple[type[Temper], ...] = (
    Slower,
    Surge,
    Judged,
    Downgraded,
    Promising,
    Disputing,
    Silent,
    Weakening,
    Moving,
    Child,
)
"""The ten ways; ``Parent`` is the other half of the last one."""
