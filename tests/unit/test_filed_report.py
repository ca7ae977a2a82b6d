"""A row of an agency's file as a report: grades by their scale, the probability in its order."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from adapters.bureau import scales
from adapters.bureau.filed_report import report_of
from adapters.bureau.pd_tables import load
from connector.errors import Reject
from connector.model import Report, ReportRow

TABLES = load()
DAY = dt.date(2026, 3, 31)


def read(tables: Any = TABLES, *, percent: bool = True, **figures: Any) -> Report:
    return report_of(
        ReportRow(external_id="1", name="A", as_of=DAY, **figures), "ccxi", tables, percent=percent
    )


def test_trap_a_national_grade_is_never_read_by_an_international_table():
    national = read(grade="AAA", scale="china-national")
    international = read(grade="AAA", scale="international")
    assert (national.pd_12m, national.pd_method, national.band) == (None, "none", "cnAAA")
    assert (international.pd_method, international.band) == ("grade_table eu-cqs-2016-1799", "AAA")
    assert national.scores[0].scale != international.scores[0].scale


def test_trap_a_small_g_marks_an_international_rating_of_a_chinese_agency():
    report = read(grade="AAg", scale="china-national")
    assert (report.band, report.scores[0].scale) == ("AAg", "ccxap-international/1 C-AAA")
    assert report.pd_12m is None


def test_an_admins_table_for_the_national_scale_reads_it(tmp_path: Path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "ours:\n  version: 3\n  kind: grades\n  years: 1\n  scales: [china-national]\n"
        "  grades:\n    AAA: {pd: 0.5}\n    AA+: {pd: 0.9}\n    AA: {pd: 1.5}\n"
    )
    tables = load(str(own))
    found = [read(tables, grade=grade, scale="china-national") for grade in ("AA+", "AA-", "A")]
    assert [one.pd_12m for one in found] == [0.009, 0.015, None]
    assert found[0].pd_method == "grade_table ours-3"
    assert read(tables, grade="AA+", scale="international").pd_12m is None


@pytest.mark.parametrize(
    ("grade", "scale", "letters"),
    [
        ("Baa3", "moodys", ("BBB-", "BBB")),
        ("Ca", "moodys", ("CC", "CC")),
        ("aa－", "china-national", ("AA-", "AA")),
        ("CCC+", "china-national", ("CCC+", "CCC")),
        ("R2", "ours", ("R2",)),
    ],
)
def test_letters_meet_in_one_form_on_their_scale(grade: str, scale: str, letters: tuple[str, ...]):
    assert scales.read(grade, scale).letters == letters


@pytest.mark.parametrize("grade", ["AAA+", "CC-", "E", "Aa1", "C+"])
def test_a_grade_that_the_scale_does_not_have_is_no_band_and_said(grade: str):
    report = read(grade=grade, scale="china-national")
    assert report.band is None and report.pd_12m is None
    assert report.scores[0].raw == grade
    assert report.warnings[0].startswith("grade_unknown")


@pytest.mark.parametrize("grade", ["NR", "无评级", "--"])
def test_trap_not_rated_is_a_state_of_its_own_and_not_the_worst(grade: str):
    report = read(grade=grade, scale="china-national")
    assert report.band is None and report.pd_12m is None and report.warnings[0].startswith("not_rated")


@pytest.mark.parametrize("grade", ["D", "SD"])
def test_the_grade_of_those_in_default_is_certain(grade: str):
    report = read(grade=grade, scale="international")
    assert (report.pd_12m, report.pd_method) == (1.0, "default_grade")


@pytest.mark.parametrize(
    ("figures", "pd", "method"),
    [
        ({"pd": "0.61%", "grade": "BB", "scale": "international"}, 0.0061, "provider_pd"),
        ({"grade": "BB", "scale": "international"}, 0.0256534, "grade_table eu-cqs-2016-1799"),
        ({"percentile": "99", "scale": "dnb-failure", "country": "US"}, 0.0003, "percentile_fit"),
        ({"score_class": "4", "scale": "dnb-failure", "country": "US"}, 0.0084, "band_mid"),
        ({"score_class": "4", "scale": "dnb-failure", "country": "DE"}, None, "none"),
        ({"score": "64"}, None, "none"),
    ],
)
def test_the_order_of_the_ways_to_a_probability(figures: dict[str, Any], pd: float | None, method: str):
    report = read(**figures)
    assert report.pd_12m == (None if pd is None else pytest.approx(pd, rel=1e-3))
    assert report.pd_method.startswith(method)


@pytest.mark.parametrize(
    ("written", "percent", "pd", "warns"),
    [
        ("0.61", True, 0.0061, ""),
        ("0.0061", False, 0.0061, ""),
        ("0.61％", False, 0.0061, ""),
        ("0", True, None, "pd_out_of_range"),
        ("61", False, None, "pd_out_of_range"),
        ("low", True, None, "pd_unreadable"),
    ],
)
def test_a_probability_is_read_in_its_unit(written: str, percent: bool, pd: float | None, warns: str):
    report = read(percent=percent, pd=written, score="1")
    assert report.pd_12m == pd
    assert [word.split(":")[0] for word in report.warnings] == ([warns] if warns else [])


@pytest.mark.parametrize(
    ("limit", "unit", "amount", "note"),
    [
        ("1,500.50", None, 150_050, None),
        ("500", "10000", 500_000_000, None),
        ("CNY 500", None, 50_000, None),
        ("0", None, 0, None),
        ("不适用", None, None, "不适用"),
    ],
)
def test_trap_a_limit_from_a_file_is_an_amount_or_a_sentence(
    limit: str, unit: str | None, amount: int | None, note: str | None
):
    report = read(recommended_limit=limit, limit_unit=unit, currency="CNY")
    assert (report.limit, report.limit_note) == (amount, note)


def test_accounts_are_multiplied_by_their_unit_and_need_a_currency():
    figures = {"total_assets": "1,200.5", "revenue": "-", "unit": "10000", "period_end": DAY}
    (statement,) = read(currency="CNY", **figures).statements
    assert (statement.total_assets, statement.revenue) == (1_200_500_000, None)
    assert read(score="1", **figures).statements == ()


def test_counted_records_are_open_and_an_empty_cell_is_unknown():
    report = read(judgments=2, dishonest=True)
    assert [one.kind for one in report.negatives] == ["judgment", "judgment", "dishonest"]
    assert all(one.resolved is False for one in report.negatives)
    assert read(judgments_covered=True).negatives == ()


@pytest.mark.parametrize(
    ("figures", "field"),
    [
        ({"grade": "AA"}, "grade"),
        ({"recommended_limit": "500"}, "recommended_limit"),
        ({"recommended_limit": "5", "currency": "CNY", "limit_unit": "many"}, "limit_unit"),
        ({"judgments": -1}, "judgments"),
        ({}, "grade"),
    ],
)
def test_a_row_that_contradicts_itself_or_says_nothing_is_rejected(figures: dict[str, Any], field: str):
    with pytest.raises(Reject) as caught:
        read(**figures)
    assert caught.value.field == field
