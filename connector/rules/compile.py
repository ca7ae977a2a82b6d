"""A policy as plain tuples, made once and used for every customer.

Invariant: compiled content says exactly what the policy says, in the units of the facts (minor
units, ``Decimal`` shares, days); a policy with lint errors is refused. One entry per policy hash.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from connector.errors import Halt
from connector.locale import fields, placeholders
from connector.money import to_minor
from connector.policy.catalogue import FACTS
from connector.policy.lint import lint
from connector.policy.schema import Condition, Conditions, DataPoint, Part, Policy, RiskClass
from connector.policy.values import bound

Params = dict[str, str | int | None]


class Band(NamedTuple):
    """A bin: its points and the parameters that every step about it has."""

    points: int
    params: Params


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A data point. Numbers fall between ``edges`` (``bisect_right``), texts are looked up."""

    fact: str
    weight: int
    unknown: int
    edges: tuple[Any, ...]
    bands: tuple[Band, ...]
    lookup: Mapping[Any, Band] | None
    rest: Band | None


class Class(NamedTuple):
    """A risk class; ``rank`` 0 is the best. ``floor`` is its lowest score."""

    name: str
    rank: int
    floor: Decimal
    factor: Decimal
    factor_text: str
    cap: int
    terms_days: int
    review_days: int
    visit_days: int | None


class Stage(NamedTuple):
    """A stage of the exposure, the fact that holds it, and how much of it counts."""

    name: str
    fact: str
    weight: Decimal
    weight_text: str


class Test(NamedTuple):
    """One condition. ``compare`` is ``None`` for the operator ``known`` and ``unknown``."""

    fact: str
    compare: Callable[[Any, Any], bool] | None
    value: Any
    wants_known: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A knock-out or status rule. ``shows`` are the facts that its text tells."""

    reason: str
    status: str
    all: tuple[Test, ...]
    any: tuple[Test, ...]
    act_on_unknown: bool
    shows: tuple[str, ...]
    texts: Params
    rank: int  # of the class that a knock-out sets; -1 for a status rule


@dataclass(frozen=True, slots=True)
class Compiled:
    """The policy and what has been worked out of it. Amounts are minor units.

    ``terms`` are the terms of the limit that the policy has. ``edges`` are the bounds that it puts on
    facts that count time: where no bound is passed, time changes nothing.
    """

    policy: Policy
    title: str
    hash: str
    currency: str
    timezone: ZoneInfo
    points: tuple[Point, ...]
    total_weight: int
    needed_weight: int
    classes: tuple[Class, ...]
    by_name: Mapping[str, Class]
    knock_outs: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    step: int
    terms: tuple[tuple[str, Any], ...]
    need_factor: Decimal
    need_factor_text: str
    need_at_least: int
    new_limit: int
    weights: tuple[Stage, ...]
    visits: Mapping[str, int]
    edges: Mapping[str, tuple[int, ...]]


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


def compiled(policy: Policy) -> Compiled:
    """The compiled form of ``policy``; ``Halt`` if it has lint errors."""
    found = _CACHE.get(policy.hash)
    if found is None:
        found = _compile(policy)
        if len(_CACHE) >= _CACHE_SIZE:
            _CACHE.clear()
        _CACHE[policy.hash] = found
    return found


def _compile(policy: Policy) -> Compiled:
    errors = [finding for finding in lint(policy) if finding.severity == "error"]
    if errors:
        raise Halt(errors[0].message, where=f"{policy.file}:{errors[0].line}", todo=errors[0].todo)
    currency, limit, need = policy.currency, policy.limit, policy.limit.terms.need
    factor = Decimal(1) if need is None else need.tax_factor * need.peak_factor
    classes = tuple(_class(item, rank, currency) for rank, item in enumerate(policy.classes))
    ranks = {item.name: item for item in classes}
    total = sum(point.weight for point in policy.scorecard.data_points)
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
        rules=tuple(_rule(rule, rule.status, currency, -1) for rule in policy.status.rules),
        step=to_minor(limit.step, currency),
        terms=tuple((name, term) for name, term in limit.terms if isinstance(term, Part)),
        need_factor=factor,
        need_factor_text=str(factor),
        need_at_least=0 if need is None else to_minor(need.at_least, currency),
        new_limit=to_minor(limit.new_customer.limit, currency) if limit.new_customer else 0,
        weights=tuple(
            Stage(name, f"exposure_{name}", weight, str(weight))
            for name, weight in policy.exposure.weights.model_dump().items()
        ),
        visits={str(status): days for status, days in policy.visits.by_status.items()},
        edges=_edges(policy),
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
    named = [condition.fact for condition in (*rule.all, *rule.any)]
    told = set(fields(rule.reason))
    for text in (rule.say or {}).values():
        told |= placeholders(text)
    return Rule(
        reason=rule.reason,
        status=status,
        all=tuple(_test(condition, currency) for condition in rule.all),
        any=tuple(_test(condition, currency) for condition in rule.any),
        act_on_unknown=rule.when_unknown == "act",
        shows=tuple(sorted({*named, *(name for name in told if name in FACTS)})),
        texts={str(tongue): text for tongue, text in (rule.say or {}).items()},
        rank=rank,
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
    """Every bound on a fact that counts days or months, sorted."""
    found: dict[str, set[int]] = {}
    for name, value in _bounds(policy):
        if FACTS[name].kind in ("days", "months"):
            for item in value if isinstance(value, list | tuple) else (value,):
                if item is not None:
                    found.setdefault(name, set()).add(int(item))
    return {name: tuple(sorted(values)) for name, values in found.items()}


def _bounds(policy: Policy) -> Iterator[tuple[str, Any]]:
    for point in policy.scorecard.data_points:
        for item in point.bins:
            yield point.fact, item.from_
            yield point.fact, item.below
    for rule in (*policy.knock_outs, *policy.status.rules):
        for condition in (*rule.all, *rule.any):
            yield condition.fact, condition.value
