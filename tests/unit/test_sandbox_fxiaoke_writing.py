"""The Fxiaoke sandbox: flags of writes, what stands before a save, locks, owners and states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.sandbox_clients import NOON, Fxiaoke, check_service, fxiaoke_tenant

ORDER, ACCOUNT, VISIT = "SalesOrderObj", "AccountObj", "credit_visit__c"
HOLD = {"name": "hold", "api_name": "credit_hold__c", "label": "信用冻结", "type": "boolean"}
KEY = {"name": "key", "api_name": "credit_key__c", "label": "键", "type": "text", "unique": True}
ON_HOLD = {
    "object": ORDER,
    "field": "account_id__r.credit_hold__c",
    "equals": True,
    "message": "客户已被信用冻结",
}


@pytest.fixture
def crm() -> Iterator[Fxiaoke]:
    with fxiaoke_tenant() as (base, _):
        yield Fxiaoke(base)


def named(crm: Fxiaoke, object_name: str, name: str) -> dict[str, Any]:
    flt = {"field_name": "name", "operator": "EQ", "field_values": [name]}
    (row,) = crm.query(object_name, filters=[flt])
    return row


def got(crm: Fxiaoke, object_name: str, row_id: str) -> dict[str, Any]:
    found = crm.data("get", object_name, objectDataId=row_id)
    assert found["errorCode"] == 0, found
    row: dict[str, Any] = found["data"]
    return row


def account(crm: Fxiaoke) -> dict[str, Any]:
    return named(crm, ACCOUNT, "宁波裁缝铺")


def new_order(crm: Fxiaoke, **data: Any) -> dict[str, Any]:
    values = {"account_id": account(crm)["_id"], "order_amount": "100.00", "mc_currency": "CNY"}
    return crm.write("create", ORDER, values, **data)


def locked(crm: Fxiaoke, row_id: str, action: str = "lock", details: int = 0) -> dict[str, Any]:
    target = {"dataObjectApiName": ORDER, "dataIds": [row_id], "detailObjStrategy": details}
    return crm.call(f"/cgi/crm/v2/object/{action}", data=target)


def held(crm: Fxiaoke) -> None:
    """The account is on hold, and a rule refuses orders of such."""
    crm.door("console/fields", object=ACCOUNT, fields=[HOLD])
    assert crm.door("console/rules", **ON_HOLD)["api_name"].startswith("validation_rule_")
    crm.door("edit", object=ACCOUNT, ids=[account(crm)["_id"]], values={"credit_hold__c": True})


# -- flags


def test_trap_flows_run_unless_a_write_switches_them_off(crm: Fxiaoke) -> None:
    row_id = account(crm)["_id"]
    body = {"object_data": {"dataObjectApiName": ACCOUNT, "_id": row_id, "tel": "1"}}
    crm.call("/cgi/crm/v2/data/update", data=body)
    crm.call("/cgi/crm/v2/data/update", data=body, triggerApprovalFlow=False, triggerWorkFlow=False)
    crm.call("/cgi/crm/v2/data/update", data={**body, "triggerWorkFlow": False})  # not where it belongs
    writes = crm.door("writes")["writes"]
    flags = [(one["triggerApprovalFlow"], one["triggerWorkFlow"]) for one in writes]
    assert flags == [(True, True), (False, False), (True, True)]
    assert {(one["action"], one["object"], one["id"], one["by"]) for one in writes} == {
        ("update", ACCOUNT, row_id, "1000")
    }
    assert len({one["thirdTraceId"] for one in writes}) == 3


@pytest.mark.parametrize(
    "more", [{"triggerWorkFlow": "false"}, {"hasSpecifyTime": 1}, {"includeDetailIds": None}]
)
def test_a_flag_is_true_or_false(crm: Fxiaoke, more: dict[str, Any]) -> None:
    body = {"object_data": {"dataObjectApiName": ACCOUNT, "_id": account(crm)["_id"]}}
    assert crm.call("/cgi/crm/v2/data/update", data=body, **more)["errorCode"] == 32000


def test_trap_an_approval_flow_catches_writes_that_do_not_switch_it_off(crm: Fxiaoke) -> None:
    crm.door("console/approval", object=ACCOUNT)
    crm.door("console/approval", object=ORDER)
    row_id = account(crm)["_id"]
    body = {"object_data": {"dataObjectApiName": ACCOUNT, "_id": row_id, "tel": "1"}}
    crm.call("/cgi/crm/v2/data/update", data=body, triggerApprovalFlow=False)
    assert got(crm, ACCOUNT, row_id)["life_status"] == "normal"
    crm.call("/cgi/crm/v2/data/update", data=body)
    assert got(crm, ACCOUNT, row_id)["life_status"] == "in_change"
    assert got(crm, ORDER, new_order(crm)["dataId"])["life_status"] == "under_review"
    placed = crm.door("orders", account_id=row_id, amount="5", currency="CNY")
    assert got(crm, ORDER, placed["id"])["life_status"] == "under_review"


def test_times_and_creators_are_set_only_with_their_flags(crm: Fxiaoke) -> None:
    me, other = crm.credentials["currentOpenUserId"], named(crm, ACCOUNT, "宁波裁缝铺")["owner"]
    values = {"dataObjectApiName": ACCOUNT, "create_time": 1_000, "created_by": other}
    path = "/cgi/crm/v2/data/create"
    plain = crm.call(path, data={"object_data": {**values, "name": "a"}})["dataId"]
    told = crm.call(
        path, data={"object_data": {**values, "name": "b"}}, hasSpecifyTime=True, hasSpecifyCreatedBy=True
    )["dataId"]
    row = got(crm, ACCOUNT, plain)
    assert (row["create_time"], row["created_by"]) == (int(NOON * 1000), [me])
    row = got(crm, ACCOUNT, told)
    assert (row["create_time"], row["created_by"]) == (1_000, other)


def test_trap_an_updates_unsent_fields_stay_and_the_owner_too(crm: Fxiaoke) -> None:
    before, me = account(crm), crm.credentials["currentOpenUserId"]
    assert crm.write("update", ACCOUNT, {"_id": before["_id"], "tel": "1", "owner": [me]})["errorCode"] == 0
    after = got(crm, ACCOUNT, before["_id"])
    moved = {"tel", "last_modified_time", "last_modified_by"}
    assert {name for name in after if after[name] != before.get(name)} == moved


def test_trap_an_update_might_empty_what_it_does_not_name(crm: Fxiaoke) -> None:
    crm.door("traits", unsent_fields_stay=False)
    before = account(crm)
    assert crm.write("update", ACCOUNT, {"_id": before["_id"], "tel": "1"})["errorCode"] == 0
    after = got(crm, ACCOUNT, before["_id"])
    assert (after["tel"], after["name"], after["owner"]) == ("1", before["name"], before["owner"])
    assert before["payment_terms_days__c"] == "30" and "payment_terms_days__c" not in after


def test_trap_some_tenants_take_bare_numbers_for_amounts(crm: Fxiaoke) -> None:
    crm.door("traits", bare_numbers_taken=True)
    values = {"account_id": account(crm)["_id"], "order_amount": 100.5}
    made = crm.write("create", ORDER, values)["dataId"]
    assert got(crm, ORDER, made)["order_amount"] == "100.50"


def test_trap_there_is_no_idempotency_key(crm: Fxiaoke) -> None:
    body = {**crm.credentials, "data": {"object_data": {"dataObjectApiName": ACCOUNT, "name": "Twin"}}}
    made = [
        requests.post(
            f"{crm.base}/cgi/crm/v2/data/create", json=body, params={"thirdTraceId": "same"}, timeout=5
        ).json()["dataId"]
        for _ in range(2)
    ]
    assert len(set(made)) == 2
    refused = crm.write("create", ACCOUNT, {"name": "Twin"}, optionInfo={"isDuplicateSearch": True})
    assert refused["errorCode"] == 32000 and "重复" in refused["errorMessage"]


def test_trap_a_unique_key_of_our_own_makes_a_create_happen_once(crm: Fxiaoke) -> None:
    crm.door("console/fields", object=VISIT, fields=[KEY])
    made = crm.write("create", VISIT, {"name": "a", "credit_key__c": "k"})
    again = crm.write("create", VISIT, {"name": "a", "credit_key__c": "k"})
    assert made["errorCode"] == 0 and again["errorCode"] == 32000
    crm.door("void", object=VISIT, ids=[made["dataId"]])
    assert crm.write("create", VISIT, {"name": "a", "credit_key__c": "k"})["errorCode"] == 32000


def test_trap_a_custom_create_may_not_tell_the_new_id() -> None:
    with fxiaoke_tenant(custom_create_tells_id=False) as (base, _):
        crm = Fxiaoke(base)
        crm.door("console/fields", object=VISIT, fields=[])
        made = crm.write("create", VISIT, {"name": "a"})
        assert made["errorCode"] == 0 and "dataId" not in made
        assert crm.write("create", ACCOUNT, {"name": "a"})["dataId"]


def test_trap_a_checkin_is_not_made_by_create(crm: Fxiaoke) -> None:
    visit = {"account_id": account(crm)["_id"], "plan_time": 1}
    assert crm.write("create", "CheckinsObj", visit)["errorCode"] == 32000
    crm.door("traits", checkins_by_api=True)
    assert crm.write("create", "CheckinsObj", visit)["errorCode"] == 0


@pytest.mark.parametrize(
    ("value", "code"), [("100.01", 0), (100.01, 32000), ("1e3", 32000), ("", 32000), ("0.005", 0)]
)
def test_trap_amounts_are_written_as_texts(crm: Fxiaoke, value: Any, code: int) -> None:
    values = {"account_id": account(crm)["_id"], "order_amount": value}
    assert crm.write("create", ORDER, values)["errorCode"] == code


def test_details_are_made_with_their_master_or_not_at_all(crm: Fxiaoke) -> None:
    order = named(crm, ORDER, "FSO-000001")
    header = {"dataObjectApiName": "PaymentObj", "account_id": order["account_id"], "payment_amount": "5.00"}
    good, bad = (
        {"order_id": order["_id"], "payment_amount": "5.00"},
        {"order_id": "x", "payment_amount": "5.00"},
    )
    path = "/cgi/crm/v2/data/create"
    before = len(crm.query("PaymentObj"))
    for details in ({"OrderPaymentObj": [good, bad]}, {ORDER: [good]}, {"OrderPaymentObj": good}):
        assert crm.call(path, data={"object_data": header, "details": details})["errorCode"] != 0
    assert len(crm.query("PaymentObj")) == before
    details = {"OrderPaymentObj": [good]}
    made = crm.call(path, data={"object_data": header, "details": details}, includeDetailIds=True)
    (part,) = made["detailIds"]
    assert got(crm, "OrderPaymentObj", part)["payment_id"] == made["dataId"]


# -- what stands before a save


def test_trap_rules_run_or_not_by_option_info(crm: Fxiaoke) -> None:
    held(crm)
    refused = new_order(crm, optionInfo={"useValidationRule": True})
    assert (refused["errorCode"], refused["errorMessage"]) == (32000, "客户已被信用冻结")
    assert new_order(crm)["errorCode"] == 32000
    assert new_order(crm, optionInfo={"useValidationRule": False})["errorCode"] == 0
    crm.door("traits", rules_unless_told=False)
    assert new_order(crm)["errorCode"] == 0
    assert crm.door("writes")["writes"][-2]["optionInfo"] == {"useValidationRule": False}


def test_trap_rules_run_in_the_browser_but_not_for_what_is_imported(crm: Fxiaoke) -> None:
    held(crm)
    form = {"account_id": account(crm)["_id"], "amount": "100", "currency": "CNY"}
    refused = crm.door("orders", **form)
    assert (refused["saved"], refused["message"]) == (False, "客户已被信用冻结")
    row = {"account_id": form["account_id"], "order_amount": "100.00", "mc_currency": "CNY"}
    (row_id,) = crm.door("import", object=ORDER, rows=[row])["ids"]
    order = got(crm, ORDER, row_id)
    assert (order["order_status__r"], order["receivable_amount"]) == ("已确认", "100.00")


def test_a_rule_that_does_not_block_only_warns(crm: Fxiaoke) -> None:
    large = {"object": ORDER, "field": "order_amount", "above": "1000", "message": "金额较大"}
    crm.door("console/rules", **large, enable_blocking=False)
    form = {"account_id": account(crm)["_id"], "currency": "CNY"}
    assert crm.door("orders", **form, amount="1000")["message"] == ""
    warned = crm.door("orders", **form, amount="1001")
    assert (warned["saved"], warned["message"]) == (True, "金额较大")


def test_all_messages_show_when_one_rule_blocks(crm: Fxiaoke) -> None:
    held(crm)
    status = {"object": ORDER, "field": "order_status", "label": "已确认", "message": "待复核"}
    crm.door("console/rules", **status, scene=["create"], enable_blocking=False)
    crm.door("console/rules", **{**ON_HOLD, "message": "停用的规则"}, is_active=False)
    assert new_order(crm)["errorMessage"] == "客户已被信用冻结\n待复核"


def test_trap_a_rule_reads_a_lookup_as_it_is_saved(crm: Fxiaoke) -> None:
    held(crm)
    crm.door("edit", object=ACCOUNT, ids=[account(crm)["_id"]], values={"credit_hold__c": False})
    assert new_order(crm)["errorCode"] == 0


def test_rules_run_on_an_update_when_their_scene_says_so(crm: Fxiaoke) -> None:
    large = {"object": ORDER, "field": "order_amount", "above": "1000", "message": "金额较大"}
    crm.door("console/rules", **large, scene=["update"])
    row_id = new_order(crm)["dataId"]
    change = {"_id": row_id, "order_amount": "2000.00"}
    assert crm.write("update", ORDER, change)["errorMessage"] == "金额较大"
    passed = crm.write("update", ORDER, change, optionInfo={"useValidationRule": False})
    assert passed["errorCode"] == 0
    assert got(crm, ORDER, row_id)["receivable_amount"] == "2000.00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"field": "nothing"},
        {"field": "account_id__r.nothing"},
        {"object": "X"},
        {"scene": ["x"]},
        {"above": 1},
    ],
)
def test_a_rule_that_cannot_be_is_refused(crm: Fxiaoke, wrong: dict[str, Any]) -> None:
    crm.door("console/fields", object=ACCOUNT, fields=[HOLD])
    answer = requests.post(f"{crm.base}/_sandbox/console/rules", json={**ON_HOLD, **wrong}, timeout=5)
    assert answer.status_code == 400


def test_trap_the_function_before_a_save_is_skipped_by_option_info(crm: Fxiaoke) -> None:
    with check_service("50") as (checks, plugin):
        crm.door("plugin", **plugin)
        assert new_order(crm, optionInfo={"skipFuncValidate": False})["errorCode"] == 32000
        assert new_order(crm, optionInfo={"skipFuncValidate": True})["errorCode"] == 0
        assert new_order(crm, optionInfo={"skipFunctions": True})["errorCode"] == 32000
    assert len(checks.asked) == 1


# -- locks, owners, states


def test_trap_50009_says_that_a_row_is_locked_and_that_a_service_failed(crm: Fxiaoke) -> None:
    row_id = named(crm, ORDER, "FSO-000001")["_id"]
    assert locked(crm, row_id)["errorCode"] == 0
    row = got(crm, ORDER, row_id)
    assert (row["lock_status"], row["lock_user"]) == ("1", [crm.credentials["currentOpenUserId"]])
    refused = crm.write("update", ORDER, {"_id": row_id, "remark": "x"})
    assert refused["errorCode"] == 50009 and "锁定" in refused["errorMessage"]
    assert crm.data("invalid", ORDER, object_data_id=row_id)["errorCode"] == 50009
    assert locked(crm, row_id, "unlock")["errorCode"] == 0
    assert "lock_user" not in got(crm, ORDER, row_id)
    assert crm.write("update", ORDER, {"_id": row_id, "remark": "x"})["errorCode"] == 0


@pytest.mark.parametrize("action", ["lock", "unlock"])
def test_trap_50009_may_come_from_a_call_that_was_carried_out(action: str) -> None:
    with fxiaoke_tenant(faults={"50009_done": 1.0}) as (base, _):
        crm = Fxiaoke(base)
        row_id = named(crm, ORDER, "FSO-000001")["_id"]
        before = "1" if action == "unlock" else "0"
        crm.door("edit", object=ORDER, ids=[row_id], values={"lock_status": before})
        unknown = locked(crm, row_id, action)
        assert (unknown["errorCode"], unknown["errorMessage"]) == (50009, "服务异常或超时")
        assert got(crm, ORDER, row_id)["lock_status"] != before


def test_trap_only_the_custom_call_writes_past_a_lock(crm: Fxiaoke) -> None:
    crm.door("console/fields", object=VISIT, fields=[])
    visit = crm.write("create", VISIT, {"name": "a"})["dataId"]
    order = named(crm, ORDER, "FSO-000001")["_id"]
    for object_name, row_id, code in ((VISIT, visit, 0), (ORDER, order, 50009)):
        crm.door("edit", object=object_name, ids=[row_id], values={"lock_status": "1"})
        values = {"_id": row_id, "name": "b"}
        assert crm.write("update", object_name, values)["errorCode"] == 50009
        past = crm.write("update", object_name, values, skipDataStatusValidate=True)
        assert past["errorCode"] == code


def test_a_lock_takes_details_along_when_it_is_told_to(crm: Fxiaoke) -> None:
    (payment,) = crm.query("PaymentObj")
    for strategy, status in ((0, "0"), (1, "1")):
        target = {
            "dataObjectApiName": "PaymentObj",
            "dataIds": [payment["_id"]],
            "detailObjStrategy": strategy,
        }
        assert crm.call("/cgi/crm/v2/object/lock", data=target)["errorCode"] == 0
        (part,) = crm.query("OrderPaymentObj")
        assert part["lock_status"] == status


def test_trap_a_lock_holds_no_colleague_with_the_right_and_no_function(crm: Fxiaoke) -> None:
    row_id = named(crm, ORDER, "FSO-000001")["_id"]
    locked(crm, row_id)
    crm.door("edit", object=ORDER, ids=[row_id], values={"remark": "x"})
    assert got(crm, ORDER, row_id)["remark"] == "x"


def test_trap_the_owner_is_changed_by_a_call_with_a_capital_letter(crm: Fxiaoke) -> None:
    row, me = account(crm), crm.credentials["currentOpenUserId"]
    data = [{"objectDataId": row["_id"], "ownerId": [me]}]
    assert crm.data("changeOwner", ACCOUNT, data=data)["errorCode"] == 32000
    assert crm.data("changeOwner", ACCOUNT, Data=data)["errorCode"] == 0
    assert got(crm, ACCOUNT, row["_id"])["owner"] == [me]


def test_trap_a_row_of_the_public_pool_has_no_owner_to_be_changed(crm: Fxiaoke) -> None:
    row, me = account(crm), crm.credentials["currentOpenUserId"]
    crm.door("edit", object=ACCOUNT, ids=[row["_id"]], values={"owner": []})
    assert "owner" not in got(crm, ACCOUNT, row["_id"])
    refused = crm.data("changeOwner", ACCOUNT, Data=[{"objectDataId": row["_id"], "ownerId": [me]}])
    assert refused["errorCode"] == 32000 and "公海" in refused["errorMessage"]


def test_only_void_rows_are_deleted_or_recovered(crm: Fxiaoke) -> None:
    row_id = named(crm, ORDER, "FSO-000002")["_id"]
    for action in ("delete", "recover"):
        assert crm.data(action, ORDER, idList=[row_id])["errorCode"] == 32000
    assert crm.data("invalid", ORDER, object_data_id=row_id)["errorCode"] == 0
    assert crm.data("recover", ORDER, idList=[row_id])["errorCode"] == 0
    assert got(crm, ORDER, row_id)["life_status"] == "ineffective"
    crm.data("invalid", ORDER, object_data_id=row_id)
    assert crm.data("delete", ORDER, idList=[row_id])["errorCode"] == 0
    assert crm.data("get", ORDER, objectDataId=row_id)["errorCode"] == 32000
