"""What is wrong with the dunning levels of a policy.

Invariant: without error findings every level can be reached and there is a day on which letters are sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from connector.policy.findings import Finding, finding
from connector.policy.form_dunning import WEEKDAYS
from connector.policy.schema import Path, Policy


def dunning(policy: Policy) -> Iterator[Finding]:
    """Levels that rise, interest that has a rate, and days left to send on."""
    rules, grace = policy.dunning, policy.overdue.grace_days
    at: Path = ("dunning", "levels")
    for index, (lower, upper) in enumerate(pairwise(rules.levels)):
        if upper.days <= lower.days:
            yield finding(
                policy,
                (*at, index + 1, "days"),
                "dunning_order",
                f"level {index + 2} at {upper.days} days does not stand above level {index + 1} at "
                f"{lower.days} days",
                "let the days rise from level to level",
            )
    if rules.levels and rules.levels[0].days <= grace:
        yield finding(
            policy,
            (*at, 0, "days"),
            "dunning_in_grace",
            f"level 1 at {rules.levels[0].days} days lies within the {grace} days of grace",
            f"write {grace + 1} days or more",
            "warning",
        )
    for index, level in enumerate(rules.levels):
        if level.interest and policy.overdue.interest is None:
            yield finding(
                policy,
                (*at, index, "interest"),
                "dunning_without_rate",
                f"level {index + 1} claims interest, and there is no rate",
                "add `overdue: interest: {rate: …}`, or write `interest: false`",
            )
    if set(rules.quiet.weekdays) >= set(WEEKDAYS):
        yield finding(
            policy,
            ("dunning", "quiet", "weekdays"),
            "dunning_never",
            "every weekday is quiet: nothing is ever sent",
            "leave one weekday out",
        )
    for index, span in enumerate(rules.quiet.days):
        if span.to < span.from_:
            yield finding(
                policy,
                ("dunning", "quiet", "days", index),
                "dunning_span",
                f"{span.from_} is after {span.to}",
                "write the earlier day under `from`",
            )
