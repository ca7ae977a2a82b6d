"""Altman's scores by kind of firm, and the other figures of a statement that are new each year."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connector.policy.schema import Policy
from connector.rules.snapshot import Unknown, Value
from tests.rules_bench import day, dossier, facts, policy, report, statement

NOT_DISCLOSED = Unknown("not_disclosed")
# WC 200, RE 500, EBIT 150, equity 2 000, TL 1 000, TA 3 000, sales 2 500.
FIRM: dict[str, Any] = {
    "current_assets": 700,
    "current_liabilities": 500,
    "retained_earnings": 500,
    "operating_profit": 150,
    "equity": 2_000,
    "total_liabilities": 1_000,
    "total_assets": 3_000,
    "revenue": 2_500,
}


def values(
    *statements: Any, industry: str | None = None, by: Policy | None = None, **figures: Any
) -> dict[str, Value]:
    some = statements or (statement(**{**FIRM, **figures}),)
    return facts(dossier(industry=industry, reports=(report(statements=some),)), by).values


def rounded(value: Value) -> Decimal:
    assert isinstance(value, Decimal)
    return value.quantize(Decimal("0.0001"))


def test_altman_golden_values_recomputed_from_the_formulas() -> None:
    """Z 2.5117 (a source prints 2.53, wrongly), Z′ 2.0160, Z″ 3.4167 for the same firm
    (probsee.com, creditguru.com, financialratioss.com)."""
    found = values(market_equity=2_000)
    assert rounded(found["altman_z"]) == Decimal("2.5117")
    assert rounded(found["altman_z1"]) == Decimal("2.0160")
    assert rounded(found["altman_z2"]) == Decimal("3.4167")


def test_z_is_never_reckoned_without_a_market_value() -> None:
    found = values()
    assert found["altman_z"] == NOT_DISCLOSED
    assert rounded(found["altman_z1"]) == Decimal("2.0160")


@pytest.mark.parametrize("part", ["retained_earnings", "operating_profit", "total_liabilities", "revenue"])
def test_a_missing_input_makes_the_score_unknown(part: str) -> None:
    found = values(**{part: None}, market_equity=2_000)
    assert found["altman_z"] == found["altman_z1"] == NOT_DISCLOSED
    assert isinstance(found["altman_z2"], Decimal) is (part == "revenue")


def test_a_zero_denominator_makes_the_score_unknown() -> None:
    assert values(total_liabilities=0)["altman_z1"] == Unknown("zero_denominator")


@pytest.mark.parametrize(
    ("industry", "market", "zone"),
    [
        ("制造业", None, "grey"),  # Z′ 2.016 between 1.23 and 2.9
        ("Manufacturing", 2_000, "grey"),  # Z 2.51 between 1.81 and 2.99
        ("Manufacturing", 200, "distress"),  # a market that has lost faith: Z 1.43
        ("wholesale", None, "safe"),  # Z″ 3.42 above 2.6
        (None, None, "safe"),
    ],
)
def test_the_kind_of_firm_chooses_the_model(industry: str | None, market: int | None, zone: str) -> None:
    assert values(industry=industry, market_equity=market)["altman_zone"] == zone


def test_banks_and_insurers_are_not_rated() -> None:
    assert values(industry="banking")["altman_zone"] == Unknown("not_rated")


def test_sources_disagree_on_z2_so_the_policy_decides() -> None:
    """6.5 for X1 and zones 2.9 / 1.23 in one print; the emerging-market form adds 3.25."""
    altman = {
        "z2_working_capital": Decimal("6.5"),
        "z2_constant": Decimal("3.25"),
        "z2": {"distress": Decimal("1.23"), "safe": Decimal("9")},
    }
    found = values(by=policy(financial={"altman": altman}))
    assert rounded(found["altman_z2"]) == Decimal("6.6627")
    assert found["altman_zone"] == "grey"


def test_cash_interest_and_sources_of_income() -> None:
    found = values(cash=100, interest_expense=50, revenue_by_source=(600, 300, 100))
    assert found["cash_cover"] == Decimal("0.2")
    assert found["interest_burden"] == Decimal("0.02")
    assert found["revenue_diversity"] == Decimal("0.54")  # 1 - (0.36 + 0.09 + 0.01)
    assert values()["revenue_diversity"] == values()["cash_cover"] == NOT_DISCLOSED
    assert values(revenue_by_source=(0, 0))["revenue_diversity"] == Unknown("zero_denominator")


def test_one_source_of_income_is_no_diversity() -> None:
    assert values(revenue_by_source=(2_500,))["revenue_diversity"] == 0


def test_working_capital_and_negative_equity() -> None:
    assert values()["working_capital"] == 200
    assert values()["equity_negative"] is False
    assert values(equity=0)["equity_negative"] is True
    assert values(equity=None, total_liabilities=3_001)["equity_negative"] is True
    assert values(equity=None, total_assets=None)["equity_negative"] == NOT_DISCLOSED


def two_years(**before: Any) -> tuple[Any, ...]:
    return (
        statement(**FIRM, net_profit=100),
        statement(**{**FIRM, "net_profit": 150, **before, "period_end": dt.date(2024, 12, 31)}),
    )


def test_the_trend_is_the_change_between_two_years() -> None:
    found = values(*two_years(total_liabilities=700))
    assert found["debt_ratio_change"] == Decimal("0.1")
    assert found["net_margin_change"] == Decimal("-0.02")
    assert found["current_ratio_change"] == 0
    assert found["cash_flow_cover_change"] == NOT_DISCLOSED


def test_a_trend_needs_two_years_that_follow_one_another_in_one_currency() -> None:
    assert values()["net_margin_change"] == Unknown("too_few_periods")
    gap = two_years()[0], statement(**FIRM, net_profit=9, period_end=dt.date(2023, 12, 31))
    assert values(*gap)["net_margin_change"] == Unknown("too_few_periods")
    assert values(*two_years(currency="USD"))["net_margin_change"] == Unknown("too_few_periods")
    assert values(*two_years(revenue=0))["net_margin_change"] == Unknown("zero_denominator")


def test_a_stale_statement_is_a_state_of_its_own() -> None:
    old = statement(**FIRM, period_end=day(-551))
    found = facts(dossier(reports=(report(statements=(old,)),)))
    assert found.values["debt_ratio"] == found.values["altman_z2"] == Unknown("stale")
    assert (found.state("debt_ratio"), found.values["statement_age_days"]) == ("stale", 551)
    fresh = facts(dossier(reports=(report(statements=(statement(**FIRM),)),)))
    assert fresh.state("debt_ratio") == "fresh"
    assert fresh.origins["debt_ratio"].fresh_until == dt.date(2025, 12, 31) + dt.timedelta(days=550)
    assert facts(dossier()).state("debt_ratio") == "unknown"
