"""The Zoho sandbox: bulk read jobs wait, run at their moment, and give what the vendor gives."""

from __future__ import annotations

import csv
import io
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.server import Options
from sandbox.zoho import app
from sandbox.zoho.gatekeeper import BulkLimits, Limits
from tests.sandbox_clients import Zoho, zoho_org
from tests.sandbox_server import running

A, B, C = "554023000001000001", "554023000001000002", "554023000001000003"
ACCOUNTS = {"module": {"api_name": "Accounts"}, "fields": ["id"]}


@pytest.fixture
def org() -> Iterator[Zoho]:
    with zoho_org() as running_org:
        yield running_org


def job(org: Zoho, **query: Any) -> str:
    answer = org.bulk(**query)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["data"][0]["details"]["id"]
    return made


def shown(org: Zoho, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = org.bulk(f"/{job_id}").json()["data"][0]
    return found


def rows(org: Zoho, job_id: str) -> list[dict[str, str]]:
    answer = org.bulk(f"/{job_id}/result")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == [f"{job_id}.csv"]
        text = archive.read(f"{job_id}.csv").decode()
    return list(csv.DictReader(io.StringIO(text)))


def read(org: Zoho, **query: Any) -> list[dict[str, str]]:
    job_id = job(org, **query)
    org.clock.now += 10
    assert shown(org, job_id)["state"] == "COMPLETED"
    return rows(org, job_id)


def where(name: str, comparator: str, value: Any) -> dict[str, Any]:
    return {"field": {"api_name": name}, "comparator": comparator, "value": value}


def test_a_job_is_added_then_in_progress_then_completed_by_the_tenants_clock() -> None:
    limits = Limits(bulk=BulkLimits(queue_seconds=1, rows_per_second=1))
    with zoho_org(limits) as org:
        answer = org.bulk(**ACCOUNTS)
        item = answer.json()["data"][0]
        assert (answer.status_code, answer.json()["info"]) == (201, {})
        assert (item["code"], item["message"]) == ("ADDED_SUCCESSFULLY", "Added successfully.")
        details = item["details"]
        assert (details["operation"], details["state"]) == ("read", "ADDED")
        assert details["created_time"] == "2026-05-04T21:06:40+08:00"
        states = []
        for _ in range(5):
            found = shown(org, details["id"])
            states.append(found["state"])
            assert ("result" in found) is (found["state"] == "COMPLETED")
            assert (org.bulk(f"/{details['id']}/result").status_code == 200) is (states[-1] == "COMPLETED")
            org.clock.now += 1
        assert states == ["ADDED", "IN PROGRESS", "IN PROGRESS", "IN PROGRESS", "COMPLETED"]
        assert found["query"]["module"]["api_name"] == "Accounts" and found["file_type"] == "csv"
        assert found["result"] == {
            "page": 1,
            "per_page": 200_000,
            "count": 3,
            "download_url": f"/crm/bulk/v8/read/{details['id']}/result",
            "more_records": False,
            "next_page_token": None,
        }


def test_the_file_holds_api_names_bare_ids_words_for_booleans_and_the_orgs_offset(org: Zoho) -> None:
    fields = ["id", "Account_Name", "Account_Name.Account_Name", "Owner", "Owner.email"]
    fields += ["Grand_Total", "Disputed", "Paid_On", "Modified_Time"]
    found = {row["id"]: row for row in read(org, module={"api_name": "Invoices"}, fields=fields)}
    assert [list(row) for row in found.values()] == [fields] * 2
    second = next(row for row in found.values() if row["Account_Name"] == B)
    assert second["Account_Name.Account_Name"] == "华泰机械苏州有限公司"
    assert second["Owner"].isdigit() and second["Owner.email"] == "wang.fang@example.com"
    assert (second["Grand_Total"], second["Disputed"], second["Paid_On"]) == ("200.00", "true", "")
    assert second["Modified_Time"].endswith("+08:00")
    assert sorted(row["Disputed"] for row in found.values()) == ["false", "true"]


def test_without_fields_all_are_given_but_subforms_and_tags(org: Zoho) -> None:
    first = read(org, module={"api_name": "Sales_Orders"})[0]
    assert {"id", "SO_Number", "Account_Name", "Modified_Time"} <= set(first)
    assert not {"Ordered_Items", "Tag"} & set(first)


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (where("id", "equal", B), {B}),
        (where("id", "not_equal", B), {A, C}),
        (where("id", "greater_than", A), {B, C}),
        (where("Payment_Terms_Days", "between", [29, 31]), {A, B, C}),
        (where("Payment_Terms_Days", "not_between", [29, 31]), set()),
        (where("Currency", "in", ["USD", "EUR"]), {C}),
        (where("Currency", "not_in", ["USD", "EUR"]), {A, B}),
        (where("Account_Name", "starts_with", "华泰"), {A, B}),
        (where("Account_Name", "contains", "苏州"), {B}),
        (where("Account_Name", "ends_with", "Inc."), {C}),
        (where("Parent_Account", "equal", A), {B}),
        (where("Parent_Account", "equal", "${EMPTY}"), {A, C}),
        (where("Parent_Account.Account_Name", "equal", "华泰机械有限公司"), {B}),
        (where("Customer_Since", "greater_equal", "2020-03-01"), {A, B, C}),
        (where("Customer_Since", "less_than", "2020-03-01"), set()),
        (
            {
                "group_operator": "AND",
                "group": [
                    where("id", "greater_equal", A),
                    {
                        "group_operator": "or",
                        "group": [where("Currency", "equal", "USD"), where("id", "less_equal", A)],
                    },
                    where("Modified_Time", "less_equal", "2030-01-01T00:00:00+00:00"),
                ],
            },
            {A, C},
        ),
    ],
)
def test_criteria(org: Zoho, criteria: dict[str, Any], found: set[str]) -> None:
    assert {row["id"] for row in read(org, **ACCOUNTS, criteria=criteria)} == found


MANY = {"group_operator": "and", "group": [where("id", "not_equal", A)] * 26}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"module": {"api_name": "Notes"}}, "MODULE_NOT_SUPPORTED"),
        ({"module": {"api_name": "Nowhere"}}, "MODULE_NOT_AVAILABLE"),
        ({"module": None}, "MANDATORY_NOT_FOUND"),
        ({"fields": ["id", "Nothing"]}, "FIELD_NOT_AVAILABLE"),
        ({"fields": ["Tag"]}, "FIELD_NOT_SUPPORTED"),
        ({"fields": "id"}, "REQUEST_BODY_NOT_SUPPORTED"),
        ({"criteria": {"field": {"api_name": "id"}}}, "INVALID_CRITERIA"),
        ({"criteria": where("Nothing", "equal", "1")}, "FIELD_IN_CRITERIA_NOT_AVAILABLE"),
        ({"criteria": where("id", "like", "1")}, "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED"),
        ({"criteria": where("id", "contains", "1")}, "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE"),
        (
            {"criteria": where("Modified_Time", "equal", "2026-05-04T00:00:00Z")},
            "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        ({"criteria": where("id", "in", A)}, "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        ({"criteria": where("id", "between", [A])}, "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        ({"criteria": where("id", "in", [A] * 201)}, "VALUE_LIMIT_EXCEEDED_IN_CRITERIA"),
        ({"criteria": MANY}, "CRITERIA_LIMIT_EXCEEDED"),
        (
            {"criteria": {"group_operator": "not", "group": [where("id", "equal", A)]}},
            "GROUP_OPERATOR_NOT_SUPPORTED",
        ),
        ({"page": 51}, "PAGE_RANGE_EXCEEDED"),
        ({"page": 0}, "PAGE_NOT_SUPPORTED"),
        ({"page_token": "x"}, "INVALID_REQUEST"),
        ({"cvid": "1"}, "CVID_NOT_SUPPORTED"),
    ],
)
def test_trap_bulk_read_refuses_flat_and_in_upper_case(org: Zoho, changed: dict[str, Any], code: str) -> None:
    answer = org.bulk(**{**ACCOUNTS, **changed})
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (400, code, "error")


def test_an_unknown_job_and_a_result_that_is_not_there_are_404(org: Zoho) -> None:
    job_id = job(org, **ACCOUNTS)
    for path in ("/1", "/1/result", f"/{job_id}/result"):
        answer = org.bulk(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND")


def test_pages_go_on_by_number_and_by_token() -> None:
    with zoho_org(Limits(bulk=BulkLimits(page_rows=2))) as org:
        first_job = job(org, **ACCOUNTS)
        org.clock.now += 10
        result = shown(org, first_job)["result"]
        assert (result["page"], result["per_page"], result["count"], result["more_records"]) == (
            1,
            2,
            2,
            True,
        )
        first = {row["id"] for row in rows(org, first_job)}
        by_number = {row["id"] for row in read(org, **ACCOUNTS, page=2)}
        by_token = job(org, **ACCOUNTS, page_token=result["next_page_token"])
        org.clock.now += 10
        last = shown(org, by_token)["result"]
        assert (last["page"], last["count"], last["more_records"], last["next_page_token"]) == (
            2,
            1,
            False,
            None,
        )
        assert first | by_number == first | {row["id"] for row in rows(org, by_token)} == {A, B, C}
        assert read(org, **ACCOUNTS, page=3) == []
        other = org.bulk(module={"api_name": "Contacts"}, page_token=result["next_page_token"])
        assert other.json()["code"] == "INVALID_REQUEST"


def test_trap_a_bulk_read_shows_the_rows_of_the_moment_when_it_ran(org: Zoho) -> None:
    early = job(org, **ACCOUNTS)
    org.door("delete", module="Accounts", ids=[C])  # before the job's turn comes
    org.clock.now += 10
    org.door("delete", module="Accounts", ids=[B])  # after it, though nobody has asked for the job
    assert {row["id"] for row in rows(org, early)} == {A, B}


def test_a_start_costs_fifty_credits_and_ten_downloads_fit_in_a_minute() -> None:
    with zoho_org(Limits(credits=100)) as org:
        org.bulk(**ACCOUNTS, page=99)  # refused, costs 1
        job_id = job(org, **ACCOUNTS)
        assert org.bulk(f"/{job_id}").headers["X-API-CREDITS-REMAINING"] == "48"
        assert org.bulk(**ACCOUNTS).status_code == 429
        org.clock.now += 10
        statuses = [org.bulk(f"/{job_id}/result").status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]
        org.clock.now += 60
        assert org.bulk(f"/{job_id}/result").status_code == 200


def test_a_result_is_kept_for_a_day(org: Zoho) -> None:
    job_id = job(org, **ACCOUNTS)
    org.clock.now += 24 * 3600 - 10
    org.renew()
    assert org.bulk(f"/{job_id}/result").status_code == 200
    org.clock.now += 20
    assert org.bulk(f"/{job_id}/result").status_code == 404


def test_the_callback_is_told_once_and_wrong_ones_are_refused(org: Zoho) -> None:
    told: list[dict[str, Any]] = []
    came = threading.Event()

    async def hear(request: Request) -> Response:
        told.append(await request.json())
        came.set()
        return Response()

    with running(Starlette(routes=[Route("/done", hear, methods=["POST"])])) as base:
        url = f"{org.base}/crm/bulk/v8/read"
        for callback, code in (
            ({"url": "ftp://x", "method": "post"}, "INVALID_CALLBACK_URL"),
            ({"url": base, "method": "get"}, "INVALID_CALLBACK_METHOD"),
        ):
            answer = org.session.post(url, json={"query": ACCOUNTS, "callback": callback})
            assert answer.json()["code"] == code
        order = {"query": ACCOUNTS, "callback": {"url": f"{base}/done", "method": "post"}}
        job_id = org.session.post(url, json=order).json()["data"][0]["details"]["id"]
        assert not told
        org.clock.now += 10
        shown(org, job_id)
        assert came.wait(5)
        shown(org, job_id)
    assert [(body["job_id"], body["state"]) for body in told] == [(job_id, "COMPLETED")]


def test_a_side_door_sets_the_pace_and_the_real_clock_runs_jobs_unasked() -> None:
    with running(app(Options(accounts=10))) as base:
        org = Zoho(base)
        org.door("bulk", queue_seconds=0, rows_per_second=1_000_000)
        job_id = job(org, **ACCOUNTS)
        deadline = time.monotonic() + 5
        while shown(org, job_id)["state"] != "COMPLETED" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(rows(org, job_id)) == shown(org, job_id)["result"]["count"] > 3
        with pytest.raises(requests.HTTPError):
            org.door("bulk", rows_per_second=0)
