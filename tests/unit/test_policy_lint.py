"""What lint finds in a well-formed policy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.errors import Halt
from connector.policy.lint import lint
from connector.policy.load import load
from connector.rules.compile import compiled
from tests.rules_bench import STANDARD, content, dossier, facts, numbers, policy, standard

GOOD = numbers("late_share_12m", Decimal("0.2"), points=(100, 0))


def codes(**sections: Any) -> set[str]:
    return {finding.code for finding in lint(policy(**sections))}


def scored(*points: dict[str, Any], max_weight: str = "0.5") -> dict[str, Any]:
    return {"scorecard": {"max_weight": Decimal(max_weight), "data_points": list(points)}}


def classes(**changes: Any) -> dict[str, Any]:
    """The small policy's classes with one key of class B changed."""
    found = content()["classes"]
    return {"classes": [found[0], {**found[1], **changes}, found[2]]}


def rule(**more: Any) -> dict[str, Any]:
    return {"status": {"rules": [{"reason": "overdue_hold", "status": "hold", **more}]}}


def test_the_small_and_the_standard_policy_are_clean() -> None:
    assert lint(policy()) == []
    assert lint(standard()) == []


@pytest.mark.parametrize(
    ("bins", "code"),
    [
        ([{"below": 1, "points": 0}, {"from": 2, "points": 100}], "bin_gap"),
        ([{"below": 2, "points": 0}, {"from": 1, "points": 100}], "bin_overlap"),
        ([{"below": 2, "points": 0}, {"from": 2, "below": 3, "points": 100}], "bin_gap"),
        ([{"from": 1, "below": 2, "points": 0}, {"from": 2, "points": 100}], "bin_gap"),
        ([{"points": 0}, {"from": 2, "points": 100}], "bin_overlap"),
        ([{"below": 2, "points": 0}, {"from": 2, "points": 100}, {"from": 3, "below": 3, "points": 1}],
         "bin_unreachable"),
        ([{"is": [1], "points": 0}, {"from": 2, "points": 100}], "bad_value"),
        ([{"below": "low", "points": 0}, {"from": 2, "points": 100}], "bad_value"),
    ],
)  # fmt: skip
def test_bins_of_a_number_cover_it_once(bins: list[dict[str, Any]], code: str) -> None:
    point = {"fact": "current_ratio", "weight": 10, "unknown": 0, "bins": bins}
    assert code in codes(**scored(GOOD, point))


def test_edges_of_an_amount_are_told_as_the_policy_writes_them() -> None:
    bins = [{"below": 5_000, "points": 0}, {"from": 6_000, "points": 100}]
    point = {"fact": "revenue_level", "weight": 10, "unknown": 0, "bins": bins}
    (finding,) = lint(policy(**scored(GOOD, point)))
    assert (finding.code, finding.todo) == ("bin_gap", "write `from: 5000`")


def test_a_bin_outside_what_the_fact_can_be_is_unreachable() -> None:
    point = numbers("late_share_12m", Decimal("0.2"), Decimal("1.5"), points=(100, 50, 0))
    assert codes(**scored(numbers("debt_ratio", 1, points=(100, 0)), point)) == {"bin_unreachable"}


def test_a_bounded_fact_may_state_its_bounds() -> None:
    bins = [{"from": 0, "below": Decimal("0.2"), "points": 100}, {"from": Decimal("0.2"), "points": 0}]
    point = {"fact": "late_share_12m", "weight": 10, "unknown": 0, "bins": bins}
    assert codes(**scored(numbers("debt_ratio", 1, points=(100, 0)), point)) == set()


@pytest.mark.parametrize(
    ("fact", "bins", "code"),
    [
        ("agency_band", [{"is": ["A"], "points": 9}, {"is": ["B"], "points": 1}], "bin_gap"),
        ("agency_band", [{"is": ["A"], "points": 9}, {"is": ["A"], "points": 1}, {"points": 0}],
         "bin_overlap"),
        ("agency_band", [{"is": ["A"], "points": 9}, {"points": 1}, {"points": 0}], "bin_unreachable"),
        ("agency_band", [{"from": 1, "points": 9}, {"points": 1}], "bad_value"),
        ("insolvent", [{"is": [True], "points": 0}, {"is": ["no"], "points": 9}], "bad_value"),
        ("insolvent", [{"is": [True], "points": 0}, {"is": [False], "points": 9}], None),
        ("agency_band", [{"is": ["A", "B"], "points": 9}, {"points": 1}], None),
    ],
)  # fmt: skip
def test_bins_of_a_word_cover_it_once(fact: str, bins: list[dict[str, Any]], code: str | None) -> None:
    point = {"fact": fact, "weight": 10, "unknown": 0, "bins": bins}
    found = codes(**scored(GOOD, point))
    assert code in found if code else found == set()


def test_unknown_must_not_earn_more_than_the_worst_bin() -> None:
    point = numbers("debt_ratio", 1, points=(100, 20), unknown=21)
    assert codes(**scored(GOOD, point)) == {"unknown_beats_known"}


def test_points_that_fall_as_the_value_gets_better_are_a_warning() -> None:
    point = numbers("debt_ratio", 1, points=(20, 100))
    (finding,) = lint(policy(**scored(GOOD, point)))
    assert (finding.code, finding.severity) == ("not_monotone", "warning")


def test_a_score_does_not_hang_on_one_ratio() -> None:
    assert codes(**scored(GOOD)) == {"single_ratio"}
    assert codes(**scored(GOOD, GOOD)) == {"single_ratio", "fact_twice"}


def test_no_data_point_outweighs_the_cap() -> None:
    heavy = numbers("debt_ratio", 1, points=(100, 0), weight=30)
    (finding,) = lint(policy(**scored(GOOD, heavy, max_weight="0.6")))
    assert finding.code == "weight_cap"
    assert "at most 15 " in finding.todo
    assert codes(**scored(GOOD, {**heavy, "weight": 15}, max_weight="0.6")) == set()


def test_unknown_facts_get_the_nearest_name() -> None:
    (finding,) = lint(policy(**scored(GOOD, numbers("dept_ratio", 1, points=(100, 0)))))
    assert (finding.code, finding.todo) == ("unknown_fact", "write `debt_ratio`")


def test_facts_of_the_outcome_serve_in_status_rules_alone() -> None:
    over = {"all": [{"fact": "available", "op": "<", "value": 0}]}
    assert codes(**rule(**over)) == set()
    assert codes(**scored(GOOD, numbers("utilisation", 1, points=(100, 0)))) == {"outcome_fact"}
    out = {"knock_outs": [{"reason": "overdue_hold", "risk_class": "C", **over}]}
    assert codes(**out) == {"outcome_fact"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"below": 60}, "class_gap"),
        ({"below": 75}, "class_overlap"),
        ({"from": 70}, "class_unreachable"),
        ({"cap": 2_000_000}, "class_not_monotone"),
        ({"factor": Decimal("1.5")}, "class_not_monotone"),
        ({"name": "A"}, "class_twice"),
    ],
)
def test_classes_cover_the_scale_once_and_fall(changes: dict[str, Any], code: str) -> None:
    assert code in codes(**classes(**changes))


def test_classes_stand_from_best_to_worst() -> None:
    assert codes(classes=content()["classes"][::-1]) == {"class_order"}


def test_a_class_that_does_not_exist_is_found_wherever_it_is_named() -> None:
    limit = {
        "step": 1,
        "terms": {
            "capacity": {
                "tangible_net_worth": 0,
                "revenue": 0,
                "by_class": {"X": {"tangible_net_worth": 0, "revenue": 0}},
            }
        },
        "new_customer": {"limit": 1, "risk_class": "Y", "terms_days": 1},
    }
    found = [finding.message for finding in lint(policy(limit=limit))]
    assert found == ["there is no class X", "there is no class Y"]


def condition(fact: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"fact": fact, "op": op, "value": value}


@pytest.mark.parametrize(
    "conditions",
    [
        [condition("overdue_days_max", ">=", 30), condition("overdue_days_max", "<", 20)],
        [condition("overdue_days_max", ">", 3), condition("overdue_days_max", "<", 4)],
        [condition("late_share_12m", ">", 1)],
        [condition("overdue_amount", "<", 0)],
        [condition("agency_band", "==", "A"), condition("agency_band", "in", ["B", "C"])],
        [condition("insolvent", "!=", True), condition("insolvent", "==", True)],
        [condition("overdue_count", "==", 0), condition("overdue_count", "!=", 0)],
        [condition("debt_ratio", "unknown"), condition("debt_ratio", ">", 1)],
        [condition("overdue_count", "<=", 0), condition("overdue_count", "!=", 0)],
    ],
)
def test_a_rule_that_can_never_act_is_found(conditions: list[dict[str, Any]]) -> None:
    assert codes(**rule(all=conditions)) == {"rule_never_acts"}
    assert codes(**rule(any=[conditions[0]], all=conditions[1:])) == {"rule_never_acts"}


@pytest.mark.parametrize(
    "conditions",
    [
        [condition("overdue_days_max", ">=", 30), condition("overdue_days_max", "<=", 30)],
        [condition("late_share_12m", ">=", 1)],
        [condition("dbt_12m", "<", 0)],
        [condition("dbt_12m", ">", 3), condition("dbt_12m", "<", 4)],
        [condition("agency_band", "in", ["A", "B"]), condition("agency_band", "!=", "A")],
        [condition("debt_ratio", "unknown")],
        [condition("debt_ratio", "known"), condition("net_margin", "unknown")],
    ],
)
def test_a_rule_that_can_act_is_left_alone(conditions: list[dict[str, Any]]) -> None:
    assert codes(**rule(all=conditions)) == set()


def test_one_possible_alternative_is_enough() -> None:
    some = [condition("overdue_amount", "<", 0), condition("overdue_count", ">", 1)]
    assert codes(**rule(any=some)) == set()


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (condition("agency_band", ">", "A"), "bad_operator"),
        (condition("overdue_amount", "in", 5), "bad_value"),
        (condition("overdue_amount", "==", [5]), "bad_value"),
        (condition("overdue_days_max", ">", Decimal("1.5")), "bad_value"),
        (condition("insolvent", "==", "yes"), "bad_value"),
        (condition("debt_ratio", "known", 5), "bad_value"),
        (condition("overdue_dayz", ">", 5), "unknown_fact"),
    ],
)
def test_a_condition_fits_its_fact(one: dict[str, Any], code: str) -> None:
    assert codes(**rule(all=[one])) == {code}


def test_a_rule_has_conditions_and_words() -> None:
    assert codes(**rule()) == {"rule_empty"}
    own = {"reason": "my_reason", "all": [condition("overdue_count", ">", 1)]}
    assert codes(**rule(**own)) == {"reason_without_text"}
    assert codes(**rule(**own, say={"zh": "甲"})) == {"text_missing"}
    assert codes(**rule(**own, say={"zh": "甲", "en": "{nonsense}"})) == {"text_broken"}
    assert codes(**rule(**own, say={"zh": "甲", "en": "{"})) == {"text_broken"}
    assert codes(**rule(**own, say={"zh": "甲", "en": "{overdue_count} late"})) == set()


def test_a_limit_has_a_term() -> None:
    assert codes(limit={"step": 1, "terms": {}}) == {"limit_without_terms"}


def test_findings_name_the_line() -> None:
    text = STANDARD.read_text(encoding="utf-8").replace("below: 40%, points: 100", "below: 41%, points: 100")
    line = text[: text.index("below: 41%")].count("\n") + 1
    (finding,) = lint(load(text, "mine.yaml", strict=False))
    # The bin behind the wrong one is where the ranges part.
    assert (finding.line, finding.code, finding.todo) == (line + 1, "bin_overlap", "write `from: 0.41`")


def test_a_policy_with_errors_judges_nobody() -> None:
    broken = policy(**scored(GOOD))
    with pytest.raises(Halt, match="fewer than two facts"):
        compiled(broken)
    with pytest.raises(Halt, match="fewer than two facts"):
        facts(dossier(), broken)
