"""What the catalogue says of one fact.

Invariant: a fact's kind fixes the Python type of its known value and the way a policy writes a
bound for it; ``low`` and ``high`` are what the formula can reach, never an opinion.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["ratio", "number", "money", "days", "months", "count", "text", "flag"]

# Kinds whose known value is an ``int``; ``ratio`` and ``number`` are ``Decimal``.
WHOLE: frozenset[str] = frozenset({"money", "days", "months", "count"})
DECIMAL: frozenset[str] = frozenset({"ratio", "number"})


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact.

    ``unit`` is ``%`` (a ratio of 0.3 is shown as 30 %), ``times``, ``minor units`` of the policy's
    currency, ``days``, ``months``, ``documents``, ``points`` or empty; ``source`` is where the value
    comes from: ``statement``, ``report``, ``consultant``, ``reference``, ``invoices``, ``orders``,
    ``account``, ``documents``, or ``outcome`` for what the assessment itself has found and ``order`` for
    the order being checked (usable in status rules alone); ``better`` says which direction is good;
    ``low`` and ``high`` bound what the formula can give.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    meaning_zh: str
    formula: str
    source: str
    better: Literal["higher", "lower"] | None = None
    low: int | Decimal | None = None
    high: int | Decimal | None = None
