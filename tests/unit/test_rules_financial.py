"""Facts from financial statements."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connector.policy.catalogue import names
from connector.rules.snapshot import Unknown, Value
from tests.rules_bench import NOW, WITH_USD, dossier, facts, policy, report, statement

FULL: dict[str, Any] = {
    "total_assets": 1_000,
    "current_assets": 600,
    "inventory": 200,
    "total_liabilities": 450,
    "current_liabilities": 400,
    "equity": 550,
    "intangibles": 50,
    "retained_earnings": 100,
    "revenue": 2_000,
    "operating_costs": 1_800,
    "operating_profit": 150,
    "interest_expense": 30,
    "net_profit": 80,
    "operating_cash_flow": 100,
}


def values(*statements: Any, **settings: Any) -> dict[str, Value]:
    customer = dossier(reports=(report(statements=statements),))
    return facts(customer, policy(**settings), WITH_USD).values


def year(end: int, revenue: int | None, **more: Any) -> Any:
    return statement(period_end=dt.date(end, 12, 31), revenue=revenue, **more)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("debt_ratio", "0.45"),
        ("current_ratio", "1.5"),
        ("quick_ratio", "1"),
        ("net_margin", "0.04"),
        ("operating_margin", "0.075"),
        ("cash_flow_cover", "0.25"),
        ("interest_cover", "5"),
        ("cost_ratio", "0.9"),
    ],
)
def test_ratios_follow_their_formulas(fact: str, expected: str) -> None:
    assert values(statement(**FULL))[fact] == Decimal(expected)


def test_ratios_are_rounded_to_six_places() -> None:
    assert str(values(statement(total_liabilities=2, total_assets=3))["debt_ratio"]) == "0.666667"


def test_prepaid_expenses_leave_the_quick_ratio_where_they_are_listed() -> None:
    assert values(statement(**FULL, prepaid_expenses=40))["quick_ratio"] == Decimal("0.9")


def test_margins_keep_their_sign() -> None:
    assert values(statement(**{**FULL, "net_profit": -80}))["net_margin"] == Decimal("-0.04")


def test_altman_z2_golden_value() -> None:
    """Working capital 200, retained earnings 500, EBIT 150, equity 2000, debts 1000, assets 3000."""
    found = values(
        statement(
            current_assets=700,
            current_liabilities=500,
            retained_earnings=500,
            operating_profit=150,
            equity=2_000,
            total_liabilities=1_000,
            total_assets=3_000,
        )
    )["altman_z2"]
    assert isinstance(found, Decimal)
    assert round(found, 4) == Decimal("3.4167")


@pytest.mark.parametrize("missing", sorted(FULL))
def test_an_input_that_is_not_disclosed_is_never_zero(missing: str) -> None:
    before, after = values(statement(**FULL)), values(statement(**{**FULL, missing: None}))
    changed = {name for name in names("financial") if before[name] != after[name]}
    for name in changed - {"net_worth", "tangible_net_worth"}:
        assert after[name] == Unknown("not_disclosed"), name
    assert changed or missing == "equity"  # net worth then comes from assets and liabilities


@pytest.mark.parametrize(
    ("zero", "fact"),
    [
        ("total_assets", "debt_ratio"),
        ("current_liabilities", "current_ratio"),
        ("current_liabilities", "cash_flow_cover"),
        ("revenue", "net_margin"),
        ("interest_expense", "interest_cover"),
        ("total_liabilities", "altman_z2"),
    ],
)
def test_a_denominator_of_zero_is_unknown(zero: str, fact: str) -> None:
    assert values(statement(**{**FULL, zero: 0}))[fact] == Unknown("zero_denominator")


def test_net_worth_and_its_tangible_part() -> None:
    found = values(statement(**FULL))
    assert (found["net_worth"], found["tangible_net_worth"]) == (550, 500)
    found = values(statement(**{**FULL, "equity": None, "intangibles": None}))
    assert (found["net_worth"], found["tangible_net_worth"]) == (550, Unknown("not_disclosed"))


def test_amounts_are_converted_and_without_a_rate_unknown() -> None:
    assert values(statement(**{**FULL, "currency": "USD"}))["revenue_level"] == 14_400
    assert values(statement(**{**FULL, "currency": "EUR"}))["revenue_level"] == Unknown("no_rate")
    assert values(statement(**{**FULL, "currency": "EUR"}))["debt_ratio"] == Decimal("0.45")


def test_growth_and_stability_of_revenue() -> None:
    found = values(year(2025, 120), year(2024, 100), year(2023, 80))
    assert found["revenue_growth"] == Decimal("0.2")
    # mean 100, sample standard deviation 20
    assert found["revenue_stability"] == Decimal("0.8")


def test_stability_needs_as_many_years_as_the_policy_says() -> None:
    some = (year(2025, 120), year(2024, 100), year(2023, 80))
    assert values(*some, financial={"stability_periods": 4})["revenue_stability"] == Unknown(
        "too_few_periods"
    )
    assert values(*some[:2], financial={"stability_periods": 2})["revenue_stability"] != Unknown(
        "too_few_periods"
    )


def test_a_missing_year_breaks_growth_and_stability() -> None:
    found = values(year(2025, 120), year(2023, 100), year(2022, 80))
    assert found["revenue_growth"] == Unknown("too_few_periods")
    assert found["revenue_stability"] == Unknown("too_few_periods")


def test_wild_revenue_is_not_below_zero_stable() -> None:
    assert values(year(2025, 1_000), year(2024, 1), year(2023, 1))["revenue_stability"] == 0


def test_balances_come_from_the_newest_statement_flows_from_the_newest_year() -> None:
    interim = statement(period_end=dt.date(2026, 3, 31), months=3, **{**FULL, "total_liabilities": 700})
    customer = dossier(reports=(report(statements=(interim, statement(**FULL))),))
    found = facts(customer)
    assert found.values["debt_ratio"] == Decimal("0.7")
    assert found.values["net_margin"] == Decimal("0.04")
    assert found.origins["debt_ratio"].dated == dt.date(2026, 3, 31)
    assert found.origins["net_margin"].dated == dt.date(2025, 12, 31)


def test_the_debtors_own_statement_goes_before_the_consolidated_one() -> None:
    group = statement(**{**FULL, "total_liabilities": 900}, consolidated=True)
    assert values(group, statement(**FULL, consolidated=False))["debt_ratio"] == Decimal("0.45")


def test_no_statement_and_a_stale_one_are_unknown() -> None:
    assert facts(dossier()).values["debt_ratio"] == Unknown("missing_statement")
    old = statement(**{**FULL, "period_end": dt.date(2024, 12, 1)})
    found = facts(dossier(reports=(report(statements=(old,)),)))
    assert found.values["debt_ratio"] == Unknown("stale")
    assert found.values["altman_z2"] == Unknown("stale")
    assert found.origins["debt_ratio"].dated == dt.date(2024, 12, 1)


def test_a_statement_goes_stale_the_day_after_its_time() -> None:
    settings = {"staleness": {"statement_days": 166, "report_days": 9_999, "negatives_days": 9_999}}
    customer = dossier(reports=(report(statements=(statement(**FULL),)),))
    found = facts(customer, policy(**settings))
    assert found.values["debt_ratio"] == Decimal("0.45")
    assert found.next_change == dt.datetime(2026, 6, 16, tzinfo=dt.UTC)
    later = facts(customer, policy(**settings), at=NOW + dt.timedelta(days=1))
    assert later.values["debt_ratio"] == Unknown("stale")
