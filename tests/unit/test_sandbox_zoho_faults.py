"""The Zoho sandbox: faults of the org itself, and the side doors that move its rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.server import Options
from sandbox.zoho import SANDBOX, app
from sandbox.zoho.gatekeeper import BulkLimits, Limits
from tests.sandbox_clients import Zoho, zoho_org
from tests.sandbox_server import running

A, B, C = "554023000001000001", "554023000001000002", "554023000001000003"
COQL = "select id from Accounts where id is not null"


def test_complaint_craft_freeform_1412_a_token_expires_in_mid_run_and_a_refresh_helps() -> None:
    with zoho_org(faults={"expired": 1.0}) as org:
        for _ in range(3):
            assert org.get("/org").status_code == 200
            for _ in range(2):
                refused = org.get("/org")
                assert (refused.status_code, refused.json()["code"]) == (401, "INVALID_TOKEN")
            org.renew()


def test_a_burst_refuses_four_calls_in_a_row_and_then_lets_twenty_through() -> None:
    with zoho_org(faults={"read.burst": 1.0}) as org:
        statuses = [org.get("/org").status_code for _ in range(30)]
    assert statuses == [429] * 4 + [200] * 20 + [429] * 4 + [200] * 2


def test_rows_shift_while_pages_are_read() -> None:
    with running(app(Options(accounts=40, faults={"zoho.shift": 1.0}))) as base:
        org = Zoho(base)
        before = {row["id"]: row for row in org.door("content")["Invoices"] if row["id"] != "created"}
        page = org.get("/Invoices", fields="Modified_Time", per_page=50).json()
        given = {row["id"]: row["Modified_Time"] for row in page["data"]}
        after = org.door("content")["Invoices"]
        gone = set(before) - {row["id"] for row in after}
        assert len(gone) == 1 and gone < set(given)
        assert [row["id"] for row in after].count("created") == 1
        assert [row["id"] for row in org.get("/Invoices/deleted").json()["data"]] == list(gone)
        query = f"select Modified_Time from Invoices where Modified_Time > '{max(given.values())}'"
        moved = [row["id"] for row in org.rows(f"{query} limit 2000") if row["id"] in given]
        assert len(moved) == 1


def test_some_records_of_a_batch_fail_and_were_not_written() -> None:
    with zoho_org(faults={"partial": 1.0}) as org:
        data = [{"id": row_id, "Phone": "12345"} for row_id in (A, B, C)]
        answer = org.call("PUT", "/Accounts", json={"data": data})
        items = answer.json()["data"]
        failed = [i for i, item in enumerate(items) if item["status"] == "error"]
        assert (answer.status_code, len(failed)) == (207, 1)
        assert items[failed[0]]["code"] == "RECORD_LOCKED"
        assert items[failed[0]]["details"]["json_path"] == f"$.data[{failed[0]}].id"
        phones = [org.get(f"/Accounts/{row['id']}").json()["data"][0]["Phone"] for row in data]
        assert [phone is None for phone in phones] == [i in failed for i in range(3)]
        single = org.call("PUT", "/Accounts", json={"data": data[:1]})
        assert single.status_code == 200


def test_the_failures_of_a_large_batch_are_of_several_kinds() -> None:
    with zoho_org(faults={"partial": 1.0}) as org:
        data = [{"Account_Name": f"N{i}"} for i in range(12)]
        items = org.call("POST", "/Accounts", json={"data": data}).json()["data"]
    assert {i["code"] for i in items} == {"SUCCESS", "RECORD_LOCKED", "INTERNAL_ERROR", "INVALID_DATA"}


def test_a_bulk_job_may_end_in_failure() -> None:
    with zoho_org(faults={"bulk_failure": 1.0}) as org:
        job_id = org.bulk(module={"api_name": "Accounts"}).json()["data"][0]["details"]["id"]
        org.clock.now += 10
        found = org.bulk(f"/{job_id}").json()["data"][0]
        assert found["state"] == "FAILURE" and "result" not in found
        assert org.bulk(f"/{job_id}/result").status_code == 404


def test_a_page_token_may_be_repeated() -> None:
    with zoho_org(Limits(bulk=BulkLimits(page_rows=1)), faults={"repeat_token": 1.0}) as org:
        asked: dict[str, Any] = {"fields": "id", "per_page": 1}
        token = org.get("/Accounts", **asked).json()["info"]["next_page_token"]
        again = org.get("/Accounts", **asked, page_token=token).json()["info"]["next_page_token"]
        assert token == again
        query = {"module": {"api_name": "Accounts"}, "fields": ["id"]}
        tokens: list[str] = []
        for _ in range(2):
            more = {"page_token": tokens[0]} if tokens else {}
            job_id = org.bulk(**query, **more).json()["data"][0]["details"]["id"]
            org.clock.now += 10
            tokens.append(org.bulk(f"/{job_id}").json()["data"][0]["result"]["next_page_token"])
        assert tokens[0] == tokens[1]


def test_complaint_airbyte_31433_metadata_may_lack_keys_and_modules() -> None:
    with zoho_org(faults={"odd_fields": 1.0}) as org:
        for field in org.get("/settings/fields", module="Accounts").json()["fields"]:
            assert not {"json_type", "length", "id"} & set(field) and field["api_name"]
        assert org.get("/settings/fields", module="Contacts").json()["code"] == "INVALID_MODULE"
        assert org.get("/settings/fields", module="Notes").status_code == 204
    with zoho_org(faults={"odd_fields": 0.5}) as org:
        rows = org.get("/settings/fields", module="Accounts").json()["fields"]
        assert 0 < sum("id" in field for field in rows) < len(rows)
        assert rows == org.get("/settings/fields", module="Accounts").json()["fields"]


def test_an_edition_sets_the_calls_at_once() -> None:
    options = Options(accounts=5, latency_ms=500, faults={"zoho.free": 1.0})
    with running(app(options)) as base, ThreadPoolExecutor(8) as pool:
        org = Zoho(base)
        statuses = list(pool.map(lambda _: org.get("/org").status_code, range(8)))
    assert statuses.count(429) == 3


def test_heavy_calls_have_a_limit_of_their_own() -> None:
    with zoho_org(Limits(heavy=1), latency_ms=500) as org, ThreadPoolExecutor(3) as pool:

        def write(count: int) -> int:
            data = [{"id": A, "Phone": "1"}] * count
            return org.call("PUT", "/Accounts", json={"data": data}).status_code

        assert sorted(pool.map(lambda _: org.coql(COQL).status_code, range(3))) == [200, 429, 429]
        assert sorted(pool.map(write, [11, 11])) == [200, 429]
        assert sorted(pool.map(write, [10, 10, 11])) == [200, 200, 200]


def test_every_fault_is_told_by_the_sandbox_itself() -> None:
    told = SANDBOX.told_faults()
    assert {"burst", "lost", "zoho.expired", "zoho.shift", "zoho.unlimited", "zoho.free"} <= set(told)
    for name in told:
        app(Options(accounts=2, faults={name: 0.5}))
    with pytest.raises(ValueError, match="no fault 'sabotage'"):
        app(Options(accounts=2, faults={"sabotage": 0.5}))


def test_side_doors_change_and_delete_rows_as_other_users_do() -> None:
    with zoho_org() as org:
        org.clock.now += 60
        assert org.door("edit", module="Accounts", ids=[B], values={"Phone": "1"}) == {"ids": [B]}
        row = org.get(f"/Accounts/{B}").json()["data"][0]
        assert (row["Phone"], row["Modified_Time"]) == ("1", "2026-05-04T21:07:40+08:00")
        edited = org.door("edit", module="Invoices", count=5, values={"Paid_Amount": "12.50"})["ids"]
        paid = org.rows("select Paid_Amount from Invoices where id is not null")
        assert len(edited) == 2 and {row["Paid_Amount"] for row in paid} == {12.5}
        assert org.door("delete", module="Accounts", count=1, skip=1) == {"ids": [B]}
        assert org.get("/Accounts/deleted").json()["data"][0]["id"] == B
        for wrong in (
            {"module": "Nowhere"},
            {"module": "Accounts", "ids": ["1"]},
            {"module": "Accounts", "values": {"Nothing": 1}},
        ):
            with pytest.raises(requests.HTTPError):
                org.door("edit", **wrong)


def test_side_doors_end_tokens() -> None:
    with zoho_org() as org:
        org.door("revoke")
        assert org.get("/org").status_code == 401
        org.renew()
        org.door("revoke", token="sandbox-refresh")
        assert org.token().json() == {"error": "invalid_code"}
