"""Locks in Zoho CRM: one record, and the rule that locks orders on hold."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from connector.adapter import FieldState, Result
from tests.zoho_bench import BASE, Bench, answer_fields, answer_token, calls_to, sent

CONFIGURATIONS = f"{BASE}/settings/record_locking_configurations"
KEY = "record_locking_configurations"
LOCK = f"{BASE}/Sales_Orders/8/Locking_Information__s"
OPEN = ["Credit_Hold", "Credit_Reasons"]


@pytest.fixture(autouse=True)
def _token():
    with responses.mock:
        answer_token()
        yield


def fault(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "status": "error", "message": message, "details": {}}


def people() -> None:
    responses.get(f"{BASE}/users", json={"users": [{"id": "u", "profile": {"id": "p1", "name": "API"}}]})
    profiles = [{"id": "p1", "name": "API"}, {"id": "p2", "name": "Credit Manager"}]
    responses.get(f"{BASE}/settings/profiles", json={"profiles": profiles})
    answer_fields("Sales_Orders", {"Subject": "text", "Credit_Hold": "boolean", "Credit_Reasons": "textarea"})


def made(status: int = 201) -> None:
    done = {"code": "SUCCESS", "status": "success", "message": "done", "details": {"id": "c1"}}
    method = "POST" if status == 201 else "PUT"
    responses.add(method, CONFIGURATIONS, json={KEY: [done]}, status=status)


def bench() -> Bench:
    return Bench(credit_profiles="Credit Manager")


def test_the_rule_locks_held_orders_for_all_but_the_excluded_and_never_the_credit_fields():
    people()
    responses.get(CONFIGURATIONS, status=204)
    made()
    done = bench().crm.guard("Sales_Orders", "Credit_Hold", OPEN, dry_run=False)
    assert done.state is FieldState.CREATED
    (body,) = sent()[KEY]
    assert body == {
        "lock_type": "both",
        "locked_for": "all_profiles_except_excluded_profiles",
        "lock_excluded_profiles": [{"id": "p1"}, {"id": "p2"}],
        "restricted_actions": ["update", "delete", "change_owner", "tags", "convert"],
        "excluded_fields": [{"id": "f1"}, {"id": "f2"}],
        "locking_rules": [
            {
                "name": "CreditGate credit hold",
                "lock_existing_records": True,
                "criteria": {
                    "comparator": "equal",
                    "field": {"api_name": "Credit_Hold", "id": "f1"},
                    "value": True,
                },
            }
        ],
        "feature_type": "record_locking",
    }


def test_trap_a_module_whose_lock_does_not_know_convert_is_locked_without_it():
    people()
    responses.get(CONFIGURATIONS, status=204)
    where = {"api_name": "restricted_actions", "supported_values": ["update", "delete"]}
    refused = fault("INVALID_DATA", "action not found") | {"details": where}
    responses.post(CONFIGURATIONS, json={KEY: [refused]}, status=400)
    made()
    assert bench().crm.guard("Sales_Orders", "Credit_Hold", OPEN, dry_run=False).state is FieldState.CREATED
    assert sent()[KEY][0]["restricted_actions"] == ["update", "delete", "change_owner", "tags"]


def test_a_dry_run_of_the_rule_makes_no_write_call():
    people()
    responses.get(CONFIGURATIONS, status=204)
    done = bench().crm.guard("Sales_Orders", "Credit_Hold", OPEN, dry_run=True)
    assert done.state is FieldState.MISSING and not done.by_hand
    assert "all but 2 profiles" in done.detail
    assert {c.request.method for c in responses.calls if BASE in (c.request.url or "")} == {"GET"}


def configuration(*, flag: str = "Credit_Hold", profiles: tuple[str, ...] = ("p1", "p2")) -> dict[str, Any]:
    criteria = {"comparator": "equal", "field": {"api_name": flag, "id": "f9"}, "value": "true"}
    return {
        "id": "c1",
        "lock_type": "manual",
        "lock_excluded_profiles": [{"id": one, "name": one} for one in profiles],
        "excluded_fields": [{"api_name": "Subject", "id": "f0"}],
        "restricted_actions": ["update"],
        "locking_rules": [{"id": "r1", "name": "theirs", "criteria": criteria}],
        "created_by": {"name": "Ann", "id": "1"},
    }


def test_the_rule_is_made_once():
    people()
    responses.get(CONFIGURATIONS, json={KEY: [configuration()]})
    done = bench().crm.guard("Sales_Orders", "Credit_Hold", OPEN, dry_run=False)
    assert done.state is FieldState.PRESENT


def test_a_configuration_of_the_tenant_keeps_its_own_rules():
    people()
    responses.get(CONFIGURATIONS, json={KEY: [configuration(flag="Paid", profiles=("p9",))]})
    made(200)
    assert bench().crm.guard("Sales_Orders", "Credit_Hold", OPEN, dry_run=False).state is FieldState.CREATED
    (body,) = sent()[KEY]
    assert [rule["name"] for rule in body["locking_rules"]] == ["theirs", "CreditGate credit hold"]
    assert body["id"] == "c1" and body["lock_type"] == "both" and "created_by" not in body
    assert body["lock_excluded_profiles"] == [{"id": "p9"}, {"id": "p1"}, {"id": "p2"}]
    assert body["excluded_fields"] == [{"id": "f0"}, {"id": "f1"}, {"id": "f2"}]


def test_trap_the_connector_does_not_lock_itself_out_when_its_profile_is_missing_from_the_rule():
    people()
    responses.get(CONFIGURATIONS, json={KEY: [configuration(profiles=("p2",))]})
    made(200)
    bench().crm.guard("Sales_Orders", "Credit_Hold", OPEN, dry_run=False)
    (body,) = sent()[KEY]
    assert {"id": "p1"} in body["lock_excluded_profiles"]
    assert [rule["name"] for rule in body["locking_rules"]] == ["theirs"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_edition_without_locking_gets_the_way_by_hand(language: str):
    people()
    refusal = fault("FEATURE_NOT_SUPPORTED", "not supported in this edition")
    responses.get(CONFIGURATIONS, json=refusal, status=400)
    done = Bench(language=language).crm.guard("Sales_Orders", "Credit_Hold", OPEN, dry_run=False)
    assert done.state is FieldState.MISSING
    assert "FEATURE_NOT_SUPPORTED" in done.by_hand and "Credit_Hold" in done.by_hand


def test_a_profile_that_does_not_exist_is_named():
    people()
    responses.get(CONFIGURATIONS, status=204)
    crm = Bench(credit_profiles="Nobody").crm
    assert "'Nobody'" in crm.guard("Sales_Orders", "Credit_Hold", OPEN, dry_run=False).by_hand


def test_one_order_is_locked_with_the_reason_cut_to_the_vendors_length():
    answer = {"code": "SUCCESS", "status": "success", "details": {"id": "l1"}}
    responses.post(LOCK, json={"data": [answer]}, status=201)
    assert Bench().crm.lock("Sales_Orders", "8", "x" * 4_000).result is Result.DONE
    reason = sent()["data"][0]["Locked_Reason__s"]
    assert reason.startswith("[CreditGate] x") and len(reason) == 3_000


def lock(reason: str = "[CreditGate] over limit", **more: Any) -> dict[str, Any]:
    row = {"id": "l1", "Locked_Reason__s": reason, "Lock_Source__s": "Manual"} | more
    return {"data": [row], "info": {}}


def test_trap_403_not_allowed_is_no_failure_when_the_order_is_locked_already():
    responses.post(LOCK, json=fault("NOT_ALLOWED", "record is already locked"), status=403)
    responses.get(LOCK, json=lock())
    assert Bench().crm.lock("Sales_Orders", "8", "why").result is Result.DONE


def test_a_module_without_locking_is_told_with_the_vendors_words():
    words = "Required Record Locking Configuration is not present"
    responses.post(LOCK, json=fault("NOT_ALLOWED", words), status=403)
    responses.get(LOCK, json=fault("NOT_ALLOWED", words), status=400)
    outcome = Bench().crm.lock("Sales_Orders", "8", "why")
    assert outcome.result is Result.DEAD
    assert words in outcome.message and "Sales_Orders 8" in outcome.message and outcome.todo


def unlocked() -> None:
    answer = {"code": "SUCCESS", "status": "success", "details": {"id": "l1"}}
    responses.delete(f"{LOCK}/l1", json={"data": [answer]})


def test_our_lock_is_taken_back():
    responses.get(LOCK, json=lock())
    unlocked()
    assert Bench().crm.unlock("Sales_Orders", "8").result is Result.DONE
    assert calls_to(f"{LOCK}/l1")


def test_a_lock_by_a_person_stays():
    responses.get(LOCK, json=lock("audit"))
    assert Bench().crm.unlock("Sales_Orders", "8").result is Result.DONE
    assert not calls_to(f"{LOCK}/l1")


def test_a_lock_that_our_rule_left_behind_is_taken_back():
    responses.get(LOCK, json=lock("", Lock_Source__s="Automatic", Record_Locking_Rule_Id__s="r1"))
    ours = configuration()
    ours["locking_rules"][0]["name"] = "CreditGate credit hold"
    responses.get(CONFIGURATIONS, json={KEY: [ours]})
    unlocked()
    assert Bench().crm.unlock("Sales_Orders", "8").result is Result.DONE
    assert calls_to(f"{LOCK}/l1")


def test_a_lock_that_cannot_be_taken_back_keeps_the_write_waiting():
    responses.get(LOCK, json=lock())
    responses.delete(f"{LOCK}/l1", json=fault("NOT_ALLOWED", "no"), status=403)
    assert Bench().crm.unlock("Sales_Orders", "8").result is Result.BLOCKED


def test_an_order_that_is_not_locked_needs_no_unlocking():
    responses.get(LOCK, status=204)
    assert Bench().crm.unlock("Sales_Orders", "8").result is Result.DONE
