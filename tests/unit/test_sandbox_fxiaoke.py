"""The Fxiaoke sandbox: queries, writes, descriptions and side doors behave like the vendor's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.fxiaoke import SANDBOX
from tests.sandbox_clients import NOON, Fxiaoke, check_service, fxiaoke_tenant

VISIT_FIELDS = [
    {"name": "account_id", "api_name": "account_id__c", "label": "客户", "type": "reference"},
    {"name": "due_on", "api_name": "due_on__c", "label": "到期", "type": "date"},
    {"name": "key", "api_name": "credit_key__c", "label": "键", "type": "text", "unique": True},
]
ACCOUNT_FIELDS = [
    {"name": "hold", "api_name": "credit_hold__c", "label": "信用冻结", "type": "boolean"},
    {"name": "limit", "api_name": "credit_limit__c", "label": "信用额度", "type": "money"},
    {
        "name": "status",
        "api_name": "credit_status__c",
        "label": "信用状态",
        "type": "option",
        "options": [["ok", "正常"], ["hold", "冻结"]],
    },
]


@pytest.fixture
def base() -> Iterator[str]:
    with fxiaoke_tenant() as (address, _):
        yield address


@pytest.fixture
def crm(base: str) -> Fxiaoke:
    return Fxiaoke(base)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["_id"] for row in rows]


def by_name(crm: Fxiaoke, object_name: str, name: str) -> dict[str, Any]:
    """The one row of this name."""
    (row,) = crm.query(object_name, filters=[flt("name", "EQ", name)])
    return row


def flt(field: str, operator: str, *values: Any) -> dict[str, Any]:
    return {"field_name": field, "operator": operator, "field_values": list(values)}


# -- reading


def test_rows_travel_as_the_manual_says(crm: Fxiaoke) -> None:
    order = by_name(crm, "SalesOrderObj", "FSO-000001")
    assert order["order_amount"] == "8000.10"
    assert order["order_time"] == 1_768_060_800_000  # 2026-01-11T00:00+08:00
    assert order["last_modified_time"] == 1_768_113_015_000
    assert (order["life_status"], order["lock_status"]) == ("normal", "0")
    assert (order["payment_amount"], order["receivable_amount"]) == ("3000.00", "5000.10")
    account = by_name(crm, "AccountObj", "华泰机械有限公司")
    assert len(account["_id"]) == 24 and account["payment_terms_days__c"] == "30"
    assert order["account_id"] == account["_id"] and order["account_id__r"] == account["name"]
    assert "duns__c" not in account
    assert account["owner"][0].startswith("FSUID_")


def test_option_values_mean_nothing_and_are_told_by_describe(crm: Fxiaoke) -> None:
    described = crm.call("/cgi/crm/v2/object/describe", apiName="SalesOrderObj")["data"]["describe"]
    options = {o["label"]: o["value"] for o in described["fields"]["order_status"]["options"]}
    assert list(options) == ["草稿", "已确认", "已发货", "已完成", "已作废"]
    assert not set(options) & set(options.values())
    assert by_name(crm, "SalesOrderObj", "FSO-000001")["order_status"] == options["已完成"]
    assert crm.call("/cgi/crm/v2/object/describe", apiName="NothingObj")["errorCode"] == 32000


def test_projection_and_nulls(crm: Fxiaoke) -> None:
    rows = crm.query("AccountObj", fieldProjection=["name", "duns__c"])
    assert all(set(row) == {"_id", "name"} for row in rows)
    info = {"limit": 1, "offset": 0, "fieldProjection": ["duns__c"]}
    answer = crm.call(
        "/cgi/crm/v2/data/query",
        data={"dataObjectApiName": "AccountObj", "search_query_info": info},
        includeNull=True,
    )
    assert answer["data"]["dataList"][0]["duns__c"] is None


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], "ABD"),
        ([flt("name", "LIKE", "华泰")], "AB"),
        ([flt("name", "STARTWITH", "宁波")], "D"),
        ([flt("name", "NLIKE", "华泰")], "D"),
        ([flt("parent_account_id", "IS")], "AD"),
        ([flt("parent_account_id", "ISN")], "B"),
        ([flt("uniform_social_credit_code", "N", "91310115MA1K4XYZ07")], "BD"),
        ([flt("payment_terms_days__c", "GTE", "30.0"), flt("name", "ENDWITH", "有限公司")], "AB"),
        ([flt("payment_terms_days__c", "LT", 30)], ""),
        ([flt("mc_currency", "IN", "CNY", "USD"), flt("mc_currency", "NIN", "CNY")], ""),
    ],
)
def test_filters_are_joined_by_and(crm: Fxiaoke, filters: list[dict[str, Any]], found: str) -> None:
    names = {"华泰机械有限公司": "A", "华泰机械苏州有限公司": "B", "宁波裁缝铺": "D"}
    order = [{"fieldName": "_id", "isAsc": True}]
    assert (
        "".join(names[row["name"]] for row in crm.query("AccountObj", filters=filters, orders=order)) == found
    )


def test_a_window_and_an_id_walk_through_all_rows(crm: Fxiaoke) -> None:
    order, seen = [{"fieldName": "_id", "isAsc": True}], []
    window = flt("last_modified_time", "BETWEEN", "0", str(int(NOON * 1000)))
    while True:
        after = [flt("_id", "GT", seen[-1])] if seen else []
        page = crm.query("AccountObj", limit=2, filters=[window, *after], orders=order)
        seen += ids(page)
        if len(page) < 2:
            break
    assert len(seen) == 3 and seen == sorted(seen)
    exact = by_name(crm, "SalesOrderObj", "FSO-000001")["last_modified_time"]
    hit = crm.query("SalesOrderObj", filters=[flt("last_modified_time", "BETWEEN", exact, exact)])
    assert len(hit) == 1


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"limit": 101}, 32000),
        ({"limit": 100, "offset": 50}, 32000),
        ({"limit": 100, "offset": 10_000}, 0),
        ({"limit": 100, "offset": 10_100}, 10013),
        ({"filters": [flt("nothing", "EQ", 1)]}, 32000),
        ({"filters": [flt("name", "NEQ", "x")]}, 32000),
        ({"filters": [{"fieldName": "name", "operator": "EQ", "fieldValues": ["x"]}]}, 32000),
        ({"filters": [{"field_name": "name", "operator": "EQ", "field_values": "x"}]}, 32000),
        ({"filters": [flt("last_modified_time", "BETWEEN", 1)]}, 32000),
        ({"filters": [flt("last_modified_time", "GT", "2026-01-01")]}, 32000),
        ({"orders": [{"field_name": "_id", "is_asc": True}]}, 32000),
    ],
)
def test_malformed_queries_are_refused(crm: Fxiaoke, info: dict[str, Any], code: int) -> None:
    answer = crm.data("query", "AccountObj", search_query_info={"limit": 10, "offset": 0, **info})
    assert answer["errorCode"] == code
    assert answer["traceId"]


def test_the_total_is_zero_unless_it_is_asked_for(crm: Fxiaoke) -> None:
    info = {"limit": 2, "offset": 0}
    plain = crm.data("query", "AccountObj", search_query_info=info)
    counted = crm.data("query", "AccountObj", search_query_info=info, find_explicit_total_num=True)
    assert (plain["data"]["total"], counted["data"]["total"]) == (0, 3)


def test_get_by_id(crm: Fxiaoke) -> None:
    account = by_name(crm, "AccountObj", "宁波裁缝铺")
    assert crm.data("get", "AccountObj", objectDataId=account["_id"])["data"] == account
    assert crm.data("get", "AccountObj", objectDataId="0" * 24)["errorCode"] == 32000


def test_preset_and_custom_objects_have_their_own_paths(crm: Fxiaoke) -> None:
    body = {"data": {"dataObjectApiName": "AccountObj", "search_query_info": {"limit": 1, "offset": 0}}}
    assert crm.call("/cgi/crm/custom/v2/data/query", **body)["errorCode"] == 32000
    unknown = crm.call("/cgi/crm/v2/data/batchCreate", **body)
    assert unknown["errorCode"] == 10006 and "is not exists" in unknown["errorMessage"]


# -- writing


def credit_fields(crm: Fxiaoke) -> None:
    crm.door("console/fields", object="AccountObj", fields=ACCOUNT_FIELDS)


def test_credit_fields_exist_only_after_an_admin_made_them(crm: Fxiaoke) -> None:
    account = by_name(crm, "AccountObj", "宁波裁缝铺")
    values = {"_id": account["_id"], "credit_hold__c": True, "credit_limit__c": "1000.005"}
    assert crm.write("update", "AccountObj", values)["errorCode"] == 32000
    credit_fields(crm)
    assert crm.write("update", "AccountObj", values)["errorCode"] == 0
    changed = crm.data("get", "AccountObj", objectDataId=account["_id"])["data"]
    assert (changed["credit_hold__c"], changed["credit_limit__c"]) == (True, "1000.01")
    assert changed["name"] == account["name"] and changed["last_modified_time"] == int(NOON * 1000)
    assert (
        crm.write("update", "AccountObj", {"_id": account["_id"], "credit_limit__c": None})["errorCode"] == 0
    )
    assert "credit_limit__c" not in crm.data("get", "AccountObj", objectDataId=account["_id"])["data"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"credit_limit__c": 1000}, 32000),
        ({"credit_limit__c": "1,000"}, 32000),
        ({"credit_hold__c": "true"}, 32000),
        ({"credit_status__c": "冻结"}, 32000),
        ({"credit_status__c": "hold"}, 32000),
        ({"customer_since__c": "2026-01-01"}, 32000),
        ({"customer_since__c": 1_768_060_800_000}, 0),
        ({"parent_account_id": "f" * 24}, 201112011),
        ({"name": ""}, 32000),
        ({"nothing__c": 1}, 32000),
        ({"_id": "f" * 24, "tel": "x"}, 32000),
    ],
)
def test_values_that_do_not_fit_are_parameter_errors(crm: Fxiaoke, values: dict[str, Any], code: int) -> None:
    credit_fields(crm)
    account = by_name(crm, "AccountObj", "宁波裁缝铺")
    assert crm.write("update", "AccountObj", {"_id": account["_id"], **values})["errorCode"] == code


def test_a_visit_needs_its_object_and_its_key_stays_unique(crm: Fxiaoke) -> None:
    account = by_name(crm, "AccountObj", "宁波裁缝铺")
    visit = {"name": "Visit", "account_id__c": account["_id"], "credit_key__c": "k1", "due_on__c": 1}
    assert crm.write("create", "credit_visit__c", visit)["errorCode"] == 32000
    for _ in range(2):
        crm.door("console/fields", object="credit_visit__c", fields=VISIT_FIELDS)
    me = crm.credentials["currentOpenUserId"]
    made = crm.write("create", "credit_visit__c", {**visit, "owner": [me]})
    assert made["errorCode"] == 0 and len(made["dataId"]) == 32
    assert crm.write("create", "credit_visit__c", visit)["errorCode"] == 32000
    (row,) = crm.query("credit_visit__c", filters=[flt("credit_key__c", "EQ", "k1")])
    assert (row["_id"], row["owner"], row["account_id__c__r"]) == (made["dataId"], [me], account["name"])
    listed = crm.call("/cgi/crm/v2/object/list", data={})["data"]["objects"]
    kinds = {one["describeApiName"]: one["defineType"] for one in listed}
    assert (kinds["credit_visit__c"], kinds["AccountObj"]) == ("custom", "package")


def test_an_owner_is_a_list_of_known_employees(crm: Fxiaoke) -> None:
    me = crm.credentials["currentOpenUserId"]
    for owner, code in ((me, 32000), (["1000"], 32000), ([me], 0)):
        made = crm.write("create", "AccountObj", {"name": "New", "owner": owner})
        assert made["errorCode"] == code


def test_a_locked_row_is_not_changed(crm: Fxiaoke) -> None:
    order = by_name(crm, "SalesOrderObj", "FSO-000001")
    target = {"dataObjectApiName": "SalesOrderObj", "dataIds": [order["_id"]], "detailObjStrategy": 0}
    change = {"_id": order["_id"], "remark": "x"}
    assert crm.call("/cgi/crm/v2/object/lock", data=target)["errorCode"] == 0
    assert crm.write("update", "SalesOrderObj", change)["errorCode"] == 50009
    assert crm.data("get", "SalesOrderObj", objectDataId=order["_id"])["data"]["lock_status"] == "1"
    assert crm.call("/cgi/crm/v2/object/unlock", data=target)["errorCode"] == 0
    assert crm.write("update", "SalesOrderObj", change)["errorCode"] == 0


def test_void_rows_vanish_from_queries_but_not_from_get(crm: Fxiaoke) -> None:
    order = by_name(crm, "SalesOrderObj", "FSO-000002")
    for code in (0, 32000):
        assert crm.data("invalid", "SalesOrderObj", object_data_id=order["_id"])["errorCode"] == code
    assert order["_id"] not in ids(crm.query("SalesOrderObj"))
    assert crm.data("get", "SalesOrderObj", objectDataId=order["_id"])["data"]["life_status"] == "invalid"


# -- side doors


def test_an_order_in_the_browser_is_checked_before_it_is_saved(crm: Fxiaoke) -> None:
    account = by_name(crm, "AccountObj", "宁波裁缝铺")
    with check_service("1000") as (checks, plugin):
        crm.door("plugin", **plugin)
        small = crm.door("orders", account_id=account["_id"], amount="1000", currency="CNY")
        large = crm.door("orders", account_id=account["_id"], amount="1000.01", currency="CNY")
    assert (small["saved"], large["saved"]) == (True, False)
    assert "超过信用额度" in large["message"]
    assert [asked["order"] for asked in checks.asked] == [small["number"], large["number"]]
    row = crm.data("get", "SalesOrderObj", objectDataId=small["id"])["data"]
    assert (row["name"], row["order_amount"]) == (small["number"], "1000.00")
    assert (row["order_status__r"], row["last_modified_time"]) == ("已确认", int(NOON * 1000))


def test_the_pre_validation_runs_on_create_unless_it_is_skipped(crm: Fxiaoke) -> None:
    account = by_name(crm, "AccountObj", "宁波裁缝铺")
    order = {"account_id": account["_id"], "order_amount": "2000.00", "mc_currency": "CNY"}
    with check_service("1000") as (checks, plugin):
        crm.door("plugin", **plugin)
        refused = crm.write("create", "SalesOrderObj", order)
        skipped = crm.write("create", "SalesOrderObj", order, optionInfo={"skipFuncValidate": True})
        faulty = crm.write("create", "SalesOrderObj", {**order, "account_id": "x"})
    assert refused["errorCode"] == 32000 and "Over the limit." in refused["errorMessage"]
    assert skipped["errorCode"] == 0 and faulty["errorCode"] == 201112011
    assert len(checks.asked) == 1
    row = crm.data("get", "SalesOrderObj", objectDataId=skipped["dataId"])["data"]
    assert row["order_status__r"] == "已确认" and row["name"].startswith("FSO-")


def test_content_leaves_out_what_differs_from_run_to_run(crm: Fxiaoke) -> None:
    account = by_name(crm, "AccountObj", "宁波裁缝铺")
    number = crm.door("orders", account_id=account["_id"], amount="5", currency="CNY")["number"]
    content = crm.door("content")
    new = next(row for row in content["SalesOrderObj"] if row["name"] == number)
    assert (new["_id"], new["account_id"], new["order_amount"]) == ("created", account["_id"], "5.00")
    assert "last_modified_time" not in new and "create_time" not in new
    assert crm.door("calls")["write"] == 0


def test_the_settings_name_the_address_of_the_server() -> None:
    assert SANDBOX.settings_at("http://localhost:1/") == {
        "base_url": "http://localhost:1",
        "app_id": "FSAID_sandbox",
        "app_secret": "sandbox-secret",
        "permanent_code": "sandbox-code",
        "user": "13800000000",
    }
