"""Limits set by a person, or by a CRM's own credit module: which holds on a day, and when that changes.

Invariant: one home for the order of precedence, for customers and groups alike: a temporary limit goes
before a seasonal one, that before the base limit; of one kind the one that began last, then the smaller
one. An insured or guaranteed sum replaces nothing: the policy says how much of it counts. Where a CRM's
module decides, its quota alone holds: a credit file goes before an account's quota, of several the smallest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Protocol, TypeVar

BASE, SEASONAL, TEMPORARY = "base", "seasonal", "temporary"
INSURED, GUARANTEED = "insured", "guaranteed"
SECURING = (INSURED, GUARANTEED)
# What a CRM's own module grants, where the connection says that it decides; and that it grants nothing.
CREDIT_FILE, CREDIT_ACCOUNT, NO_QUOTA = "credit_file", "credit_account", "no_quota"
GRANTED = (CREDIT_FILE, CREDIT_ACCOUNT)
DECIDED = (*GRANTED, NO_QUOTA)
_DAY = dt.timedelta(days=1)
_RANK = {BASE: 0, SEASONAL: 1, TEMPORARY: 2}
FULL_COVER = 10_000


class Dated(Protocol):
    """An entry, whatever else it carries. ``season_from`` and ``season_to`` are ``MM-DD``, both included;
    an end before the begin runs over the new year."""

    @property
    def kind(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def amount(self) -> int | None: ...
    @property
    def valid_from(self) -> dt.date: ...
    @property
    def valid_to(self) -> dt.date | None: ...
    @property
    def season_from(self) -> str | None: ...
    @property
    def season_to(self) -> str | None: ...


E = TypeVar("E", bound=Dated)


def holds_on(entry: Dated, day: dt.date) -> bool:
    """Whether the entry holds on ``day``."""
    if entry.valid_from > day or (entry.valid_to is not None and entry.valid_to < day):
        return False
    if entry.season_from is None or entry.season_to is None:
        return True
    at, first, last = f"{day:%m-%d}", entry.season_from, entry.season_to
    return first <= at <= last if first <= last else at >= first or at <= last


def last_day(entry: Dated, day: dt.date) -> dt.date | None:
    """The last day on which an entry that holds on ``day`` holds without a break; ``None``: no end."""
    ends = [edge - _DAY for edge in _ends(entry, day) if edge > day]
    if entry.valid_to is not None:
        ends.append(entry.valid_to)
    return min(ends, default=None)


def edges(entry: Dated, day: dt.date) -> Iterator[dt.date]:
    """Days on which the entry may begin or cease to hold; those not after ``day`` say nothing."""
    yield entry.valid_from
    if entry.valid_to is not None:
        yield entry.valid_to + _DAY
    if entry.season_from is not None:
        for year in (day.year, day.year + 1):
            yield _on(year, entry.season_from)
    yield from _ends(entry, day)


def in_force(entries: Iterable[E], day: dt.date) -> E | None:
    """The entry that stands in place of the calculated limit on ``day``."""
    valid = [entry for entry in entries if entry.kind in _RANK and holds_on(entry, day)]
    return max(valid, key=lambda e: (_RANK[e.kind], e.valid_from, -_size(e)), default=None)


def granted(entries: Iterable[E], day: dt.date) -> E | None:
    """The quota of a CRM's module that holds on ``day``."""
    valid = [entry for entry in entries if entry.kind in GRANTED and holds_on(entry, day)]
    return min(valid, key=lambda e: (GRANTED.index(e.kind), _size(e)), default=None)


def securing(entries: Iterable[E], kind: str, day: dt.date) -> list[E]:
    """The insured or guaranteed sums that hold on ``day``."""
    return [entry for entry in entries if entry.kind == kind and holds_on(entry, day)]


def cover_of(cover_bp: int | None) -> Decimal:
    """The share of a sum that would be paid; all of it unless stated."""
    return Decimal(FULL_COVER if cover_bp is None else cover_bp) / FULL_COVER


def _size(entry: Dated) -> int:
    if entry.state == "amount":
        return entry.amount or 0
    return 10**30 if entry.state == "unlimited" else 0


def _ends(entry: Dated, day: dt.date) -> list[dt.date]:
    """The days after the last ones of the seasons around ``day``."""
    if entry.season_to is None:
        return []
    return [_after(year, entry.season_to) for year in (day.year, day.year + 1)]


def _on(year: int, text: str) -> dt.date:
    """The day of a year; 29 February is 1 March where there is none."""
    month, day = (int(part) for part in text.split("-"))
    return dt.date(year, 3, 1) if (month, day) == (2, 29) and not _leap(year) else dt.date(year, month, day)


def _after(year: int, text: str) -> dt.date:
    found = _on(year, text)
    return found if text == "02-29" and not _leap(year) else found + _DAY


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
