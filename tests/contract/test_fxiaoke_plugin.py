"""The Fxiaoke sandbox runs what was packed: saving an order goes through the packed rules and functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.fxiaoke_plugin import ACCOUNT, ORDER, Service, installed, needs_groovy, nowhere, packed, service
from tests.sandbox_clients import Fxiaoke, fxiaoke_tenant

pytestmark = needs_groovy
HOLD = {
    "decision": "hold",
    "reasons": [
        {"code": "over_limit", "text": {"zh": "超出额度", "en": "over the limit"}},
        {"code": "late", "text": {"zh": "有逾期", "en": "overdue"}},
    ],
}


@dataclass
class Shop:
    """A tenant with the packed plugin, and the service that it asks."""

    crm: Fxiaoke
    gate: Service
    base: str

    def pack(self, **changes: Any) -> None:
        """Install the plugin packed so."""
        files = packed(changes.pop("address", self.base), **changes)
        self.crm.door("plugin/install", **installed(files))

    def account(self) -> str:
        flt = {"field_name": "name", "operator": "EQ", "field_values": ["宁波裁缝铺"]}
        (row,) = self.crm.query(ACCOUNT, filters=[flt])
        return str(row["_id"])

    def mark(self, **values: Any) -> None:
        self.crm.door("edit", object=ACCOUNT, ids=[self.account()], values=values)

    def save(self, amount: str = "100.00", **more: Any) -> dict[str, Any]:
        """A rep saves a new order in the browser."""
        return self.crm.door("orders", account_id=self.account(), amount=amount, currency="CNY", **more)

    def edit(self, order: str, **values: Any) -> dict[str, Any]:
        return self.crm.door("orders", id=order, values=values)

    def write(self, **data: Any) -> dict[str, Any]:
        """A program creates an order over the interface."""
        values = {"account_id": self.account(), "order_amount": "100.00", "mc_currency": "CNY"}
        return self.crm.write("create", ORDER, values, **data)

    def asked(self) -> list[dict[str, Any]]:
        return [body for _, path, body in self.gate.asked if path == "/v1/checks"]


@pytest.fixture(scope="module")
def checks() -> Iterator[tuple[Service, str]]:
    with service() as found:
        yield found


@pytest.fixture
def shop(checks: tuple[Service, str]) -> Iterator[Shop]:
    gate, base = checks
    gate.reset()
    with fxiaoke_tenant() as (tenant, _):
        yield Shop(Fxiaoke(tenant), gate, base)
    gate.done.set()


def test_an_order_is_saved_or_not_as_the_packed_function_says(shop: Shop) -> None:
    shop.pack()
    passed = shop.save()
    assert (passed["saved"], passed["message"]) == (True, "")
    shop.gate.answer = HOLD
    held = shop.save("200.00")
    assert held["saved"] is False
    assert held["message"].splitlines()[1:] == ["超出额度", "有逾期"]
    first, second = shop.asked()
    assert (first["checkpoint"], first["amount"], first["account"]) == (
        "order_save",
        "100.00",
        shop.account(),
    )
    assert second["order"] == f"new:{shop.account()}:200.00:CNY"
    run = shop.crm.door("functions")["runs"][-1]
    assert run["function"] == "credit_check__c" and run["log"][0].startswith("CreditGate new:")


def test_an_edit_goes_through_the_packed_function_as_well(shop: Shop) -> None:
    shop.pack()
    order = shop.save()
    shop.gate.answer = HOLD
    refused = shop.edit(order["id"], order_amount="900.00")
    assert (refused["saved"], "超出额度" in refused["message"]) == (False, True)
    shop.gate.answer = {"decision": "pass", "reasons": []}
    assert shop.edit(order["id"], order_amount="900.00")["saved"] is True
    last = shop.asked()[-1]
    assert (last["order"], last["checkpoint"], last["amount"]) == (order["number"], "order_change", "900.00")


@pytest.mark.parametrize(("word", "saved"), [("allow", True), ("hold", False), ("review", True)])
def test_what_happens_when_the_service_is_slow_or_down_was_said_when_packing(
    shop: Shop, word: str, saved: bool
) -> None:
    shop.pack(on_failure=word, address=nowhere())
    assert shop.save()["saved"] is saved
    shop.pack(on_failure=word, seconds=0.2)
    shop.gate.hang = True
    slow = shop.save()
    assert (slow["saved"], "没有及时回答" in slow["message"]) == (saved, not saved)


def test_the_packed_rule_refuses_new_orders_of_an_account_on_hold_without_the_service(shop: Shop) -> None:
    shop.pack(on_failure="allow", address=nowhere())
    shop.mark(credit_hold__c=True)
    assert shop.save()["message"] == "信用冻结：请联系信用管理"
    shop.mark(credit_hold__c=False, credit_status__c="stop")
    assert shop.save()["saved"] is False
    shop.mark(credit_status__c="watch")
    order = shop.save()
    assert order["saved"] is True
    shop.mark(credit_hold__c=True)  # what is there already can go on: only an increase is blocked
    assert shop.edit(order["id"], remark="急单")["saved"] is True


def test_an_order_on_hold_is_edited_only_to_decide_about_it(shop: Shop) -> None:
    shop.pack()
    order = shop.save()
    shop.crm.door("edit", object=ORDER, ids=[order["id"]], values={"credit_hold__c": True})
    assert shop.edit(order["id"], remark="x")["message"] == "信用冻结：请联系信用管理"
    assert shop.edit(order["id"], credit_decision__c="release")["saved"] is True


def test_a_function_that_fails_stops_the_save_where_the_tenant_is_like_that(shop: Shop) -> None:
    shop.pack()
    broken = {"api_name": "credit_check__c", "namespace": "validate", "return_type": "ValidateResult"}
    broken |= {"object": ORDER, "bindings": ["create:save"], "text": "Fx.nothing()"}
    shop.crm.door("console/functions", **broken)
    assert "函数执行失败" in shop.save()["message"]
    shop.crm.door("traits", failed_function_refuses=False)
    assert shop.save()["saved"] is True


def test_programs_pass_rules_and_functions_by_their_switches_alone(shop: Shop) -> None:
    shop.pack()
    shop.gate.answer = HOLD
    refused = shop.write()
    assert (refused["errorCode"], "超出额度" in refused["errorMessage"]) == (32000, True)
    assert shop.write(optionInfo={"skipFuncValidate": True})["errorCode"] == 0
    shop.mark(credit_hold__c=True)
    assert shop.write(optionInfo={"skipFuncValidate": True})["errorMessage"] == "信用冻结：请联系信用管理"
    both = {"skipFuncValidate": True, "useValidationRule": False}
    order = shop.write(optionInfo=both)["dataId"]
    change = {"_id": order, "order_amount": "300.00"}
    assert shop.crm.write("update", ORDER, change, optionInfo={})["errorCode"] == 32000
    assert shop.crm.write("update", ORDER, change, optionInfo=both)["errorCode"] == 0
    shop.crm.door("traits", functions_by_api=False)
    assert shop.crm.write("update", ORDER, change, optionInfo={"useValidationRule": False})["errorCode"] == 0
    row = {"account_id": shop.account(), "order_amount": "900.00", "mc_currency": "CNY"}
    assert len(shop.crm.door("import", object=ORDER, rows=[row])["ids"]) == 1
    assert len(shop.asked()) == 2


def test_an_order_that_is_numbered_before_its_save_is_asked_about_by_number(shop: Shop) -> None:
    shop.crm.door("traits", number_before_save=True)
    shop.pack()
    placed = shop.save()
    typed = shop.save(number="SO-2026-1")
    assert [body["order"] for body in shop.asked()] == [placed["number"], typed["number"]]


def test_lines_make_the_amount_where_the_order_has_none(shop: Shop) -> None:
    shop.pack()
    order = shop.save()
    kinds = {"SalesOrderProductObj": [{"subtotal": "1.10"}, {"subtotal": "2.20"}]}
    shop.crm.door("orders", id=order["id"], values={"order_amount": ""}, details=kinds)
    assert shop.asked()[-1]["amount"] == "3.30"


def test_the_workflow_of_a_new_visit_makes_its_plan(shop: Shop) -> None:
    shop.pack()
    visit = {"name": "逾期拜访", "account_id__c": shop.account(), "credit_key__c": "k-1"}
    visit |= {"due_on__c": 1_777_824_000_000}
    made = shop.crm.write("create", "credit_visit__c", visit)
    assert made["errorCode"] == 0
    run = shop.crm.door("functions")["runs"][-1]
    assert (run["function"], run["failed"]) == ("credit_visit_plan__c", "")
    (plan,) = [row for row in shop.crm.query("CheckinsObj") if row.get("credit_key__c") == "k-1"]
    assert plan["account_id"] == shop.account()


def test_the_component_reaches_the_service_by_the_packed_controller_alone(shop: Shop) -> None:
    shop.pack()
    shop.gate.answer = {"customer": "customer-1"}
    given = {"act": "credit", "account": shop.account()}
    parameters = [{"type": "String", "name": name, "value": value} for name, value in given.items()]
    answer = shop.crm.door("controller", name="credit_panel__c", parameters=parameters)
    assert answer["Result"] == {"StatusCode": 0}
    assert answer["Value"]["functionResult"]["body"] == {"customer": "customer-1"}
    assert shop.crm.door("controller", name="nothing__c")["Result"]["StatusCode"] == 1


def refused(shop: Shop, packing: dict[str, str], **more: Any) -> str:
    body = {**installed(packing), **more}
    answer = requests.post(f"{shop.crm.base}/_sandbox/plugin/install", json=body, timeout=10)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


RULE = "tenant-config/objects/SalesOrderObj/validation-rules/validation_rule_credit_account__c.rule-meta.xml"
SCRIPT = "package/fx/custom/apl/script/credit_check__c.groovy"


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        (RULE, "credit_hold__c$ ==", "credit_hold__c$ =", "cannot be read"),
        (RULE, "credit_hold__c$", "no_such__c$", "there is no field"),
        (RULE, '"enable_blocking"', '"blocks"', "a rule consists of"),
        (RULE, "<status>new", "<status>old", "status must be"),
        (
            SCRIPT,
            "Map order = context.data",
            "for (x in [1]) { }\nMap order = context.data",
            "not on this platform",
        ),
        (SCRIPT, "return ValidateResult.build {", "return ValidateResult.build (", "credit_check__c"),
    ],
)
def test_trap_the_console_takes_nothing_that_is_not_as_the_vendor_wants_it(
    shop: Shop, path: str, old: str, new: str, why: str
) -> None:
    files = packed(shop.base)
    assert old in files[path]
    assert why in refused(shop, {**files, path: files[path].replace(old, new)})


def test_trap_a_plugin_is_installed_whole_and_with_its_key(shop: Shop) -> None:
    files = packed(shop.base)
    assert "not in the packing list" in refused(shop, {**files, "more.txt": ""})
    assert "not in the files" in refused(shop, {name: text for name, text in files.items() if name != SCRIPT})
    assert "still to be put in" in refused(shop, files, key="")
    assert "must be base64" in refused(shop, files, files={**installed(files)["files"], SCRIPT: "?"})
    body = installed(files)
    assert "credit_event__c" not in shop.crm.door("plugin/install", **body)["functions"]
    assert "credit_event__c" in shop.crm.door("plugin/install", **body, hook_secret="s")["functions"]
