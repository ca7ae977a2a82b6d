"""The GLEIF adapter against an index written from the same manual by another hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from adapters.bureau.gleif import Gleif, parse
from connector.adapter import Subject
from connector.errors import Reject, Retry
from connector.identifiers import lei
from sandbox.gleif import SANDBOX, app
from sandbox.server import Options
from tests.agency_bench import OPTIONS, Bench, companies, subject
from tests.sandbox_server import running

UNLIMITED = Options(accounts=300, seed=7, as_of=OPTIONS.as_of, faults={"unlimited": 1.0})
TODAY = dt.date(2026, 3, 1)
REAL = "529900T8BM49AURSDO55"


def bench(base: str, attempts: int = 5, **settings: str) -> Bench:
    return Bench(Gleif, attempts, **(SANDBOX.settings_at(base) | settings))


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with running(app(UNLIMITED)) as url:
        yield url


@pytest.fixture(scope="module")
def on_file(base: str) -> dict[str, str]:
    """LEI → key of the company, for those that have one."""
    content: dict[str, str] = requests.get(f"{base}/_sandbox/content", timeout=5).json()["records"]
    return content


def test_the_settings_of_the_sandbox_are_the_adapters(base: str):
    assert set(SANDBOX.settings) <= {setting.key for setting in Gleif.settings}
    assert SANDBOX.kind == Gleif.name
    assert base in bench(base).bureau.test()


def test_every_identifier_of_the_index_passes_its_check(on_file: dict[str, str]):
    assert len(on_file) > 100
    assert all(lei(code) == code for code in on_file)


def test_companies_are_found_by_the_number_in_their_register(base: str, on_file: dict[str, str]):
    agency, found = bench(base).bureau, 0
    for code, key in list(on_file.items())[:20]:
        company = companies()[key]
        if company.uscc or company.registration_no:
            (match,) = agency.match(subject(company))
            assert (match.ref, match.by, match.confidence) == (code, "identifier", 1.0)
            report = agency.fetch(code).report
            assert report.subject_name == company.name
            assert report.dissolved is (company.health < 0.1)
            found += 1
    assert found > 10


def test_a_company_is_found_by_its_lei_and_by_name(base: str, on_file: dict[str, str]):
    code, key = next(iter(on_file.items()))
    company = companies()[key]
    agency = bench(base).bureau
    assert agency.match(Subject("anything", None, {"lei": code.lower()}))[0].ref == code
    named = agency.match(Subject(company.name, company.country, {}))
    assert code in [match.ref for match in named]
    assert all(match.by == "name" and match.confidence < 1 for match in named)


def test_a_number_of_another_country_is_no_hit(base: str, on_file: dict[str, str]):
    company = next(companies()[key] for key in on_file.values() if companies()[key].country == "US")
    assert company.registration_no
    found = bench(base).bureau.match(Subject("Zqxj", "GB", {"registration_no": company.registration_no}))
    assert found == []


def test_an_unknown_lei_is_not_found(base: str):
    for ref in (REAL, "no-lei"):
        with pytest.raises(Reject) as fault:
            bench(base).bureau.fetch(ref)
        assert fault.value.code == "not_found"


def test_trap_the_media_type_of_json_api_is_asked_for(base: str):
    answer = requests.get(f"{base}/api/v1/lei-records", headers={"Accept": "text/html"}, timeout=5)
    assert answer.status_code == 406
    assert bench(base).bureau.test()


def test_sixty_calls_a_minute_are_kept_to():
    with running(app(Options(accounts=5, as_of=OPTIONS.as_of), clock=lambda: 0.0)) as limited:
        agency = bench(limited, attempts=1)
        for _ in range(60):
            agency.bureau.test()
        with pytest.raises(Retry) as fault:
            agency.bureau.test()
        assert fault.value.busy and fault.value.after == 60
    assert Gleif.limits_for({"calls_per_minute": "600"}).calls == 600


def record(entity: str = "ACTIVE", registration: str = "ISSUED", **fields: Any) -> dict[str, Any]:
    attributes = {
        "lei": REAL,
        "entity": {"legalName": {"name": "Example"}, "status": entity, **fields},
        "registration": {"status": registration},
    }
    return {"data": {"id": REAL, "attributes": attributes}}


def test_trap_a_lapsed_lei_is_not_renewed_and_says_nothing_of_the_entity():
    report = parse(record(registration="LAPSED"), REAL, TODAY)
    assert report.dissolved is False
    assert [warning for warning in report.warnings if warning.startswith("lei_lapsed")]


@pytest.mark.parametrize(
    ("entity", "registration", "dissolved", "warned"),
    [("ACTIVE", "ISSUED", False, []), ("INACTIVE", "RETIRED", True, ["lei_retired"]),
     ("ACTIVE", "ANNULLED", None, ["lei_not_valid"]), ("", "ISSUED", None, [])],
)  # fmt: skip
def test_the_states_of_entity_and_registration(
    entity: str, registration: str, dissolved: bool | None, warned: list[str]
):
    report = parse(record(entity, registration), REAL, TODAY)
    assert report.dissolved is dissolved
    assert [warning.partition(":")[0] for warning in report.warnings] == warned


def test_it_vouches_for_no_credit_fact():
    report = parse(record(), REAL, TODAY)
    assert (report.pd_12m, report.insolvent, report.judgments_covered) == (None, None, False)
    assert parse(record(), REAL, TODAY).band is None
