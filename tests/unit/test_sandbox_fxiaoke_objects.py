"""The Fxiaoke sandbox: the objects that a tenant has, their rows, and how tenants differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from sandbox.fxiaoke import app
from sandbox.server import Options
from tests.sandbox_clients import Fxiaoke, fxiaoke_tenant
from tests.sandbox_server import running

DESCRIBE, LIST = "/cgi/crm/v2/object/describe", "/cgi/crm/v2/object/list"
OPTIONAL = ("InvoiceApplicationObj", "PaymentPlanObj", "CreditFileObj", "CustomerAccountObj", "CheckinsObj")


@pytest.fixture
def crm() -> Iterator[Fxiaoke]:
    with fxiaoke_tenant() as (base, _):
        yield Fxiaoke(base)


@pytest.fixture(scope="module")
def economy() -> Iterator[Fxiaoke]:
    """A tenant with the economy, which is only read."""
    with running(app(Options(accounts=60, faults={"unlimited": 1.0}))) as base:
        yield Fxiaoke(base, by_header=True)


def all_rows(crm: Fxiaoke, object_name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    order = [{"fieldName": "_id", "isAsc": True}]
    while True:
        after = [{"field_name": "_id", "operator": "GT", "field_values": [rows[-1]["_id"]]}] if rows else []
        page = crm.query(object_name, filters=after, orders=order)
        rows += page
        if len(page) < 100:
            return rows


def fields_of(crm: Fxiaoke, object_name: str) -> dict[str, dict[str, Any]]:
    found = crm.call(DESCRIBE, apiName=object_name, data={"apiName": object_name})["data"]["describe"][
        "fields"
    ]
    assert isinstance(found, dict)
    return found


# -- what there is


def test_plans_say_when_the_money_of_an_order_is_due(economy: Fxiaoke) -> None:
    plans, orders = all_rows(economy, "PaymentPlanObj"), all_rows(economy, "SalesOrderObj")
    planned = {row["_id"]: Decimal(0) for row in orders}
    paid = dict(planned)
    for plan in plans:
        planned[plan["order_id"]] += Decimal(plan["plan_payment_amount"])
        paid[plan["order_id"]] += Decimal(plan["actual_payment_amount"])
    assert {plan["plan_payment_status"] for plan in plans} == {"incomplete", "completed", "overdue"}
    for order in orders:
        assert planned[order["_id"]] <= Decimal(order["order_amount"])
        assert paid[order["_id"]] == Decimal(order["payment_amount"])


def test_payments_are_allocated_by_their_details(economy: Fxiaoke) -> None:
    headers = {row["_id"]: row for row in all_rows(economy, "PaymentObj")}
    plans = {row["_id"]: Decimal(0) for row in all_rows(economy, "PaymentPlanObj")}
    for part in all_rows(economy, "OrderPaymentObj"):
        header = headers[part["payment_id"]]
        assert part["payment_time"] == header["payment_time"]
        assert "order_id" not in header
        plans[part["payment_plan_id"]] += Decimal(part["payment_amount"])
    for plan in all_rows(economy, "PaymentPlanObj"):
        assert plans[plan["_id"]] == Decimal(plan["actual_payment_amount"])


def test_trap_an_order_has_no_due_date(economy: Fxiaoke) -> None:
    assert not [name for name in fields_of(economy, "SalesOrderObj") if "due" in name]
    assert "plan_payment_time" in fields_of(economy, "PaymentPlanObj")


def test_the_vendors_own_credit_modules_are_filled(economy: Fxiaoke) -> None:
    accounts = {row["_id"] for row in all_rows(economy, "AccountObj")}
    files, balances = all_rows(economy, "CreditFileObj"), all_rows(economy, "CustomerAccountObj")
    assert 0 < len(files) < len(balances) == len(accounts)
    assert {row["customer_id"] for row in (*files, *balances)} <= accounts
    assert all(Decimal(row["credit_quota"]) > 0 for row in files)
    visits = all_rows(economy, "CheckinsObj")
    assert visits and {row["account_id"] for row in visits} <= accounts


def test_rows_do_not_depend_on_which_object_is_looked_at_first() -> None:
    found = []
    for names in (OPTIONAL, OPTIONAL[::-1]):
        with running(app(Options(accounts=20))) as base:
            crm = Fxiaoke(base, by_header=True)
            for name in names:
                crm.query(name)
            found.append(crm.door("content"))
    assert found[0] == found[1]


# -- which objects a tenant has


@pytest.mark.parametrize("name", OPTIONAL)
def test_trap_a_tenant_may_lack_a_module(name: str) -> None:
    rest = [one for one in OPTIONAL if one != name]
    with fxiaoke_tenant(objects=rest) as (base, _):
        crm = Fxiaoke(base)
        listed = {one["describeApiName"] for one in crm.call(LIST)["data"]["objects"]}
        assert listed.isdisjoint({name}) and listed.issuperset(rest)
        assert crm.call(DESCRIBE, apiName=name)["errorCode"] == 32000
        assert crm.data("query", name, search_query_info={"limit": 1, "offset": 0})["errorCode"] == 32000


def test_trap_an_object_may_be_switched_off(crm: Fxiaoke) -> None:
    crm.door("console/variant", CreditFileObj={"active": False})
    listed = {one["describeApiName"]: one["isActive"] for one in crm.call(LIST)["data"]["objects"]}
    assert (listed["CreditFileObj"], listed["AccountObj"]) == (False, True)
    assert crm.call(DESCRIBE, apiName="CreditFileObj")["data"]["describe"]["is_active"] is False
    asked = crm.data("query", "CreditFileObj", search_query_info={"limit": 1, "offset": 0})
    assert asked["errorCode"] == 32000 and "禁用" in asked["errorMessage"]


# -- describe


def test_trap_where_the_api_name_stands_goes_with_the_style() -> None:
    with fxiaoke_tenant() as (base, _):
        by_body, by_header = Fxiaoke(base), Fxiaoke(base, by_header=True)
        inside, top = {"data": {"apiName": "AccountObj"}}, {"apiName": "AccountObj"}
        assert by_body.call(DESCRIBE, **top)["errorCode"] == 0
        assert by_body.call(DESCRIBE, **inside)["errorCode"] == 32000
        assert by_header.call(DESCRIBE, **inside)["errorCode"] == 0
        assert by_header.call(DESCRIBE, **top)["errorCode"] == 32000
        by_body.door("traits", describe_place="either")
        assert (
            by_body.call(DESCRIBE, **inside)["errorCode"] == by_header.call(DESCRIBE, **top)["errorCode"] == 0
        )


def test_trap_fields_have_names_of_the_tenants_own(crm: Fxiaoke) -> None:
    named = {
        "InvoiceApplicationObj": {
            "fields": {"due_date__c": {"api_name": "field_IT92M__c", "label": "付款到期日"}}
        },
        "PaymentObj": {"fields": {"payment_amount": {"api_name": "amount"}}},
        "OrderPaymentObj": {"fields": {"payment_amount": {"api_name": "amount"}}},
    }
    (before,) = crm.query("InvoiceApplicationObj")
    crm.door("console/variant", **named)
    assert fields_of(crm, "InvoiceApplicationObj")["field_IT92M__c"]["label"] == "付款到期日"
    (invoice,) = crm.query("InvoiceApplicationObj")
    assert invoice["field_IT92M__c"] == before["due_date__c"] and "due_date__c" not in invoice
    assert invoice["last_modified_time"] == before["last_modified_time"]
    (order,) = crm.query(
        "SalesOrderObj", filters=[{"field_name": "name", "operator": "EQ", "field_values": ["FSO-000001"]}]
    )
    header = {"account_id": order["account_id"], "amount": "10.00"}
    detail = {"order_id": order["_id"], "amount": "10.00"}
    made = crm.write("create", "PaymentObj", header, details={"OrderPaymentObj": [detail]})
    assert made["errorCode"] == 0
    paid = crm.data("get", "SalesOrderObj", objectDataId=order["_id"])["data"]
    assert paid["payment_amount"] == "3010.00"
    assert crm.write("create", "PaymentObj", {**header, "payment_amount": "1.00"})["errorCode"] == 32000


def test_trap_a_field_that_was_given_no_name_gets_one_that_means_nothing(crm: Fxiaoke) -> None:
    made = crm.door("console/fields", object="AccountObj", fields=[{"label": "信用等级", "type": "text"}])
    (name,) = (one["api_name"] for one in made["fields"])
    assert re.fullmatch(r"field_[0-9A-Za-z]{5}__c", name)
    assert fields_of(crm, "AccountObj")[name]["label"] == "信用等级"
    row_id = crm.query("AccountObj")[0]["_id"]
    assert crm.write("update", "AccountObj", {"_id": row_id, name: "B"})["errorCode"] == 0
    assert crm.data("get", "AccountObj", objectDataId=row_id)["data"][name] == "B"


def test_trap_option_values_are_opaque_and_preset_ones_may_be_digits(crm: Fxiaoke) -> None:
    options = {"草稿": "1", "已确认": "6", "已发货": "7", "已完成": "8", "已作废": "99", "待审批": "other"}
    crm.door("console/variant", SalesOrderObj={"fields": {"order_status": {"options": options}}})
    described = fields_of(crm, "SalesOrderObj")["order_status"]["options"]
    assert {one["label"]: one["value"] for one in described} == options
    rows = {row["name"]: (row["order_status"], row["order_status__r"]) for row in crm.query("SalesOrderObj")}
    assert rows == {"FSO-000001": ("8", "已完成"), "FSO-000002": ("1", "草稿")}
    new = crm.door("orders", account_id=crm.query("AccountObj")[0]["_id"], amount="5", currency="CNY")
    assert crm.data("get", "SalesOrderObj", objectDataId=new["id"])["data"]["order_status"] == "6"


def test_trap_labels_differ_by_tenant(crm: Fxiaoke) -> None:
    labels = {"已完成": "完结"}
    crm.door("console/variant", SalesOrderObj={"fields": {"order_status": {"labels": labels}}})
    shown = {row["name"]: row["order_status__r"] for row in crm.query("SalesOrderObj")}
    assert shown["FSO-000001"] == "完结"


def test_a_field_that_is_switched_off_is_described_and_neither_read_nor_written(crm: Fxiaoke) -> None:
    crm.door("console/variant", AccountObj={"fields": {"payment_terms_days__c": {"active": False}}})
    assert fields_of(crm, "AccountObj")["payment_terms_days__c"]["is_active"] is False
    row = crm.query("AccountObj")[0]
    assert "payment_terms_days__c" not in row
    written = crm.write("update", "AccountObj", {"_id": row["_id"], "payment_terms_days__c": "5"})
    assert written["errorCode"] == 32000
    (narrow, *_) = crm.query("AccountObj", fieldProjection=["payment_terms_days__c"])
    assert set(narrow) == {"_id"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"NothingObj": {}},
        {"AccountObj": {"fields": {"nothing": {}}}},
        {"AccountObj": {"fields": {"_id": {"api_name": "id"}}}},
        {"AccountObj": {"fields": {"tel": {"api_name": "city"}}}},
    ],
)
def test_what_a_tenant_cannot_change_is_refused(crm: Fxiaoke, wrong: dict[str, Any]) -> None:
    answer = requests.post(f"{crm.base}/_sandbox/console/variant", json=wrong, timeout=5)
    assert answer.status_code == 400


@pytest.mark.parametrize("action", ["createField", "addDescribeCustomField", "create"])
def test_trap_no_call_makes_a_field(crm: Fxiaoke, action: str) -> None:
    assert crm.call(f"/cgi/crm/v2/object/{action}", data={"apiName": "AccountObj"})["errorCode"] == 10006
