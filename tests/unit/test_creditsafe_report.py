"""Creditsafe's report in the common form: unknown stays unknown, and nothing is better than stated."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bureau.common import decode
from adapters.bureau.creditsafe_report import parse
from adapters.bureau.grades import shipped
from adapters.bureau.pd_tables import load
from connector.errors import Reject
from connector.model import Report
from tests.creditsafe_bench import accounts, report_of

PRESETS = shipped(load(), "creditsafe-presets")

REF = "GB-0-01234567"
RATING = "creditScore__currentCreditRating"
TODAY = dt.date(2026, 3, 1)


def read(pod_unit: str = "percent", ref: str = REF, **changes: object) -> Report:
    answer = decode(json.dumps(report_of(**changes)).encode())
    return parse(answer, ref, pod_unit=pod_unit, table=PRESETS, today=TODAY)


def codes(report: Report) -> set[str]:
    return {warning.partition(":")[0] for warning in report.warnings}


def test_a_whole_report_is_read_without_warnings():
    report = read()
    assert (report.provider, report.subject_ref, report.subject_name) == ("creditsafe", REF, "Example Ltd")
    assert report.as_of == dt.date(2026, 1, 31)
    assert report.band == "B"
    assert (report.limit, report.limit_currency, report.limit_note) == (4_500_000, "GBP", None)
    assert report.dbt_days == 9
    assert (report.dissolved, report.insolvent) == (False, False)
    assert report.negatives == ()
    assert report.warnings == ()


@pytest.mark.parametrize(("unit", "pd"), [("percent", 0.0061), ("fraction", 0.61)])
def test_trap_pod_is_taken_before_any_table_in_the_unit_that_is_set(unit, pd):
    report = read(unit)
    assert report.pd_12m == pd
    assert report.pd_method == "provider_pd"


@pytest.mark.parametrize(("letter", "pd"), [("A", 0.002), ("B", 0.007), ("C", 0.02), ("D", 0.08)])
def test_without_pod_the_grade_table_answers_under_its_name(letter, pd):
    report = read(**{f"{RATING}__pod": None, f"{RATING}__commonValue": letter})
    assert report.band == letter
    assert report.pd_12m == pd
    assert report.pd_method == "grade_table creditsafe-presets-1"
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("pod", "unit", "code"),
    [
        (0, "percent", "pod_unreadable"),
        ("n/a", "percent", "pod_unreadable"),
        (True, "percent", "pod_unreadable"),
        (-1, "percent", "pod_out_of_range"),
        (101, "percent", "pod_out_of_range"),
        (2, "fraction", "pod_out_of_range"),
    ],
)
def test_a_pod_that_is_no_probability_is_not_taken(pod, unit, code):
    report = read(unit, **{f"{RATING}__pod": pod})
    assert report.pd_method == "grade_table creditsafe-presets-1"
    assert codes(report) == {code}


def test_trap_e_is_not_rated_and_never_the_worst_grade():
    report = read(
        **{
            f"{RATING}__commonValue": "E",
            f"{RATING}__pod": None,
            f"{RATING}__providerDescription": "No accounts",
        }
    )
    assert report.band is None
    assert report.pd_12m is None
    assert report.pd_method == "none"
    assert codes(report) == {"not_rated"}
    assert "No accounts" in report.warnings[0]
    assert [score.raw for score in report.scores if score.kind == "rating"] == ["E"]


@pytest.mark.parametrize("letter", [None, "", "F", "AA", 1])
def test_an_unknown_letter_is_no_band(letter):
    report = read(**{f"{RATING}__commonValue": letter, f"{RATING}__pod": None})
    assert report.band is None
    assert report.pd_12m is None
    assert codes(report) == {"band_unknown"}


def test_trap_scores_keep_raw_value_scale_and_direction():
    letter, score = read().scores
    assert (letter.kind, letter.raw, letter.scale, letter.higher_is_better) == (
        "rating",
        "B",
        "creditsafe-band/1 D-A",
        None,
    )
    assert (score.kind, score.raw, score.scale, score.higher_is_better) == (
        "overall",
        "64",
        "creditsafe-score/1 1-100",
        True,
    )
    assert score.dated == dt.date(2026, 1, 31)


def test_a_score_in_words_is_kept_as_it_is():
    value = {"minValue": "0", "maxValue": "100", "value": "Not Rated"}
    report = read(**{f"{RATING}__providerValue": value})
    assert [s.raw for s in report.scores] == ["B", "Not Rated"]


@pytest.mark.parametrize(
    ("limit", "amount", "currency", "note", "code"),
    [
        ({"currency": "GBP", "value": "45,000.50"}, 4_500_050, "GBP", None, None),
        ({"currency": "JPY", "value": 45000}, 45_000, "JPY", None, None),
        ({"currency": "GBP", "value": "0"}, 0, "GBP", None, None),
        ({"value": "€ 45 000"}, 4_500_000, "EUR", None, None),
        ({"value": "Credit limit not applicable"}, None, None, "Credit limit not applicable", None),
        ({"currency": "GBP", "value": "No limit for 12 months"}, None, None, "No limit for 12 months", None),
        ({"value": "45000"}, None, None, "45000", "limit_unreadable"),
        ({"currency": "GBP", "value": "-5"}, None, None, "-5", "limit_unreadable"),
        ({}, None, None, None, None),
        (None, None, None, None, None),
    ],
)
def test_trap_a_limit_is_an_amount_with_currency_or_a_sentence(limit, amount, currency, note, code):
    report = read(**{f"{RATING}__creditLimit": limit})
    assert (report.limit, report.limit_currency, report.limit_note) == (amount, currency, note)
    assert codes(report) == ({code} if code else set())


@pytest.mark.parametrize(
    ("payment", "days", "found"),
    [
        ({"dbt": 0, "paymentsOnFile": 12}, 0, set()),
        ({"dbt": "12", "paymentsOnFile": None}, 12, set()),
        ({"dbt": 9.5}, 10, set()),
        ({"dbt": 0, "paymentsOnFile": 0}, None, {"dbt_without_payments"}),
        ({"dbt": "n/a"}, None, {"dbt_unreadable"}),
        ({}, None, set()),
    ],
)
def test_days_beyond_terms_need_payments_on_file(payment, days, found):
    report = read(paymentData=payment)
    assert report.dbt_days == days
    assert codes(report) == found


@pytest.mark.parametrize(
    ("summary", "exact", "possible", "resolved", "found"),
    [
        ({"numberOfExact": 2, "numberOfPossible": 1, "numberOfSatisfied": 0}, 2, 1, False, set()),
        ({"numberOfExact": 2, "numberOfPossible": 0}, 2, 0, None, set()),
        ({"numberOfExact": 2, "numberOfSatisfied": 1}, 2, 0, None, {"judgments_satisfied"}),
        ({"numberOfExact": 0, "numberOfPossible": 3, "numberOfSatisfied": 0}, 0, 3, None, set()),
        ({"numberOfExact": -1}, 0, 0, None, {"judgments_unreadable"}),
        ({"numberOfExact": 10**9}, 0, 0, None, {"judgments_unreadable"}),
    ],
)
def test_trap_only_exact_judgments_count_and_possible_ones_are_marked(
    summary, exact, possible, resolved, found
):
    report = read(negativeInformation={"ccjSummary": summary})
    hits = [n for n in report.negatives if n.exact]
    assert {n.kind for n in report.negatives} <= {"judgment"}
    assert len(hits) == exact
    assert len(report.negatives) - len(hits) == possible
    assert {n.resolved for n in hits} <= {resolved}
    assert codes(report) == found


@pytest.mark.parametrize(
    ("status", "resolved", "insolvent", "found"),
    [
        ("Open", False, True, set()),
        ("Discharged", True, False, set()),
        ("", None, None, {"bankruptcy_unclear"}),
    ],
)
def test_a_bankruptcy_on_file_tells_insolvency_unless_it_is_over(status, resolved, insolvent, found):
    entry = {"type": "Bankruptcy", "date": "2025-05-01T00:00:00Z", "status": status}
    report = read(negativeInformation={"bankruptcyInformation": [entry]})
    (record,) = report.negatives
    assert (record.kind, record.filed_on, record.resolved) == ("bankruptcy", dt.date(2025, 5, 1), resolved)
    assert report.insolvent is insolvent
    assert codes(report) == found


def test_trap_e_may_hide_a_failure_which_its_words_tell():
    status = {"status": "NonActive", "description": "Closed"}
    words = "Company in situation of failure and with a very high risk of winding up"
    report = read(
        companySummary__companyStatus=status,
        **{f"{RATING}__commonValue": "E", f"{RATING}__providerDescription": words, f"{RATING}__pod": None},
    )
    assert (report.dissolved, report.insolvent) == (True, True)


def test_words_of_a_rated_company_about_risk_are_no_failure():
    report = read(**{f"{RATING}__providerDescription": "Insolvency score low"})
    assert report.insolvent is False


def test_statements_come_newest_first_in_minor_units():
    newest, older = read().statements
    assert (newest.period_end, older.period_end) == (dt.date(2025, 12, 31), dt.date(2024, 12, 31))
    assert newest.months == 12
    assert newest.consolidated is False
    assert (newest.currency, newest.revenue, newest.operating_profit) == ("GBP", 120_000_000, 9_000_000)
    assert newest.operating_costs == 111_000_000
    assert (newest.net_profit, newest.equity) == (6_000_000, 30_000_000)
    assert (newest.total_assets, newest.current_assets) == (80_000_000, 50_000_000)
    assert (newest.inventory, newest.receivables, newest.cash) == (12_000_000, 18_000_000, 9_000_000)
    assert (newest.total_liabilities, newest.current_liabilities) == (50_000_000, 30_000_000)
    assert newest.intangibles is None
    assert newest.interest_expense is None
    assert newest.operating_cash_flow is None


def test_what_accounts_leave_out_stays_unknown_and_zero_stays_zero():
    row = accounts(2025, cash=0, totalInventories=None, totalLiabilities=None, totalLongTermLiabilities=None)
    row["profitAndLoss"] = {"revenue": 0}
    (statement,) = read(financialStatements=[row]).statements
    assert statement.cash == 0
    assert statement.inventory is None
    assert statement.total_liabilities is None
    assert statement.revenue == 0
    assert statement.operating_profit is None
    assert statement.operating_costs is None


def test_total_liabilities_are_the_sum_of_their_parts_where_only_these_are_stated():
    (statement,) = read(financialStatements=[accounts(2025, totalLiabilities=None)]).statements
    assert statement.total_liabilities == 50_000_000


def test_costs_intangibles_and_financial_expenses_are_read_where_stated():
    row = accounts(2025, totalIntangibleAssets=7)
    row["profitAndLoss"] = {"operatingCosts": 244458, "financialExpenses": 12007}
    (statement,) = read(financialStatements=[row]).statements
    assert (statement.operating_costs, statement.interest_expense) == (24_445_800, 1_200_700)
    assert statement.intangibles == 700


@pytest.mark.parametrize(("weeks", "months"), [(52, 12), (53, 12), (26, 6), (78, 18), (1, 1)])
def test_weeks_become_months(weeks, months):
    (statement,) = read(financialStatements=[accounts(2025) | {"numberOfWeeks": weeks}]).statements
    assert statement.months == months


@pytest.mark.parametrize("weeks", [None, 0, -3])
def test_an_unstated_period_is_twelve_months_with_a_warning(weeks):
    report = read(financialStatements=[accounts(2025) | {"numberOfWeeks": weeks}])
    assert report.statements[0].months == 12
    assert codes(report) == {"period_assumed"}


def test_trap_unconsolidated_accounts_are_preferred_and_newer_group_accounts_are_told():
    report = read(financialStatements=[accounts(2025, consolidated=True), accounts(2024), accounts(2023)])
    assert [s.period_end.year for s in report.statements] == [2024, 2023]
    assert {s.consolidated for s in report.statements} == {False}
    assert codes(report) == {"newer_group_accounts"}


@pytest.mark.parametrize("kind", [True, None])
def test_other_accounts_are_taken_where_there_are_no_unconsolidated_ones(kind):
    report = read(financialStatements=[accounts(2025, consolidated=kind)])
    assert [s.consolidated for s in report.statements] == [kind]
    assert report.warnings == ()


def test_of_two_accounts_of_one_period_the_fuller_is_taken():
    bare = accounts(2025) | {"balanceSheet": {"cash": 1}}
    for rows in ([bare, accounts(2025)], [accounts(2025), bare]):
        (statement,) = read(financialStatements=rows).statements
        assert statement.cash == 9_000_000


@pytest.mark.parametrize("change", [{"currency": "XXX"}, {"currency": None}, {"yearEndDate": "soon"}])
def test_accounts_that_cannot_be_placed_are_left_out_with_a_warning(change):
    report = read(financialStatements=[accounts(2025) | change, accounts(2024)])
    assert [s.period_end.year for s in report.statements] == [2024]
    assert codes(report) == {"statement_skipped"}


def test_amounts_do_not_pass_through_a_float():
    body = json.dumps(report_of(financialStatements=[accounts(2025)])).replace("90000,", "0.1e1,").encode()
    body = body.replace(b'"cash": 90000', b'"cash": 9007199254740.993')
    report = parse(decode(body), REF, pod_unit="percent", table=PRESETS, today=TODAY)
    assert report.statements[0].cash == 900_719_925_474_099
    assert report.statements[0].operating_profit == 100


@given(units=st.integers(-(10**12), 10**12), pence=st.integers(0, 99))
def test_any_amount_keeps_its_last_penny(units, pence):
    written = f"{units}.{pence:02d}"
    row = accounts(2025, cash=0)
    body = (
        json.dumps(report_of(financialStatements=[row])).replace('"cash": 0', f'"cash": {written}').encode()
    )
    report = parse(decode(body), REF, pod_unit="percent", table=PRESETS, today=TODAY)
    assert report.statements[0].cash == int(Decimal(written) * 100)


def test_an_almost_empty_report_is_all_unknown():
    report = parse({"report": {"x": 1}}, REF, pod_unit="percent", table=PRESETS, today=TODAY)
    assert report.as_of == TODAY
    assert report.subject_name == REF
    known = report.model_dump(exclude_none=True)
    assert set(known) == {
        "provider",
        "subject_ref",
        "subject_name",
        "as_of",
        "scores",
        "pd_method",
        "negatives",
        "judgments_covered",
        "statements",
        "warnings",
    }
    assert known["pd_method"] == "none"
    assert known["judgments_covered"] is False
    assert codes(report) == {"band_unknown", "status_unclear"}


@given(
    node=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-5, 5)
        | st.sampled_from(["", "x", "E", "Active", "2025-12-31"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["companyStatus", "currentCreditRating", "creditLimit", "value", "dbt", "ccjSummary"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=6,
    ),
    section=st.sampled_from(
        ["companySummary", "creditScore", "paymentData", "negativeInformation", "financialStatements"]
    ),
)
def test_any_shape_in_a_section_gives_a_report(node, section):
    report = read(**{section: node})
    assert report.subject_ref == REF


@pytest.mark.parametrize("ref", ["GB-0-1234567", "FR-0-01234567"])
def test_a_report_on_another_company_is_rejected(ref):
    with pytest.raises(Reject) as fault:
        read(ref=ref)
    assert fault.value.code == "wrong_company"


@pytest.mark.parametrize("ref", ["GB001-0-01234567", "gb-0-01234567", "SAFE123"])
def test_other_spellings_of_the_same_id_are_the_same_company(ref):
    assert read(ref=ref).subject_ref == ref


def test_trap_scores_of_another_model_are_on_another_scale():
    """Only scores with one scale id may be compared: its version and its ends are part of it."""
    report = read(
        creditScore__currentCreditRating__providerValue={"minValue": "0", "maxValue": "100", "value": "5"}
    )
    ids = {score.scale for score in report.scores} | {score.scale for score in read().scores}
    assert {"creditsafe-score/1 0-100", "creditsafe-score/1 1-100"} <= ids


def test_the_rating_before_and_the_fraud_score_are_kept_apart_from_the_rating():
    report = read(
        creditScore__previousCreditRating={"commonValue": "A"},
        additionalInformation__fraudScore={"value": "12", "description": "Low"},
    )
    kinds = {score.kind: score.raw for score in report.scores}
    assert (kinds["rating"], kinds["rating_before"], kinds["fraud"]) == ("B", "A", "12")
    assert report.band == "B"
