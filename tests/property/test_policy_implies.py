"""Lint's reasoning about conditions, held against trying the values out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.policy.lint_rules import implies, may_act, misread
from connector.policy.schema import Clause, Condition
from connector.rules.compile import _clause
from connector.rules.conditions import holds
from connector.rules.snapshot import Unknown, Value

ORDERED = ["<", "<=", ">", ">=", "==", "!="]


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    fact = draw(st.sampled_from(["overdue_days_max", "late_share_12m", "country", "insolvent"]))
    if draw(st.integers(0, 6)) == 0:
        return Condition(fact=fact, op=draw(st.sampled_from(["known", "unknown"])))
    one: Any = {
        "overdue_days_max": st.integers(-1, 4),
        "late_share_12m": st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1)]),
        "country": st.sampled_from(["CN", "DE", "US"]),
        "insolvent": st.booleans(),
    }[fact]
    if draw(st.booleans()):
        value = tuple(draw(st.lists(one, min_size=1, max_size=2)))
        return Condition(fact=fact, op=draw(st.sampled_from(["in", "not in"])), value=value)
    ops = ORDERED if fact in ("overdue_days_max", "late_share_12m") else ["==", "!="]
    return Condition(fact=fact, op=draw(st.sampled_from(ops)), value=draw(one))


CLAUSES = st.builds(
    Clause,
    all=st.lists(conditions(), max_size=3).map(tuple),
    any=st.lists(conditions(), max_size=2).map(tuple),
)
UNKNOWN = Unknown("not_stated")
WORLDS = [
    {"overdue_days_max": days, "late_share_12m": share, "country": country, "insolvent": failed}
    for days in (*range(6), UNKNOWN)
    for share in (Decimal(0), Decimal("0.3"), Decimal("0.5"), Decimal("0.7"), Decimal(1), UNKNOWN)
    for country in ("CN", "DE", "US", "FR", UNKNOWN)
    for failed in (True, False, UNKNOWN)
]


def satisfied(clause: Clause, world: dict[str, Value]) -> bool:
    return holds(*_clause(clause, "CNY"), world) is True


@given(CLAUSES, CLAUSES)
@settings(max_examples=150, deadline=None)
def test_what_lint_says_follows_does_follow(one: Clause, other: Clause) -> None:
    assert not [c for c in (*one.all, *other.all) if misread(c, "CNY", after_scoring=True)]
    follows, possible = implies(one, other, "CNY"), may_act("CNY", one, other)
    both = [world for world in WORLDS if satisfied(one, world)]
    if follows:
        assert all(satisfied(other, world) for world in both)
    if not possible:
        assert not any(satisfied(other, world) for world in both)


@given(CLAUSES)
@settings(max_examples=100, deadline=None)
def test_every_clause_implies_itself_and_what_it_says_in_part(clause: Clause) -> None:
    assert implies(clause, clause, "CNY") or not may_act("CNY", clause)
    assert implies(clause, Clause(all=clause.all[:1]), "CNY") or not may_act("CNY", clause)
