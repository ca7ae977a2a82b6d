"""Whether conditions can be read, can come true, and follow from one another.

Invariant: ``may_act`` is false only if no values of the facts satisfy the conditions, and ``implies``
is true only if every customer who satisfies the one satisfies the other; where that is hard to tell,
both err towards leaving a rule alone.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import product
from typing import Any, Literal

from connector.policy.catalogue import FACTS, FactSpec
from connector.policy.schema import Clause, Condition
from connector.policy.values import Value, bound

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED = tuple(_ORDER)
# Low end, whether it is left out, high end, whether it is left out.
_Interval = tuple[Decimal, bool, Decimal, bool]
Problem = tuple[str, str, str, Literal["error", "warning"]]


def misread(condition: Condition, currency: str, *, after_scoring: bool) -> Problem | None:
    """Code, message, what to write and severity, if the condition on a known fact does not fit it."""
    spec = FACTS[condition.fact]
    op, value = condition.op, condition.value
    if spec.source in ("outcome", "order") and not after_scoring:
        when = "after scoring" if spec.source == "outcome" else "at the order check"
        return (
            f"{spec.source}_fact",
            f"`{spec.name}` is known only {when}",
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


def may_act(currency: str, *clauses: Clause) -> bool:
    """Whether some values satisfy all of ``all`` and one of ``any`` of every clause. Conditions must be
    readable."""
    return any(_together(some, currency) for some in _ways(clauses))


def implies(one: Clause, other: Clause, currency: str) -> bool:
    """Whether whoever satisfies ``one`` satisfies ``other``. Conditions must be readable."""
    for way in _ways((one,)):
        if not _together(way, currency):
            continue
        by_fact = _by_fact(way)

        def follows(wanted: Condition, given: dict[str, list[Condition]] = by_fact) -> bool:
            some = given.get(wanted.fact, [])
            return wanted in some or (bool(some) and _follows(wanted, some, currency))

        if not all(follows(wanted) for wanted in other.all):
            return False
        if other.any and not any(follows(wanted) for wanted in other.any):
            return False
    return True


def _ways(clauses: tuple[Clause, ...]) -> Iterator[tuple[Condition, ...]]:
    """The conjunctions that the clauses allow: all of ``all``, with one of ``any`` of each."""
    fixed = tuple(condition for clause in clauses for condition in clause.all)
    for chosen in product(*(clause.any for clause in clauses if clause.any)):
        yield (*fixed, *chosen)


def _by_fact(conditions: Iterable[Condition]) -> dict[str, list[Condition]]:
    found: dict[str, list[Condition]] = {}
    for condition in conditions:
        found.setdefault(condition.fact, []).append(condition)
    return found


def _together(conditions: Iterable[Condition], currency: str) -> bool:
    return all(_possible(FACTS[name], some, currency) for name, some in _by_fact(conditions).items())


def _follows(wanted: Condition, given: list[Condition], currency: str) -> bool:
    """Whether ``wanted`` holds for every value of its fact that satisfies all of ``given``."""
    spec = FACTS[wanted.fact]
    unknown = any(condition.op == "unknown" for condition in given)
    if wanted.op in ("known", "unknown"):
        return unknown is (wanted.op == "unknown")
    if unknown:
        return False
    allowed, barred = _sets(spec, given, currency)
    if spec.kind == "flag":
        allowed.append({True, False})
    raw = wanted.value if isinstance(wanted.value, list | tuple) else (wanted.value,)
    wants = {bound(spec, item, currency) for item in raw}
    if wanted.op in ("!=", "not in") and wants <= barred:
        return True
    if allowed:
        left = set.intersection(*allowed) - barred
        return all(_satisfies(value, wanted.op, wants) for value in left)
    if spec.kind in ("text", "flag"):
        return False
    return _within(_interval(spec, given, currency), wanted.op, wants)


def _satisfies(value: object, op: str, wants: set[Value]) -> bool:
    if op in ("==", "in"):
        return value in wants
    if op in ("!=", "not in"):
        return value not in wants
    (edge,) = wants
    return bool(_ORDER[op](value, edge))


def _within(found: _Interval, op: str, wants: set[Value]) -> bool:
    """Whether every number of the interval satisfies ``op``."""
    edges = [Decimal(str(value)) for value in wants]
    low, low_open, high, high_open = found
    if op in ("==", "in"):
        return low == high and low in edges
    if op in ("!=", "not in"):
        return all(
            edge < low or edge > high or (edge == low and low_open) or (edge == high and high_open)
            for edge in edges
        )
    (edge,) = edges
    if op in (">", ">="):
        return low > edge or (low == edge and (op == ">=" or low_open))
    return high < edge or (high == edge and (op == "<=" or high_open))


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


def _interval(spec: FactSpec, conditions: list[Condition], currency: str) -> _Interval:
    """The numbers that the ordered conditions leave; closed at whole numbers where there are no others."""
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
    return low, low_open, high, high_open


def _possible_number(spec: FactSpec, conditions: list[Condition], currency: str) -> bool:
    low, low_open, high, high_open = _interval(spec, conditions, currency)
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
