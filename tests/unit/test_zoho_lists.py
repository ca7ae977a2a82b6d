"""Reading from Zoho CRM where queries cannot: lists with page tokens, odd fields, users."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import orjson
import pytest
import responses
from responses.matchers import query_param_matcher

from adapters.zoho.adapter import ZohoCrm
from connector.adapter import Slice
from connector.errors import Retry
from tests.unit.test_zoho_records import FIELDS, PART, WIDE, WINDOW, answer_query, queries, row
from tests.zoho_bench import BASE, Bench, answer_fields, answer_token, calls_to


@pytest.fixture(autouse=True)
def _token():
    with responses.mock:
        answer_token()
        yield


def answer_list(module: str, *rows: dict[str, Any], following: str = "", **asked: Any) -> None:
    """One page of a list, asked for with a token (``page_token``) or without."""
    info = {"more_records": bool(following), "next_page_token": following or None}
    params = {"per_page": 200, "sort_by": "id", "sort_order": "asc"} | asked
    match = [query_param_matcher(params, strict_match=False), _token_is(asked.get("page_token"))]
    responses.get(f"{BASE}/{module}", json={"data": list(rows), "info": info}, match=match)


def _token_is(token: str | None) -> Callable[[Any], tuple[bool, str]]:
    return lambda request: (request.params.get("page_token") == token, "another token")


def refuse_query(code: str, status: int = 400) -> None:
    responses.post(f"{BASE}/coql", status=status, json={"code": code, "status": "error", "message": "no"})


def walk(crm: ZohoCrm, module: str, fields: list[str], part: Slice = PART) -> list[Any]:
    rows: list[Any] = []
    while True:
        page = crm.fetch(module, fields, part)
        rows += page.rows
        if not page.more:
            return rows
        part = Slice(part.since, part.until, page.rows[-1].external_id)


@pytest.mark.parametrize(("code", "status"), [("INVALID_MODULE", 400), ("OAUTH_SCOPE_MISMATCH", 401)])
def test_complaint_airbyte_30977_reads_past_2000_records_by_page_token(code: str, status: int):
    answer_fields("Accounts", FIELDS)
    refuse_query(code, status)
    tokens = ["", *(f"t{n}" for n in range(1, 12)), ""]
    for n, (token, following) in enumerate(pairwise(tokens)):
        rows = [row(n * 200 + at) for at in range(1, 201)]
        answer_list("Accounts", *rows, following=following, **({"page_token": token} if token else {}))
    rows = walk(Bench().crm, "Accounts", ["Account_Name"])
    assert [r.external_id for r in rows] == [row(n)["id"] for n in range(1, 2401)]
    lists = calls_to(f"{BASE}/Accounts")
    assert all(call.request.headers["If-Modified-Since"] for call in lists)
    assert not any("page" in call.request.params for call in lists)


def test_complaint_airbyte_53218_module_without_a_time_of_change_is_read_whole():
    answer_fields("Visits", {"Name": "text"})
    answer_list("Visits", {"id": "1", "Name": "a"}, {"id": "2", "Name": "b"}, fields="Name")
    page = Bench().crm.fetch("Visits", ["Name"], PART)
    assert [(r.external_id, r.modified_at) for r in page.rows] == [("1", None), ("2", None)]
    assert not page.divisible
    assert "If-Modified-Since" not in calls_to(f"{BASE}/Visits")[0].request.headers


@pytest.mark.parametrize("status", [204, 304])
def test_trap_204_and_304_have_no_body_and_are_an_empty_page(status: int):
    answer_fields("Accounts", FIELDS)
    refuse_query("INVALID_MODULE")
    responses.get(f"{BASE}/Accounts", status=status)
    page = Bench().crm.fetch("Accounts", ["Account_Name"], PART)
    assert (list(page.rows), page.more) == ([], False)


def test_trap_equal_page_tokens_twice_in_a_row_are_an_error():
    answer_fields("Accounts", FIELDS)
    refuse_query("INVALID_MODULE")
    answer_list("Accounts", row(1), following="t1")
    answer_list("Accounts", row(2), following="t1", page_token="t1")
    with pytest.raises(Retry, match="again and again"):
        walk(Bench().crm, "Accounts", ["Account_Name"])


def test_trap_page_token_lives_a_day_and_a_stale_one_begins_the_list_anew():
    answer_fields("Accounts", FIELDS)
    refuse_query("INVALID_MODULE")
    answer_list("Accounts", row(1), following="t1")
    stale = {"code": "EXPIRED_VALUE", "status": "error", "message": "the page_token expired"}
    responses.get(f"{BASE}/Accounts", status=400, json=stale, match=[_token_is("t1")])
    answer_list("Accounts", row(1), row(2), following="t2")
    answer_list("Accounts", row(3), page_token="t2")
    rows = walk(Bench().crm, "Accounts", ["Account_Name"])
    assert [r.external_id for r in rows] == [row(n)["id"] for n in (1, 2, 3)]


def test_list_that_is_taken_up_by_another_process_passes_over_what_it_had():
    answer_fields("Accounts", FIELDS)
    refuse_query("INVALID_MODULE")
    answer_list("Accounts", row(1), row(2), following="t1")
    answer_list("Accounts", row(3), page_token="t1")
    part = Slice(PART.since, PART.until, row(2)["id"])
    assert [r.external_id for r in walk(Bench().crm, "Accounts", ["Account_Name"], part)] == [row(3)["id"]]


def test_complaint_airbyte_27422_more_than_fifty_fields_of_a_list_are_read_by_id():
    answer_fields("Accounts", dict.fromkeys([*WIDE, "Modified_Time"], "text"))
    refuse_query("INVALID_MODULE")
    table = [row(n) | {name: f"{name} of {n}" for name in WIDE} for n in (1, 2)]

    def reply(request: Any) -> tuple[int, dict[str, str], bytes]:
        names = request.params["fields"].split(",")
        assert len(names) <= 50
        data = [{"id": r["id"]} | {name: r[name] for name in names} for r in table]
        return 200, {}, orjson.dumps({"data": data, "info": {"more_records": False}})

    responses.add_callback(responses.GET, f"{BASE}/Accounts", reply)
    page = Bench().crm.fetch("Accounts", WIDE, PART)
    for n, got in zip((1, 2), page.rows, strict=True):
        assert {name: got.data[name] for name in WIDE} == {name: f"{name} of {n}" for name in WIDE}
    assert len(calls_to(f"{BASE}/Accounts")) == 2


def test_complaint_airbyte_31433_one_odd_field_does_not_drop_the_module():
    answer_fields("Accounts", FIELDS | {"Odd": "multiselectlookup"})
    details = {"column_name": "Odd", "reason": "unsupported column"}
    body = {"code": "INVALID_QUERY", "status": "error", "message": "no", "details": details}
    responses.post(f"{BASE}/coql", status=400, json=body)
    answer_query(row(1))
    crm = Bench().crm
    assert crm.missing("Accounts", ["Account_Name", "Odd"]).fields == ()
    page = crm.fetch("Accounts", ["Account_Name", "Odd"], PART)
    assert [r.external_id for r in page.rows] == [row(1)["id"]]
    assert crm.missing("Accounts", ["Account_Name", "Odd"]).fields == ("Odd",)


def test_complaint_airbyte_70779_says_why_a_module_is_not_there():
    body = {
        "code": "INVALID_MODULE",
        "status": "error",
        "message": "the module name given seems to be invalid",
    }
    responses.get(f"{BASE}/settings/fields", status=400, json=body)
    told = Bench().crm.missing("Invoices", ["Grand_Total"])
    assert "INVALID_MODULE" in told.object and "profile shows the module" in told.object


def test_fields_that_the_org_lacks_are_named_as_the_mapping_writes_them():
    answer_fields("Accounts", FIELDS)
    wanted = ["Account_Name", "Owner.id", "Region.id", "DUNS", "id"]
    assert Bench().crm.missing("Accounts", wanted).fields == ("Region.id", "DUNS")


def test_trap_lists_need_fields_and_never_take_page_with_page_token():
    answer_fields("Visits", {})
    responses.replace(responses.GET, f"{BASE}/settings/fields", json={"fields": [{"api_name": "Name"}]})
    answer_list("Visits", {"id": "1"}, following="t1", fields="id")
    answer_list("Visits", {"id": "2"}, page_token="t1", fields="id")
    assert [r.external_id for r in walk(Bench().crm, "Visits", ["Gone"])] == ["1", "2"]
    assert all("page" not in call.request.params for call in calls_to(f"{BASE}/Visits"))


def test_rows_without_our_key_are_not_asked_for():
    answer_fields("Tasks", FIELDS)
    answer_query(row(1))
    Bench().crm.fetch("Tasks", ["Account_Name"], Slice(PART.since, PART.until, having="Credit_Key"))
    assert f"where ({WINDOW} and Credit_Key is not null) order" in queries()[0]


def test_users_are_read_page_by_page_active_or_not():
    for page, (people, more) in enumerate([(["11", "9"], True), (["12"], False)], start=1):
        responses.get(
            f"{BASE}/users",
            json={
                "users": [{"id": i, "full_name": f"user {i}", "status": "active"} for i in people],
                "info": {"more_records": more},
            },
            match=[query_param_matcher({"type": "AllUsers", "page": page, "per_page": 200})],
        )
    crm = Bench().crm
    page = crm.fetch("users", ["full_name"], PART)
    assert [r.external_id for r in page.rows] == ["9", "11", "12"] and not page.more
    assert list(crm.deleted("users", PART.since)) == []
    assert crm.missing("users", ["full_name"]).fields == ()
