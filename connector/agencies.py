"""What the port of the agencies is made of: whom to ask about, candidates, prices, changes.

Invariant: an unknown price is ``None`` and never free; a change that is told again has the same key.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import Halt
from connector.model import Report, ReportRow
from connector.money import to_minor


@dataclass(frozen=True)
class Subject:
    """Whom an agency is asked about."""

    name: str
    country: str | None
    identifiers: Mapping[str, str]


@dataclass(frozen=True)
class Match:
    """A candidate: ``confidence`` 0…1; ``by`` is ``identifier`` or ``name``."""

    ref: str
    name: str
    confidence: float
    by: str


@dataclass(frozen=True)
class Fetched:
    """A parsed report and the raw answer, byte for byte, to be kept encrypted."""

    report: Report
    raw: bytes


@dataclass(frozen=True)
class Price:
    """What one call costs, in minor units of ``currency``; 0 is free."""

    amount: int
    currency: str


FREE = Price(0, "EUR")


@dataclass(frozen=True)
class Change:
    """Something about ``ref`` has changed at the agency at ``at`` (aware UTC). ``what`` names what did, in
    the agency's words; ``key`` is the same whenever the same change is told again."""

    ref: str
    at: dt.datetime
    what: str
    key: str


class Watching(ABC):
    """An agency that tells what has changed, when asked.

    ``refs`` are those of ``Report.subject_ref``. Asking again never hurts: what is watched already stays
    watched, and a change that is told twice has the same ``key``.
    """

    @abstractmethod
    def watched(self) -> frozenset[str] | None:
        """Whom the agency watches for us; ``None`` when it has no way to say."""

    @abstractmethod
    def watch(self, refs: Sequence[str]) -> None:
        """Watch ``refs`` too. Agencies may charge for it."""

    @abstractmethod
    def unwatch(self, refs: Sequence[str]) -> None:
        """Watch ``refs`` no longer."""

    @abstractmethod
    def changes(self, since: dt.datetime) -> list[Change]:
        """What has changed since then, each change once, oldest first. The same ones may be told again
        at the next time."""


class FromFiles(ABC):
    """An agency whose reports come as files (``creditgate bureau import``)."""

    @abstractmethod
    def read(self, path: Path) -> Iterator[Mapping[str, Any]]:
        """The rows of a table, or the objects of a list, in the file's order; ``Halt`` when it cannot be
        read."""

    @abstractmethod
    def report(self, row: ReportRow) -> Report:
        """The report that a row tells, read by the agency's scales and the tables of probabilities.

        ``Reject`` naming field and value for a row that contradicts itself; what is merely not known to
        the scale is left out with a warning.
        """


def price_written(text: str, name: str) -> Price:
    """The price in the setting ``name``, like ``2.50 EUR``; ``Halt`` when it is none."""
    amount, _, currency = text.strip().rpartition(" ")
    try:
        minor = to_minor(amount, currency.upper())
    except ValueError:
        minor = -1
    if minor < 0:
        raise Halt(f"{name} {text!r} is no price", todo="write an amount and a currency, like: 2.50 EUR")
    return Price(minor, currency.upper())
