"""Several agencies: combined by log-odds, no one too strong, contradictions to a person, news as signals."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.bureau.news import heard, news
from connector.model import Negative, Report
from connector.policy.form_agency import Agencies
from connector.rules.agency_views import STEPS, View, said, views, weighted
from connector.rules.explain import basis_text
from connector.store import reports
from tests.cli_home import Home, make_home
from tests.rules_bench import TODAY, dossier, facts, policy
from tests.rules_bench import report as doc

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)


def report(provider: str = "a", pd: float | None = 0.01, **more: Any) -> Report:
    values: dict[str, Any] = {"provider": provider, "subject_ref": "r", "as_of": NOW.date(), "pd_12m": pd}
    values |= {"subject_name": "Hengda", "limit_currency": "CNY"}
    return Report(**(values | more))


def test_the_steps_are_the_regulation_s_three_year_rates_as_one_year_ones() -> None:
    assert [f"{bound:.6f}" for bound in STEPS] == ["0.000534", "0.001803", "0.008031", "0.038064", "0.097497"]


STEP_OF = [(0.0001, 1), (0.001, 2), (0.004, 3), (0.02, 4), (0.07, 5), (0.2, 6)]


@pytest.mark.parametrize(("pd", "step"), STEP_OF)
def test_a_probability_amounts_to_a_step(pd: float, step: int) -> None:
    assert views([report(pd=pd)])[0].step == step


def test_two_agencies_of_equal_weight_meet_in_the_middle_of_their_log_odds() -> None:
    found = views([report("a", 0.01), report("b", 0.04)])
    expected = 1 / (1 + math.sqrt((0.99 / 0.01) * (0.96 / 0.04)))
    assert float(weighted(found, Agencies(), 90, NOW.date())) == pytest.approx(expected, abs=1e-6)


def test_reliability_and_age_weigh_and_no_agency_has_more_than_the_bound() -> None:
    found = views([report("a", 0.01), report("b", 0.04)])
    even = weighted(found, Agencies(), 90, NOW.date())
    trusted = Agencies(weights={"a": Decimal(2)})
    assert weighted(found, trusted, 90, NOW.date()) < even
    extreme = Agencies(weights={"a": Decimal(1000)})
    bounded = weighted(found, extreme, 90, NOW.date())
    odds = 0.7 * math.log(0.01 / 0.99) + 0.3 * math.log(0.04 / 0.96)
    assert float(bounded) == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-6)
    old = views([report("a", 0.01, as_of=NOW.date() - dt.timedelta(days=90)), report("b", 0.04)])
    assert weighted(old, Agencies(), 90, NOW.date()) > even


@given(
    st.lists(st.tuples(st.floats(0.0001, 0.9), st.integers(0, 5)), min_size=2, max_size=5),
    st.sampled_from([Decimal("0.3"), Decimal("0.7"), Decimal(1)]),
)
def test_what_is_combined_lies_between_the_best_and_the_worst(
    given_: list[tuple[float, int]], most: Decimal
) -> None:
    found = views([report(str(at), pd) for at, (pd, _) in enumerate(given_)])
    rules = Agencies(weights={str(at): Decimal(w) for at, (_, w) in enumerate(given_)}, most_weight=most)
    pds = [one.pd for one in found]
    slack = Decimal("0.000002")
    assert min(pds) - slack <= weighted(found, rules, 90, NOW.date()) <= max(pds) + slack


def test_in_a_contradiction_the_worst_speaks_until_a_person_has_said_who_does() -> None:
    fresh = [report("new", 0.001), report("old", 0.02)]
    undecided = said(fresh, Agencies(), 90, None, NOW.date())
    assert (undecided.speaks[0].provider, undecided.apart, undecided.basis) == ("old", 2, "undecided")
    decided = said(fresh, Agencies(), 90, "new", NOW.date())
    assert (decided.speaks[0].provider, decided.basis) == ("new", "chosen")
    newest = said(fresh, Agencies(undecided="newest"), 90, None, NOW.date())
    assert newest.speaks[0].provider == "new"
    assert said(fresh, Agencies(disagreement=3), 90, None, NOW.date()).speaks[0].provider == "new"


def test_one_agency_alone_has_nobody_to_contradict() -> None:
    alone = said([report("a", 0.5), report("b", None)], Agencies(combine="weighted"), 90, None, NOW.date())
    assert (alone.apart, alone.pd, alone.basis) == (None, None, None)


def test_the_facts_say_who_speaks_how_far_they_are_apart_and_the_range() -> None:
    two = dossier(reports=(doc(provider="a", pd_12m=0.001), doc(provider="b", pd_12m=0.02, days_old=20)))
    found = facts(two)
    assert found.values["agency_pd"] == Decimal("0.02") and found.origins["agency_pd"].provider == "b"
    assert "undecided" in str(found.origins["agency_pd"].basis)
    assert found.values["agency_disagreement"] == 2
    assert (found.values["agency_pd_best"], found.values["agency_pd_worst"]) == (
        Decimal("0.001"),
        Decimal("0.02"),
    )
    mean = facts(two, policy(agencies={"combine": "weighted", "disagreement": 5}))
    assert Decimal("0.001") < mean.values["agency_pd"] < Decimal("0.02")  # type: ignore[operator]
    assert mean.origins["agency_pd"].provider == "a + b" and mean.origins["agency_pd"].basis == "weighted"
    assert mean.next_change is not None and mean.next_change.date() <= TODAY + dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("agencies", "chosen", "en", "zh"),
    [
        ({}, None, "contradict one another, nobody has decided; by the agency's own figure", "尚未裁定"),
        ({}, "a", "contradict one another, a person believes this one; by", "人工裁定"),
        ({"combine": "worst", "disagreement": 5}, None, "the worst of several agencies; by", "最差者"),
        ({"combine": "weighted", "disagreement": 5}, None, "weighted mean of several agencies", "加权平均"),
    ],
)
def test_explain_says_in_words_how_one_figure_came_of_several(
    agencies: dict[str, Any], chosen: str | None, en: str, zh: str
) -> None:
    said_by = {"pd_method": "provider_pd"}
    two = (doc(provider="a", pd_12m=0.001, **said_by), doc(provider="b", pd_12m=0.02, days_old=20, **said_by))
    basis = (
        facts(dossier(reports=two, agency_chosen=chosen), policy(agencies=agencies))
        .origins["agency_pd"]
        .basis
    )
    assert basis is not None and en in basis_text(basis, "en") and zh in basis_text(basis, "zh")


def negative(kind: str, case: str) -> Negative:
    return Negative(kind=kind, case_no=case, filed_on=NOW.date())


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ({"pd": 0.01}, {"pd": 0.02}, {"agency_rating_changed": "warning"}),
        ({"pd": 0.02}, {"pd": 0.01}, {"agency_rating_changed": "info"}),
        ({"pd": 0.01}, {"pd": 0.019}, {}),
        ({"band": "A", "pd": 0.01}, {"band": "B", "pd": 0.011}, {"agency_rating_changed": "warning"}),
        ({"limit": 1000}, {"limit": 700}, {"agency_rating_changed": "warning"}),
        ({"limit": 1000}, {"limit": 800}, {}),
        ({}, {"negatives": (negative("judgment", "1"),)}, {"judgment_appeared": "alarm"}),
        ({}, {"negatives": (negative("dishonest", "1"),)}, {"dishonest_appeared": "alarm"}),
        ({}, {"insolvent": True}, {"insolvency_appeared": "alarm"}),
        ({"registered_address": "A"}, {"registered_address": "B"}, {"registration_changed": "warning"}),
        ({"representative_mark": "1"}, {"representative_mark": "2"}, {"registration_changed": "warning"}),
        ({}, {"registered_address": "B", "representative_mark": "2"}, {}),
        ({"negatives": (negative("judgment", "1"),)}, {"negatives": (negative("judgment", "1"),)}, {}),
        ({"insolvent": True}, {"insolvent": True}, {}),
    ],
)
def test_what_an_agency_says_anew_is_news(
    before: dict[str, Any], after: dict[str, Any], kinds: dict[str, str]
) -> None:
    found = news(report(**before), report(**after))
    assert {one.kind: str(one.severity) for one in found} == kinds


def test_of_a_first_report_only_what_is_bad_in_itself_is_news() -> None:
    first = report(pd=0.5, negatives=(negative("judgment", "1"),))
    assert [one.kind for one in news(None, first)] == ["judgment_appeared"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CREDITGATE_AS_OF", NOW.date().isoformat())
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    for name in ("a", "b"):
        made.connect("agency", name)
    made.customer("Hengda Metal")
    return made


def told(home: Home, one: Report) -> None:
    with home.opened() as runtime, runtime.store.write() as tx:
        number = runtime.connections.get(one.provider).id
        values: dict[str, Any] = {"customer_id": 1, "raw": "", "raw_sha256": "", "now": runtime.now()}
        reports.keep(tx, connection_id=number, content=one, **values)
        heard(tx, 1, one, None, runtime.policy, runtime.now())


def test_a_contradiction_is_listed_settled_with_who_and_why_and_open_again_with_a_newer_report(
    home: Home,
) -> None:
    told(home, report("a", 0.001))
    assert home.rows("bureau", "disputes", "list") == []
    told(home, report("b", 0.05))
    (row,) = home.rows("bureau", "disputes", "list")
    assert row["state"] == "open" and "a: PD 0.001" in row["agencies"]
    assert [s["kind"] for s in home.rows("signal", "list")] == ["agencies_disagree"]
    before = home.changes(1)
    settle = ("bureau", "disputes", "settle", str(row["id"]), "--actor", "Lin")
    assert home.run(*settle, "--believe", "c", "--reason", "x").code == 2
    assert home.run(*settle, "--believe", "a", "--reason", " ").code == 2
    assert home.run(*settle, "--believe", "a", "--reason", "audited accounts").code == 0
    assert home.changes(1) == before + 1
    (entry,) = home.journal("agencies_settled")
    assert (entry["actor"], entry["after"], entry["reason"]) == ("Lin", "a", "audited accounts")
    assert home.run("assess").code == 0
    assert believed(home) == "a"
    told(home, report("b", 0.06, as_of=NOW.date() + dt.timedelta(days=1)))
    assert believed(home) is None
    states = [one["state"] for one in home.rows("bureau", "disputes", "list", "--all")]
    assert states == ["over", "open"]


def test_agencies_that_agree_again_end_contradiction_and_signal(home: Home) -> None:
    told(home, report("a", 0.001))
    told(home, report("b", 0.05))
    told(home, report("b", 0.0011, as_of=NOW.date() + dt.timedelta(days=1)))
    assert home.rows("bureau", "disputes", "list") == []
    assert [s["kind"] for s in home.rows("signal", "list")] == []


def believed(home: Home) -> str | None:
    from connector.store import dossiers

    with home.opened() as runtime, runtime.store.read() as tx:
        ((found, _),) = dossiers.read(tx, [1])
    return found.agency_chosen


def test_a_view_needs_a_probability() -> None:
    assert views([report(pd=None)]) == [] and isinstance(views([report()])[0], View)
