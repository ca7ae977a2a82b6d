"""Facts from rating agencies: newest statement, worst record, stale good news."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connector.model import Score
from connector.rules.documents import ReportDoc
from connector.rules.explain import basis_text
from connector.rules.snapshot import Origin, Unknown, Value, snapshot_from_json, snapshot_json
from tests.rules_bench import NOW, WITH_USD, day, dossier, facts, negative, numbers, policy, report

STALENESS = {"staleness": {"report_days": 90, "negatives_days": 30}}


def values(*reports: ReportDoc, **settings: Any) -> dict[str, Value]:
    return facts(dossier(reports=reports), policy(**STALENESS, **settings), WITH_USD).values


def test_what_the_agency_states() -> None:
    found = values(
        report(days_old=10, pd_12m=0.0213, band="B", limit=100, limit_currency="USD", insolvent=False)
    )
    assert found["agency_pd"] == Decimal("0.0213")
    assert found["agency_band"] == "B"
    assert found["agency_limit"] == 720
    assert found["agency_score_age_days"] == 10
    assert (found["open_judgments"], found["insolvent"]) == (0, False)


def test_the_band_may_stand_with_a_score() -> None:
    assert values(report(scores=(Score(kind="failure", raw="7", scale="x", band="C"),)))["agency_band"] == "C"


def test_no_report_and_silence_are_unknown() -> None:
    assert values()["agency_pd"] == Unknown("no_report")
    assert values()["open_judgments"] == Unknown("no_report")
    found = values(report())
    assert found["agency_pd"] == Unknown("not_stated")
    assert found["insolvent"] == Unknown("not_stated")


def test_advice_without_a_rate_is_unknown() -> None:
    assert values(report(limit=100, limit_currency="EUR"))["agency_limit"] == Unknown("no_rate")


def test_the_newest_report_that_states_a_value_gives_it() -> None:
    customer = dossier(
        reports=(
            report(days_old=20, provider="one", pd_12m=0.01, band="A"),
            report(days_old=5, provider="two", band="D"),
        )
    )
    found = facts(customer)
    assert (found.values["agency_pd"], found.values["agency_band"]) == (Decimal("0.01"), "D")
    assert found.origins["agency_pd"] == Origin("report", "one", day(-20), day(70))
    assert found.origins["agency_band"] == Origin("report", "two", day(-5), day(85))


def test_good_news_goes_stale() -> None:
    found = values(report(days_old=91, pd_12m=0.01, insolvent=False))
    assert found["agency_pd"] == Unknown("stale")
    assert found["open_judgments"] == Unknown("stale")
    assert found["insolvent"] == Unknown("stale")
    found = values(report(days_old=31, pd_12m=0.01, insolvent=False))
    assert found["agency_pd"] == Decimal("0.01")
    assert found["open_judgments"] == Unknown("stale")


def test_bad_news_stands_until_a_newer_report_lifts_it() -> None:
    bad = report(days_old=400, insolvent=True, negatives=(negative(),))
    assert (values(bad)["insolvent"], values(bad)["open_judgments"]) == (True, 1)
    other = report(days_old=1, provider="other", insolvent=False)
    assert (values(bad, other)["insolvent"], values(bad, other)["open_judgments"]) == (True, 1)
    newer = report(days_old=1, insolvent=False)
    assert (values(bad, newer)["insolvent"], values(bad, newer)["open_judgments"]) == (False, 0)


def test_trap_insolvency_is_certain_default_and_no_advice() -> None:
    found = values(report(pd_12m=0.01, limit=5_000, limit_currency="CNY", insolvent=True))
    assert (found["agency_pd"], found["agency_limit"]) == (1, 0)


@pytest.mark.parametrize(
    "more",
    [{"dissolved": True}, {"negatives": (negative("bankruptcy"),)}, {"negatives": (negative("insolvency"),)}],
)
def test_dissolution_and_open_bankruptcy_count_as_insolvent(more: dict[str, Any]) -> None:
    assert values(report(insolvent=False, **more))["insolvent"] is True


@pytest.mark.parametrize(
    ("record", "count"),
    [
        (negative("judgment"), 1),
        (negative("enforcement", resolved=None), 1),
        (negative("dishonest", resolved=False), 1),
        (negative("consumption_limit"), 1),
        (negative("judgment", resolved=True), 0),
        (negative("judgment", resolved_on=day(-3)), 0),
        (negative("judgment", exact=False), 0),
        (negative("lien"), 0),
    ],
)
def test_open_judgments_are_exact_and_not_known_to_be_resolved(record: Any, count: int) -> None:
    assert values(report(negatives=(record,)))["open_judgments"] == count


def test_the_same_judgment_in_two_reports_is_not_counted_twice() -> None:
    one = report(provider="one", negatives=(negative(),))
    two = report(provider="two", negatives=(negative(), negative()))
    assert values(one, two)["open_judgments"] == 2


def test_a_report_goes_stale_at_a_known_moment() -> None:
    customer = dossier(reports=(report(days_old=10, pd_12m=0.01),))
    found = facts(customer, policy(staleness={"report_days": 12, "negatives_days": 40}))
    assert found.next_change == dt.datetime(2026, 6, 18, tzinfo=dt.UTC)
    later = facts(customer, policy(staleness={"report_days": 12}), at=NOW + dt.timedelta(days=3))
    assert later.values["agency_pd"] == Unknown("stale")


def test_the_age_of_a_report_is_watched_where_the_policy_has_an_edge() -> None:
    customer = dossier(reports=(report(days_old=10),))
    without = facts(customer, policy(staleness={"report_days": 99, "negatives_days": 99}))
    assert without.next_change == dt.datetime(2026, 9, 13, tzinfo=dt.UTC)
    points = [
        numbers("late_share_12m", Decimal("0.2"), points=(100, 0)),
        numbers("agency_score_age_days", 15, points=(100, 0)),
    ]
    by = policy(
        staleness={"report_days": 99, "negatives_days": 99},
        scorecard={"max_weight": Decimal("0.5"), "data_points": points},
    )
    assert facts(customer, by).next_change == dt.datetime(2026, 6, 20, tzinfo=dt.UTC)


def test_no_judgments_are_good_news_only_from_an_agency_that_looks_for_them() -> None:
    assert values(report(judgments_covered=False))["open_judgments"] == Unknown("not_stated")
    assert values(report(judgments_covered=True))["open_judgments"] == 0
    found = values(report(judgments_covered=False, negatives=(negative(),)))
    assert found["open_judgments"] == 1


def test_a_registers_fresh_entry_makes_no_rating_fresh() -> None:
    rating = report(days_old=100, provider="one", pd_12m=0.01, band="A")
    entry = report(days_old=1, provider="register", insolvent=False)
    found = values(rating, entry)
    assert found["report_stale"] is True
    assert found["agency_score_age_days"] == 100
    assert found["insolvent"] is False, "the register vouches for what it knows"


def test_trap_an_open_entry_on_the_list_of_dishonest_debtors_is_treated_as_default() -> None:
    told = report(pd_12m=0.004, pd_method="provider_pd", limit=5_000, limit_currency="CNY")
    listed = report(provider="register", negatives=(negative("dishonest", resolved=False),))
    found = facts(dossier(reports=(told, listed)), policy(**STALENESS))
    assert (found.values["agency_pd"], found.values["agency_limit"]) == (Decimal(1), 5_000)
    assert found.origins["agency_pd"].basis == "dishonest"
    over = report(provider="register", negatives=(negative("dishonest", resolved=True),))
    assert values(told, over)["agency_pd"] == Decimal("0.004")


def test_a_limit_holds_as_long_as_the_agency_says() -> None:
    said = {"limit": 5_000, "limit_currency": "CNY"}
    assert values(report(**said, limit_valid_to=day(0)))["agency_limit"] == 5_000
    assert values(report(**said, limit_valid_to=day(-1)))["agency_limit"] == Unknown("stale")


def test_the_table_behind_a_probability_is_named_beside_it_and_kept_with_the_facts() -> None:
    found = facts(dossier(reports=(report(pd_12m=0.0257, pd_method="grade_table eu-cqs-2016-1799"),)))
    assert found.origins["agency_pd"].basis == "grade_table eu-cqs-2016-1799"
    assert snapshot_from_json(snapshot_json(found)).origins == found.origins
    assert basis_text("grade_table eu-cqs-2016-1799", "en") == "by grade table eu-cqs-2016-1799"
    assert "eu-cqs-2016-1799" in basis_text("grade_table eu-cqs-2016-1799", "zh")
