"""D&B's scales: what a score, a PAYDEX and a rating mean.

Invariant: every scale is named and versioned; what is no value of its scale is ``None``, never the
worst value. The delinquency score speaks of late payment, so no probability of default comes from it.

Sources: dnb.com on the Failure and Delinquency scores; the D&B glossary on PAYDEX; docs.dnb.com on the
D&B Rating. The net worth behind a rating's first half differs by country and is read for the US only.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import NamedTuple

from adapters.bureau.common import Scale

PERCENTILE = {
    "failure": Scale("dnb-failure-percentile", 1, "1", "100", higher_is_better=True),
    "delinquency": Scale("dnb-delinquency-percentile", 1, "1", "100", higher_is_better=True),
}
CLASS = {
    "failure": Scale("dnb-failure-class", 1, "5", "1", higher_is_better=False),
    "delinquency": Scale("dnb-delinquency-class", 1, "5", "1", higher_is_better=False),
}
RAW = {
    "failure": Scale("dnb-failure-score", 1, "1001", "1875", higher_is_better=True),
    "delinquency": Scale("dnb-delinquency-score", 1, "101", "670", higher_is_better=True),
}
PAYDEX = Scale("dnb-paydex", 1, "1", "100", higher_is_better=True)
RATING = Scale("dnb-rating", 1, "HH4", "5A1", higher_is_better=None)
NORDIC = Scale("dnb-nordic-aaa", 1, "5", "1", higher_is_better=False)

# PAYDEX → days beyond terms, negative for early; linear in between.
_DAYS = ((20, 120), (30, 90), (40, 60), (50, 30), (60, 22), (70, 15), (80, 0), (90, -20), (100, -30))

# US: financial strength → least tangible net worth in USD.
_WORTH_US = {
    "5A": 50_000_000,
    "4A": 10_000_000,
    "3A": 1_000_000,
    "2A": 750_000,
    "1A": 500_000,
    "BA": 300_000,
    "BB": 200_000,
    "CB": 125_000,
    "CC": 75_000,
    "DC": 50_000,
    "DD": 35_000,
    "EE": 20_000,
    "FF": 10_000,
    "GG": 5_000,
    "HH": 0,
}
_RATING = re.compile(r"([1-5]A|BA|BB|CB|CC|DC|DD|EE|FF|GG|HH|[12]R|[A-G]|N)([1-4])?")


def days_beyond_terms(paydex: int) -> int | None:
    """Days beyond terms, 0 for payment on terms or early, 120 for 120 or more; ``None`` when
    ``paydex`` is no PAYDEX (1 to 100)."""
    if not 1 <= paydex <= 100:
        return None
    if paydex <= _DAYS[0][0]:
        return _DAYS[0][1]
    for (low, more), (high, less) in pairwise(_DAYS):
        if low <= paydex <= high:
            days = Decimal(more) + Decimal(less - more) * (paydex - low) / (high - low)
            return max(0, int(days.quantize(Decimal(1), ROUND_HALF_UP)))
    return None


class Rating(NamedTuple):
    """A D&B Rating taken apart. ``appraisal`` is 1 (best) to 4; ``least_worth`` the tangible net worth
    in whole USD that the strength stands for at least, in the US only; ``note`` says why there is none."""

    strength: str | None
    appraisal: int | None
    least_worth: int | None
    note: str = ""


def rating(written: str, country: str) -> Rating:
    """``3A2`` and the like; what is no rating comes with a note in its place."""
    code = written.strip().upper()
    if code in ("", "--", "-"):
        return Rating(None, None, None, "rating_undetermined: D&B has too little to rate the company")
    if code == "NQ":
        return Rating(None, None, None, "rating_not_quoted: D&B calls the company inactive or not quoted")
    if code.startswith("ER"):
        return Rating(None, None, None, "rating_by_employees: the rating only states the number of employees")
    found = _RATING.fullmatch(code)
    if not found:
        return Rating(None, None, None, "rating_unreadable: the rating is none of the known forms")
    strength, appraisal = found[1], int(found[2]) if found[2] else None
    note = ""
    if strength == "N":
        note = "negative_worth: D&B states a negative net worth"
    elif strength.endswith("R"):
        note = "rating_without_accounts: the rating rests on the number of employees, not on accounts"
    worth = _WORTH_US.get(strength) if country == "US" else None
    return Rating(strength, appraisal, worth, note)
