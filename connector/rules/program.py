"""A policy as plain tuples, ready to be run.

Invariant: immutable; amounts are minor units, shares ``Decimal``, times days, as the facts have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from connector.policy.schema import Policy

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


@dataclass(frozen=True, slots=True)
class Class:
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


class Reach(NamedTuple):
    """Whom a rule concerns or spares: anyone who is named in one of the sets."""

    customers: frozenset[str]
    groups: frozenset[str]
    segments: frozenset[str]


class Spared(NamedTuple):
    """An exclusion: ``reach`` ``None`` is everybody; ``everything`` lifts every status rule."""

    reach: Reach | None
    all: tuple[Test, ...]
    any: tuple[Test, ...]
    everything: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A knock-out, a rung or a status rule. ``shows`` are the facts that its text tells; ``reach``
    ``None`` is everybody."""

    reason: str
    status: str
    all: tuple[Test, ...]
    any: tuple[Test, ...]
    act_on_unknown: bool
    shows: tuple[str, ...]
    texts: Params
    rank: int  # of the class that a knock-out sets; -1 for a status rule
    reach: Reach | None = None
    spared: tuple[Spared, ...] = ()


class Group(NamedTuple):
    """A segment: its conditions, and the policy as it is for its customers."""

    name: str
    all: tuple[Test, ...]
    any: tuple[Test, ...]
    rules: Compiled


@dataclass(frozen=True, slots=True)
class Compiled:
    """The policy and what has been worked out of it. Amounts are minor units.

    ``terms`` are the terms of the limit that the policy has. ``edges`` are the bounds that it puts on
    facts that count time: where no bound is passed, time changes nothing. ``looks_at`` are all facts
    that play a part. ``order_rules`` wait for the order check. ``ladder`` are the days of the rungs of
    the overdue ladder, ``levels`` their dunning levels. ``portfolio`` is what all customers may
    owe, and ``concentration`` what one of them may (``None`` and 0: no such cap).
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
    need_ratio: tuple[int, int]
    need_factor_text: str
    need_at_least: int
    new_limit: int
    weights: tuple[Stage, ...]
    visits: Mapping[str, int]
    edges: Mapping[str, tuple[int, ...]]
    looks_at: frozenset[str]
    segment: str
    segments: tuple[Group, ...]
    order_rules: tuple[Rule, ...]
    ladder: tuple[int, ...]
    levels: tuple[int, ...]
    ladder_least: int
    day_rate: Decimal
    sizes: tuple[tuple[str, int], ...]
    portfolio: int | None
    concentration: int
    concentration_text: str
    reviews: Mapping[str, int]
