"""The Creditsafe adapter against a server written from the same manual by another hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import requests

from adapters.bureau.creditsafe import Creditsafe
from adapters.bureau.creditsafe_connect import TOKEN
from connector.adapter import Context, Match, Subject
from connector.errors import Halt, Reauth, Reject, Retry
from connector.http import Http
from connector.model import Report
from sandbox.bureau import SANDBOX, app
from sandbox.server import Options
from tests.memory_secrets import MemorySecrets
from tests.sandbox_server import running

OPTIONS = Options(accounts=300, seed=7, as_of=dt.datetime(2026, 3, 1, tzinfo=dt.UTC))


def bureau(base: str, **settings: str) -> Creditsafe:
    http = Http(Creditsafe.limits, sleep=lambda seconds: None)
    known = SANDBOX.settings_at(base) | settings
    return Creditsafe(Context("agency", known, MemorySecrets(), http, "en", lambda: dt.datetime.now(dt.UTC)))


def calls(base: str) -> dict[str, int]:
    answer: dict[str, int] = requests.get(f"{base}/_sandbox/calls", timeout=5).json()
    return answer


def subjects() -> dict[str, Subject]:
    """The economy's companies with their identifiers, by key."""
    return {
        company.key: Subject(
            company.name,
            company.country,
            {
                key: value
                for key in ("uscc", "vat", "registration_no")
                if (value := getattr(company, key)) is not None
            },
        )
        for company in OPTIONS.world().companies
    }


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with running(SANDBOX.app(OPTIONS)) as url:
        yield url


@pytest.fixture(scope="module")
def found(base: str) -> dict[str, Match | None]:
    """The best candidate by identifier for every company that has one."""
    agency = bureau(base)
    return {
        key: next((m for m in agency.match(subject) if m.by == "identifier"), None)
        for key, subject in subjects().items()
        if subject.identifiers
    }


@pytest.fixture(scope="module")
def reports(base: str, found: dict[str, Match | None]) -> dict[str, Report]:
    agency = bureau(base)
    return {key: agency.fetch(match.ref).report for key, match in found.items() if match}


def test_the_settings_of_the_sandbox_are_the_adapters(base: str):
    assert set(SANDBOX.settings) <= {setting.key for setting in Creditsafe.settings}
    assert SANDBOX.kind == Creditsafe.name
    assert base in bureau(base).test()


def test_a_wrong_password_is_sent_once(base: str):
    agency = bureau(base, password="wrong")
    before = calls(base)["token"]
    for _ in range(3):
        with pytest.raises(Reauth) as fault:
            agency.match(Subject("Example", "GB", {}))
        assert "wrong" not in str(fault.value)
    assert calls(base)["token"] == before + 1


def test_one_sign_in_serves_many_calls(base: str):
    agency = bureau(base)
    before = calls(base)["token"]
    for subject in list(subjects().values())[:5]:
        agency.match(subject)
    assert calls(base)["token"] == before + 1


def test_companies_are_found_by_their_numbers(found: dict[str, Match | None]):
    hits = [match for match in found.values() if match]
    # Some companies are not on file; a hit is sure and stands for one company.
    assert len(found) // 2 < len(hits)
    assert {match.confidence for match in hits} == {1.0}
    assert len({match.ref for match in hits}) == len(hits)


def test_companies_are_found_by_name_with_less_than_certainty(base: str, found: dict[str, Match | None]):
    agency, tried = bureau(base), 0
    for key, subject in subjects().items():
        if tried < 10 and (match := found.get(key)):
            candidates = agency.match(Subject(subject.name, subject.country, {}))
            assert match.ref in [m.ref for m in candidates]
            assert all(m.by == "name" and m.confidence < 1 for m in candidates)
            assert [m.confidence for m in candidates] == sorted(
                (m.confidence for m in candidates), reverse=True
            )
            tried += 1
    assert tried == 10


def test_an_unknown_company_is_not_found_and_not_invented(base: str):
    agency = bureau(base)
    assert [m for m in agency.match(Subject("Zqxj Nowhere", "GB", {"registration_no": "00000001"}))
            if m.confidence > 0.9] == []  # fmt: skip
    with pytest.raises(Reject):
        agency.fetch("GB-0-00000001")


def test_every_report_is_about_its_company(reports: dict[str, Report]):
    names = {company.key: company.name for company in OPTIONS.world().companies}
    assert {key: report.subject_name for key, report in reports.items()} == {
        key: names[key] for key in reports
    }


def test_rated_companies_have_a_probability_and_others_have_none_of_the_worst(reports: dict[str, Report]):
    assert {report.band for report in reports.values()} >= {"A", "B", "C", "D", None}
    for report in reports.values():
        raw = next(score.raw for score in report.scores if score.kind == "rating")
        assert report.band == (None if raw == "E" else raw)
        if report.band:
            assert report.pd_12m is not None and 0 < report.pd_12m < 1
        else:
            assert any(warning.startswith("not_rated") for warning in report.warnings)


def test_probabilities_are_read_in_the_right_unit(reports: dict[str, Report]):
    """Read in the wrong unit, a probability of a per cent would be one of a hundred, or too small."""
    mean = {
        band: sum(values) / len(values)
        for band in "ABCD"
        if (values := [r.pd_12m for r in reports.values() if r.band == band and r.pd_12m is not None])
    }
    assert mean["A"] < mean["B"] < mean["C"] < mean["D"]
    assert 0.0001 < mean["A"] < 0.02
    assert 0.02 < mean["D"] < 0.6
    assert "provider_pd" in {r.pd_method for r in reports.values()}


def test_limits_are_amounts_with_currency_or_notes(reports: dict[str, Report]):
    for report in reports.values():
        assert (report.limit is None) == (report.limit_currency is None)
        assert report.limit is None or report.limit_note is None
    assert [report for report in reports.values() if report.limit]


def test_accounts_are_those_of_the_company_to_the_unit(reports: dict[str, Report]):
    compared = 0
    for key, report in reports.items():
        years = {f.period_end: f for f in OPTIONS.world().financials.get(key, ())}
        ends = [statement.period_end for statement in report.statements]
        assert ends == sorted(ends, reverse=True)
        for statement in report.statements:
            real = years[statement.period_end]
            assert statement.currency == real.currency
            for name in (
                "revenue",
                "total_assets",
                "equity",
                "cash",
                "inventory",
                "operating_profit",
                "net_profit",
            ):
                stated = getattr(statement, name)
                # The agency gives whole units, so at most one unit is lost to rounding.
                assert stated is None or abs(stated - getattr(real, name)) <= 100
                compared += stated is not None
    assert compared > 200


def test_failed_companies_are_flagged_and_living_ones_are_not(reports: dict[str, Report]):
    states = [(report.dissolved, report.insolvent) for report in reports.values()]
    assert any(True in state for state in states)
    for report, state in zip(reports.values(), states, strict=True):
        if report.band:
            assert True not in state


def test_no_report_leaves_an_unread_part(reports: dict[str, Report]):
    """What cannot be read leaves a warning that ends in one of these."""
    unread = ("unreadable", "out_of_range", "skipped", "unknown", "unclear", "contradicts")
    told = [w for report in reports.values() for w in report.warnings if w.partition(":")[0].endswith(unread)]
    assert told == []


def test_passing_faults_are_ridden_out():
    options = Options(accounts=20, seed=7, as_of=OPTIONS.as_of, faults={"read.503": 0.3, "read.drop": 0.1})
    with running(SANDBOX.app(options)) as base:
        agency = bureau(base)
        some = [s for s in subjects().values() if s.identifiers and s.country][:8]
        for subject in some:
            agency.match(subject)
        assert calls(base)["read"] > 8
        assert calls(base)["token"] == 1


def test_a_page_in_the_way_is_a_retry():
    options = Options(accounts=5, as_of=OPTIONS.as_of, faults={"read.html": 1.0})
    with running(SANDBOX.app(options)) as base, pytest.raises(Retry, match="no JSON"):
        bureau(base).match(Subject("Example", "GB", {}))


def test_trap_events_are_asked_for_by_day_and_the_same_one_twice_is_one_change(base: str, found):
    agency = bureau(base)
    refs = [match.ref for match in found.values() if match][:3]
    agency.watch(refs)
    agency.watch(refs)
    assert agency.watched() == frozenset(refs)
    for moment in ("2026-02-01T08:00:00Z", "2026-02-20T08:00:00Z", "2026-02-20T08:00:00Z"):
        requests.post(f"{base}/_sandbox/change", json={"id": refs[0], "at": moment}, timeout=5)
    agency.unwatch(refs[1:])
    agency.unwatch(refs[1:])
    assert agency.watched() == {refs[0]}
    (change,) = agency.changes(dt.datetime(2026, 2, 20, 23, tzinfo=dt.UTC))
    assert (change.ref, change.what) == (refs[0], "International Rating")


def test_watching_needs_the_number_of_a_portfolio(base: str):
    with pytest.raises(Halt, match="portfolio is not set"):
        bureau(base, portfolio="").watched()
    with pytest.raises(Reject):
        bureau(base, portfolio="12").watched()


def test_trap_repeated_bad_sign_ins_lock_the_door_and_the_right_password_waits():
    moment = [1_772_366_400.0]
    with running(app(OPTIONS, clock=lambda: moment[0])) as locked:
        for _ in range(5):
            with pytest.raises(Reauth):
                bureau(locked, password="wrong").test()
        with pytest.raises(Retry) as told:
            bureau(locked).test()
        assert told.value.after == 300
        moment[0] += 301
        assert bureau(locked).test()


def test_a_token_that_has_run_out_is_renewed_once_and_the_call_repeated(base: str):
    agency, before = bureau(base), calls(base)["token"]
    agency.context.secrets.put(TOKEN, "no-longer-good")
    with pytest.raises(Reject):
        agency.fetch("GB-0-00000000")
    assert calls(base)["token"] == before + 1
