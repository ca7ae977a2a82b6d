"""Writing to Zoho CRM: updates in batches, visit tasks by upsert, one outcome for each write."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from adapters.zoho.client import encode
from connector.adapter import Outcome, Result, Write
from connector.errors import Halt, Retry
from tests.zoho_bench import BASE, Bench, answer_token, sent

TYPES = {
    "Credit_Status": "option",
    "Credit_Hold": "boolean",
    "Credit_Limit": "money",
    "Overdue_Days": "integer",
    "Credit_Reasons": "long_text",
    "Credit_Next_Review": "date",
    "Credit_As_Of": "datetime",
}
TASK_TYPES = {
    "Subject": "text",
    "Due_Date": "date",
    "What_Id": "reference",
    "Owner": "owner",
    "Credit_Key": "text",
}


@pytest.fixture(autouse=True)
def _token():
    with responses.mock:
        answer_token()
        yield


def update(number: int = 77, **values: Any) -> Write:
    return Write("update", "Accounts", str(number), values or {"Credit_Hold": True}, TYPES)


def task(key: str = "acme-hold", owner: str | None = "411001", account: str = "7910001") -> Write:
    values = {
        "Subject": "Visit Acme",
        "Due_Date": dt.date(2026, 12, 1),
        "What_Id": account,
        "Owner": owner,
        "Credit_Key": key,
    }
    return Write("task", "Tasks", account, values, TASK_TYPES, "Credit_Key", key)


def good(id_: str = "77", message: str = "record updated") -> dict[str, Any]:
    return {"code": "SUCCESS", "status": "success", "message": message, "details": {"id": id_}}


def bad(code: str, message: str = "no", **details: Any) -> dict[str, Any]:
    return {"code": code, "status": "error", "message": message, "details": details}


def answer_update(*items: Any, status: int = 200) -> None:
    responses.put(f"{BASE}/Accounts", json={"data": list(items)}, status=status)


def test_values_go_out_in_zohos_forms_and_run_no_workflow():
    answer_update(good())
    write = update(
        Credit_Status="Hold",
        Credit_Hold=True,
        Credit_Limit=Decimal("50000.10"),
        Overdue_Days=42,
        Credit_Reasons="42 days overdue",
        Credit_Next_Review=dt.date(2026, 12, 1),
        Credit_As_Of=dt.datetime(2026, 3, 1, 20, 0, 5, 99, tzinfo=dt.timezone(dt.timedelta(hours=8))),
    )
    assert Bench().crm.push([write]) == [Outcome(Result.DONE, "", "77")]
    assert sent() == {
        "data": [
            {
                "id": "77",
                "Credit_Status": "Hold",
                "Credit_Hold": True,
                "Credit_Limit": "number 50000.10",
                "Overdue_Days": 42,
                "Credit_Reasons": "42 days overdue",
                "Credit_Next_Review": "2026-12-01",
                "Credit_As_Of": "2026-03-01T12:00:05+00:00",
            }
        ],
        "trigger": [],
    }


def test_unknown_goes_out_as_null_not_as_zero():
    answer_update(good())
    Bench().crm.push([update(Credit_Limit=None, Credit_As_Of=None, Credit_Status=None)])
    record = sent()["data"][0]
    assert record == {"id": "77", "Credit_Limit": None, "Credit_As_Of": None, "Credit_Status": None}


def test_long_text_is_cut_to_the_field_rather_than_losing_the_write():
    answer_update(good())
    Bench().crm.push([update(Credit_Reasons="x" * 2001)])
    text = sent()["data"][0]["Credit_Reasons"]
    assert len(text) == 2000 and text.endswith("x…")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_money_survives_the_way_out_exactly(amount: Decimal):
    assert Decimal(encode({"a": amount})[5:-1].decode()) == amount


def test_outcomes_follow_the_order_of_the_writes_and_each_items_own_status():
    answer_update(
        good("1"),
        bad("RECORD_LOCKED", "record is locked", api_name="id", action="record_locking"),
        good("3"),
        bad("TOO_MANY_REQUESTS", "too many requests"),
        status=207,
    )
    done, dead, also_done, retry = Bench().crm.push([update(n) for n in (1, 2, 3, 4)])
    assert done == Outcome(Result.DONE, "", "1")
    assert also_done == Outcome(Result.DONE, "", "3")
    assert dead.result is Result.DEAD
    assert dead.message == (
        "Accounts 2, id: RECORD_LOCKED: record is locked (api_name id, action record_locking)"
    )
    assert retry.result is Result.RETRY and "Accounts 4" in retry.message


@pytest.mark.parametrize("status", [200, 202, 207, 400])
def test_item_status_decides_whatever_the_http_status(status: int):
    answer_update(
        bad("INVALID_DATA", "invalid data", api_name="Credit_Status", json_path="$.data[0].x"),
        status=status,
    )
    (outcome,) = Bench().crm.push([update()])
    assert outcome.result is Result.DEAD
    assert outcome.message.startswith("Accounts 77, Credit_Status: INVALID_DATA: invalid data")


@pytest.mark.parametrize(
    ("code", "details", "result"),
    [
        ("RECORD_LOCKED", {"action": "record_locking"}, Result.DEAD),
        ("RECORD_LOCKED", {"action": "zia_vision_processing"}, Result.RETRY),
        ("RECORD_IN_BLUEPRINT", {}, Result.DEAD),
        ("DUPLICATE_DATA", {"api_name": "Credit_Key"}, Result.DEAD),
        ("INVALID_DATA", {"api_name": "id"}, Result.DEAD),
        ("MANDATORY_NOT_FOUND", {"api_name": "Phone"}, Result.DEAD),
        ("TOO_MANY_REQUESTS", {}, Result.RETRY),
        ("INTERNAL_ERROR", {}, Result.RETRY),
        ("ALREADY_MODIFIED", {}, Result.RETRY),
    ],
)
def test_faults_of_a_record_are_dead_unless_they_pass(code: str, details: dict[str, str], result: Result):
    answer_update(bad(code, "the vendor's words", **details), status=400)
    (outcome,) = Bench().crm.push([update()])
    assert outcome.result is result
    assert code in outcome.message and "the vendor's words" in outcome.message


def test_several_errors_of_one_record_are_all_told():
    inner = [bad("INVALID_DATA", api_name="A"), bad("MANDATORY_NOT_FOUND", api_name="B")]
    answer_update(bad("MULTIPLE_OR_MULTI_ERRORS", "several", errors=inner), status=400)
    (outcome,) = Bench().crm.push([update()])
    for part in ("INVALID_DATA", "api_name A", "MANDATORY_NOT_FOUND", "api_name B"):
        assert part in outcome.message


def test_names_of_people_in_the_details_are_not_repeated():
    duplicate = {"id": "9", "Owner": {"name": "Ann Lee", "email": "ann@example.com"}}
    answer_update(bad("DUPLICATE_DATA", api_name="X", duplicate_record=duplicate), status=400)
    (outcome,) = Bench().crm.push([update()])
    assert "Ann" not in outcome.message and "example.com" not in outcome.message


def test_write_without_an_answer_is_tried_again():
    answer_update(good("1"))
    first, second = Bench().crm.push([update(1), update(2)])
    assert (first.result, second.result) == (Result.DONE, Result.RETRY)


@pytest.mark.parametrize(("count", "credits"), [(1, 1), (10, 1), (11, 2), (100, 10)])
def test_ten_records_cost_one_credit(count: int, credits: int):
    answer_update(*[good(str(n)) for n in range(count)])
    bench = Bench()
    assert len(bench.crm.push([update(n) for n in range(count)])) == count
    assert bench.budget.credits == [credits]
    assert bench.crm.write_batch == 100


def test_nothing_to_write_calls_nobody():
    assert Bench().crm.push([]) == []
    assert len(responses.calls) == 0


@pytest.mark.parametrize(
    "batch", [[update(n) for n in range(101)], [update(), task()]], ids=["too many", "mixed"]
)
def test_batch_that_is_none_is_refused(batch: list[Write]):
    with pytest.raises(ValueError, match="at most 100 writes of one kind"):
        Bench().crm.push(batch)


def test_flat_refusal_of_the_whole_batch_is_raised():
    fault = bad("INVALID_MODULE", "the module name given seems to be invalid")
    responses.put(f"{BASE}/Accounts", json=fault, status=400)
    with pytest.raises(Halt, match=r"Accounts.*INVALID_MODULE"):
        Bench().crm.push([update()])


def test_busy_vendor_fails_the_whole_batch_for_now():
    responses.put(f"{BASE}/Accounts", json=bad("TOO_MANY_REQUESTS"), status=429)
    bench = Bench()
    with pytest.raises(Retry):
        bench.crm.push([update()])


def test_task_is_upserted_on_our_key_and_linked_to_its_account():
    responses.post(f"{BASE}/Tasks/upsert", json={"data": [good("900", "record added")]})
    assert Bench().crm.push([task()]) == [Outcome(Result.DONE, "", "900")]
    assert sent() == {
        "data": [
            {
                "Subject": "Visit Acme",
                "Due_Date": "2026-12-01",
                "What_Id": {"id": "7910001"},
                "$se_module": "Accounts",
                "Owner": {"id": "411001"},
                "Credit_Key": "acme-hold",
            }
        ],
        "duplicate_check_fields": ["Credit_Key"],
        "trigger": ["workflow"],
    }


def test_task_without_an_owner_leaves_the_field_out():
    responses.post(f"{BASE}/Tasks/upsert", json={"data": [good("900")]})
    Bench().crm.push([task(owner=None)])
    assert "Owner" not in sent()["data"][0]


def test_refused_task_is_named_by_its_key():
    fault = bad("INVALID_DATA", "invalid data", api_name="What_Id")
    responses.post(f"{BASE}/Tasks/upsert", json={"data": [fault]}, status=400)
    (outcome,) = Bench().crm.push([task()])
    assert outcome.message.startswith("Tasks acme-hold, What_Id: INVALID_DATA")
