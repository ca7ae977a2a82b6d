"""Early warning: what about a customer is worth telling, from its facts alone.

Invariant: pure; the same scene gives the same causes in the same order. A kind that needs more than one
customer's facts (groups, visits, two reports, two ledgers) is raised where that is known.
"""

from __future__ import annotations

import datetime as dt

from connector.rules.moments import start_of
from connector.rules.program import Compiled
from connector.rules.warning import paying, standing, trading
from connector.rules.warning.cause import Cause, Earlier, Scene

_LOOKS = (
    paying.overdue,
    paying.pace,
    paying.promised,
    paying.disputes,
    trading.utilisation,
    trading.surge,
    trading.silence,
    standing.limits,
    standing.reports,
    standing.rating,
    standing.statement,
    standing.ratios,
)
# The kinds that an assessment raises and ends.
ASSESSED = (
    "overdue_started",
    "overdue_worsened",
    "pace_slowing",
    "broken_promise",
    "dispute",
    "utilisation",
    "order_surge",
    "silence",
    "limit_expiring",
    "report_expiring",
    "rating_changed",
    "statement_overdue",
    "ratio_worsened",
)


# The kinds that a new report raises and an assessment ends.
REPORTED = ("judgment_appeared", "dishonest_appeared", "insolvency_appeared")


def causes(scene: Scene, rules: Compiled) -> tuple[list[Cause], dt.datetime | None]:
    """What is the case at the moment of the scene, and when time alone changes that (aware UTC)."""
    moments: list[dt.date] = []
    found = [cause for look in _LOOKS for cause in look(scene, moments)]
    soonest = min(filter(scene.today.__lt__, moments), default=None)
    return found, None if soonest is None else start_of(soonest, rules.timezone)


def over(scene: Scene) -> frozenset[str]:
    """Those of ``REPORTED`` whose cause is gone."""
    return frozenset(standing.over(scene))


__all__ = ["ASSESSED", "REPORTED", "Cause", "Earlier", "Scene", "causes", "over"]
