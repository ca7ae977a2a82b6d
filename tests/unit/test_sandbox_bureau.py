"""The sandbox agency speaks Creditsafe's dialect about the companies of the economy."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.bureau import PASSWORD, SANDBOX, USERNAME, app
from sandbox.economy import build
from sandbox.money import unit
from sandbox.reports import LIQUIDATED_BELOW
from sandbox.server import Options
from sandbox.world import Company, World
from tests.sandbox_server import running

AS_OF = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
OPTIONS = Options(accounts=200, seed=11, as_of=AS_OF)
OWNED = {"username": USERNAME, "password": PASSWORD}


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_750_000_000.0

    def __call__(self) -> float:
        return self.now


class Agency:
    """One running agency and what a client does to it."""

    def __init__(self, base: str, clock: Clock) -> None:
        self.base = f"{base}/v1"
        self.clock = clock
        self.session = requests.Session()
        self.session.trust_env = False

    def login(self, **credentials: str) -> requests.Response:
        return self.session.post(f"{self.base}/authenticate", json=credentials or OWNED, timeout=10)

    def sign_in(self) -> None:
        self.session.headers["Authorization"] = f"Bearer {self.login().json()['token']}"

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.session.get(f"{self.base}{path}", params=params, timeout=10)

    def find(self, **params: Any) -> dict[str, Any]:
        answer = self.get("/companies", **params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def report(self, connect_id: str) -> dict[str, Any]:
        answer = self.get(f"/companies/{connect_id}", language="en")
        assert answer.status_code == 200, answer.text
        ordered: dict[str, Any] = answer.json()
        return ordered


@pytest.fixture
def agency() -> Iterator[Agency]:
    clock = Clock()
    with running(app(OPTIONS, clock)) as base:
        yield Agency(base, clock)


@pytest.fixture(scope="module")
def world() -> World:
    return build(200, 11, AS_OF)


@pytest.fixture(scope="module")
def on_file(world: World) -> list[tuple[Company, dict[str, Any]]]:
    """Every company that the agency knows, with the report on it."""
    found = []
    with running(app(OPTIONS)) as base:
        agency = Agency(base, Clock())
        agency.sign_in()
        for company in world.companies:
            reg_no = company.uscc or company.registration_no
            hits = agency.find(countries=company.country, regNo=reg_no)
            assert hits["totalSize"] in (0, 1)
            found += [(company, agency.report(hit["id"])) for hit in hits["companies"]]
    return found


def test_the_declared_settings_are_the_ones_that_are_let_in(agency: Agency) -> None:
    settings = SANDBOX.settings_at(agency.base.removesuffix("/v1") + "/")
    assert SANDBOX.kind == "creditsafe"
    assert settings["base_url"] == agency.base
    answer = agency.login(username=settings["username"], password=settings["password"])
    assert answer.status_code == 200
    claims = answer.json()["token"].split(".")[1]
    claims += "=" * (-len(claims) % 4)
    assert json.loads(base64.urlsafe_b64decode(claims))["exp"] == agency.clock.now + 3600


def test_a_wrong_password_is_denied_without_saying_which_part_is_wrong(agency: Agency) -> None:
    answer = agency.login(username=USERNAME, password="wrong")
    assert answer.status_code == 401
    assert answer.json()["message"].startswith("Access denied")
    body = agency.session.post(f"{agency.base}/authenticate", data=b"no json", timeout=10)
    assert body.status_code == 400


def test_trap_five_bad_logins_in_two_minutes_lock_the_door_for_five(agency: Agency) -> None:
    assert [agency.login(username=USERNAME, password="wrong").status_code for _ in range(5)] == [401] * 5
    assert agency.login().status_code == 429
    agency.clock.now += 299
    assert agency.login().status_code == 429
    agency.clock.now += 2
    assert agency.login().status_code == 200


def test_bad_logins_spread_over_time_or_different_ones_lock_nothing(agency: Agency) -> None:
    for _ in range(8):
        assert agency.login(username=USERNAME, password="wrong").status_code == 401
        agency.clock.now += 31
    for i in range(8):
        assert agency.login(username=USERNAME, password=f"wrong {i}").status_code == 401
    assert agency.login().status_code == 200


def test_a_missing_forged_or_old_token_is_refused(agency: Agency) -> None:
    token = agency.login().json()["token"]
    head, claims, signature = token.split(".")
    forged = f"{head}.{claims}.{signature[:-4]}AAAA"
    for header in (None, "Bearer", "Bearer nonsense", f"Bearer {forged}"):
        agency.session.headers["Authorization"] = header  # type: ignore[assignment]
        for path in ("/companies", "/companies/searchcriteria", "/companies/GB-0-1"):
            answer = agency.get(path, countries="GB")
            assert answer.status_code == 401
            assert answer.json()["details"] == "Invalid token"
            assert answer.json()["correlationId"]
    for header in (token, f"Bearer {token}"):  # older clients send the bare token
        agency.session.headers["Authorization"] = header
        assert agency.get("/companies/searchcriteria", countries="GB").status_code == 200
    agency.clock.now += 3601
    assert agency.get("/companies/searchcriteria", countries="GB").status_code == 401


def test_companies_are_found_by_number_by_vat_and_by_name(agency: Agency, world: World) -> None:
    agency.sign_in()
    entries = agency.session.get(agency.base.replace("/v1", "/_sandbox/content"), timeout=10).json()[
        "companies"
    ]
    known = {entry["regNo"]: entry for entry in entries}
    chinese = next(c for c in world.companies if c.uscc in known)
    hit = agency.find(countries="CN", regNo=chinese.uscc)["companies"][0]
    assert (hit["id"], hit["name"]) == (f"CN-0-{chinese.uscc}", chinese.name)
    assert agency.find(countries="DE", regNo=chinese.uscc)["totalSize"] == 0
    german = next(
        c
        for c in world.companies
        if c.country == "DE" and (c.registration_no or "").replace(" ", "") in known
    )
    assert agency.find(countries="DE,GB", vatNo=german.vat)["companies"][0]["name"] == german.name
    assert agency.find(countries="DE", regNo=german.registration_no)["totalSize"] == 1
    by_name = agency.find(countries="CN", name=chinese.name)["companies"]
    assert by_name[0]["name"] == chinese.name
    part = agency.find(countries="CN", name=chinese.name[2:6])["companies"]
    assert chinese.name in [entry["name"] for entry in part]
    exact = agency.find(countries="CN", name=chinese.name[2:6], exact="true")
    assert exact["totalSize"] == 0


def test_a_long_list_comes_in_pages_that_do_not_overlap(agency: Agency) -> None:
    agency.sign_in()
    total = agency.find(countries="CN", name="有限公司")["totalSize"]
    assert total > 100
    pages = [
        agency.find(countries="CN", name="有限公司", page=page, pageSize=25)["companies"]
        for page in range(1, total // 25 + 3)
    ]
    assert pages[-1] == []
    ids = [entry["id"] for page in pages for entry in page]
    assert len(ids) == len(set(ids)) == total


@pytest.mark.parametrize(
    "params",
    [
        {"countries": "CN"},
        {"regNo": "1"},
        {"countries": "CN", "regNo": "1", "name": "x"},
        {"countries": "CN", "name": "x", "page": 0},
        {"countries": "CN", "name": "x", "pageSize": "many"},
    ],
)
def test_a_search_with_wrong_criteria_is_a_bad_request(agency: Agency, params: dict[str, Any]) -> None:
    agency.sign_in()
    answer = agency.get("/companies", **params)
    assert answer.status_code == 400
    assert answer.json()["message"] == "Bad request"


def test_an_unknown_company_has_no_report(agency: Agency) -> None:
    agency.sign_in()
    answer = agency.get("/companies/CN-0-UNKNOWN")
    assert answer.status_code == 404
    assert answer.json()["correlationId"]


def test_most_companies_are_on_file_and_rated_and_a_few_are_not(
    world: World, on_file: list[tuple[Company, dict[str, Any]]]
) -> None:
    assert len(world.companies) * 0.9 < len(on_file) < len(world.companies)
    letters = [
        ordered["report"]["creditScore"]["currentCreditRating"]["commonValue"] for _, ordered in on_file
    ]
    assert {"A", "B", "C", "D", "E"} == set(letters)
    assert letters.count("E") < len(letters) / 10


def test_rating_limit_and_probability_agree_with_the_published_scale(
    on_file: list[tuple[Company, dict[str, Any]]],
) -> None:
    ordered = []
    for company, answer in on_file:
        rating = answer["report"]["creditScore"]["currentCreditRating"]
        assert answer["report"]["companySummary"]["creditRating"] == rating
        if rating["commonValue"] == "E":
            assert "pod" not in rating
            assert rating["providerValue"]["value"] == "Not Rated"
            assert not rating["creditLimit"]["value"].isdigit()
            continue
        score = int(rating["providerValue"]["value"])
        letter = "A" if score > 70 else "B" if score > 50 else "C" if score > 29 else "D"
        assert rating["commonValue"] == letter
        assert isinstance(rating["creditLimit"]["value"], str)
        limit = int(rating["creditLimit"]["value"])
        assert limit >= 0
        assert letter != "D" or limit == 0
        ordered.append((score, rating["pod"], company.health))
    ordered.sort()
    assert [p for _, p, _ in ordered] == sorted((p for _, p, _ in ordered), reverse=True)
    assert 0 < ordered[-1][1] < 1 < 10 < ordered[0][1] < 100  # percent
    third = len(ordered) // 3
    worst, best = ordered[:third], ordered[-third:]
    assert sum(h for *_, h in worst) < sum(h for *_, h in best)


def test_statements_are_the_ones_of_the_economy_in_whole_units(
    world: World, on_file: list[tuple[Company, dict[str, Any]]]
) -> None:
    checked = 0
    for company, answer in on_file:
        years = world.financials.get(company.key, ())
        sent = answer["report"]["financialStatements"]
        assert len(sent) == len(years)
        for year, statement in zip(reversed(years), sent, strict=True):
            one = unit(year.currency)
            sheet, result = statement["balanceSheet"], statement["profitAndLoss"]
            assert statement["type"] == "GlobalFinancialsGGS"
            assert statement["yearEndDate"] == f"{year.period_end}T00:00:00Z"
            assert sheet["totalAssets"] * one == year.total_assets
            assert sheet["totalLiabilities"] + sheet["totalShareholdersEquity"] == sheet["totalAssets"]
            assert sheet["totalCurrentLiabilities"] * one == year.current_liabilities
            assert result["revenue"] * one == year.revenue
            assert result["profitAfterTax"] * one == year.net_profit
            assert all(isinstance(value, int) for value in (*sheet.values(), *result.values()))
            checked += 1
    assert checked > 300


def test_payment_and_negative_data_follow_health(
    on_file: list[tuple[Company, dict[str, Any]]],
) -> None:
    days: dict[bool, list[int]] = {True: [], False: []}
    for company, answer in on_file:
        report = answer["report"]
        judgments = report["negativeInformation"]["ccjSummary"]["numberOfExact"]
        assert judgments == 0 or company.health < 0.42
        assert judgments > 0 or company.health >= 0.18
        liquidated = company.health < LIQUIDATED_BELOW
        status = report["companySummary"]["companyStatus"]["status"]
        assert status == ("NonActive" if liquidated else "Active")
        assert ("bankruptcyInformation" in report["negativeInformation"]) == liquidated
        if payments := report.get("paymentData"):
            late = payments["paymentsPaidLate"]
            assert payments["paymentsOnTime"] + late == payments["paymentsOnFile"]
            days[company.health >= 0.65].append(payments["dbt"])
    assert sum(days[True]) / len(days[True]) < 15 < sum(days[False]) / len(days[False])


def test_two_servers_give_the_same_report(world: World) -> None:
    company = next(c for c in world.companies if c.uscc)
    answers = []
    for _ in range(2):
        build.cache_clear()
        with running(app(OPTIONS)) as base:
            agency = Agency(base, Clock())
            agency.sign_in()
            answer = agency.get(f"/companies/CN-0-{company.uscc}").json()
            answer.pop("correlationId")
            answers.append(answer)
    assert answers[0] == answers[1]
    assert "report" in answers[0]


def test_side_doors_of_a_crm_are_not_there(agency: Agency) -> None:
    for door in ("orders", "plugin"):
        url = agency.base.replace("/v1", f"/_sandbox/{door}")
        assert agency.session.post(url, json={}, timeout=10).status_code == 404
