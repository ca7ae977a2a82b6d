"""Reading from Zoho CRM: windows, keyset, lookups, wide objects, deletions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
import responses
from responses.matchers import query_param_matcher

from connector.adapter import Slice
from connector.errors import Halt, Retry
from tests.zoho_bench import BASE, Bench, answer_fields, answer_token, calls_to, sent

FIELDS = {
    "Account_Name": "text",
    "Owner": "ownerlookup",
    "Parent_Account": "lookup",
    "Annual_Revenue": "currency",
    "Modified_Time": "datetime",
}
PART = Slice(
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 2, 1, 8, 30, 15, 900_000, tzinfo=dt.timezone(dt.timedelta(hours=8))),
)
WINDOW = "(Modified_Time >= '2026-01-01T00:00:00+00:00' and Modified_Time <= '2026-02-01T00:30:15+00:00')"


@pytest.fixture(autouse=True)
def _token():
    with responses.mock:
        answer_token()
        yield


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"57257670000{number:08d}",
        "Modified_Time": "2026-01-05T10:00:00+05:30",
        "Account_Name": f"Account {number}",
    } | more


def answer_query(*rows: dict[str, Any], more: bool = False) -> None:
    responses.post(
        f"{BASE}/coql", json={"data": list(rows), "info": {"count": len(rows), "more_records": more}}
    )


def queries() -> list[str]:
    return [sent(responses.calls.index(c))["select_query"] for c in calls_to(f"{BASE}/coql")]


def test_trap_offsets_are_not_utc_and_the_walk_is_by_id():
    answer_fields("Accounts", FIELDS)
    answer_query(row(1), row(2), more=True)
    answer_query(row(3))
    crm = Bench().crm
    first = crm.fetch("Accounts", ["Account_Name"], PART)
    second = crm.fetch(
        "Accounts", ["Account_Name"], Slice(PART.since, PART.until, first.rows[-1].external_id)
    )
    assert queries() == [
        f"select Account_Name, Modified_Time, id from Accounts where {WINDOW} order by id asc limit 2000",
        f"select Account_Name, Modified_Time, id from Accounts where "
        f"({WINDOW} and id > '{row(2)['id']}') order by id asc limit 2000",
    ]
    assert [r.external_id for r in first.rows] == [row(1)["id"], row(2)["id"]]
    assert (first.more, second.more) == (True, False)
    assert first.rows[0].modified_at == dt.datetime(2026, 1, 5, 4, 30, tzinfo=dt.UTC)
    assert first.rows[0].modified_at.tzinfo is dt.UTC


def test_nothing_there_is_an_empty_page():
    answer_fields("Accounts", FIELDS)
    responses.post(f"{BASE}/coql", status=204)
    page = Bench().crm.fetch("Accounts", ["Account_Name"], PART)
    assert (list(page.rows), page.more) == ([], False)


def test_fields_the_tenant_lacks_are_left_out_and_metadata_is_read_once():
    answer_fields("Accounts", FIELDS)
    answer_query(row(1))
    crm = Bench().crm
    for _ in range(2):
        page = crm.fetch("Accounts", ["Account_Name", "DUNS", "Region.id"], PART)
    assert "DUNS" not in queries()[0] and "Region" not in queries()[0]
    assert "DUNS" not in page.rows[0].data
    assert len(calls_to(f"{BASE}/settings/fields")) == 1


def test_complaint_airbyte_31433_metadata_with_missing_keys_does_not_hide_the_other_fields():
    rows = [
        {"api_name": "Account_Name"},
        {"field_label": "no name"},
        {"api_name": "Odd", "id": None},
        {"api_name": "Modified_Time"},
    ]
    responses.get(f"{BASE}/settings/fields", json={"fields": rows})
    answer_query(row(1, Odd="x"))
    page = Bench().crm.fetch("Accounts", ["Account_Name", "Odd"], PART)
    assert page.rows[0].data["Odd"] == "x"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"name": "Ann", "id": "5725767000000411001"}, "5725767000000411001"),
        ({"id": 5725767000000411001}, "5725767000000411001"),
        ("5725767000000411001", "5725767000000411001"),
        (5725767000000411001, "5725767000000411001"),
    ],
)
def test_lookups_are_reached_by_path_however_zoho_sends_them(value: Any, expected: str):
    answer_fields("Accounts", FIELDS)
    answer_query(row(1, Owner=value, Parent_Account=None))
    page = Bench().crm.fetch("Accounts", ["Owner.id", "Parent_Account.id"], PART)
    assert page.rows[0].data["Owner"]["id"] == expected
    assert page.rows[0].data["Parent_Account"] is None
    assert queries()[0].startswith("select Owner, Parent_Account, Modified_Time, id from")


def test_trap_ids_of_19_digits_are_text_even_when_zoho_sends_numbers():
    answer_fields("Accounts", FIELDS)
    answer_query(row(1) | {"id": 5725767000007910001})
    page = Bench().crm.fetch("Accounts", ["Account_Name"], PART)
    assert page.rows[0].external_id == page.rows[0].data["id"] == "5725767000007910001"


def test_trap_amounts_are_decimals_with_all_their_digits():
    answer_fields("Accounts", FIELDS)
    body = (
        '{"data":[{"id":"1","Modified_Time":"2026-01-05T10:00:00Z","Annual_Revenue":'
        '12345678901234567.89}],"info":{"more_records":false}}'
    )
    responses.post(f"{BASE}/coql", body=body)
    page = Bench().crm.fetch("Accounts", ["Annual_Revenue"], PART)
    amount = page.rows[0].data["Annual_Revenue"]
    assert isinstance(amount, Decimal) and amount == Decimal("12345678901234567.89")


def test_trap_a_query_of_2000_rows_costs_three_credits():
    answer_fields("Accounts", FIELDS)
    answer_query(row(1))
    bench = Bench()
    bench.crm.fetch("Accounts", ["Account_Name"], PART)
    assert bench.budget.credits == [1, 3]


WIDE = [f"Field_{i}" for i in range(60)]


def answer_wide(parts: Callable[[int, str], list[dict[str, Any]]]) -> None:
    """Answers queries by a table of rows; ``parts`` gives the rows for the nth query."""
    answer_fields("Accounts", dict.fromkeys([*WIDE, "Modified_Time"], "text"))

    def reply(request: Any) -> tuple[int, dict[str, str], bytes]:
        query = orjson.loads(request.body)["select_query"]
        rows = parts(len(calls_to(f"{BASE}/coql")), query)
        columns = re.search("select (.*) from", query)[1].split(", ")
        assert len(columns) <= 50
        data = [{c: r.get(c) for c in columns} for r in rows]
        body = {"data": data, "info": {"more_records": len(calls_to(f"{BASE}/coql")) < 2}}
        return (200, {}, orjson.dumps(body)) if rows else (204, {}, b"")

    responses.add_callback(responses.POST, f"{BASE}/coql", reply)


def test_complaint_airbyte_31011_more_than_fifty_fields_are_read_in_several_queries():
    table = [row(n) | {name: f"{name} of {n}" for name in WIDE} for n in (1, 2)]
    answer_wide(lambda nth, query: table)
    page = Bench().crm.fetch("Accounts", WIDE, PART)
    for n, got in zip((1, 2), page.rows, strict=True):
        assert {name: got.data[name] for name in WIDE} == {name: f"{name} of {n}" for name in WIDE}
    assert page.more is True
    assert len(queries()) == 2
    assert f"({WINDOW} and id <= '{row(2)['id']}')" in queries()[1]


def test_row_that_changed_between_the_parts_is_left_to_the_next_window():
    table = [row(n) | dict.fromkeys(WIDE, n) for n in (1, 2, 3)]
    late = row(3) | {"Modified_Time": "2026-02-01T00:30:15+00:00"}
    answer_wide(lambda nth, query: table if nth == 0 else [table[0], late])
    page = Bench().crm.fetch("Accounts", WIDE, PART)
    assert [r.external_id for r in page.rows] == [row(1)["id"]]


def test_page_whose_rows_all_changed_does_not_stop_the_walk():
    first, later = row(1) | dict.fromkeys(WIDE, 1), row(2) | dict.fromkeys(WIDE, 2)
    answer_wide(lambda nth, query: {0: [first], 1: []}.get(nth, [later]))
    page = Bench().crm.fetch("Accounts", WIDE, PART)
    assert [r.external_id for r in page.rows] == [row(2)["id"]]
    assert f"id > '{row(1)['id']}'" in queries()[2]


def test_same_page_twice_is_an_error_and_no_endless_walk():
    answer_fields("Accounts", FIELDS)
    answer_query(row(1), more=True)
    part = Slice(PART.since, PART.until, row(1)["id"])
    with pytest.raises(Retry, match="again and again"):
        Bench().crm.fetch("Accounts", ["Account_Name"], part)


def test_cursor_that_is_no_id_never_reaches_a_query():
    answer_fields("Accounts", FIELDS)
    with pytest.raises(Halt, match="no Zoho record id"):
        Bench().crm.fetch("Accounts", ["Account_Name"], Slice(PART.since, PART.until, "1' or '1"))
    assert calls_to(f"{BASE}/coql") == []


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("INVALID_QUERY", {"column_name": "Tag", "reason": "column given seems to be invalid"}),
        ("LIMIT_EXCEEDED", {"limit": "50"}),
    ],
)
def test_object_that_cannot_be_queried_is_named(code: str, details: dict[str, str]):
    answer_fields("Payments", FIELDS)
    responses.post(
        f"{BASE}/coql",
        status=400,
        json={"code": code, "status": "error", "message": "no", "details": details},
    )
    with pytest.raises(Halt, match=f"shop Payments.*{code}") as told:
        Bench().crm.fetch("Payments", ["Account_Name"], PART)
    assert all(value in str(told.value) for value in details.values())


def test_object_that_is_hidden_from_the_user_is_named():
    responses.get(f"{BASE}/settings/fields", status=204)
    with pytest.raises(Halt, match="no fields of Payments"):
        Bench().crm.fetch("Payments", ["Account_Name"], PART)


def test_complaint_supaglue_489_deletions_are_read_page_by_page():
    for page, (ids, more) in enumerate([(["11", "12"], True), (["13"], False)], start=1):
        responses.get(
            f"{BASE}/Sales_Orders/deleted",
            json={
                "data": [{"id": i, "type": "recycle"} for i in ids],
                "info": {"page": page, "per_page": 200, "more_records": more},
            },
            match=[query_param_matcher({"type": "all", "page": page, "per_page": 200})],
        )
    bench = Bench()
    assert list(bench.crm.deleted("Sales_Orders", PART.until)) == ["11", "12", "13"]
    headers = responses.calls[-1].request.headers
    assert headers["If-Modified-Since"] == "2026-02-01T00:30:15+00:00"
    assert bench.budget.credits == [2, 2]


@pytest.mark.parametrize("status", [204, 304])
def test_no_deletions_is_an_empty_list(status: int):
    responses.get(f"{BASE}/Accounts/deleted", status=status)
    assert list(Bench().crm.deleted("Accounts", PART.since)) == []
