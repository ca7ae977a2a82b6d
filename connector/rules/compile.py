"""From a policy to its program, made once and used for every customer.

Invariant: the program says exactly what the policy says, in the units of the facts (minor units,
``Decimal`` shares, days); a policy with lint errors is refused. One entry per policy hash.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from connector.errors import Halt
from connector.locale import fields, placeholders
from connector.money import to_minor
from connector.policy.catalogue import COUNTING, FACTS
from connector.policy.lint import lint
from connector.policy.schema import (
    Clause,
    Condition,
    Conditions,
    DataPoint,
    Ladder,
    Part,
    Policy,
    RiskClass,
    Scope,
    Segment,
    StatusRule,
)
from connector.policy.values import bound
from connector.rules.program import (
    Band,
    Class,
    Compiled,
    Group,
    Params,
    Point,
    Reach,
    Rule,
    Spared,
    Stage,
    Test,
)

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "in": lambda value, some: value in some,
    "not in": lambda value, some: value not in some,
}

_CACHE: dict[str, Compiled] = {}
_CACHE_SIZE = 64
_LEAST = -(10**30)
_FAR = 36_500  # no calendar reaches further


def compiled(policy: Policy) -> Compiled:
    """The program of ``policy``; ``Halt`` if it has lint errors."""
    found = _CACHE.get(policy.hash)
    if found is None:
        errors = [finding for finding in lint(policy) if finding.severity == "error"]
        if errors:
            raise Halt(errors[0].message, where=f"{policy.file}:{errors[0].line}", todo=errors[0].todo)
        found = _compile(policy)
        if len(_CACHE) >= _CACHE_SIZE:
            _CACHE.clear()
        _CACHE[policy.hash] = found
    return found


def _compile(policy: Policy) -> Compiled:
    whole = _program(policy)
    groups = tuple(_group(segment, policy, whole) for segment in policy.segments)
    looks_at = whole.looks_at.union(*(group.rules.looks_at for group in groups))
    edges = _edges(policy)
    return replace(
        whole,
        segments=tuple(
            group._replace(rules=replace(group.rules, looks_at=looks_at, edges=edges)) for group in groups
        ),
        looks_at=looks_at,
        edges=edges,
    )


def _group(segment: Segment, policy: Policy, whole: Compiled) -> Group:
    own = {"scorecard": segment.scorecard, "limit": segment.limit}
    changed = policy.model_copy(update={name: part for name, part in own.items() if part is not None})
    rules = replace(_program(changed), hash=whole.hash, segment=segment.name)
    return Group(segment.name, *_clause(segment, policy.currency), rules)


def _program(policy: Policy) -> Compiled:
    """The program without its segments."""
    currency, limit, need = policy.currency, policy.limit, policy.limit.terms.need
    factor = Decimal(1) if need is None else need.tax_factor * need.peak_factor
    classes = tuple(_class(item, rank, currency) for rank, item in enumerate(policy.classes))
    ranks = {item.name: item for item in classes}
    total = sum(point.weight for point in policy.scorecard.data_points)
    ladder, interest, cap = policy.overdue.ladder, policy.overdue.interest, limit.terms.concentration
    status = [_status(rule, currency) for rule in policy.status.rules]
    at_order = [rule for rule in status if _on_order(rule)]
    return Compiled(
        policy=policy,
        title=f"{policy.name} {policy.version}",
        hash=policy.hash,
        currency=currency,
        timezone=ZoneInfo(policy.timezone),
        points=tuple(_point(point, currency) for point in policy.scorecard.data_points),
        total_weight=total,
        needed_weight=ceil(policy.scorecard.min_known * total),
        classes=classes,
        by_name=ranks,
        knock_outs=tuple(
            _rule(rule, rule.status, currency, ranks[rule.risk_class].rank) for rule in policy.knock_outs
        ),
        rules=(*_rungs(ladder, currency), *(rule for rule in status if rule not in at_order)),
        step=to_minor(limit.step, currency),
        terms=tuple((name, term) for name, term in limit.terms if isinstance(term, Part) and term is not cap),
        need_ratio=factor.as_integer_ratio(),
        need_factor_text=str(factor),
        need_at_least=0 if need is None else to_minor(need.at_least, currency),
        new_limit=to_minor(limit.new_customer.limit, currency) if limit.new_customer else 0,
        weights=tuple(
            Stage(name, f"exposure_{name}", weight, str(weight))
            for name, weight in policy.exposure.weights.model_dump().items()
        ),
        visits={str(status): days for status, days in policy.visits.by_status.items()},
        edges={},
        looks_at=frozenset(_looks_at(policy)),
        segment="default",
        segments=(),
        order_rules=tuple(at_order),
        ladder=tuple(rung.days for rung in ladder.rungs),
        levels=(0, *(rung.level for rung in ladder.rungs)),
        ladder_least=to_minor(ladder.min_amount, currency),
        day_rate=interest.rate / interest.year_days if interest else Decimal(0),
        sizes=tuple(
            (band.name, _LEAST if band.from_ is None else to_minor(band.from_, currency))
            for band in policy.sizes
        ),
        portfolio=to_minor(cap.portfolio, currency) if cap else None,
        concentration=to_minor(cap.portfolio * cap.share, currency) if cap else 0,
        concentration_text=str(cap.share) if cap else "",
        reviews={str(status): days for status, days in policy.reviews.by_status.items()},
    )


def _class(item: RiskClass, rank: int, currency: str) -> Class:
    return Class(
        name=item.name,
        rank=rank,
        floor=Decimal(0) if item.from_ is None else item.from_,
        factor=item.factor,
        factor_text=str(item.factor),
        cap=to_minor(item.cap, currency),
        terms_days=item.terms_days,
        review_days=item.review_days,
        visit_days=item.visit_days,
    )


def _point(point: DataPoint, currency: str) -> Point:
    spec = FACTS[point.fact]

    def shown(value: Any) -> str | int | None:
        return str(value) if isinstance(value, Decimal) else value

    bins: list[tuple[Any, Any, Band]] = []
    lookup: dict[Any, Band] = {}
    rest: Band | None = None
    for item in point.bins:
        low = None if item.from_ is None else bound(spec, item.from_, currency)
        high = None if item.below is None else bound(spec, item.below, currency)
        params: Params = {
            "fact": point.fact,
            "weight": point.weight,
            "points": item.points,
            "from": shown(low),
            "below": shown(high),
        }
        band = Band(item.points, params)
        if spec.kind not in ("text", "flag"):
            bins.append((low, high, band))
        elif item.is_ is None:
            rest = band
        else:
            lookup.update((bound(spec, value, currency), band) for value in item.is_)
    bins.sort(key=lambda item: Decimal("-Infinity") if item[0] is None else Decimal(item[0]))
    return Point(
        fact=point.fact,
        weight=point.weight,
        unknown=point.unknown,
        edges=tuple(low for low, _, _ in bins[1:]),
        bands=tuple(band for _, _, band in bins),
        lookup=lookup if spec.kind in ("text", "flag") else None,
        rest=rest,
    )


def _rule(rule: Conditions, status: str, currency: str, rank: int) -> Rule:
    tested = {condition.fact for condition in (*rule.all, *rule.any)} - COUNTING
    told = set(fields(rule.reason))
    for text in (rule.say or {}).values():
        told |= placeholders(text)
    return Rule(
        reason=rule.reason,
        status=status,
        all=tuple(_test(condition, currency) for condition in rule.all),
        any=tuple(_test(condition, currency) for condition in rule.any),
        act_on_unknown=rule.when_unknown == "act",
        shows=tuple(sorted({*tested, *(name for name in told if name in FACTS)})),
        texts={str(tongue): text for tongue, text in (rule.say or {}).items()},
        rank=rank,
    )


def _status(rule: StatusRule, currency: str) -> Rule:
    spared = tuple(
        Spared(_reach(one.scope), *_clause(one, currency), one.lifts == "all") for one in rule.except_
    )
    made = _rule(rule, rule.status, currency, -1)
    return replace(made, reach=_reach(rule.scope), spared=spared)


def _reach(scope: Scope) -> Reach | None:
    if scope == Scope():
        return None
    return Reach(
        frozenset(f"customer-{number}" for number in scope.customers),
        frozenset(f"group-{number}" for number in scope.groups),
        frozenset(scope.segments),
    )


def _rungs(ladder: Ladder, currency: str) -> Iterator[Rule]:
    """Each rung as a rule that acts from its days to those of the next one."""
    least = Test("overdue_amount", operator.gt, to_minor(ladder.min_amount, currency), True)
    above_it = (*ladder.rungs[1:], None)
    for rung, above in zip(ladder.rungs, above_it, strict=False):
        tests = [least, Test("overdue_days_max", operator.ge, rung.days, True)]
        if above is not None:
            tests.append(Test("overdue_days_max", operator.lt, above.days, True))
        told = {"overdue_amount", "overdue_days_max", *(n for n in fields(rung.reason) if n in FACTS)}
        yield Rule(
            reason=rung.reason,
            status=rung.status,
            all=tuple(tests),
            any=(),
            act_on_unknown=False,
            shows=tuple(sorted(told)),
            texts={},
            rank=-1,
        )


def _on_order(rule: Rule) -> bool:
    tests = [*rule.all, *rule.any, *(test for one in rule.spared for test in (*one.all, *one.any))]
    return any(FACTS[test.fact].source == "order" for test in tests)


def _clause(clause: Clause, currency: str) -> tuple[tuple[Test, ...], tuple[Test, ...]]:
    return (
        tuple(_test(condition, currency) for condition in clause.all),
        tuple(_test(condition, currency) for condition in clause.any),
    )


def _test(condition: Condition, currency: str) -> Test:
    spec, raw = FACTS[condition.fact], condition.value
    if condition.op in ("known", "unknown"):
        return Test(condition.fact, None, None, condition.op == "known")
    if isinstance(raw, list | tuple):
        value: Any = frozenset(bound(spec, item, currency) for item in raw)
    else:
        value = bound(spec, raw, currency)
    return Test(condition.fact, _COMPARE[condition.op], value, True)


def _edges(policy: Policy) -> dict[str, tuple[int, ...]]:
    """Every bound on a fact that counts days or months, sorted, as far as a calendar reaches."""
    found: dict[str, set[int]] = {}
    for name, value in _bounds(policy):
        if FACTS[name].kind in ("days", "months"):
            for item in value if isinstance(value, list | tuple) else (value,):
                if item is not None and 0 <= item <= _FAR:
                    found.setdefault(name, set()).add(int(item))
    return {name: tuple(sorted(values)) for name, values in found.items()}


def _bounds(policy: Policy) -> Iterator[tuple[str, Any]]:
    cards = [policy.scorecard, *(s.scorecard for s in policy.segments if s.scorecard is not None)]
    for card in cards:
        for point in card.data_points:
            for item in point.bins:
                yield point.fact, item.from_
                yield point.fact, item.below
    for clause in _clauses(policy):
        for condition in (*clause.all, *clause.any):
            yield condition.fact, condition.value


def _clauses(policy: Policy) -> Iterator[Clause]:
    yield from policy.segments
    yield from policy.knock_outs
    for rule in policy.status.rules:
        yield rule
        yield from rule.except_


def _looks_at(policy: Policy) -> Iterator[str]:
    """Every fact that the policy can be moved by, or that its texts tell."""
    yield from _ALWAYS
    yield from (point.fact for point in policy.scorecard.data_points)
    for clause in _clauses(policy):
        yield from (condition.fact for condition in (*clause.all, *clause.any))
        if isinstance(clause, Conditions):
            yield from fields(clause.reason)
            for text in (clause.say or {}).values():
                yield from placeholders(text)


# What every evaluation looks at, whatever the policy.
_ALWAYS = (
    "overdue_amount overdue_days_max sales_12m relation_months revenue_level net_worth tangible_net_worth "
    "agency_limit advice_limit reference_limit "
    "exposure insured_amount guaranteed_amount limit_expired new_customer"
).split() + [name for name in FACTS if name.startswith("exposure_")]
