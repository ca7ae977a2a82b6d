"""A D&B answer in the common form."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from adapters.bureau.dnb_report import parse
from adapters.bureau.dnb_scales import days_beyond_terms, rating
from adapters.bureau.pd_tables import load
from connector.errors import Reject
from connector.model import Report

TODAY = dt.date(2026, 3, 1)
TABLES = load()
FAILURE = {
    "nationalPercentile": 51,
    "classScore": 3,
    "rawScore": 1409,
    "scoreDate": "2026-02-20",
    "scoreModel": {"description": "US Failure Score V8.0"},
}


def report(assessment: dict[str, Any] | None = None, country: str = "US", **company: Any) -> Report:
    body = {
        "duns": "123456789",
        "primaryName": "Example Inc",
        "countryISOAlpha2Code": country,
        "dnbAssessment": {"failureScore": FAILURE} if assessment is None else assessment,
        **company,
    }
    return parse({"organization": body}, "123456789", tables=TABLES, today=TODAY)


def scores(found: Report) -> dict[str, tuple[str, bool | None]]:
    return {score.scale.partition("/")[0]: (score.raw, score.higher_is_better) for score in found.scores}


def test_trap_each_score_keeps_its_raw_value_scale_direction_and_model():
    found = report()
    assert scores(found) == {
        "dnb-failure-percentile": ("51", True),
        "dnb-failure-class": ("3", False),
        "dnb-failure-score": ("1409", True),
    }
    assert {score.model for score in found.scores} == {"US Failure Score V8.0"}
    assert found.model_version == "US Failure Score V8.0"


@pytest.mark.parametrize("country", ["DE", "NO"])
def test_trap_an_empty_score_object_is_no_score_and_never_the_worst(country):
    found = report({"failureScore": FAILURE, "delinquencyScore": {}}, country)
    assert not [score for score in found.scores if score.kind == "delinquency"]


def test_no_failure_score_is_no_probability_and_is_said():
    found = report({"failureScore": {}})
    assert (found.pd_12m, found.pd_method) == (None, "none")
    assert [warning for warning in found.warnings if warning.startswith("not_scored")]


def test_the_probability_names_its_table_and_version():
    found = report()
    assert found.pd_12m == pytest.approx(0.0024)
    assert found.pd_method == "percentile_fit dnb-failure-us-1"


def test_a_class_alone_gives_its_middle_with_a_range():
    found = report({"failureScore": {"classScore": 4}})
    assert (found.pd_lower, found.pd_12m, found.pd_upper) == (0.0024, 0.0084, 0.047)
    assert found.pd_method == "band_mid dnb-failure-us-1"


def test_trap_a_table_of_one_country_is_not_used_in_another():
    found = report(country="GB")
    assert (found.pd_12m, found.pd_method) == (None, "none")
    assert [warning for warning in found.warnings if warning.startswith("pd_unknown")]


def test_trap_delinquency_is_late_payment_and_gives_no_probability_of_default():
    found = report({"delinquencyScore": {"nationalPercentile": 3, "classScore": 5}})
    assert found.pd_12m is None
    assert "dnb-delinquency-percentile" in scores(found)


def test_trap_a_raw_delinquency_score_of_0_is_a_special_value():
    found = report({"delinquencyScore": {"rawScore": 0, "nationalPercentile": 1}})
    assert "dnb-delinquency-score" not in scores(found)
    assert [warning for warning in found.warnings if warning.startswith("delinquency_special")]


@pytest.mark.parametrize(
    ("paydex", "days"),
    [(100, 0), (80, 0), (70, 15), (60, 22), (59, 23), (55, 26), (50, 30), (45, 45), (40, 60), (30, 90),
     (20, 120), (5, 120), (0, None), (101, None)],
)  # fmt: skip
def test_trap_a_paydex_is_read_as_in_the_published_chart(paydex, days):
    assert days_beyond_terms(paydex) == days


def test_trap_a_company_without_enough_experiences_has_no_paydex_and_no_days():
    assert report(businessTrading=[{"summary": [{}]}]).dbt_days is None
    assert report(businessTrading=[{"summary": [{"paydexScore": 59}]}]).dbt_days == 23


@pytest.mark.parametrize(
    ("written", "strength", "appraisal", "worth"),
    [("3A2", "3A", 2, 1_000_000), ("5A1", "5A", 1, 50_000_000), ("HH4", "HH", 4, 0), ("1R2", "1R", 2, None),
     ("N4", "N", 4, None), ("NQ", None, None, None), ("--", None, None, None), ("ER7", None, None, None),
     ("what", None, None, None)],
)  # fmt: skip
def test_trap_a_rating_is_taken_apart_and_the_special_ones_are_no_grades(written, strength, appraisal, worth):
    found = rating(written, "US")
    assert (found.strength, found.appraisal, found.least_worth) == (strength, appraisal, worth)
    assert bool(found.note) == (worth is None)


def test_trap_the_net_worth_behind_a_rating_differs_by_country():
    assert rating("3A2", "US").least_worth == 1_000_000
    assert rating("3A2", "AR").least_worth is None


def test_trap_the_nordic_rating_is_a_scale_of_its_own():
    found = report({"nordicAAARating": {"rating": "AAA"}}, "SE")
    assert [(score.raw, score.scale) for score in found.scores] == [("AAA", "dnb-nordic-aaa/1 5-1")]
    assert found.pd_12m is None, "it is not the AAA of an international agency"


def accounts(**changes: Any) -> dict[str, Any]:
    return {
        "financialStatementToDate": "2025-12-31",
        "units": "Thousands",
        "currency": "USD",
        "overview": {"totalAssets": Decimal("1200.5"), "totalLiabilities": 700, "totalCurrentAssets": 300},
    } | changes


def test_trap_amounts_are_multiplied_by_their_units():
    (found,) = report(latestFiscalFinancials=accounts()).statements
    assert (found.total_assets, found.total_liabilities) == (120_050_000, 70_000_000)
    assert found.equity == 50_050_000


@pytest.mark.parametrize("changes", [{"units": None}, {"units": "Dozens"}, {"currency": ""}])
def test_trap_accounts_without_unit_or_currency_are_not_read(changes):
    found = report(latestFiscalFinancials=accounts(**changes))
    assert found.statements == ()
    assert [warning for warning in found.warnings if warning.startswith("statement_skipped")]


def test_trap_a_flag_that_is_left_out_is_unknown():
    found = report(legalEvents={})
    assert (found.insolvent, found.high_risk, found.deteriorating) == (None, None, None)
    assert not found.judgments_covered
    told = report(
        legalEvents={"hasOpenBankruptcy": False, "hasInsolvency": False, "hasOpenJudgments": False},
        isHighRiskBusiness=True,
    )
    assert (told.insolvent, told.high_risk, told.judgments_covered) == (False, True, True)


def test_open_events_are_open_records_and_past_ones_are_resolved():
    found = report(legalEvents={"hasOpenBankruptcy": True, "hasOpenJudgments": False, "hasJudgments": True})
    assert {(n.kind, n.resolved) for n in found.negatives} == {("bankruptcy", False), ("judgment", True)}
    assert found.insolvent is True


@pytest.mark.parametrize(
    ("value", "currency", "limit", "note"),
    [(25000, "USD", 2_500_000, None), ("25,000.50", "USD", 2_500_050, None), (25000, None, None, None),
     ("credit limit not applicable", "USD", None, "credit limit not applicable")],
)  # fmt: skip
def test_trap_a_limit_is_an_amount_with_currency_or_a_note(value, currency, limit, note):
    stated = {"maximumRecommendedLimit": {"value": value, "currency": currency}}
    found = report({"creditLimitRecommendation": stated})
    assert (found.limit, found.limit_note) == (limit, note)


def test_an_answer_about_another_company_is_refused():
    with pytest.raises(Reject, match="another company"):
        parse({"organization": {"duns": "999999999"}}, "123456789", tables=TABLES, today=TODAY)


@pytest.mark.parametrize(
    ("grade", "one_year"),
    [("AAA", "0.00033"), ("A", "0.00083"), ("BBB", "0.00334"), ("BB", "0.02565"), ("B", "0.07168"),
     ("CCC", "0.1293")],
)  # fmt: skip
def test_one_year_of_the_eu_table_follows_from_its_three_years(grade, one_year):
    found = TABLES["eu-cqs"].estimate(grade)
    assert found.pd is not None and abs(found.pd - Decimal(one_year)) < Decimal("0.00005")
    assert found.lower <= found.pd <= found.upper
    assert found.method == "grade_table eu-cqs-2016-1799"
