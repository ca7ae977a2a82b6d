"""The smallest changes that lead to a goal: true, minimal, and told in both languages."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from connector.policy.schema import Policy
from connector.rules.documents import Dossier
from connector.rules.evaluate import evaluate
from connector.rules.nearest import Change, better_class, smallest
from connector.rules.outcome import Assessment
from connector.rules.waterfall import rows
from tests.rules_bench import (
    assess,
    day,
    dossier,
    facts,
    invoice,
    limit_entry,
    numbers,
    policy,
    report,
    settled,
    standard,
    statement,
)


def figures(debt: int) -> tuple[object, ...]:
    return (report(statements=(statement(total_liabilities=debt, total_assets=100),)),)


def ways(of: Dossier, by: Policy | None = None) -> list[list[tuple[str, object, str]]]:
    chosen = by or policy()
    snapshot = facts(of, chosen)
    found = smallest(chosen, snapshot, better_class(chosen, evaluate(chosen, snapshot)))
    return [[(one.subject, one.after, one.bound) for one in way] for way in found]


def enough(amount: int) -> object:
    def goal(found: Assessment) -> bool:
        return found.status in ("ok", "watch") and found.available is not None and found.available >= amount

    return goal


def passes(of: Dossier, amount: int, by: Policy | None = None) -> list[list[tuple[str, object]]]:
    chosen = by or policy()
    found = smallest(chosen, facts(of, chosen), enough(amount))  # type: ignore[arg-type]
    return [[(one.subject, one.after) for one in way] for way in found]


def test_one_fact_to_the_edge_of_its_bin_lifts_the_class() -> None:
    late = dossier(invoices=(settled("i", 100, 40),), reports=figures(40))  # 50 points: class B
    assert ways(late) == [[("late_share_12m", "0.2", "below")]]


def test_the_nearest_bin_that_suffices_is_told_not_the_best_one() -> None:
    three = numbers("debt_ratio", Decimal("0.5"), Decimal("0.8"), points=(100, 50, 10), unknown=10)
    on_time = numbers("late_share_12m", Decimal("0.2"), points=(100, 0))
    by = policy(scorecard={"max_weight": Decimal("0.5"), "data_points": [on_time, three]})
    good = dossier(invoices=(settled("i", 100, 0),), reports=figures(90))  # 55 points: class B
    assert ways(good, by) == [[("debt_ratio", "0.8", "below")]]  # 75 is enough for A; below 0.5 is not needed


def test_where_no_single_fact_suffices_a_pair_is_told() -> None:
    bad = dossier(invoices=(settled("i", 100, 40),), reports=figures(90))  # 5 points: class C
    steep = policy(classes=[
        {"name": "A", "from": 90, "cap": 10, "terms_days": 90, "review_days": 180},
        {"name": "C", "below": 90, "cap": 0, "terms_days": 0, "review_days": 30},
    ], limit={"step": 1, "terms": {"need": {}}})  # fmt: skip
    assert ways(bad, steep) == [[("debt_ratio", "0.5", "below"), ("late_share_12m", "0.2", "below")]]


def test_where_not_even_two_suffice_nothing_is_promised() -> None:
    out = {
        "reason": "insolvent",
        "risk_class": "C",
        "all": [{"fact": "insolvent", "op": "==", "value": True}],
    }
    broke = dossier(reports=(report(insolvent=True),), invoices=(settled("i", 100, 0),))
    assert ways(broke, policy(knock_outs=[out])) == []


def test_the_best_class_needs_nothing_better() -> None:
    good = dossier(invoices=(settled("i", 100, 0),), reports=figures(40))
    by = policy()
    snapshot = facts(good, by)
    assert smallest(by, snapshot, lambda found: found.risk_class == "A") == [()]


def test_an_unknown_figure_is_told_as_one_to_be_shown() -> None:
    silent = dossier(invoices=(settled("i", 100, 0),))  # debt ratio unknown: 55 points
    by = policy()
    snapshot = facts(silent, by)
    (way,) = smallest(by, snapshot, better_class(by, evaluate(by, snapshot)))
    assert way == (Change("debt_ratio", "missing_statement", "0.8", "below", False, way[0].effort),)


def test_an_unknown_figure_of_which_more_is_better_must_reach_its_bin_from_below() -> None:
    ratio = numbers("current_ratio", Decimal(1), Decimal(2), points=(10, 60, 100), unknown=10)
    on_time = numbers("late_share_12m", Decimal("0.2"), points=(100, 0))
    by = policy(scorecard={"max_weight": Decimal("0.5"), "data_points": [on_time, ratio]})
    assert ways(dossier(invoices=(settled("i", 100, 0),)), by) == [[("current_ratio", "1", "at_least")]]


def test_paying_what_is_open_is_as_small_as_can_be() -> None:
    owes = dossier(invoices=(invoice("i", 80_000),), limits=(limit_entry("base", 100_000),))
    found = passes(owes, 50_000)
    assert found[0] == [("pay_open", 30_000)]
    assert found[-1] == [("raise_limit", 130_000)]


def test_what_is_overdue_is_paid_as_a_whole_and_leaves_the_exposure() -> None:
    hold = {"reason": "overdue_hold", "status": "hold",
            "all": [{"fact": "overdue_days_max", "op": ">=", "value": 30}]}  # fmt: skip
    by = policy(status={"rules": [hold]})
    late = dossier(invoices=(invoice("i", 80_000, due_on=day(-40)),), limits=(limit_entry("base", 100_000),))
    assert passes(late, 50_000, by) == [[("pay_overdue", 80_000)]]


def test_a_hold_placed_by_a_person_goes_first_and_room_may_be_missing_too() -> None:
    held = dossier(
        hold_placed="see me", invoices=(invoice("i", 80_000),), limits=(limit_entry("base", 100_000),)
    )
    assert passes(held, 10_000) == [[("lift_hold", None)]]
    both = passes(held, 50_000)
    assert both[0] == [("lift_hold", None), ("pay_open", 30_000)]


def test_the_waterfall_names_value_rule_source_freshness_and_effect() -> None:
    customer = dossier(invoices=(settled("i", 100, 0),), reports=figures(45))
    found = rows(assess(customer, standard()), facts(customer, standard()), "en")
    debt = next(row for row in found if row.rule == "scorecard.debt_ratio")
    assert (debt.value, debt.source, debt.effect) == ("0.450000", "statement (agency)", "+6.40 / 8.00")
    assert debt.dated == dt.date(2025, 12, 31) and debt.age_days == 166
    assert {row.chapter for row in found} >= {"score", "class", "limit", "exposure", "status"}
    assert all(row.text and row.rule for row in found)
    assert debt.freshness == "fresh"
    silent = next(row for row in found if row.rule == "scorecard.net_margin")
    assert (silent.value, silent.freshness) == ("not_disclosed", "unknown")


def test_rules_sales_and_stages_of_the_waterfall_name_their_facts_too() -> None:
    late = dossier(
        invoices=(*(settled(f"i{n}", 50_000, 40, ago=9 + n) for n in range(4)),
                  invoice("late", 300_000, due_on=day(-40))), terms_days=30,
    )  # fmt: skip
    found = {row.rule: row for row in rows(assess(late, standard()), facts(late, standard()), "en")}
    hold = found["status.overdue_hold"]
    assert (hold.fact, hold.value) == ("overdue_amount, overdue_days_max", "300000, 40")
    assert (hold.source, hold.age_days, hold.freshness, hold.effect) == ("invoices", 0, "fresh", "hold")
    assert found["status.low_class"].fact == "risk_class" and found["status.low_class"].source is None
    assert (found["exposure.overdue"].fact, found["exposure.overdue"].value) == ("exposure_overdue", 300_000)
    assert (found["limit.limit_need"].fact, found["limit.limit_need"].freshness) == ("sales_12m", "fresh")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_way_has_a_sentence_in_both_languages(language: str) -> None:
    from connector.explain import told_changes

    some = [
        (Change("pay_overdue", 5, 123_456, "at_least", True, 1),),
        (Change("pay_open", 5, 1, "at_least", True, 1), Change("lift_hold", "x", None, "at_least", True, 1)),
        (Change("raise_limit", None, 7, "at_least", True, 1),),
        (Change("debt_ratio", "0.45", "0.4", "below", True, 1),),
        (Change("debt_ratio", "no_report", "0.4", "below", False, 1),),
        (Change("relation_months", 5, 6, "at_least", True, 1),),
    ]
    told = told_changes(some, "CNY", language)
    assert len(told) == 6 and not [
        line for line in told if "{" in line or "change." in line or "None" in line
    ]
    assert "1,234.56 CNY" in told[0] and "40%" in told[3]
