"""When to look again: reviews and visits.

Invariant: class and status set the distance to the next review, counted from the last one.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from connector.rules.outcome import Step, step
from connector.rules.program import Class, Compiled
from connector.rules.snapshot import Snapshot


def next_review(
    rules: Compiled, snapshot: Snapshot, risk_class: Class, status: str, steps: list[Step]
) -> dt.date:
    """The shorter distance of class and status after the day from which the calendar counts (which
    may lie in the past: overdue), or after today where that is not known."""
    days, shorter = review_days(rules, risk_class, status)
    day = (snapshot.reviewed_on or snapshot.today) + dt.timedelta(days=days)
    if shorter:
        steps.append(step("calendar", "review_status", on=day.isoformat(), days=days, status=status))
    else:
        steps.append(step("calendar", "review", on=day.isoformat(), days=days, risk_class=risk_class.name))
    return day


def review_days(rules: Compiled, risk_class: Class, status: str) -> tuple[int, bool]:
    """The days to the next review, and whether the status asks for it rather than the class."""
    days, for_status = risk_class.review_days, rules.reviews.get(status)
    if for_status is not None and for_status < days:
        return for_status, True
    return days, False


def visit(
    rules: Compiled, risk_class: Class, status: str, steps: list[Step]
) -> tuple[int | None, str | None]:
    """Days within which a visit is due, and why (``visit_class`` or ``visit_status``)."""
    days, why = _visit(rules, risk_class, status)
    if days is not None and why is not None:
        steps.append(_told(why, days, status if why == "visit_status" else risk_class.name))
    return days, why


@lru_cache(maxsize=256)
def _told(why: str, days: int, of: str) -> Step:
    if why == "visit_status":
        return step("calendar", why, days=days, status=of)
    return step("calendar", why, days=days, risk_class=of)


def _visit(rules: Compiled, risk_class: Class, status: str) -> tuple[int | None, str | None]:
    """The shorter of the cadences of status and class."""
    for_status, by_class = rules.visits.get(status), risk_class.visit_days
    if for_status is not None and (by_class is None or for_status < by_class):
        return for_status, "visit_status"
    return by_class, None if by_class is None else "visit_class"
