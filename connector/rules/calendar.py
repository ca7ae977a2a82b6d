"""When to look again: reviews and visits.

Invariant: the class sets the distance to the next review, counted from the last one.
"""

from __future__ import annotations

import datetime as dt

from connector.rules.compile import Class, Compiled
from connector.rules.outcome import Step, step
from connector.rules.snapshot import Snapshot


def next_review(snapshot: Snapshot, risk_class: Class, steps: list[Step]) -> dt.date:
    """The class's distance after the last review (which may lie in the past: overdue), or after today
    if there was none."""
    days = risk_class.review_days
    day = (snapshot.reviewed_on or snapshot.today) + dt.timedelta(days=days)
    steps.append(step("calendar", "review", on=day.isoformat(), days=days, risk_class=risk_class.name))
    return day


def visit(
    rules: Compiled, risk_class: Class, status: str, steps: list[Step]
) -> tuple[int | None, str | None]:
    """Days within which a visit is due, and why (``visit_class`` or ``visit_status``)."""
    for_status = rules.visits.get(status)
    by_class = risk_class.visit_days
    if for_status is not None and (by_class is None or for_status < by_class):
        days, why = for_status, "visit_status"
        steps.append(step("calendar", why, days=days, status=status))
        return days, why
    if by_class is None:
        return None, None
    steps.append(step("calendar", "visit_class", days=by_class, risk_class=risk_class.name))
    return by_class, "visit_class"
