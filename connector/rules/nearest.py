"""The smallest changes by which a customer would come to a goal: a better class, an order that passes.

Invariant: pure. Every change that is told has been tried: the facts with it, under the same policy, do
reach the goal, and no smaller value of the same kind does. One change before two; nothing is told that
nobody can bring about (what an agency says of insolvency, the country of the customer).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations, product
from typing import Literal

from connector.policy.catalogue import FACTS, WHOLE
from connector.policy.schema import Policy
from connector.rules.compile import compiled
from connector.rules.entries import CREDIT_FILE, DECIDED
from connector.rules.evaluate import evaluate
from connector.rules.exposure import weighted
from connector.rules.interpret import rules_for
from connector.rules.outcome import Assessment, plain
from connector.rules.program import Compiled, Point, Rule
from connector.rules.snapshot import SetLimit, Snapshot, Unknown, Value

Goal = Callable[[Assessment], bool]
MOST = 3
# Changes that are no single fact: an act of the customer or of a person here.
PAY_OVERDUE, PAY_OPEN, LIFT_HOLD, RAISE_LIMIT = "pay_overdue", "pay_open", "lift_hold", "raise_limit"
ACTS = (PAY_OVERDUE, PAY_OPEN, LIFT_HOLD, RAISE_LIMIT)
Bound = Literal["at_least", "at_most", "below"]
_MUCH = 10**15
_SIXTH = Decimal("0.000001")
_OVERDUE = "overdue_"  # with this begin all facts about what is overdue now
# What the terms of a limit grow with.
_GROWS = {
    "need": ("sales_12m",),
    "capacity": ("tangible_net_worth", "revenue_level"),
    "net_worth": ("net_worth",),
    "agency": ("agency_limit",),
    "advice": ("advice_limit",),
    "references": ("reference_limit",),
}


@dataclass(frozen=True)
class Change:
    """One change. ``subject`` is a fact, or one of the acts above; ``before`` and ``after`` are values
    as parameters of steps hold them (``after`` is an amount of money for the acts). ``bound`` says what
    serves: ``at_least``, ``at_most`` or ``below`` the value ``after``; ``known`` whether ``before`` is."""

    subject: str
    before: str | int | None
    after: str | int | None
    bound: Bound
    known: bool
    effort: int


@dataclass(frozen=True)
class _Candidate:
    """A change that can be made to a snapshot, and for amounts how it is made smaller."""

    change: Change
    make: Callable[[Snapshot], Snapshot]
    sized: Callable[[int], _Candidate] | None = None
    low: int = 0
    high: int = 0


def better_class(policy: Policy, now: Assessment) -> Goal:
    """To come into any class above that of ``now``."""
    by_name = compiled(policy).by_name
    rank = by_name[now.risk_class].rank
    return lambda found: by_name[found.risk_class].rank < rank


def smallest(policy: Policy, snapshot: Snapshot, goal: Goal) -> list[tuple[Change, ...]]:
    """The smallest changes that reach ``goal``, the easiest first, ``MOST`` at most: single ones, else
    pairs. An empty list: no two changes suffice. ``[()]``: it is reached already."""

    def reached(*chosen: _Candidate) -> bool:
        changed = snapshot
        for one in chosen:
            changed = one.make(changed)
        return goal(evaluate(policy, changed))

    if reached():
        return [()]
    rules = rules_for(compiled(policy), snapshot.values)
    by_subject: dict[str, list[_Candidate]] = {}
    for candidate in _candidates(rules, snapshot):
        by_subject.setdefault(candidate.change.subject, []).append(candidate)
    for found in by_subject.values():
        found.sort(key=lambda one: one.change.effort)
    single: list[tuple[_Candidate, ...]] = []
    for found in by_subject.values():
        first = next((one for one in found if reached(one)), None)
        if first is not None:
            single.append((_shrunk(first, reached),))
    if not single:
        single = list(_pairs(by_subject, reached))
    single.sort(key=_ease)
    return [tuple(one.change for one in some) for some in single[:MOST]]


def _ease(some: tuple[_Candidate, ...]) -> tuple[int, int]:
    """What can be done today comes before what a customer's record must first become."""
    record = sum(one.change.subject not in ACTS for one in some)
    return record, sum(one.change.effort for one in some)


def with_changes(policy: Policy, snapshot: Snapshot, way: Iterable[Change]) -> Snapshot:
    """The facts as they would be after these changes."""
    rules = rules_for(compiled(policy), snapshot.values)
    for one in way:
        snapshot = _remade(rules, snapshot, one).make(snapshot)
    return snapshot


def _remade(rules: Compiled, snapshot: Snapshot, one: Change) -> _Candidate:
    """The candidate that a change came from."""
    if one.subject == PAY_OVERDUE:
        return _pay_overdue(rules, snapshot, _money(snapshot, "overdue_amount"))
    if one.subject == LIFT_HOLD:
        return _Candidate(one, lambda s: replace(s, hold_placed=None))
    amount = one.after if isinstance(one.after, int) else 0
    if one.subject == PAY_OPEN:
        return _pay_open(snapshot, amount)
    if one.subject == RAISE_LIMIT:
        return _raise_limit(snapshot, amount)
    edge = one.after if isinstance(one.after, int) else Decimal(str(one.after))
    return _fact(snapshot, one.subject, edge, one.bound, one.effort)


def _pairs(
    by_subject: Mapping[str, list[_Candidate]], reached: Callable[..., bool]
) -> Iterator[tuple[_Candidate, ...]]:
    """Pairs of changes to different things; each pair as small as it can be."""
    for one, other in combinations(sorted(by_subject), 2):
        first, second = by_subject[one], by_subject[other]
        if not any(reached(a, b) for a, b in ((first[-1], second[-1]), (first[0], second[0]))):
            continue
        some = sorted(product(first, second), key=lambda pair: sum(c.change.effort for c in pair))
        found = next((pair for pair in some if reached(*pair)), None)
        if found is None:
            continue
        left = _shrunk(found[0], lambda c, b=found[1]: reached(c, b))  # type: ignore[misc]
        yield left, _shrunk(found[1], lambda c, a=left: reached(a, c))  # type: ignore[misc]


def _shrunk(candidate: _Candidate, enough: Callable[[_Candidate], bool]) -> _Candidate:
    """The smallest amount of a candidate that is still enough, by bisection."""
    if candidate.sized is None:
        return candidate
    low, high = candidate.low, candidate.high
    while low < high:
        middle = (low + high) // 2
        if enough(candidate.sized(middle)):
            high = middle
        else:
            low = middle + 1
    return candidate.sized(high)


def _candidates(rules: Compiled, snapshot: Snapshot) -> Iterator[_Candidate]:
    """Everything that may be tried on these facts."""
    owes = _money(snapshot, "overdue_amount")
    told: set[tuple[str, object]] = set()
    for candidate in (*_better_bins(rules, snapshot), *_rule_edges(rules, snapshot)):
        name = candidate.change.subject
        if owes and name.startswith(_OVERDUE):
            continue  # told as one act below: they never change one by one
        if (name, candidate.change.after) not in told:
            told.add((name, candidate.change.after))
            yield candidate
    if owes:
        yield _pay_overdue(rules, snapshot, owes)
    exposed = _money(snapshot, "exposure")
    if exposed > 0:
        yield _sized(lambda amount: _pay_open(snapshot, amount), 0, exposed)
    if snapshot.hold_placed is not None:
        change = Change(LIFT_HOLD, snapshot.hold_placed, None, "at_least", True, 1)
        yield _Candidate(change, lambda s: replace(s, hold_placed=None))
    yield from _larger_terms(rules, snapshot)
    yield _sized(lambda amount: _raise_limit(snapshot, amount), 0, _MUCH)


def _better_bins(rules: Compiled, snapshot: Snapshot) -> Iterator[_Candidate]:
    """Every bin of a data point that earns more than the present value does."""
    for point in rules.points:
        if point.lookup is not None or point.fact not in snapshot.values:
            continue
        value = snapshot.values[point.fact]
        at = None if isinstance(value, Unknown) else _index(point, value)
        earned = point.unknown if at is None else point.bands[at].points
        for index, band in enumerate(point.bands):
            if band.points <= earned:
                continue
            upwards = index > at if at is not None else point.bands[-1].points > point.bands[0].points
            if (upwards and index == 0) or (not upwards and index == len(point.bands) - 1):
                continue  # the best values lie in the middle: no single bound tells where
            edge = point.edges[index - 1] if upwards else point.edges[index]
            effort = (
                abs(index - at)
                if at is not None
                else 1 + sum(1 for other in point.bands if earned < other.points <= band.points)
            )
            yield _fact(snapshot, point.fact, edge, "at_least" if upwards else "below", effort)


def _index(point: Point, value: Value) -> int:
    return sum(1 for edge in point.edges if value >= edge)


def _rule_edges(rules: Compiled, snapshot: Snapshot) -> Iterator[_Candidate]:
    """For every condition that is true now, the nearest value that makes it false."""
    for rule in (*rules.knock_outs, *rules.rules):
        for test in (*rule.all, *rule.any):
            value = snapshot.values.get(test.fact)
            kind = FACTS[test.fact].kind if test.fact in FACTS else "text"
            if (
                test.compare is None
                or value is None
                or isinstance(value, Unknown)
                or kind in ("text", "flag")
            ):
                continue
            if not isinstance(value, int | Decimal) or not test.compare(value, test.value):
                continue
            name = test.compare.__name__
            if name in ("ge", "gt"):
                yield _fact(
                    snapshot, test.fact, test.value, "below" if name == "ge" else "at_most", _far(rule)
                )
            elif name in ("le", "lt"):
                step = 1 if kind in WHOLE else _SIXTH
                after = test.value + step if name == "le" else test.value
                yield _fact(snapshot, test.fact, after, "at_least", _far(rule))


def _far(rule: Rule) -> int:
    return 2 if rule.rank >= 0 else 1


def _fact(snapshot: Snapshot, name: str, edge: int | Decimal, bound: Bound, effort: int) -> _Candidate:
    """One fact brought to ``edge``, or just below it."""
    value = edge
    if bound == "below" and FACTS[name].kind in WHOLE:
        value, bound = edge - 1, "at_most"
        edge = value
    elif bound == "below":
        value = edge - _SIXTH
    before = snapshot.values[name]
    known = not isinstance(before, Unknown)
    change = Change(name, plain(before), plain(edge), bound, known, effort)
    return _Candidate(change, lambda s: _with(s, {name: value}))


def _pay_overdue(rules: Compiled, snapshot: Snapshot, owes: int) -> _Candidate:
    """Everything that is overdue is paid: nothing of it is left, and the exposure falls by as much."""
    stage = next((one for one in rules.weights if one.fact == "exposure_overdue"), None)
    late = _money(snapshot, "exposure_overdue")
    less = weighted(late, stage.weight) if stage is not None else 0
    values: dict[str, Value] = {
        name: type(value)(0)
        for name, value in snapshot.values.items()
        if name.startswith(_OVERDUE) and isinstance(value, int | Decimal)
    }
    values["exposure_overdue"] = 0

    def make(s: Snapshot) -> Snapshot:
        return _with(s, {**values, "exposure": max(0, _money(s, "exposure") - less)})

    return _Candidate(Change(PAY_OVERDUE, owes, owes, "at_least", True, 1), make)


def _pay_open(snapshot: Snapshot, amount: int) -> _Candidate:
    """So much of the exposure is paid."""
    exposed = _money(snapshot, "exposure")
    change = Change(PAY_OPEN, exposed, amount, "at_least", True, 1)
    return _Candidate(change, lambda s: _with(s, {"exposure": max(0, _money(s, "exposure") - amount)}))


def _raise_limit(snapshot: Snapshot, amount: int) -> _Candidate:
    """A person sets a limit for a time, or raises the quota in the CRM's module where that decides."""
    change = Change(RAISE_LIMIT, None, amount, "at_least", True, 5)
    old = snapshot.limit_set
    decided = old is not None and old.kind in DECIDED
    entry = SetLimit(CREDIT_FILE if decided else "temporary", "amount", amount, None)
    return _Candidate(change, lambda s: replace(s, limit_set=entry))


def _larger_terms(rules: Compiled, snapshot: Snapshot) -> Iterator[_Candidate]:
    """The amounts that the terms of the limit grow with."""
    for term, _ in rules.terms:
        for name in _GROWS.get(term, ()):
            value = snapshot.values.get(name)
            low = value if isinstance(value, int) else 0
            if low < _MUCH:

                def sized(amount: int, name: str = name, value: Value | None = value) -> _Candidate:
                    known = isinstance(value, int)
                    change = Change(name, plain(value), amount, "at_least", known, 4)
                    return _Candidate(change, lambda s: _with(s, {name: amount}))

                yield _sized(sized, low, _MUCH)


def _sized(sized: Callable[[int], _Candidate], low: int, high: int) -> _Candidate:
    largest = sized(high)
    return replace(largest, sized=sized, low=low, high=high)


def _with(snapshot: Snapshot, values: Mapping[str, Value]) -> Snapshot:
    return replace(snapshot, values={**snapshot.values, **values})


def _money(snapshot: Snapshot, name: str) -> int:
    value = snapshot.values.get(name)
    return value if isinstance(value, int) else 0
