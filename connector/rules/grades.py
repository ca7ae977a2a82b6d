"""What a program says of a customer's class, worked out once: amounts as ratios, steps as they will stand.

Invariant: each step equals the one that ``interpret`` would make.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from connector.policy.schema import STATUSES
from connector.rules import calendar, limit
from connector.rules.moments import start_of
from connector.rules.outcome import Gives, Step, Told, step
from connector.rules.program import Class, Compiled
from connector.rules.source import Made

RANK: dict[str, int] = {status: rank for rank, status in enumerate(STATUSES)}


class Share(NamedTuple):
    """A share of an amount: what is told of it, and it as a ratio with ``double`` its numerator: rounded, it
    is ``(amount * double + denominator) // twice``."""

    told: Told
    double: int
    denominator: int
    twice: int


class Day(NamedTuple):
    """What class and status say of the calendar: by the day of the last review, the ``next`` one and the
    moment at which it begins; and the visit."""

    next: Mapping[dt.date, tuple[dt.date, dt.datetime]]
    review: Told
    visit_days: int | None
    visit_why: str | None
    visit: Step | None
    hold: bool


@dataclass(frozen=True, slots=True, eq=False)
class Grade:
    """A class; ``worth`` and ``revenue`` are the shares of its capacity, ``factor`` that of the limit."""

    risk_class: Class
    longest: int
    by_score: Told
    terms_class: Step
    terms_agreed: Told
    terms_cut: Told
    terms_longer: Gives
    worth: Share | None
    revenue: Share | None
    cap: int
    cap_step: Step
    factor: Share
    calendar: dict[str, Day]


def told(kind: str, code: str, names: tuple[str, ...], **fixed: str | int | None) -> Told:
    """What the steps of one place have in common, with the fixed parameters by name."""
    return Told(kind, code, fixed, names)


def share(term: str, fact: str, part: Decimal) -> Share:
    """A share of the fact of a term."""
    made = told("limit", "limit_share", ("value", "amount"), term=term, fact=fact, share=str(part))
    return _share(made, part)


def _share(made: Told, part: Decimal) -> Share:
    numerator, denominator = part.as_integer_ratio()
    return Share(made, 2 * numerator, denominator, 2 * denominator)


def grade(rules: Compiled, found: Class) -> Grade:
    """All that follows from a class."""
    capacity, name = rules.policy.limit.terms.capacity, found.name
    shares = capacity and capacity.by_class.get(name, capacity)
    return Grade(
        risk_class=found,
        longest=found.terms_days,
        by_score=told("class", "class_by_score", ("score",), risk_class=name),
        terms_class=step("terms", "terms_class", days=found.terms_days, risk_class=name),
        terms_cut=told("terms", "terms_cut", ("agreed",), days=found.terms_days, risk_class=name),
        terms_longer=Gives(
            "terms_longer",
            {
                "status": "watch",
                "currency": rules.currency,
                "longest": found.terms_days,
                "risk_class": name,
            },
            ("agreed",),
        ),
        terms_agreed=told("terms", "terms_agreed", ("days",), longest=found.terms_days),
        worth=share("capacity", "tangible_net_worth", shares.tangible_net_worth) if shares else None,
        revenue=share("capacity", "revenue_level", shares.revenue) if shares else None,
        cap=found.cap,
        cap_step=limit.class_cap_step(name, found.cap),
        factor=_share(
            told("limit", "limit_factor", ("amount",), risk_class=name, factor=found.factor_text),
            found.factor,
        ),
        calendar={status: _day(rules, found, status) for status in STATUSES},
    )


def _day(rules: Compiled, found: Class, status: str) -> Day:
    days, shorter = calendar.review_days(rules, found, status)
    if shorter:
        review = told("calendar", "review_status", ("on",), days=days, status=status)
    else:
        review = told("calendar", "review", ("on",), days=days, risk_class=found.name)
    steps: list[Step] = []
    visit_days, why = calendar.visit(rules, found, status, steps)
    gap, held = dt.timedelta(days=days), RANK[status] >= RANK["hold"]
    following = Made(lambda day: (day + gap, start_of(day + gap, rules.timezone)))
    return Day(following, review, visit_days, why, steps[0] if steps else None, held)
