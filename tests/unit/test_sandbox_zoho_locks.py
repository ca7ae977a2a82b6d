"""The Zoho sandbox: locks on records, by hand and by rule, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.sandbox_clients import Zoho, zoho_org

CONFIGURATIONS = "/settings/record_locking_configurations"
FIELDS = "Locked_By__s,Locked_Reason__s,Lock_Source__s,Locked_For__s,Record_Locking_Rule_Id__s"
HOLD = {"comparator": "equal", "field": {"api_name": "Credit_Hold"}, "value": True}
RULE = {"name": "Credit hold", "lock_existing_records": True, "criteria": HOLD}


@pytest.fixture
def org() -> Iterator[Zoho]:
    with zoho_org() as running_org:
        field = {"name": "credit_hold", "label": "Credit Hold", "type": "boolean"}
        running_org.door("console/fields", object="Sales_Orders", fields=[field])
        yield running_org


def configure(org: Zoho, method: str = "POST", **given: Any) -> requests.Response:
    body = {"record_locking_configurations": [given]}
    return org.call(method, f"{CONFIGURATIONS}?module=Sales_Orders", json=body)


def order_ids(org: Zoho) -> list[str]:
    return [row["id"] for row in org.rows("select id from Sales_Orders where id is not null order by id")]


def update(org: Zoho, row_id: str, **values: Any) -> dict[str, Any]:
    answer = org.call("PUT", f"/Sales_Orders/{row_id}", json={"data": [values]})
    result: dict[str, Any] = answer.json()["data"][0]
    assert (answer.status_code == 200) is (result["status"] == "success")
    return result


def lock(org: Zoho, row_id: str, reason: str = "Credit hold") -> requests.Response:
    body = {"data": [{"Locked_Reason__s": reason}]}
    return org.call("POST", f"/Sales_Orders/{row_id}/Locking_Information__s", json=body)


def locked(org: Zoho, row_id: str) -> bool:
    return bool(org.get(f"/Sales_Orders/{row_id}").json()["data"][0]["Locked__s"])


def profile_id(org: Zoho, name: str) -> str:
    found = org.get("/settings/profiles").json()["profiles"]
    return str(next(profile["id"] for profile in found if profile["name"] == name))


# -- by hand


def test_trap_without_a_configuration_nothing_is_locked_by_hand(org: Zoho) -> None:
    row_id = order_ids(org)[0]
    refused = lock(org, row_id)
    assert (refused.status_code, refused.json()["code"]) == (400, "NOT_ALLOWED")
    configure(org, lock_type="automatic", locking_rules=[RULE])
    refused = lock(org, row_id)
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_ALLOWED")


def test_a_record_is_locked_shown_explained_and_unlocked(org: Zoho) -> None:
    row_id = order_ids(org)[0]
    path = f"/Sales_Orders/{row_id}/Locking_Information__s"
    assert configure(org, lock_type="manual").status_code == 201
    assert org.get(path, fields=FIELDS).status_code == 204
    before = org.get(f"/Sales_Orders/{row_id}").json()["data"][0]["Modified_Time"]
    done = lock(org, row_id)
    assert done.status_code == 201
    lock_id = done.json()["data"][0]["details"]["id"]
    assert (lock(org, row_id).status_code, lock(org, row_id).json()["message"]) == (
        403,
        "record is already locked",
    )
    assert org.get(path).json()["code"] == "REQUIRED_PARAM_MISSING"
    shown = org.get(path, fields=FIELDS).json()["data"][0]
    assert shown["id"] == lock_id and shown["Locked_For__s"]["id"] == row_id
    assert (shown["Lock_Source__s"], shown["Locked_Reason__s"]) == ("Manual", "Credit hold")
    assert shown["Locked_By__s"]["name"] == "Credit Connector"
    changed = {"data": [{"Locked_Reason__s": "Other"}]}
    assert (
        org.call("PUT", f"{path}/{lock_id}", json=changed).json()["data"][0]["message"] == "relation updated"
    )
    assert org.get(path, fields=FIELDS).json()["data"][0]["Locked_Reason__s"] == "Other"
    row = org.get(f"/Sales_Orders/{row_id}").json()["data"][0]
    assert row["Locked__s"] is True and row["Modified_Time"] == before
    assert org.call("DELETE", f"{path}/77").status_code == 400
    assert org.call("DELETE", f"{path}/{lock_id}").json()["data"][0]["message"] == "relation removed"
    assert org.get(path, fields=FIELDS).status_code == 204 and not locked(org, row_id)


def test_trap_a_locked_record_refuses_api_edits_and_deletion_as_items(org: Zoho) -> None:
    first, second = order_ids(org)[:2]
    configure(org, lock_type="manual")
    lock(org, first)
    answer = org.call(
        "PUT", "/Sales_Orders", json={"data": [{"id": first, "Subject": "x"}, {"id": second, "Subject": "y"}]}
    )
    assert answer.status_code == 207
    fault = answer.json()["data"][0]
    assert fault["code"] == "RECORD_LOCKED"
    assert fault["details"] == {"api_name": "id", "json_path": "$.data[0].id", "action": "record_locking"}
    gone = org.call("DELETE", "/Sales_Orders", params={"ids": first})
    assert (gone.status_code, gone.json()["data"][0]["code"]) == (400, "RECORD_LOCKED")
    assert gone.json()["data"][0]["details"] == {"action": "record_locking", "id": first}


def test_reasons_have_to_be_given_and_are_not_endless(org: Zoho) -> None:
    row_id = order_ids(org)[0]
    configure(org, lock_type="manual")
    missing = lock(org, row_id, "")
    assert (missing.status_code, missing.json()["data"][0]["code"]) == (400, "MANDATORY_NOT_FOUND")
    assert lock(org, row_id, "x" * 3001).json()["data"][0]["details"]["maximum_length"] == 3000
    nobody = lock(org, "554023000009999999")
    assert nobody.json()["details"] == {"resource_path_index": 1}
    none = org.call("POST", "/Nothing/1/Locking_Information__s", json={"data": [{"Locked_Reason__s": "x"}]})
    assert none.json()["code"] == "INVALID_MODULE"
    notes = org.call("POST", "/Notes/1/Locking_Information__s", json={"data": [{"Locked_Reason__s": "x"}]})
    assert (notes.json()["code"], notes.json()["message"]) == ("INVALID_DATA", "relation not found")


# -- by rule


def test_a_rule_locks_on_edit_and_unlocks_when_it_no_longer_holds(org: Zoho) -> None:
    row_id = order_ids(org)[1]
    assert configure(
        org,
        lock_type="both",
        restricted_actions=["update", "delete"],
        excluded_fields=[{"api_name": "Credit_Hold"}],
        locking_rules=[RULE],
    ).ok
    assert update(org, row_id, Credit_Hold=True)["status"] == "success"
    assert locked(org, row_id)
    path = f"/Sales_Orders/{row_id}/Locking_Information__s"
    shown = org.get(path, fields=FIELDS).json()["data"][0]
    assert shown["Lock_Source__s"] == "Automatic" and shown["Locked_By__s"] is None
    assert shown["Record_Locking_Rule_Id__s"]
    by_hand = org.call("DELETE", f"{path}/{shown['id']}")
    assert (by_hand.status_code, by_hand.json()["code"]) == (403, "NOT_ALLOWED")
    assert update(org, row_id, Subject="x")["code"] == "RECORD_LOCKED"
    assert update(org, row_id, Subject="x", Credit_Hold=False)["code"] == "RECORD_LOCKED"
    assert update(org, row_id, Credit_Hold=False)["status"] == "success"  # an excluded field
    assert not locked(org, row_id) and update(org, row_id, Subject="x")["status"] == "success"


def test_trap_existing_records_are_locked_only_when_the_rule_says_so(org: Zoho) -> None:
    first, second, third = order_ids(org)
    update(org, first, Credit_Hold=True)
    update(org, second, Credit_Hold=True)
    assert configure(org, lock_type="automatic", locking_rules=[{**RULE, "lock_existing_records": False}]).ok
    assert not locked(org, first)
    update(org, first, Subject="touched")
    assert locked(org, first) and not locked(org, second)
    org.call("DELETE", CONFIGURATIONS, params={"module": "Sales_Orders"})
    assert not locked(org, first)
    assert configure(org, lock_type="automatic", locking_rules=[RULE]).ok
    assert [locked(org, one) for one in (first, second, third)] == [True, True, False]


def test_an_order_in_the_browser_is_locked_by_the_rule(org: Zoho) -> None:
    draft = {"comparator": "equal", "field": {"api_name": "Status"}, "value": "Approved"}
    large = {"comparator": "greater_than", "field": {"api_name": "Grand_Total"}, "value": 1000}
    both = {"group_operator": "and", "group": [draft, large]}
    configure(org, lock_type="automatic", locking_rules=[{"name": "Large", "criteria": both}])
    small = org.door("orders", account_id="554023000001000001", amount="1000", currency="CNY")
    big = org.door("orders", account_id="554023000001000001", amount="1000.01", currency="CNY")
    assert (locked(org, small["id"]), locked(org, big["id"])) == (False, True)


def test_trap_a_connector_whose_profile_is_not_excused_locks_itself_out(org: Zoho) -> None:
    row_id = order_ids(org)[0]
    configure(org, lock_type="manual", locked_for="all_profiles")
    lock(org, row_id)
    assert update(org, row_id, Subject="x")["code"] == "RECORD_LOCKED"
    me = org.get("/users", type="CurrentUser").json()["users"][0]["profile"]
    excused = [{"id": me["id"]}]
    changed = configure(
        org,
        "PUT",
        locked_for="all_profiles_except_excluded_profiles",
        lock_excluded_profiles=excused,
    )
    assert changed.status_code == 200
    assert update(org, row_id, Subject="x")["status"] == "success"
    assert locked(org, row_id)  # the lock stands for the others


def test_only_the_restricted_actions_are_refused(org: Zoho) -> None:
    row_id = order_ids(org)[0]
    configure(org, lock_type="manual", restricted_actions=["change_owner", "delete"])
    lock(org, row_id)
    owner = org.get("/users").json()["users"][1]["id"]
    assert update(org, row_id, Subject="x")["status"] == "success"
    assert update(org, row_id, Owner={"id": owner})["code"] == "RECORD_LOCKED"
    assert org.call("DELETE", f"/Sales_Orders/{row_id}").json()["data"][0]["code"] == "RECORD_LOCKED"


# -- configurations


def subject_rule(number: int) -> dict[str, Any]:
    criteria = {"comparator": "equal", "field": {"api_name": "Subject"}, "value": str(number)}
    return {"name": f"R{number}", "criteria": criteria}


def test_a_module_has_one_configuration_which_is_read_changed_and_removed(org: Zoho) -> None:
    params = {"module": "Sales_Orders"}
    assert org.get(CONFIGURATIONS, **params).status_code == 204
    made = configure(org, lock_type="both", locking_rules=[RULE]).json()["record_locking_configurations"][0]
    assert made["message"] == "record locking configuration created successfully"
    second = configure(org, lock_type="manual")
    assert (second.status_code, second.json()["code"], second.json()["details"]["limit"]) == (
        400,
        "LIMIT_EXCEEDED",
        1,
    )
    found = org.get(f"{CONFIGURATIONS}/{made['details']['id']}", **params).json()
    shown = found["record_locking_configurations"][0]
    assert shown["locking_rules"][0]["criteria"] == HOLD and shown["lock_type"] == "both"
    rule_id = shown["locking_rules"][0]["id"]
    changed = configure(org, "PUT", locking_rules=[{"id": rule_id, "name": "Hold"}])
    assert changed.status_code == 200
    shown = org.get(CONFIGURATIONS, **params).json()["record_locking_configurations"][0]
    assert [(rule["id"], rule["name"]) for rule in shown["locking_rules"]] == [(rule_id, "Hold")]
    assert org.get(f"{CONFIGURATIONS}/77", **params).json()["code"] == "INVALID_DATA"
    assert org.call("DELETE", f"{CONFIGURATIONS}/{shown['id']}", params=params).status_code == 200
    assert org.get(CONFIGURATIONS, **params).status_code == 204
    assert org.get(CONFIGURATIONS).json()["code"] == "REQUIRED_PARAM_MISSING"
    assert org.get(CONFIGURATIONS, module="Notes").json()["code"] == "NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"lock_type": None}, "MANDATORY_NOT_FOUND", ".lock_type"),
        ({"lock_type": "always"}, "INVALID_DATA", ".lock_type"),
        ({"lock_type": "automatic"}, "DEPENDENT_FIELD_MISSING", ".locking_rules"),
        (
            {"locked_for": "all_profiles_except_excluded_profiles"},
            "DEPENDENT_FIELD_MISSING",
            ".lock_excluded_profiles",
        ),
        ({"lock_excluded_profiles": [{"id": "7"}]}, "INVALID_DATA", ".lock_excluded_profiles[0].id"),
        ({"restricted_actions": ["update", "read"]}, "INVALID_DATA", ".restricted_actions[1]"),
        ({"feature_type": "other"}, "INVALID_DATA", ".feature_type"),
        ({"excluded_fields": [{"api_name": "Owner"}]}, "NOT_SUPPORTED", ".excluded_fields[0].api_name"),
        ({"excluded_fields": [{"api_name": "Nothing"}]}, "INVALID_DATA", ".excluded_fields[0].api_name"),
        ({"excluded_fields": [{"id": "7"}]}, "INVALID_DATA", ".excluded_fields[0].id"),
        ({"excluded_fields": [{}]}, "EXPECTED_FIELD_MISSING", None),
        ({"excluded_fields": [{"api_name": "Subject"}] * 16}, "LIMIT_EXCEEDED", ".excluded_fields"),
        ({"locking_rules": [RULE, RULE]}, "DUPLICATE_DATA", ".locking_rules[1].name"),
        (
            {"locking_rules": [RULE, {**RULE, "name": "Other"}]},
            "DUPLICATE_DATA",
            ".locking_rules[1].criteria",
        ),
        (
            {"locking_rules": [{"name": "N", "criteria": {**HOLD, "field": {"api_name": "Nothing"}}}]},
            "INVALID_DATA",
            ".locking_rules[0].criteria.field.api_name",
        ),
        (
            {"locking_rules": [{"name": "N", "criteria": {**HOLD, "comparator": "greater_than"}}]},
            "NOT_SUPPORTED",
            ".locking_rules[0].criteria.field.api_name",
        ),
        (
            {"locking_rules": [{"name": "N", "criteria": {**HOLD, "value": "perhaps"}}]},
            "INVALID_DATA",
            ".locking_rules[0].criteria.value",
        ),
        (
            {
                "locking_rules": [
                    {
                        "name": f"R{i}",
                        "criteria": {
                            "comparator": "equal",
                            "field": {"api_name": "Subject"},
                            "value": f"{i}",
                        },
                    }
                    for i in range(6)
                ]
            },
            "LIMIT_EXCEEDED",
            ".locking_rules",
        ),
    ],
)
def test_configurations_that_do_not_fit_are_refused_by_path(
    org: Zoho, given: dict[str, Any], code: str, path: str | None
) -> None:
    answer = configure(org, **{"lock_type": "manual", **given})
    assert answer.status_code == 400
    fault = answer.json()["record_locking_configurations"][0]
    assert fault["code"] == code
    if path is not None:
        assert fault["details"]["json_path"] == f"$.record_locking_configurations[0]{path}"
    assert org.get(CONFIGURATIONS, module="Sales_Orders").status_code == 204


def test_profiles_are_listed_and_the_connector_has_one(org: Zoho) -> None:
    names = [profile["name"] for profile in org.get("/settings/profiles").json()["profiles"]]
    assert names == ["Administrator", "Standard", "Credit Manager"]
    me = org.get("/users", type="CurrentUser").json()["users"][0]
    assert me["profile"] == {"name": "Administrator", "id": profile_id(org, "Administrator")}
