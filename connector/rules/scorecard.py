"""Score and risk class.

Invariant: the score is Σ weight × points / Σ weight in whole-number arithmetic, rounded half up to
two places; an unknown value earns what the policy says for it and is named in a step. Knock-outs
can only make a class worse.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from connector.rules.conditions import acting, tell
from connector.rules.outcome import Params, Reason, Step, plain, step
from connector.rules.program import Band, Class, Compiled, Point, Rule
from connector.rules.snapshot import Unknown, Value


def score(rules: Compiled, values: Mapping[str, Value], steps: list[Step]) -> Decimal | None:
    """The score, 0…100 with two places, or ``None`` if less is known than the policy asks for."""
    earned = known = 0
    for point in rules.points:
        value = values[point.fact]
        if type(value) is Unknown:
            earned += point.weight * point.unknown
            steps.append(untold(point, value.reason))
        else:
            if point.lookup is None:
                band = point.bands[bisect_right(point.edges, value)]
            else:
                band = listed(point, point.lookup, value)
            earned += point.weight * band.points
            known += point.weight
            shown = value if type(value) is int else plain(value)
            steps.append(Step("score", "point", {**band.params, "value": shown}))
    total = rules.total_weight
    if known < rules.needed_weight:
        steps.append(step("score", "score_too_little", known=known, total=total, needed=rules.needed_weight))
        return None
    hundredths = (200 * earned + total) // (2 * total)
    found = Decimal(hundredths).scaleb(-2)
    steps.append(step("score", "score", score=str(found), known=known, total=total))
    return found


@lru_cache(maxsize=4096)
def untold(point: Point, why: str) -> Step:
    """A data point that is not known, and why."""
    return step("score", "point_unknown", fact=point.fact, weight=point.weight, points=point.unknown, why=why)


def listed(point: Point, lookup: Mapping[Value, Band], value: Value) -> Band:
    """The bin of a value that is looked up."""
    band = lookup.get(value, point.rest)
    if band is None:
        raise AssertionError(f"no bin of {point.fact} takes {value!r}")  # lint has excluded it
    return band


def risk_class(
    rules: Compiled,
    found_score: Decimal | None,
    values: Mapping[str, Value],
    steps: list[Step],
    reasons: list[Reason],
) -> Class:
    """The class of the score, made worse by every knock-out that applies; their reasons are added."""
    if found_score is not None:
        found = next(item for item in rules.classes if found_score >= item.floor)
        steps.append(step("class", "class_by_score", risk_class=found.name, score=str(found_score)))
    elif rules.policy.limit.new_customer is not None:
        found = rules.by_name[rules.policy.limit.new_customer.risk_class]
        steps.append(step("class", "class_new_customer", risk_class=found.name))
    else:
        found = rules.classes[-1]
        steps.append(step("class", "class_lowest", risk_class=found.name))
    return knock_outs(rules, found, values, steps, reasons)


def knock_outs(
    rules: Compiled, found: Class, values: Mapping[str, Value], steps: list[Step], reasons: list[Reason]
) -> Class:
    """The class after every knock-out that applies."""
    for rule in acting(rules.knock_outs, values, "class", steps):
        found = knocked(rules, rule, found, values, steps, reasons)
    return found


def knocked(
    rules: Compiled,
    rule: Rule,
    found: Class,
    values: Mapping[str, Value],
    steps: list[Step],
    reasons: list[Reason],
) -> Class:
    """The class after one knock-out that applies."""
    reason = tell(rule, values, rules.currency)
    reasons.append(reason)
    if rule.rank > found.rank:
        found = rules.classes[rule.rank]
    params: Params = {**reason.params, "code": rule.reason, "risk_class": found.name}
    steps.append(Step("class", "class_knock_out", params))
    return found
