"""Whether the conditions of a rule can be read, and can come true.

Invariant: ``may_act`` is false only if no values of the facts satisfy the rule; it errs towards true.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from connector.policy.catalogue import FACTS, FactSpec
from connector.policy.schema import Condition, Conditions
from connector.policy.values import bound

_ORDERED = ("<", "<=", ">", ">=")
Problem = tuple[str, str, str, Literal["error", "warning"]]


def misread(condition: Condition, currency: str, *, after_scoring: bool) -> Problem | None:
    """Code, message, what to write and severity, if the condition on a known fact does not fit it."""
    spec = FACTS[condition.fact]
    op, value = condition.op, condition.value
    if spec.source == "outcome" and not after_scoring:
        return (
            "outcome_fact",
            f"`{spec.name}` is known only after scoring",
            "use it in status rules alone",
            "error",
        )
    if op in ("known", "unknown"):
        if value is None:
            return None
        return "bad_value", f"`{op}` takes no value", "remove `value`", "error"
    if spec.kind in ("text", "flag") and op in _ORDERED:
        return "bad_operator", f"`{spec.name}` has no order", "write `==`, `!=` or `in`", "error"
    if (op in ("in", "not in")) != isinstance(value, list | tuple):
        todo = "write `value: [A, B]`" if op in ("in", "not in") else "write one value or use `in`"
        return "bad_value", f"`{op}` does not go with {value!r}", todo, "error"
    for item in value if isinstance(value, list | tuple) else (value,):
        try:
            bound(spec, item, currency)
        except ValueError as error:
            return "bad_value", f"{item!r} does not fit `{spec.name}`", str(error), "error"
    return None


def may_act(rule: Conditions, currency: str) -> bool:
    """Whether some values satisfy all of ``all`` and one of ``any``. Conditions must be readable."""
    if not rule.any:
        return _together(rule.all, currency)
    return any(_together((*rule.all, one), currency) for one in rule.any)


def _together(conditions: Iterable[Condition], currency: str) -> bool:
    by_fact: dict[str, list[Condition]] = {}
    for condition in conditions:
        by_fact.setdefault(condition.fact, []).append(condition)
    return all(_possible(FACTS[name], some, currency) for name, some in by_fact.items())


def _possible(spec: FactSpec, conditions: list[Condition], currency: str) -> bool:
    """Whether one value of the fact satisfies every condition."""
    ops = {condition.op for condition in conditions}
    if "unknown" in ops:
        return ops == {"unknown"}
    if spec.kind in ("text", "flag"):
        return _possible_value(spec, conditions, currency)
    return _possible_number(spec, conditions, currency)


def _sets(
    spec: FactSpec, conditions: list[Condition], currency: str
) -> tuple[list[set[object]], set[object]]:
    """The sets that the value must be in, and the values that it must not be."""
    allowed: list[set[object]] = []
    barred: set[object] = set()
    for condition in conditions:
        raw = condition.value if isinstance(condition.value, list | tuple) else (condition.value,)
        if condition.op in ("==", "in"):
            allowed.append({bound(spec, item, currency) for item in raw})
        elif condition.op in ("!=", "not in"):
            barred |= {bound(spec, item, currency) for item in raw}
    return allowed, barred


def _possible_value(spec: FactSpec, conditions: list[Condition], currency: str) -> bool:
    allowed, barred = _sets(spec, conditions, currency)
    if spec.kind == "flag":
        allowed.append({True, False})
    return not allowed or bool(set.intersection(*allowed) - barred)


def _possible_number(spec: FactSpec, conditions: list[Condition], currency: str) -> bool:
    low = Decimal("-Infinity") if spec.low is None else Decimal(spec.low)
    high = Decimal("Infinity") if spec.high is None else Decimal(spec.high)
    low_open = high_open = False
    for condition in conditions:
        if condition.op not in _ORDERED:
            continue
        edge = Decimal(str(bound(spec, condition.value, currency)))
        strict = condition.op in ("<", ">")
        if condition.op in (">", ">="):
            if edge > low or (edge == low and strict):
                low, low_open = edge, strict
        elif edge < high or (edge == high and strict):
            high, high_open = edge, strict
    if spec.kind not in ("ratio", "number"):  # whole numbers: between 3 and 4 there is none
        low, low_open = (low + 1, False) if low_open else (low, False)
        high, high_open = (high - 1, False) if high_open else (high, False)
    allowed, barred = _sets(spec, conditions, currency)
    if allowed:
        inside = {Decimal(str(v)) for v in set.intersection(*allowed) - barred}
        return any(
            (low < v or (low == v and not low_open)) and (v < high or (v == high and not high_open))
            for v in inside
        )
    if low == high:
        return not (low_open or high_open) and low not in {Decimal(str(v)) for v in barred}
    return low < high
