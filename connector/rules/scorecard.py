"""Score and risk class.

Invariant: the score is Σ weight × points / Σ weight in whole-number arithmetic, rounded half up to
two places; an unknown value earns what the policy says for it and is named in a step. Knock-outs
can only make a class worse.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from decimal import Decimal

from connector.rules.compile import Band, Class, Compiled, Point
from connector.rules.conditions import applies, tell
from connector.rules.outcome import Params, Reason, Step, plain, step
from connector.rules.snapshot import Origin, Snapshot, Unknown, Value


def score(rules: Compiled, snapshot: Snapshot, steps: list[Step]) -> int | None:
    """Score × 100, or ``None`` if less is known than the policy asks for."""
    values, origins = snapshot.values, snapshot.origins
    earned = known = 0
    for point in rules.points:
        value = values[point.fact]
        if isinstance(value, Unknown):
            points = point.unknown
            params: Params = {
                "fact": point.fact,
                "weight": point.weight,
                "points": points,
                "why": value.reason,
            }
            code = "point_unknown"
        else:
            band = _band(point, value)
            points = band.points
            params = {**band.params, "value": plain(value)}
            known += point.weight
            code = "point"
        _whence(params, origins.get(point.fact))
        steps.append(Step("score", code, params))
        earned += point.weight * points
    total = rules.total_weight
    share = str((Decimal(known) / total).quantize(Decimal("0.0001")))
    if known < rules.policy.scorecard.min_known * total:
        needed = str(rules.policy.scorecard.min_known)
        steps.append(step("score", "score_too_little", known=share, needed=needed))
        return None
    hundredths = (200 * earned + total) // (2 * total)
    shown = str(Decimal(hundredths).scaleb(-2))
    steps.append(step("score", "score", score=shown, known=share))
    return hundredths


def _band(point: Point, value: Value) -> Band:
    if point.lookup is None:
        return point.bands[bisect_right(point.edges, value)]
    band = point.lookup.get(value, point.rest)
    if band is None:
        raise AssertionError(f"no bin of {point.fact} takes {value!r}")  # lint has excluded it
    return band


def _whence(params: Params, origin: Origin | None) -> None:
    if origin is not None:
        params["source"] = origin.source
        params["provider"] = origin.provider
        params["dated"] = origin.dated.isoformat() if origin.dated is not None else None


def risk_class(
    rules: Compiled,
    hundredths: int | None,
    values: Mapping[str, Value],
    steps: list[Step],
    reasons: list[Reason],
) -> Class:
    """The class of the score, made worse by every knock-out that applies; their reasons are added."""
    if hundredths is not None:
        found = next(item for item in rules.classes if hundredths >= item.floor)
        shown = str(Decimal(hundredths).scaleb(-2))
        steps.append(step("class", "class_by_score", risk_class=found.name, score=shown))
    elif rules.policy.limit.new_customer is not None:
        found = rules.by_name[rules.policy.limit.new_customer.risk_class]
        steps.append(step("class", "class_new_customer", risk_class=found.name))
    else:
        found = rules.classes[-1]
        steps.append(step("class", "class_lowest", risk_class=found.name))
    for rule in rules.knock_outs:
        if applies(rule, values, "class", steps):
            reason = tell(rule, values, rules.currency)
            reasons.append(reason)
            if rule.rank > found.rank:
                found = rules.classes[rule.rank]
            params: Params = {**reason.params, "code": rule.reason, "risk_class": found.name}
            steps.append(Step("class", "class_knock_out", params))
    return found
