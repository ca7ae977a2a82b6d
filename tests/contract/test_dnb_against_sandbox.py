"""The D&B adapter against a server written from the same public material by another hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import requests

from adapters.bureau.dnb import DunBradstreet
from adapters.bureau.dnb_direct import TOKEN
from connector.adapter import Match, Subject
from connector.errors import Halt, Reauth, Reject, Retry
from connector.model import Report
from sandbox.dnb import SANDBOX, app
from sandbox.server import Options
from tests.agency_bench import OPTIONS, Bench, companies, subject
from tests.sandbox_server import running

UNLIMITED = Options(accounts=300, seed=7, as_of=OPTIONS.as_of, faults={"unlimited": 1.0})


def bench(base: str, attempts: int = 5, **settings: str) -> Bench:
    return Bench(DunBradstreet, attempts, **(SANDBOX.settings_at(base) | settings))


def calls(base: str) -> dict[str, int]:
    answer: dict[str, int] = requests.get(f"{base}/_sandbox/calls", timeout=5).json()
    return answer


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with running(app(UNLIMITED)) as url:
        yield url


@pytest.fixture(scope="module")
def found(base: str) -> dict[str, Match | None]:
    """The sure candidate for the first companies, found without their D-U-N-S number."""
    agency = bench(base).bureau
    some = list(companies().items())[:60]
    matched = {key: agency.match(subject(company, "duns")) for key, company in some if company.country}
    return {key: next((m for m in matches if m.by == "identifier"), None) for key, matches in matched.items()}


@pytest.fixture(scope="module")
def reports(base: str, found: dict[str, Match | None]) -> dict[str, Report]:
    agency = bench(base).bureau
    return {key: agency.fetch(match.ref).report for key, match in found.items() if match}


def test_the_settings_of_the_sandbox_are_the_adapters(base: str):
    assert set(SANDBOX.settings) <= {setting.key for setting in DunBradstreet.settings}
    assert SANDBOX.kind == DunBradstreet.name
    assert base in bench(base).bureau.test()


def test_companies_are_found_by_their_numbers_and_one_sign_in_serves_all(base: str):
    agency, before = bench(base).bureau, calls(base)["token"]
    known = [company for company in companies().values() if company.country and company.duns][:8]
    hits = [match for c in known for match in agency.match(subject(c, "duns"))[:1]]
    duns = {company.duns for company in known}
    assert hits and {m.ref.rpartition("-")[2] for m in hits if m.by == "identifier"} <= duns
    assert calls(base)["token"] == before + 1


def test_every_report_is_about_its_company(reports: dict[str, Report]):
    assert len(reports) > 20
    for key, report in reports.items():
        assert report.subject_name == companies()[key].name
        assert report.provider == "dnb"


def test_probabilities_are_given_where_a_table_is_made_for_the_country(reports: dict[str, Report]):
    for key, report in reports.items():
        assert (report.pd_12m is not None) == (companies()[key].country == "US")
        assert report.pd_12m is None or 0 < report.pd_12m < 0.05


def test_trap_countries_without_a_delinquency_score_have_none(reports: dict[str, Report]):
    kinds = {key: {score.kind for score in report.scores} for key, report in reports.items()}
    german = [kinds[key] for key in kinds if companies()[key].country == "DE"]
    others = [kinds[key] for key in kinds if companies()[key].country != "DE"]
    assert german and all("delinquency" not in found for found in german)
    assert all("delinquency" in found for found in others)


def test_accounts_are_those_of_the_company_to_the_unit(reports: dict[str, Report]):
    compared = 0
    for key, report in reports.items():
        real = OPTIONS.world().financials.get(key, ())
        for statement in report.statements:
            assert statement.period_end == real[-1].period_end
            assert abs((statement.total_assets or 0) - real[-1].total_assets) <= 1
            compared += 1
    assert compared > 10


def test_flags_are_true_false_or_unknown(reports: dict[str, Report]):
    assert {report.insolvent for report in reports.values()} >= {False, None}
    for key, report in reports.items():
        if report.insolvent:
            assert companies()[key].health < 0.1


def test_a_company_watched_is_told_of_when_it_changes(base: str, found: dict[str, Match | None]):
    agency = bench(base).bureau
    refs = [match.ref.rpartition("-")[2] for match in found.values() if match][:3]
    agency.watch(refs)
    agency.watch(refs)
    for _ in range(2):
        requests.post(f"{base}/_sandbox/change", json={"duns": refs[0]}, timeout=5).raise_for_status()
    agency.unwatch(refs[1:])
    requests.post(f"{base}/_sandbox/change", json={"duns": refs[1]}, timeout=5).raise_for_status()
    since = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    assert [change.ref for change in agency.changes(since)] == [refs[0]]
    assert agency.changes(since) == []


def test_a_wrong_secret_is_told(base: str):
    with pytest.raises(Reauth):
        bench(base, secret="wrong").bureau.test()


def test_trap_a_block_that_is_not_bought_halts_after_one_renewal(base: str, found: dict[str, Match | None]):
    ref = next(match.ref for match in found.values() if match)
    agency, before = bench(base, block_ids="hierarchyconnections_L1_v1").bureau, calls(base)["token"]
    for _ in range(3):
        with pytest.raises(Halt, match="00004"):
            agency.fetch(ref)
    assert calls(base)["token"] == before + 1


def test_an_unknown_number_is_not_found(base: str):
    with pytest.raises(Reject) as fault:
        bench(base).bureau.fetch("GB-000000001")
    assert fault.value.code == "not_found"


def test_five_calls_a_second_are_kept_to():
    with running(app(OPTIONS, clock=lambda: 1_772_000_000.0)) as limited:
        agency = bench(limited, attempts=1)
        with pytest.raises(Retry) as fault:
            for _ in range(12):
                agency.bureau.match(subject(companies()[next(iter(companies()))], "duns"))
        assert fault.value.busy and fault.value.after == 1


def test_a_page_in_the_way_is_a_retry():
    options = Options(accounts=5, as_of=OPTIONS.as_of, faults={"token.html": 1.0})
    with running(SANDBOX.app(options)) as base, pytest.raises(Retry, match="no JSON"):
        bench(base).bureau.test()


def test_a_token_that_has_run_out_is_renewed_once_and_the_call_repeated(base: str):
    agency, before = bench(base), calls(base)["token"]
    agency.secrets.put(TOKEN, "no-longer-good")
    with pytest.raises(Reject):
        agency.bureau.fetch("GB-000000001")
    assert calls(base)["token"] == before + 1


def test_an_order_reason_that_dnb_does_not_take_is_a_bad_request(base: str, found: dict[str, Match | None]):
    german = next(m for key, m in found.items() if m and companies()[key].country == "DE")
    with pytest.raises(Reject, match="10001") as fault:
        bench(base, order_reason_de="none").bureau.fetch(german.ref)
    assert fault.value.code == "bad_request"


def test_a_company_that_nobody_resembles_has_no_candidates(base: str):
    assert bench(base).bureau.match(Subject("Qqxzv Wwkkj", "US", {})) == []
