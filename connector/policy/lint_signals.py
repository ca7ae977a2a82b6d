"""What is wrong with the section on signals.

Invariant: without error findings every step can be reached, and a worse one is never told more mildly.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from connector.policy.catalogue import FACTS, TRENDS
from connector.policy.findings import Finding, finding
from connector.policy.form_signals import SEVERITIES, DayStep, ShareStep
from connector.policy.schema import Path, Policy

_CHANGES = tuple(f"{name}_change" for name in TRENDS)


def signals(policy: Policy) -> Iterator[Finding]:
    """Steps in order, ratios that exist, days that can come."""
    rules = policy.signals
    for kind in rules.kinds():
        steps = getattr(rules.of(kind), "steps", ())
        yield from _steps(policy, ("signals", kind, "steps"), steps)
    for fact in rules.ratio_worsened.by:
        if fact not in _CHANGES:
            yield finding(
                policy,
                ("signals", "ratio_worsened", "by", fact),
                "not_a_change",
                f"{fact} is {'no change on the year' if fact in FACTS else 'no fact'}",
                f"use one of: {', '.join(_CHANGES)}",
            )
    grace = policy.overdue.grace_days
    started = rules.overdue_started
    if started.on and started.days <= grace and "days" in started.model_fields_set:
        yield finding(
            policy,
            ("signals", "overdue_started", "days"),
            "within_grace",
            f"within {grace} days of grace nothing is overdue: it is told on day {grace + 1}",
            f"write {grace + 1} or leave it out",
            "warning",
        )
    if rules.lowering.share >= 1:
        yield finding(
            policy,
            ("signals", "lowering", "share"),
            "lowering_raises",
            "a limit that is lowered to all of itself or more is not lowered",
            "write a share below 100%",
        )


def _steps(policy: Policy, at: Path, steps: tuple[DayStep | ShareStep, ...]) -> Iterator[Finding]:
    for index, (lower, upper) in enumerate(pairwise(steps)):
        if _bound(upper) <= _bound(lower):
            yield finding(
                policy,
                (*at, index + 1),
                "step_order",
                f"step {_bound(upper)} does not stand above step {_bound(lower)}",
                "let the steps rise",
            )
        elif SEVERITIES.index(upper.severity) < SEVERITIES.index(lower.severity):
            yield finding(
                policy,
                (*at, index + 1),
                "step_milder",
                f"step {_bound(upper)} is milder than step {_bound(lower)}",
                f"write `{lower.severity}` or worse",
                "warning",
            )


def _bound(step: DayStep | ShareStep) -> Decimal:
    return Decimal(step.days) if isinstance(step, DayStep) else step.share
