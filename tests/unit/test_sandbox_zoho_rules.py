"""The Zoho sandbox: blueprints, validation rules, automation, and what people do in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.sandbox_clients import Zoho, check_service, zoho_org

A = "554023000001000001"
LARGE = {"comparator": "greater_than", "field": {"api_name": "Grand_Total"}, "value": 1000}
CRITERIA_RULE = [{"name": "criteria_validation_rule"}]
ORDER = {"Subject": "By API", "Account_Name": {"id": A}, "Grand_Total": 2000, "Currency": "CNY"}


@pytest.fixture
def org() -> Iterator[Zoho]:
    with zoho_org() as running_org:
        yield running_org


def order_ids(org: Zoho) -> list[str]:
    return [row["id"] for row in org.rows("select id from Sales_Orders where id is not null order by id")]


def put(org: Zoho, path: str, **values: Any) -> dict[str, Any]:
    result: dict[str, Any] = org.call("PUT", path, json={"data": [values]}).json()["data"][0]
    return result


def browser(org: Zoho, act: str, **body: Any) -> dict[str, Any]:
    return org.door(f"browser/{act}", **body)


def submit(org: Zoho, **form: str) -> requests.Response:
    return org.session.post(f"{org.base}/_sandbox/browser/orders/new", data=form)


# -- blueprint


def test_trap_a_record_in_a_blueprint_moves_by_transitions_only(org: Zoho) -> None:
    row_id = order_ids(org)[1]
    path = f"/Sales_Orders/{row_id}"
    assert org.get(f"{path}/actions/blueprint").json()["code"] == "RECORD_NOT_IN_PROCESS"
    org.door("blueprint", module="Sales_Orders", ids=[row_id], guarded=["Due_Date"])
    fault = put(org, path, Status="Delivered", Subject="x")
    assert fault["code"] == "RECORD_IN_BLUEPRINT"
    assert fault["details"] == {"api_name": "Status", "json_path": "$.data[0].Status"}
    assert put(org, path, Due_Date="2026-06-01")["code"] == "RECORD_IN_BLUEPRINT"
    assert put(org, path, Subject="x")["status"] == "success"
    shown = org.get(f"{path}/actions/blueprint").json()["blueprint"]
    assert shown["process_info"]["api_name"] == "Status"
    transition = next(t for t in shown["transitions"] if t["next_field_value"] == "Delivered")
    moved = {"blueprint": [{"transition_id": transition["id"], "data": {"Description": "done"}}]}
    assert org.call("PUT", f"{path}/actions/blueprint", json=moved).json()["code"] == "SUCCESS"
    row = org.get(path).json()["data"][0]
    assert (row["Status"], row["Description"]) == ("Delivered", "done")
    wrong = {"blueprint": [{"transition_id": "7"}]}
    answer = org.call("PUT", f"{path}/actions/blueprint", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")
    org.door("blueprint", module="Sales_Orders", ids=[row_id], leave=True)
    assert put(org, path, Status="Closed")["status"] == "success"


# -- validation rules


def test_trap_validation_rules_do_not_run_on_api_writes_unless_named(org: Zoho) -> None:
    org.door("validation_rules", module="Sales_Orders", name="Large", criteria=LARGE, message="Too large.")
    silent = org.call("POST", "/Sales_Orders", json={"data": [ORDER]})
    assert silent.status_code == 201
    body = {"data": [ORDER, {**ORDER, "Grand_Total": 10}], "apply_feature_execution": CRITERIA_RULE}
    loud = org.call("POST", "/Sales_Orders", json=body)
    assert loud.status_code == 207
    fault = loud.json()["data"][0]
    assert (fault["code"], fault["message"]) == ("INVALID_DATA", "Too large.")
    assert fault["details"] == {"api_name": "Grand_Total", "json_path": "$.data[0].Grand_Total"}
    org.door("validation_rules", module="Sales_Orders", name="Also", criteria=LARGE)
    both = org.call("POST", "/Sales_Orders", json=body).json()["data"][0]
    assert both["code"] == "MULTIPLE_OR_MULTI_ERRORS" and len(both["details"]["errors"]) == 2
    assert org.door("validation_rules", module="Sales_Orders", name="Also") == {"rules": ["Large"]}


def test_a_validation_rule_is_asked_by_every_browser_page(org: Zoho) -> None:
    org.door("validation_rules", module="Sales_Orders", name="Large", criteria=LARGE, message="Too large.")
    refused = org.door("orders", account_id=A, amount="1000.01", currency="CNY")
    assert (refused["saved"], refused["id"], refused["message"]) == (False, None, "Too large.")
    saved = browser(org, "save", module="Sales_Orders", values=ORDER)
    assert saved["saved"] is False and saved["result"]["message"] == "Too large."
    assert browser(org, "save", module="Sales_Orders", values={**ORDER, "Grand_Total": 1})["saved"] is True
    answer = org.session.post(f"{org.base}/_sandbox/validation_rules", json={"module": "Nothing"})
    assert answer.status_code == 400


# -- automation


def test_trap_automation_runs_unless_the_writer_says_none(org: Zoho) -> None:
    def ran() -> list[list[str]]:
        found = org.door("automation")["ran"]
        return [entry["triggers"] for entry in found]

    path = f"/Accounts/{A}"
    everything = ["workflow", "approval", "blueprint", "pathfinder", "orchestration"]
    org.call("PUT", path, json={"data": [{"Phone": "1"}]})
    org.call("PUT", path, json={"data": [{"Phone": "2"}], "trigger": []})
    org.call("PUT", path, json={"data": [{"Phone": "3"}], "trigger": ["workflow"]})
    assert ran() == [everything, ["workflow"]]
    org.door("orders", account_id=A, amount="5", currency="CNY")
    last = org.door("automation")["ran"][-1]
    assert (last["module"], last["action"], last["triggers"]) == ("Sales_Orders", "insert", everything)
    unknown = org.call("PUT", path, json={"data": [{"Phone": "1"}], "trigger": ["webhook"]}).json()["data"][0]
    assert unknown["details"]["supported_values"] == everything
    skipped = {"data": [{"Phone": "1"}], "skip_feature_execution": [{"name": "everything"}]}
    fault = org.call("PUT", path, json=skipped).json()["data"][0]
    assert "cadences" in fault["details"]["supported_values"]


# -- the browser


def test_the_order_form_is_a_page_that_shows_what_the_plugin_says(org: Zoho) -> None:
    page = org.session.get(f"{org.base}/_sandbox/browser/orders/new", params={"account_id": A})
    assert page.headers["content-type"].startswith("text/html")
    assert f'name="account_id" list="accounts" value="{A}"' in page.text
    assert "华泰机械有限公司" in page.text and 'id="message"' not in page.text
    with check_service("1000") as (checks, plugin):
        org.door("plugin", **plugin)
        refused = submit(org, account_id=A, amount="1000.01", currency="CNY")
        saved = submit(org, account_id=A, amount="1000", currency="CNY", number="SO-<9>")
    assert refused.status_code == 200 and len(checks.asked) == 2
    assert 'class="refused"' in refused.text and "Over the limit." in refused.text
    assert 'value="1000.01"' in refused.text  # the rep may correct it
    assert 'class="saved"' in saved.text and "SO-&lt;9&gt;" in saved.text
    wrong = submit(org, account_id=A, amount="much", currency="CNY")
    assert wrong.status_code == 400 and "amount must be a decimal text" in wrong.text
    nobody = submit(org, account_id="7", amount="5", currency="CNY")
    assert nobody.status_code == 400 and "there is no account 7" in nobody.text


def test_a_person_is_stopped_by_locks_unless_the_profile_is_excused(org: Zoho) -> None:
    row_id = order_ids(org)[0]
    profiles = {p["name"]: p["id"] for p in org.get("/settings/profiles").json()["profiles"]}
    configuration = {
        "lock_type": "manual",
        "locked_for": "all_profiles_except_excluded_profiles",
        "lock_excluded_profiles": [{"id": profiles["Credit Manager"]}],
    }
    made = org.call(
        "POST",
        "/settings/record_locking_configurations?module=Sales_Orders",
        json={"record_locking_configurations": [configuration]},
    )
    assert made.status_code == 201
    reason = {"data": [{"Locked_Reason__s": "Credit hold"}]}
    assert org.call("POST", f"/Sales_Orders/{row_id}/Locking_Information__s", json=reason).status_code == 201
    edit: dict[str, Any] = {"module": "Sales_Orders", "id": row_id, "values": {"Subject": "x"}}
    rep = browser(org, "save", **edit)
    assert (rep["saved"], rep["result"]["code"]) == (False, "RECORD_LOCKED")
    gone = browser(org, "delete", module="Sales_Orders", id=row_id)
    assert (gone["saved"], gone["result"]["code"]) == (False, "RECORD_LOCKED")
    manager = browser(org, "save", **edit, user="credit.manager@example.com")
    assert manager["saved"] is True
    row = org.get(f"/Sales_Orders/{row_id}").json()["data"][0]
    assert row["Modified_By"]["email"] == "credit.manager@example.com"


def test_the_function_rule_is_asked_when_a_person_edits_an_order(org: Zoho) -> None:
    row_id = order_ids(org)[1]
    with check_service("1000") as (checks, plugin):
        org.door("plugin", **plugin)
        held = browser(org, "save", module="Sales_Orders", id=row_id, values={"Grand_Total": 1001})
        passed = browser(org, "save", module="Sales_Orders", id=row_id, values={"Grand_Total": 999})
    assert (held["saved"], passed["saved"]) == (False, True)
    assert "Over the limit." in held["result"]["message"] and len(checks.asked) == 2


def test_an_order_in_the_browser_has_the_reps_name_on_it(org: Zoho) -> None:
    saved = org.door("orders", account_id=A, amount="5", currency="CNY")
    row = org.get(f"/Sales_Orders/{saved['id']}").json()["data"][0]
    assert row["Created_By"]["email"] == row["Owner"]["email"] == "wang.fang@example.com"
