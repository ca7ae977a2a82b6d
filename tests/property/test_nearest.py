"""Whatever customer: every way that is told leads to the goal, and no part of it would."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.rules.nearest import PAY_OPEN, RAISE_LIMIT, Change, better_class, smallest, with_changes
from connector.rules.outcome import Assessment
from connector.rules.snapshot import Snapshot
from tests.property.rules_worlds import customers
from tests.rules_bench import NOW, WITH_USD, standard

Goal = Callable[[Assessment], bool]
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def true_and_small(facts: Snapshot, goal: Goal) -> None:
    by = standard()

    def reached(*way: Change) -> bool:
        return goal(evaluate(by, with_changes(by, facts, way)))

    for way in smallest(by, facts, goal):
        assert reached(*way)
        if not way:
            continue
        assert not reached()
        for one in way:
            rest = [other for other in way if other is not one]
            if len(way) > 1:
                assert not reached(*rest), "a pair of which one change is enough is no smallest way"
            if one.subject in (PAY_OPEN, RAISE_LIMIT) and isinstance(one.after, int) and one.after > 0:
                less = Change(one.subject, one.before, one.after - 1, one.bound, one.known, one.effort)
                assert not reached(*rest, less), "one cent less would do"


@QUICK
@given(customers())
def test_every_way_to_a_better_class_is_true_and_small(customer: object) -> None:
    by = standard()
    facts = snapshot(customer, by, WITH_USD, NOW)  # type: ignore[arg-type]
    found = evaluate(by, facts)
    if found.risk_class != by.classes[0].name:
        true_and_small(facts, better_class(by, found))


@QUICK
@given(customers(), st.integers(1, 10**10))
def test_every_way_to_let_an_order_pass_is_true_and_small(customer: object, amount: int) -> None:
    facts = snapshot(customer, standard(), WITH_USD, NOW)  # type: ignore[arg-type]

    def goal(found: Assessment) -> bool:
        room = found.limit_state == "unlimited" or (found.available or 0) >= amount
        return found.status in ("ok", "watch") and room

    true_and_small(facts, goal)
