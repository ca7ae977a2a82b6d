"""The form of the scorecard and of the risk classes.

Invariant: bins are ranges or lists of values; ``connector.policy.lint_score`` sees to it that each
known value falls in exactly one of them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from connector.policy.form import Amount, Days, Factor, Name, Number, Part, Points, Positive, Share


class Bin(Part):
    """One range of a fact, ``from`` inclusive and ``below`` exclusive, or a list of values (``is``);
    without any of them it takes whatever no other bin takes."""

    from_: Any = Field(None, alias="from")
    below: Any = None
    is_: tuple[Any, ...] | None = Field(None, alias="is")
    points: Points


class DataPoint(Part):
    """A fact that earns points. ``unknown`` is what an unknown value earns: never more than the
    worst bin, so that hiding a figure does not pay."""

    fact: str
    weight: Positive
    unknown: Points
    bins: Annotated[tuple[Bin, ...], Field(min_length=2)]


class Scorecard(Part):
    """Score = Σ weight × points / Σ weight, 0…100. No data point may weigh more than ``max_weight``
    of the sum. With less than ``min_known`` of the weight known there is no score: the customer is
    new, not bad."""

    max_weight: Share = Decimal("0.3")
    min_known: Share = Decimal("0.2")
    data_points: tuple[DataPoint, ...]


class RiskClass(Part):
    """A band of scores, ``from`` inclusive and ``below`` exclusive, and what follows from it.

    ``factor`` scales the limit, ``cap`` bounds it; ``terms_days`` are the longest payment terms;
    ``review_days`` and ``visit_days`` are cadences (no ``visit_days``: no regular visits).
    """

    name: Annotated[str, Field(min_length=1, max_length=20)]
    from_: Number | None = Field(None, alias="from")
    below: Number | None = None
    factor: Factor = Decimal(1)
    cap: Amount
    terms_days: Days
    review_days: Positive
    visit_days: Positive | None = None


class SizeBand(Part):
    """Customers with yearly revenue of at least ``from`` (major units); the last band has none."""

    name: Name
    from_: Amount | None = Field(None, alias="from")


class KnownAfter(Part):
    """A customer is new until it has been one for ``months`` and has settled as many invoices."""

    months: Days = 6
    settled_invoices: Days = 1
