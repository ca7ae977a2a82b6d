"""The form of what a person may let pass: how long a release holds, how far it reaches, for which reasons.

Invariant: a release is never without bounds: it ends, and it covers an amount.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from connector.policy.form import Part, Positive, Share

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
CODES: tuple[Code, ...] = (
    "payment_promised",
    "payment_on_the_way",
    "secured",
    "correction",
    "strategic",
    "other",
)


class Releases(Part):
    """A release holds for ``days`` at most, for the order's amount and ``tolerance`` of it; a larger order,
    longer terms or its end open the hold again. ``codes`` are the reasons that may be given.
    ``when_clear``: an order whose every reason has gone is let pass, or waits for a person all the same."""

    days: Positive = 30
    tolerance: Share = Decimal(0)
    codes: Annotated[tuple[Code, ...], Field(min_length=1)] = CODES
    when_clear: Literal["release", "wait"] = "release"
