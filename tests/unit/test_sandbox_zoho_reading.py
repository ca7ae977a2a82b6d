"""The Zoho sandbox: COQL and lists give what the vendor gives and refuse what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.zoho import listing
from tests.sandbox_clients import Zoho, zoho_org

A, B, C = "554023000001000001", "554023000001000002", "554023000001000003"


@pytest.fixture
def org() -> Iterator[Zoho]:
    with zoho_org() as running_org:
        yield running_org


def test_rows_carry_lookups_numbers_and_moments_as_the_vendor_writes_them(org: Zoho) -> None:
    query = "select Account_Name, Grand_Total, Status, SO_Number, Modified_Time from Sales_Orders"
    first, second, third = org.rows(f"{query} where id is not null")
    assert first["Account_Name"] == {"id": A, "name": "华泰机械有限公司"}
    assert (first["Grand_Total"], second["Grand_Total"], third["Grand_Total"]) == (12345.67, 500, 999.99)
    assert [row["Status"] for row in (first, second, third)] == ["Closed", "Approved", "Cancelled"]
    assert first["Modified_Time"] == "2026-01-11T14:30:15+08:00"
    assert '"Grand_Total":12345.67,' in org.coql(f"{query} where id is not null").text


def test_dotted_lookups_come_back_under_the_dotted_key(org: Zoho) -> None:
    rows = org.rows(
        "select Owner.id, Parent_Account.Account_Name, Parent_Account.id from Accounts where id is not null"
    )
    assert set(rows[0]) == {"Owner.id", "Parent_Account.Account_Name", "Parent_Account.id", "id"}
    assert rows[1]["Parent_Account.id"] == A
    assert rows[1]["Parent_Account.Account_Name"] == "华泰机械有限公司"
    assert rows[0]["Parent_Account.Account_Name"] is None


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("id > '0'", [A, B, C]),
        (f"id > {A}", [B, C]),
        (f"(id > '{A}' and id < '{C}')", [B]),
        ("Account_Name = 'Acme''s Steel Inc.'", [C]),
        (r"Account_Name = 'acme\'s steel inc.'", [C]),
        ("Account_Name like '华泰%'", [A, B]),
        ("Account_Name not like '%苏州%'", [A, C]),
        ("Parent_Account is null", [A, C]),
        (f"Parent_Account = '{A}'", [B]),
        (f"Parent_Account in ('{A}', '{C}')", [B]),
        ("Parent_Account.Account_Name = '华泰机械有限公司'", [B]),
        ("Payment_Terms_Days between 29 and 31", [A, B, C]),
        ("Payment_Terms_Days not between 29 and 31", []),
        ("((Currency = 'USD' or Parent_Account is not null) and id is not null)", [B, C]),
        ("Customer_Since >= '2020-03-01'", [A, B, C]),
        ("Customer_Since > '2020-03-01'", []),
    ],
)
def test_coql_conditions(org: Zoho, where: str, found: list[str]) -> None:
    assert [row["id"] for row in org.rows(f"select id from Accounts where {where}")] == found


def test_a_window_of_change_is_closed_at_both_ends_and_reads_any_offset(org: Zoho) -> None:
    at = "2026-01-21T06:30:15+00:00"
    rows = org.rows(
        f"select id from Sales_Orders where ((Modified_Time >= '{at}' and Modified_Time <= '{at}')"
        " and id > '0') order by id asc limit 0, 2000"
    )
    assert len(rows) == 1


def test_coql_orders_pages_and_counts(org: Zoho) -> None:
    base = "select SO_Number from Sales_Orders where id is not null"
    by_amount = org.rows(f"{base} order by Grand_Total desc, id asc")
    assert [row["SO_Number"] for row in by_amount] == ["SO-000001", "SO-000003", "SO-000002"]
    page = org.coql(f"{base} order by Modified_Time desc limit 1, 1").json()
    assert [row["SO_Number"] for row in page["data"]] == ["SO-000002"]
    assert page["info"] == {"count": 1, "more_records": True}
    assert org.coql(f"{base} limit 1 offset 2").json()["info"] == {"count": 1, "more_records": False}
    assert org.coql("select id from Accounts where id = '5'").status_code == 204
    assert org.rows("select COUNT(id) from Invoices where id is not null") == [{"COUNT(id)": 2}]
    grouped = "select Currency, SUM(Grand_Total) as total from Sales_Orders where id is not null"
    assert {"Currency": "USD", "total": 999.99} in org.rows(f"{grouped} group by Currency")


@pytest.mark.parametrize(
    ("query", "code", "details"),
    [
        ("select id from Accounts", "SYNTAX_ERROR", {"clause": "where"}),
        ("select * from Accounts where id is not null", "SYNTAX_ERROR", None),
        ("delete from Accounts", "SYNTAX_ERROR", {}),
        (
            "select id from Accounts where id > 1 and id > 2 and id > 3",
            "SYNTAX_ERROR",
            {"line": 1, "column": 49, "near": "and"},
        ),
        ("select id from Accounts where (id > 1", "SYNTAX_ERROR", None),
        (
            "select A.x, B.x, C.x, D.x, E.x, F.x, G.id from Accounts where id > 1",
            "LIMIT_EXCEEDED",
            {"limit": 5, "clause": "join"},
        ),
        ("select Nothing from Accounts where id > 1", "INVALID_QUERY", {"column_name": "Nothing"}),
        ("select id from Accounts where Nothing = 'x'", "INVALID_QUERY", {"column_name": "Nothing"}),
        ("select id from Accounts where Description = 'x'", "INVALID_QUERY", None),
        ("select id from Accounts where Account_Name > 'x'", "INVALID_QUERY", None),
        ("select id from Accounts where Modified_Time > '2026-05-01'", "INVALID_QUERY", None),
        ("select id from Accounts where Modified_Time > '2026-05-01T00:00:00Z'", "INVALID_QUERY", None),
        ("select id from Accounts where id > 1 limit x", "INVALID_QUERY", {"limit": "x"}),
        ("select id from Accounts where id > 1 limit 0", "INVALID_DATA", None),
        ("select id from Accounts where id > 1 limit 2001", "LIMIT_EXCEEDED", None),
        ("select id from Accounts where id > 1 limit 99000, 2000", "LIMIT_EXCEEDED", None),
        ("select id, id from Accounts where id > 1", "DUPLICATE_DATA", {"column_name": "id"}),
        (
            "select Industry as x, Currency as x from Accounts where id > 1",
            "DUPLICATE_ALIAS",
            {"alias": "x", "referred_columns": ["Industry", "Currency"]},
        ),
        ("select id from Nowhere where id > 1", "INVALID_MODULE", {}),
    ],
)
def test_coql_refuses_what_the_vendor_refuses(org: Zoho, query: str, code: str, details: Any) -> None:
    answer = org.coql(query)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    if details is not None:
        assert answer.json()["details"] == details


def test_trap_a_list_needs_fields_and_takes_fifty_at_most(org: Zoho) -> None:
    assert org.get("/Accounts").json()["details"] == {"param_name": "fields"}
    many = ",".join(f"F{i}" for i in range(51))
    assert org.get("/Accounts", fields=many).json()["details"] == {"limit": 50, "param_name": "fields"}
    far = org.get("/Accounts", fields="id", page=11)
    assert (far.status_code, far.json()["code"]) == (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED")
    assert org.get("/Accounts", fields="id", sort_by="Account_Name").json()["code"] == "INVALID_DATA"
    assert org.get("/Accounts", fields="id", per_page=201).json()["code"] == "LIMIT_EXCEEDED"
    assert org.get("/Nowhere", fields="id").json()["code"] == "INVALID_MODULE"
    assert org.get("/Tasks", fields="id").status_code == 204
    assert org.get("/nothing/like/this").status_code == 404


def test_trap_page_tokens_are_bound_to_their_parameters_and_live_a_day(org: Zoho) -> None:
    asked = {"fields": "Account_Name", "per_page": 2, "sort_by": "Modified_Time", "sort_order": "asc"}
    first = org.get("/Accounts", **asked).json()
    token = first["info"]["next_page_token"]
    second = org.get("/Accounts", **asked, page_token=token).json()
    assert len({row["id"] for row in (*first["data"], *second["data"])}) == 3
    assert second["info"]["more_records"] is False and second["info"]["next_page_token"] is None
    other = org.get("/Accounts", fields="id", per_page=2, page_token=token)
    assert other.json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    org.clock.now += 24 * 3600
    org.renew()
    assert org.get("/Accounts", **asked, page_token=token).json()["code"] == "EXPIRED_VALUE"


def test_trap_pages_by_number_end_at_2000_records_and_tokens_go_on_to_100000(
    org: Zoho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "DISCRETE", 2)
    monkeypatch.setattr(listing, "REACH", 2)
    asked: dict[str, Any] = {"fields": "id", "per_page": 1}
    second = org.get("/Accounts", **asked, page=2).json()
    assert second["info"]["more_records"] is True
    wall = org.get("/Accounts", **asked, page=3)
    assert (wall.status_code, wall.json()["code"]) == (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED")
    assert wall.json()["details"] == {"limit": 2}
    token = second["info"]["next_page_token"]
    end = org.get("/Accounts", **asked, page_token=token)
    assert (end.status_code, end.json()["code"]) == (400, "PAGINATION_LIMIT_EXCEEDED")
    assert end.json()["details"] == {"param_name": "page_token"}
    both = org.get("/Accounts", **asked, page=2, page_token=token)
    assert both.json()["code"] == "AMBIGUITY_DURING_PROCESSING"


def test_trap_a_list_without_rows_is_204_without_a_body(org: Zoho) -> None:
    for answer in (org.get("/Tasks", fields="id"), org.get("/Accounts", fields="id", page=2)):
        assert (answer.status_code, answer.content) == (204, b"")
    assert org.get("/Accounts", fields="id", cvid="1").json()["details"] == {"param_name": "cvid"}


def test_trap_nothing_changed_since_is_304_without_a_body(org: Zoho) -> None:
    headers = {"If-Modified-Since": "2026-05-04T21:00:00+08:00"}
    call = {"params": {"fields": "Account_Name"}, "headers": headers}
    assert org.call("GET", "/Accounts", **call).status_code == 304
    org.call("PUT", f"/Accounts/{B}", json={"data": [{"Website": "b.example.com"}]})
    changed = org.call("GET", "/Accounts", **call).json()["data"]
    assert [row["id"] for row in changed] == [B]


def test_one_record_comes_with_all_fields(org: Zoho) -> None:
    row = org.get(f"/Accounts/{A}").json()["data"][0]
    assert row["Owner"]["email"] == "wang.fang@example.com"
    assert row["Unified_Credit_Code"] == "91310115MA1K4XYZ07" and row["DUNS"] is None
    assert org.get("/Accounts/554023000009999999").status_code == 204
    assert org.get("/Accounts/x").status_code == 400
