"""The Fxiaoke sandbox: what a query may ask, and what its answer leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox_clients import NOON, Fxiaoke, fxiaoke_tenant

NOON_MS = int(NOON * 1000)


@pytest.fixture
def crm() -> Iterator[Fxiaoke]:
    with fxiaoke_tenant() as (base, _):
        yield Fxiaoke(base)


def flt(field: str, operator: str, *values: Any) -> dict[str, Any]:
    return {"field_name": field, "operator": operator, "field_values": list(values)}


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["name"] for row in rows}


def asked(crm: Fxiaoke, object_name: str = "AccountObj", **info: Any) -> dict[str, Any]:
    return crm.data("query", object_name, search_query_info={"limit": 10, "offset": 0, **info})


def order_of(crm: Fxiaoke, number: str = "FSO-000001") -> dict[str, Any]:
    (row,) = crm.query("SalesOrderObj", filters=[flt("name", "EQ", number)])
    return row


def pay(crm: Fxiaoke, order: dict[str, Any], amount: str) -> str:
    """A payment of 2026-05-01 that comes in for the order, as its header with one detail."""
    header = {"account_id": order["account_id"], "payment_amount": amount, "payment_time": 1_777_564_800_000}
    detail = {"order_id": order["_id"], "account_id": order["account_id"], "payment_amount": amount}
    made = crm.write("create", "PaymentObj", header, details={"OrderPaymentObj": [detail]})
    assert made["errorCode"] == 0, made
    payment_id: str = made["dataId"]
    return payment_id


def test_trap_filters_know_no_or(crm: Fxiaoke) -> None:
    both = [flt("name", "LIKE", "华泰"), {**flt("name", "LIKE", "宁波"), "connector": "OR"}]
    assert asked(crm, filters=both)["errorCode"] == 32000
    assert asked(crm, filters=[], pattern="(1 or 2)")["errorCode"] == 32000
    assert (
        asked(crm, filters=[flt("name", "LIKE", "华泰"), flt("name", "LIKE", "宁波")])["data"]["dataList"]
        == []
    )


@pytest.mark.parametrize(
    "info",
    [
        {"filters": [{"fieldName": "name", "operator": "EQ", "fieldValues": ["x"]}]},
        {"field_projection": ["name"]},
        {"orders": [{"field_name": "_id", "is_asc": True}]},
        {"Limit": 10},
    ],
)
def test_trap_casing_differs_from_key_to_key(crm: Fxiaoke, info: dict[str, Any]) -> None:
    assert asked(crm, **info)["errorCode"] == 32000


@pytest.mark.parametrize("operator", ["NE", "NEQ", "OR", "NOTIN", "eq"])
def test_trap_not_equal_is_called_n(crm: Fxiaoke, operator: str) -> None:
    assert asked(crm, filters=[flt("name", operator, "x")])["errorCode"] == 32000
    assert asked(crm, filters=[flt("name", "N", "x")])["errorCode"] == 0


def test_trap_not_equal_matches_empty_values_too(crm: Fxiaoke) -> None:
    found = crm.query("AccountObj", filters=[flt("uniform_social_credit_code", "N", "91310115MA1K4XYZ07")])
    assert names(found) == {"华泰机械苏州有限公司", "宁波裁缝铺"}


@pytest.mark.parametrize("values", [[], [""], ["true"], [None]])
def test_trap_what_is_and_isn_take_as_values_is_not_settled(crm: Fxiaoke, values: list[Any]) -> None:
    empty = {"field_name": "parent_account_id", "operator": "IS", "field_values": values}
    full = {**empty, "operator": "ISN"}
    assert names(crm.query("AccountObj", filters=[empty])) == {"华泰机械有限公司", "宁波裁缝铺"}
    assert names(crm.query("AccountObj", filters=[full])) == {"华泰机械苏州有限公司"}
    assert asked(crm, filters=[{"field_name": "name", "operator": "IS"}])["errorCode"] == 32000


@pytest.mark.parametrize(
    ("form", "text", "number"), [("either", 0, 0), ("text", 0, 32000), ("number", 32000, 0)]
)
def test_trap_times_in_filters_are_texts_or_numbers(form: str, text: int, number: int) -> None:
    with fxiaoke_tenant(time_filters=form) as (base, _):
        crm = Fxiaoke(base)
        for value, code in ((str(NOON_MS), text), (NOON_MS, number)):
            window = [flt("last_modified_time", "LTE", value)]
            assert asked(crm, filters=window)["errorCode"] == code


def test_trap_a_limit_above_100_is_refused_or_cut(crm: Fxiaoke) -> None:
    assert asked(crm, limit=200)["errorCode"] == 32000
    crm.door("traits", over_limit="clamp")
    cut = asked(crm, limit=200)
    assert (cut["errorCode"], cut["data"]["limit"]) == (0, 100)


def test_trap_offset_beyond_10000_is_10013_which_also_means_a_missing_token(crm: Fxiaoke) -> None:
    far = asked(crm, limit=100, offset=10_100)
    assert far["errorCode"] == 10013 and far["errorMessage"] == "offset out of range 10000"
    assert asked(crm, limit=100, offset=10_000)["errorCode"] == 0
    assert asked(crm, limit=100, offset=50)["errorCode"] == 32000


@pytest.mark.parametrize(
    "more",
    [{"returnTotalNum": True}, {"need_return_count_num": True}, {"find": {"find_explicit_total_num": True}}],
)
def test_trap_the_total_is_asked_for_in_three_ways_and_zero_otherwise(
    crm: Fxiaoke, more: dict[str, Any]
) -> None:
    data = {"dataObjectApiName": "AccountObj", "search_query_info": {"limit": 1, "offset": 0}}
    path = "/cgi/crm/v2/data/query"
    assert crm.call(path, data=data)["data"]["total"] == 0
    inside = more.pop("find", {})
    assert crm.call(path, data={**data, **inside}, **more)["data"]["total"] == 3


def test_trap_empty_fields_are_left_out(crm: Fxiaoke) -> None:
    (row,) = crm.query("AccountObj", filters=[flt("name", "EQ", "宁波裁缝铺")])
    assert "parent_account_id" not in row and "duns__c" not in row
    data = {"dataObjectApiName": "AccountObj", "objectDataId": row["_id"]}
    filled = crm.call("/cgi/crm/v2/data/get", data=data, includeNull=True)["data"]
    assert filled["parent_account_id"] is None


def test_trap_void_rows_may_come_back_from_a_plain_query(crm: Fxiaoke) -> None:
    order = order_of(crm)
    crm.door("void", object="SalesOrderObj", ids=[order["_id"]])
    assert order["name"] not in names(crm.query("SalesOrderObj"))
    crm.door("traits", void_in_query=True)
    void = order_of(crm)
    assert (void["life_status"], void["is_deleted"]) == ("invalid", True)
    assert void["life_status_before_invalid"] == "normal"


def test_trap_no_list_tells_of_deleted_rows(crm: Fxiaoke) -> None:
    (gone,) = crm.door("delete", object="AccountObj", skip=2)["ids"]
    crm.door("traits", void_in_query=True)
    assert gone not in {row["_id"] for row in crm.query("AccountObj")}
    assert crm.data("get", "AccountObj", objectDataId=gone)["errorCode"] == 32000


def test_trap_a_running_total_changes_without_the_rows_time(crm: Fxiaoke) -> None:
    before = order_of(crm)
    pay(crm, before, "1000.00")
    after = order_of(crm)
    assert (after["payment_amount"], after["receivable_amount"]) == ("4000.00", "4000.10")
    assert after["last_modified_time"] == before["last_modified_time"]
    crm.door("traits", rollups_move_time=True)
    pay(crm, before, "1.00")
    assert order_of(crm)["last_modified_time"] == NOON_MS


def test_trap_find_simple_does_not_work_totals_out_anew(crm: Fxiaoke) -> None:
    order = order_of(crm)
    pay(crm, order, "1000.00")
    info = {"limit": 10, "offset": 0, "filters": [flt("_id", "EQ", order["_id"])]}
    data = {
        "dataObjectApiName": "SalesOrderObj",
        "search_query_info": info,
        "field_projection": ["payment_amount", "order_amount"],
    }
    (simple,) = crm.call("/cgi/crm/custom/v2/data/findSimple", data=data)["data"]["dataList"]
    assert simple == {"_id": order["_id"], "payment_amount": "3000.00", "order_amount": "8000.10"}
    one = crm.call("/cgi/crm/custom/v2/data/findOne", data=data)["data"]["objectData"]
    assert one == simple
    assert order_of(crm)["payment_amount"] == "4000.00"
    crm.door("edit", object="SalesOrderObj", ids=[order["_id"]], values={"remark": "x"})
    (fresh,) = crm.call("/cgi/crm/custom/v2/data/findSimple", data=data)["data"]["dataList"]
    assert fresh["payment_amount"] == "4000.00"


def test_trap_the_path_of_custom_objects_serves_preset_ones_only_in_parts(crm: Fxiaoke) -> None:
    data = {"dataObjectApiName": "AccountObj", "search_query_info": {"limit": 10, "offset": 0}}
    assert crm.call("/cgi/crm/custom/v2/data/query", data=data)["errorCode"] == 32000
    assert crm.call("/cgi/crm/custom/v2/data/findSimple", data=data)["errorCode"] == 0
    assert crm.call("/cgi/crm/v2/data/findSimple", data=data)["errorCode"] == 10006
    crm.door("traits", wrong_prefix_refused=False)
    assert crm.call("/cgi/crm/custom/v2/data/query", data=data)["errorCode"] == 0


def test_trap_our_own_write_moves_the_time_of_change(crm: Fxiaoke) -> None:
    (row,) = crm.query("AccountObj", filters=[flt("name", "EQ", "宁波裁缝铺")])
    assert crm.write("update", "AccountObj", {"_id": row["_id"], "tel": "1"})["errorCode"] == 0
    window = [flt("last_modified_time", "BETWEEN", NOON_MS, NOON_MS)]
    assert [one["_id"] for one in crm.query("AccountObj", filters=window)] == [row["_id"]]


def test_trap_a_row_that_changes_while_it_is_paged_moves_by_offset_but_not_by_id() -> None:
    by_id = [{"fieldName": "_id", "isAsc": True}]
    by_time = [{"fieldName": "last_modified_time", "isAsc": True}]
    with fxiaoke_tenant(faults={"shift": 1.0}) as (base, _):
        crm = Fxiaoke(base)
        paged = [crm.query("AccountObj", limit=1, offset=n, orders=by_time)[0]["name"] for n in range(3)]
        assert len(set(paged)) < 3
        seen: list[str] = []
        while page := crm.query(
            "AccountObj", limit=1, orders=by_id, filters=[flt("_id", "GT", seen[-1])] if seen else []
        ):
            seen.append(page[0]["_id"])
        assert len(set(seen)) == 3


def test_trap_quoted_fields_may_be_unreadable(crm: Fxiaoke) -> None:
    (part,) = crm.query("OrderPaymentObj")
    (header,) = crm.query("PaymentObj")
    assert part["payment_time"] == header["payment_time"]
    crm.door("traits", quotes_readable=False)
    assert "payment_time" not in crm.query("OrderPaymentObj")[0]
    assert crm.query("PaymentObj") == [header]


def test_trap_ids_have_24_or_32_signs(crm: Fxiaoke) -> None:
    crm.door("console/fields", object="credit_visit__c", fields=[])
    made = [crm.write("create", "credit_visit__c", {"name": str(n)})["dataId"] for n in range(3)]
    assert {len(one) for one in made} == {32}
    assert {len(row["_id"]) for row in crm.query("AccountObj")} == {24}
    order = [{"fieldName": "_id", "isAsc": True}]
    after = crm.query("credit_visit__c", orders=order, filters=[flt("_id", "GT", made[0])])
    assert [row["_id"] for row in after] == made[1:]
