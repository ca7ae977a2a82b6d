"""Writing to Zoho CRM: updates in batches, visit tasks by upsert, one outcome for each write."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from adapters.zoho.client import encode
from connector.adapter import Outcome, Result, Write
from connector.errors import Halt, Retry
from tests.zoho_bench import BASE, Bench, answer_fields, answer_token, calls_to, sent

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


def test_trap_without_trigger_all_workflows_would_run_so_it_is_sent_empty():
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


def test_trap_answers_are_positional_and_a_mixed_one_comes_with_207():
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
    assert dead.result is Result.BLOCKED
    assert dead.message == (
        "Accounts 2, id: RECORD_LOCKED: record is locked (api_name id, action record_locking)"
    )
    assert retry.result is Result.RETRY and "Accounts 4" in retry.message


@pytest.mark.parametrize("status", [200, 202, 207, 400])
def test_trap_the_status_of_an_item_decides_whatever_the_http_status(status: int):
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
        ("RECORD_LOCKED", {"action": "record_locking"}, Result.BLOCKED),
        ("RECORD_LOCKED", {"action": "zia_vision_processing"}, Result.BLOCKED),
        ("RECORD_IN_BLUEPRINT", {}, Result.BLOCKED),
        ("NOT_APPROVED", {}, Result.BLOCKED),
        ("DUPLICATE_DATA", {"api_name": "Credit_Key"}, Result.DEAD),
        ("INVALID_DATA", {"api_name": "id"}, Result.DEAD),
        ("MANDATORY_NOT_FOUND", {"api_name": "Phone"}, Result.DEAD),
        ("TOO_MANY_REQUESTS", {}, Result.RETRY),
        ("INTERNAL_ERROR", {}, Result.RETRY),
        ("ALREADY_MODIFIED", {}, Result.RETRY),
    ],
)
def test_complaint_n8n_8508_each_fault_of_a_record_is_told_with_code_words_and_way_out(
    code: str, details: dict[str, str], result: Result
):
    answer_update(bad(code, "the vendor's words", **details), status=400)
    (outcome,) = Bench().crm.push([update()])
    assert outcome.result is result
    assert code in outcome.message and "the vendor's words" in outcome.message
    assert all(f"{key} {value}" in outcome.message for key, value in details.items())
    (chinese,) = Bench(language="zh").crm.push([update()])
    assert re.search(r"[\u4e00-\u9fff]", chinese.todo)
    assert outcome.todo or result is Result.RETRY


def test_trap_record_locked_by_an_image_check_says_so_and_waits_like_any_lock():
    answer_update(bad("RECORD_LOCKED", "record is being checked", action="zia_vision_processing"), status=400)
    (outcome,) = Bench().crm.push([update()])
    assert outcome.result is Result.BLOCKED
    assert "action zia_vision_processing" in outcome.message


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
def test_trap_ten_written_records_cost_one_credit(count: int, credits: int):
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


def answer_task_fields(*, unique: bool = True) -> None:
    how = {"casesensitive": ""} if unique else {}
    answer_fields("Tasks", {"Subject": "text", "Credit_Key": "text"}, Credit_Key={"unique": how})


def test_trap_there_is_no_idempotency_key_so_tasks_are_upserted_on_ours_and_name_se_module():
    answer_task_fields()
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
    answer_task_fields()
    responses.post(f"{BASE}/Tasks/upsert", json={"data": [good("900")]})
    Bench().crm.push([task(owner=None)])
    assert "Owner" not in sent()["data"][0]


def test_refused_task_is_named_by_its_key():
    answer_task_fields()
    fault = bad("INVALID_DATA", "invalid data", api_name="What_Id")
    responses.post(f"{BASE}/Tasks/upsert", json={"data": [fault]}, status=400)
    (outcome,) = Bench().crm.push([task()])
    assert outcome.message.startswith("Tasks acme-hold, What_Id: INVALID_DATA")


def test_trap_tasks_without_a_unique_field_are_looked_for_before_they_are_created():
    answer_task_fields(unique=False)
    responses.post(f"{BASE}/coql", json={"data": [{"id": "901", "Credit_Key": "old's"}], "info": {}})
    responses.put(f"{BASE}/Tasks", json={"data": [good("901")]})
    responses.post(f"{BASE}/Tasks", json={"data": [good("902", "record added")]}, status=201)
    outcomes = Bench().crm.push([task("new"), task("old's")])
    assert [o.external_id for o in outcomes] == ["902", "901"]
    assert sent(2)["select_query"] == (
        r"select id, Credit_Key from Tasks where Credit_Key in ('new', 'old\'s') limit 200"
    )
    assert sent(3)["data"][0]["id"] == "901"
    assert [row["Credit_Key"] for row in sent(4)["data"]] == ["new"]


def test_a_lost_answer_to_an_insert_is_not_sent_again_by_itself():
    answer_task_fields(unique=False)
    responses.post(f"{BASE}/coql", status=204)
    responses.post(f"{BASE}/Tasks", json=bad("INTERNAL_ERROR"), status=500)
    with pytest.raises(Retry) as told:
        Bench().crm.push([task()])
    assert told.value.unknown_outcome
    assert len(calls_to(f"{BASE}/Tasks")) == 1


SEEN = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)


def shared(number: int, seen: dt.datetime | None = SEEN) -> Write:
    return replace(update(number), unmodified_since=seen)


def test_rows_that_people_edit_go_out_with_the_moment_they_were_last_seen():
    answer_update(good("2"), good("3"))
    answer_update(good("1") | {"details": {"id": "1", "Modified_Time": "2026-03-01T20:00:00+08:00"}})
    writes = [update(2), shared(1), update(3)]
    outcomes = Bench().crm.push(writes)
    assert [o.external_id for o in outcomes] == ["2", "1", "3"]
    assert outcomes[1].modified_at == dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    first, second = calls_to(f"{BASE}/Accounts")
    assert "If-Unmodified-Since" not in first.request.headers
    assert second.request.headers["If-Unmodified-Since"] == "2026-03-01T09:30:00+00:00"


def test_trap_412_already_modified_waits_for_the_record_to_be_read_again():
    answer_update(bad("ALREADY_MODIFIED", "too late", Modified_Time="2026-03-01T10:00:00Z"), status=412)
    (outcome,) = Bench().crm.push([shared(1)])
    assert outcome.result is Result.STALE
    assert "ALREADY_MODIFIED" in outcome.message and "pull" in outcome.todo


def test_rows_last_seen_at_the_same_moment_share_a_call():
    answer_update(good("1"), good("2"))
    answer_update(good("3"))
    Bench().crm.push([shared(1), shared(3, SEEN + dt.timedelta(hours=1)), shared(2)])
    assert [[row["id"] for row in sent(i)["data"]] for i in (1, 2)] == [["1", "2"], ["3"]]


@pytest.mark.parametrize(("setting", "trigger"), [("none", []), ("Accounts, Tasks", ["workflow"])])
def test_workflows_start_only_in_the_modules_that_the_setting_lists(setting: str, trigger: list[str]):
    answer_update(good())
    Bench(trigger_workflows=setting).crm.push([update()])
    assert sent()["trigger"] == trigger


def note(key: str = "k", *, title: str = "On hold", repeated: bool = False) -> Write:
    values = {"Note_Title": title, "Note_Content": "why", "Parent_Id": "77"}
    return Write("note", "Notes", "77", values, {"Parent_Id": "reference"}, "", key, repeated=repeated)


def test_a_note_names_its_account_and_carries_our_mark_within_the_vendors_lengths():
    responses.post(f"{BASE}/Notes", json={"data": [good("5", "record added")]}, status=201)
    assert Bench().crm.push([note(title="x" * 121)])[0].external_id == "5"
    (row,) = sent()["data"]
    assert row["Parent_Id"] == {"id": "77", "module": {"api_name": "Accounts"}}
    assert len(row["Note_Title"]) == 120
    assert re.fullmatch(r"why\n\n\[CreditGate [0-9a-f]{12}\]", row["Note_Content"])
    assert sent()["trigger"] == []


def test_a_note_that_may_have_been_written_is_looked_for_first():
    responses.post(f"{BASE}/Notes", json=bad("INTERNAL_ERROR"), status=500)
    bench = Bench()
    with pytest.raises(Retry) as told:
        bench.crm.push([note()])
    assert told.value.unknown_outcome
    written = sent()["data"][0]["Note_Content"]
    found = {"data": [{"id": "4", "Note_Content": "else"}, {"id": "5", "Note_Content": written}]}
    responses.get(f"{BASE}/Accounts/77/Notes", json=found | {"info": {"more_records": False}})
    (outcome,) = bench.crm.push([note(repeated=True)])
    assert (outcome.result, outcome.external_id) == (Result.DONE, "5")
    assert len(calls_to(f"{BASE}/Notes")) == 1


def test_trap_fields_that_zoho_drops_without_a_word_are_found_by_reading_back():
    write = update(
        Credit_Status="Hold",
        Credit_Limit=Decimal("50000.10"),
        Credit_Hold=False,
        Credit_As_Of=dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC),
        Credit_Next_Review=None,
    )
    row = {"Credit_Status": "Hold", "Credit_Limit": 50000.1, "Credit_As_Of": "2026-03-01T20:00:00+08:00"}
    responses.get(f"{BASE}/Accounts/77", json={"data": [row]})
    assert Bench().crm.verify(write) == []
    responses.replace("GET", f"{BASE}/Accounts/77", json={"data": [row | {"Credit_Limit": None}]})
    assert Bench().crm.verify(write) == ["Credit_Limit"]
