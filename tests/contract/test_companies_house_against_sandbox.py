"""The Companies House adapter against a register written from the same manual by another hand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest

from adapters.bureau.companies_house import CompaniesHouse, company_number, parse
from connector.adapter import Price, Subject
from connector.errors import Reauth, Reject, Retry
from sandbox.companies_house import CALLS, SANDBOX, app
from sandbox.server import Options
from tests.agency_bench import OPTIONS, Bench, companies, subject
from tests.sandbox_server import running

TODAY = dt.date(2026, 3, 1)
BRITISH = {
    key: company
    for key, company in companies().items()
    if company.country == "GB" and company.registration_no and not company.sole_trader
}


def bench(base: str, attempts: int = 5, **settings: str) -> Bench:
    return Bench(CompaniesHouse, attempts, **(SANDBOX.settings_at(base) | settings))


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with running(SANDBOX.app(OPTIONS)) as url:
        yield url


def test_the_settings_of_the_sandbox_are_the_adapters(base: str):
    assert set(SANDBOX.settings) <= {setting.key for setting in CompaniesHouse.settings}
    assert SANDBOX.kind == CompaniesHouse.name
    assert base in bench(base).bureau.test()


def test_companies_are_found_by_number_and_their_state_is_read(base: str):
    agency, states = bench(base).bureau, set()
    for company in BRITISH.values():
        (match,) = agency.match(subject(company))
        assert (match.ref, match.by, match.confidence) == (company.registration_no, "identifier", 1.0)
        report = agency.fetch(match.ref).report
        assert report.subject_name == company.name.upper()
        assert report.insolvent is (company.health < 0.1)
        assert report.dissolved is False
        assert bool(report.negatives) == report.insolvent
        assert not report.judgments_covered and report.pd_method == "none"
        states.add(report.insolvent)
    assert len(BRITISH) > 5 and False in states


def test_a_company_is_found_by_name_with_less_than_certainty(base: str):
    company = next(iter(BRITISH.values()))
    found = bench(base).bureau.match(Subject(company.name, "GB", {}))
    assert company.registration_no in [match.ref for match in found]
    assert all(match.by == "name" and match.confidence < 1 for match in found)


def test_customers_of_other_countries_are_not_asked_about():
    agency = bench("http://127.0.0.1:9")
    assert agency.bureau.match(Subject("Beispiel GmbH", "DE", {"registration_no": "HRB 1"})) == []
    with pytest.raises(Reject, match="country"):
        agency.bureau.match(Subject("Example Ltd", None, {}))


@pytest.mark.parametrize(
    ("written", "number"),
    [("1234567", "01234567"), ("sc 1234", "SC001234"), ("OC301234", "OC301234"), ("01234567", "01234567"),
     ("R0000123", "R0000123"), ("123456789", None), ("", None), ("00000000", None), ("ABC12345", None)],
)  # fmt: skip
def test_trap_numbers_have_eight_characters_padded_with_zeros(written: str, number: str | None):
    assert company_number(written) == number


def test_an_unknown_number_is_not_found(base: str):
    with pytest.raises(Reject) as fault:
        bench(base).bureau.fetch("99999999")
    assert fault.value.code == "not_found"


def test_a_wrong_key_is_told_without_showing_it(base: str):
    with pytest.raises(Reauth) as fault:
        bench(base, api_key="wrong-key").bureau.test()
    assert "wrong-key" not in str(fault.value)


def test_trap_600_calls_in_five_minutes_and_the_answer_says_how_many_are_left():
    moment = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC).timestamp()
    with running(app(Options(accounts=5, as_of=OPTIONS.as_of), clock=lambda: moment)) as base:
        agency = bench(base, attempts=1)
        for _ in range(CALLS):
            agency.bureau.test()
        assert agency.budget.corrected[0] == ("calls", CALLS - 1)
        assert agency.budget.corrected[-1] == ("calls", 0)
        with pytest.raises(Retry) as fault:
            agency.bureau.test()
        assert fault.value.busy and fault.value.after == 300
    assert (CompaniesHouse.limits.calls, CompaniesHouse.limits.per_seconds) == (600, 300)


def profile(**fields: object) -> dict[str, object]:
    return {"company_number": "01234567", "company_name": "EXAMPLE LTD", "company_status": "active"} | fields


def test_trap_a_flag_left_out_is_unknown_and_the_cases_are_asked_for(base: str):
    company = next(company for company in BRITISH.values() if company.health >= 0.1)
    assert company.registration_no
    agency = bench(base)
    raw = json.loads(agency.bureau.fetch(company.registration_no).raw)
    assert "has_insolvency_history" not in raw["profile"]
    assert agency.budget.taken == 2, "the profile, and the cases since nothing says that there are none"
    assert raw["insolvency"] is None


@pytest.mark.parametrize(
    ("status", "dissolved", "insolvent"),
    [("active", False, False), ("liquidation", False, True), ("administration", False, True),
     ("dissolved", True, None), ("something-new", None, None), ("", None, None)],
)  # fmt: skip
def test_the_status_says_whether_the_company_stands(
    status: str, dissolved: bool | None, insolvent: bool | None
):
    report = parse(profile(company_status=status), {}, "01234567", TODAY)
    assert (report.dissolved, report.insolvent) == (dissolved, insolvent)


def test_an_old_case_that_is_over_is_resolved_and_one_that_is_not_said_to_be_is_unclear():
    begun = {"type": "administration-started-on", "date": "2019-01-02"}
    ended = {"type": "administration-ended-on", "date": "2020-01-02"}
    over = parse(profile(), {"cases": [{"number": "1", "dates": [begun, ended]}]}, "01234567", TODAY)
    assert (over.negatives[0].resolved, over.insolvent) == (True, False)
    assert over.negatives[0].resolved_on == dt.date(2020, 1, 2)
    unclear = parse(profile(), {"cases": [{"number": "1", "dates": [begun]}]}, "01234567", TODAY)
    assert (unclear.negatives[0].resolved, unclear.insolvent) == (None, None)


def test_overdue_filings_and_a_proposal_to_strike_off_are_warnings():
    report = parse(
        profile(accounts={"overdue": True}, company_status_detail="active-proposal-to-strike-off"),
        {},
        "01234567",
        TODAY,
    )
    assert [warning.partition(":")[0] for warning in report.warnings] == [
        "accounts_overdue",
        "strike_off_proposed",
    ]


def test_it_costs_nothing():
    price = CompaniesHouse.price({}, "report")
    assert isinstance(price, Price) and price.amount == 0
