"""The scorecard: better never scores worse, unknown never scores better, no bin is missed."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.policy.catalogue import DECIMAL, FACTS
from connector.policy.schema import Policy
from connector.rules.compile import compiled
from connector.rules.evaluate import evaluate
from connector.rules.outcome import Step
from connector.rules.scorecard import score
from connector.rules.snapshot import Unknown, Value
from tests.property.rules_worlds import customers
from tests.rules_bench import WITH_USD, facts, standard

POINTS = {point.fact: point for point in standard().scorecard.data_points}
# Here every value counts, however little is known: the property is about points, not about "new".
ALWAYS: Policy = standard().model_copy(
    update={"scorecard": standard().scorecard.model_copy(update={"min_known": Decimal(0)})}
)


def known(name: str) -> st.SearchStrategy[int | Decimal]:
    """Any value that the fact's formula can give, near the policy's edges and far from them."""
    spec = FACTS[name]
    low = -(10**12) if spec.low is None else int(spec.low)
    high = 10**12 if spec.high is None else int(spec.high)
    edges = [edge for point in compiled(ALWAYS).points if point.fact == name for edge in point.edges]
    if spec.kind in DECIMAL:
        anywhere = st.decimals(low, high, places=6)
        near = st.sampled_from(edges).flatmap(
            lambda edge: st.sampled_from([edge, edge - Decimal("0.000001"), edge + Decimal("0.000001")])
        )
        return st.one_of(anywhere, near)
    whole = st.sampled_from(edges).flatmap(lambda edge: st.sampled_from([edge - 1, edge, edge + 1]))
    return st.one_of(st.integers(low, high), whole)


@st.composite
def valuations(draw: st.DrawFn) -> dict[str, Value]:
    unknown = st.just(Unknown("no_history"))
    return {name: draw(st.one_of(unknown, known(name))) for name in POINTS}


def scored(values: dict[str, Value]) -> Decimal:
    found = score(compiled(ALWAYS), values, [])
    assert found is not None
    return found


@given(valuations(), st.sampled_from(sorted(POINTS)), st.data())
@settings(max_examples=300, deadline=None)
def test_a_better_value_never_lowers_the_score(
    values: dict[str, Value], name: str, data: st.DataObject
) -> None:
    low, high = sorted(data.draw(st.tuples(known(name), known(name))))
    worse, better = (low, high) if FACTS[name].better == "higher" else (high, low)
    assert scored({**values, name: better}) >= scored({**values, name: worse})


@given(valuations(), st.sampled_from(sorted(POINTS)), st.data())
@settings(max_examples=300, deadline=None)
def test_unknown_never_earns_more_than_any_known_value(
    values: dict[str, Value], name: str, data: st.DataObject
) -> None:
    """Hence not more than the worst bin: withholding a figure never pays."""
    hidden = scored({**values, name: Unknown("not_disclosed")})
    assert hidden <= scored({**values, name: data.draw(known(name))})


@given(valuations())
@settings(max_examples=200, deadline=None)
def test_each_value_falls_in_the_bin_that_names_it(values: dict[str, Value]) -> None:
    steps: list[Step] = []
    found = score(compiled(ALWAYS), values, steps)
    earned = 0
    for step in steps[:-1]:
        value = values[str(step.params["fact"])]
        weight, points = step.params["weight"], step.params["points"]
        assert isinstance(weight, int)
        assert isinstance(points, int)
        earned += weight * points
        if step.code == "point":
            assert isinstance(value, int | Decimal)
            low, below = step.params["from"], step.params["below"]
            assert low is None or Decimal(low) <= value
            assert below is None or value < Decimal(below)
    total = sum(point.weight for point in POINTS.values())
    assert found is not None
    assert abs(found - Decimal(earned) / total) <= Decimal("0.005")
    assert 0 <= found <= 100


@given(customers())
@settings(max_examples=150, deadline=None)
def test_whoever_the_customer_is_the_assessment_is_sound(customer: object) -> None:
    snapshot = facts(customer, standard(), WITH_USD)  # type: ignore[arg-type]
    found = evaluate(standard(), snapshot)
    assert found.hold is (found.status in ("hold", "stop"))
    assert (found.limit is None) is (found.limit_state != "amount")
    assert found.limit is None or found.limit >= 0
    if found.limit is not None:
        assert found.available == found.limit - found.exposure
    worst = ["ok", "watch", "hold", "stop"]
    said = [worst.index(str(reason.params["status"])) for reason in found.reasons]
    assert said == sorted(said, reverse=True)
    assert worst.index(found.status) == max(said, default=0)
    if found.exposure_incomplete:
        assert found.hold
