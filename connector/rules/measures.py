"""Measures over many invoices or customers, and what a score says of default.

Invariant: pure, exact until the caller rounds; amounts are minor units of one currency; a denominator
of zero makes a measure unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from connector.money import scale
from connector.rules.ratios import ratio
from connector.rules.snapshot import Unknown


class Scale(NamedTuple):
    """How points and odds of good to bad go together: ``points`` at ``odds``, and ``double`` points more
    for odds twice as good."""

    points: Decimal
    odds: Decimal
    double: Decimal

    @property
    def factor(self) -> Decimal:
        """Points for each natural logarithm of the odds."""
        return self.double / Decimal(2).ln()

    @property
    def offset(self) -> Decimal:
        """Points at odds of 1."""
        return self.points - self.factor * self.odds.ln()

    def odds_of(self, score: Decimal) -> Decimal:
        """Odds of good to bad of ``score``."""
        return ((score - self.offset) / self.factor).exp()

    def default_of(self, score: Decimal) -> Decimal:
        """Probability of default of ``score``: 1 / (1 + odds)."""
        return 1 / (1 + self.odds_of(score))


def collection_effectiveness(begin: int, sales: int, end: int, current: int) -> Decimal | Unknown:
    """Share of what could be collected in a period that was: (receivables at its begin + sales on credit
    − receivables at its end) / (the same − those of them that are not due)."""
    return ratio(begin + sales - end, begin + sales - current)


def provisions(buckets: Iterable[tuple[int, Decimal]], forward: Decimal = Decimal(1)) -> list[int]:
    """Expected loss of each bucket of receivables (amount, historic loss rate) × ``forward`` factor."""
    return [scale(amount, rate * forward) for amount, rate in buckets]


def expected_loss(exposure: int, default: Decimal, loss: Decimal) -> int:
    """Probability of default × loss given default × exposure."""
    return scale(exposure, default * loss)
