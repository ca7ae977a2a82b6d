"""Fxiaoke: updates, tasks, and what becomes of writes whose answer is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from adapters.fxiaoke.records import encode, stands
from connector.adapter import Outcome, Result, Write
from connector.errors import Halt, Reject, Retry
from connector.http import is_urgent, urgent
from tests.fxiaoke_wire import CUSTOM, DESCRIBE, PRESET, Wire, failed, options, page, scripted

UPDATE, GET = f"{PRESET}/update", f"{PRESET}/get"
CREATE, LOOK, TASK_UPDATE = f"{CUSTOM}/create", f"{CUSTOM}/query", f"{CUSTOM}/update"
SHANGHAI = ZoneInfo("Asia/Shanghai")
LOCK, UNLOCK = "/cgi/crm/v2/object/lock", "/cgi/crm/v2/object/unlock"
MESSAGE = "/cgi/message/send"
PLAIN = {"type": "text", "label": ""}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with scripted() as made:
        made.describe(
            credit_status__c=options(x9="正常", y8="冻结"),
            visit_status__c=options(p="计划中"),
            credit_limit__c={"type": "currency"},
            **dict.fromkeys(
                ("name", "owner", "due_on__c", "account_id__c", "credit_key__c", "credit_hold__c"), PLAIN
            ),
        )
        made.answer(UPDATE, {})
        made.answer(TASK_UPDATE, {})
        made.answer(MESSAGE, {})
        yield made


def update(row_id: str = "acc", types: dict[str, str] | None = None, **values: Any) -> Write:
    return Write("update", "AccountObj", row_id, values, types or {})


def task(key: str = "K-1", account: str = "acc", **values: Any) -> Write:
    filled = {
        "name": "走访",
        "owner": "FSUID_3",
        "account_id__c": account,
        "visit_status__c": "计划中",
        "due_on__c": dt.date(2026, 5, 1),
        **values,
    }
    types = {
        "owner": "owner",
        "account_id__c": "reference",
        "visit_status__c": "option",
        "due_on__c": "date",
    }
    return Write("task", "credit_visit__c", account, filled, types, "credit_key__c", key)


def test_an_update_sends_only_what_it_is_given_and_starts_nothing(wire: Wire) -> None:
    (done,) = wire.crm().push([update(credit_hold__c=True, credit_limit__c=Decimal("1200.50"))])
    assert done == Outcome(Result.DONE, external_id="acc")
    (asked,) = wire.calls(UPDATE)
    assert asked.body["triggerApprovalFlow"] is False
    assert asked.body["triggerWorkFlow"] is False
    assert asked.body["data"] == {
        "object_data": {
            "dataObjectApiName": "AccountObj",
            "_id": "acc",
            "credit_hold__c": True,
            "credit_limit__c": "1200.50",
        },
        "details": {},
        "optionInfo": {"skipFuncValidate": True, "useValidationRule": False, "isDuplicateSearch": False},
    }


def no_option(label: str) -> str:
    raise AssertionError(f"{label} is no option")


@pytest.mark.parametrize(
    ("value", "kind", "sent"),
    [
        (Decimal("100.10"), "money", "100.10"),
        (Decimal("1E+3"), "money", "1000"),
        (Decimal("-0.5"), "number", "-0.5"),
        (42, "integer", "42"),
        (True, "boolean", True),
        (False, "boolean", False),
        (dt.date(2026, 5, 1), "date", 1_777_564_800_000),
        (dt.datetime(2026, 5, 1, 0, 0, 0, 250_000, dt.UTC), "datetime", 1_777_593_600_250),
        ("FSUID_3", "owner", ["FSUID_3"]),
        ("65f", "reference", "65f"),
        ("两行\n文字", "long_text", "两行\n文字"),
        (None, "money", None),
    ],
)
def test_each_type_has_the_vendors_form(value: Any, kind: str, sent: Any) -> None:
    assert encode(value, kind, SHANGHAI, no_option) == sent


@pytest.mark.parametrize("value", [1.5, dt.datetime(2026, 5, 1), Decimal("NaN"), b"x"])
def test_a_value_without_a_form_is_refused(value: Any) -> None:
    with pytest.raises(Reject):
        encode(value, "", SHANGHAI, no_option)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_an_amount_is_written_exactly_and_recognised_when_read_back(amount: Decimal) -> None:
    sent = encode(amount, "money", SHANGHAI, no_option)
    assert Decimal(sent) == amount
    for read in (sent, amount, str(amount.normalize())):
        assert stands({"x": sent}, {"x": read})
    assert not stands({"x": sent}, {"x": str(amount + Decimal("0.01"))})


@pytest.mark.parametrize(
    ("sent", "read", "same"),
    [
        (None, None, True),
        ("", None, True),
        (None, "0", False),
        ("0", None, False),
        (True, True, True),
        (True, False, False),
        (True, "true", True),
        (["1"], ["1"], True),
        (["1"], [1], True),
        (["1"], ["2"], False),
        ("text", "other", False),
        (1_777_564_800_000, "1777564800000", True),
    ],
)
def test_reading_back_compares_meaning(sent: Any, read: Any, same: bool) -> None:
    assert stands({"x": sent}, {"x": read}) is same


def test_an_option_is_written_by_its_label(wire: Wire) -> None:
    wire.crm().push([update(types={"credit_status__c": "option"}, credit_status__c="冻结")])
    assert wire.calls(UPDATE)[0].body["data"]["object_data"]["credit_status__c"] == "y8"


def test_a_missing_label_kills_the_write_loudly_and_sends_nothing(wire: Wire) -> None:
    (dead,) = wire.crm().push([update(types={"credit_status__c": "option"}, credit_status__c="关注")])
    assert dead.result is Result.DEAD
    assert "关注" in dead.message
    assert "AccountObj.credit_status__c" in dead.message
    assert not wire.calls(UPDATE)


def test_a_label_added_since_is_found_by_asking_again(wire: Wire) -> None:
    crm = wire.crm()
    write = update(types={"credit_status__c": "option"}, credit_status__c="关注")
    crm.push([write])
    wire.describe(credit_status__c=options(z="关注"))
    wire.now += dt.timedelta(seconds=5)
    (done,) = crm.push([write])
    assert done.result is Result.DONE


def test_a_field_that_the_tenant_lacks_kills_the_write(wire: Wire) -> None:
    (dead,) = wire.crm().push([update(credit_score__c=Decimal(7))])
    assert dead.result is Result.DEAD
    assert "credit_score__c" in dead.message
    assert not wire.calls(UPDATE)


def test_nothing_to_write_is_done_without_a_call(wire: Wire) -> None:
    (done,) = wire.crm().push([update()])
    assert done.result is Result.DONE
    assert not wire.calls(UPDATE)
    assert wire.crm().push([]) == []


def test_outcomes_stand_in_the_order_of_the_writes(wire: Wire) -> None:
    def by_row(body: dict[str, Any]) -> dict[str, Any]:
        row_id = body["data"]["object_data"]["_id"]
        return failed(201112011, "查找不到") if row_id in ("3", "7") else {}

    wire.answer(UPDATE, by_row)
    outcomes = wire.crm().push([update(str(n), name="x") for n in range(12)])
    assert [n for n, o in enumerate(outcomes) if o.result is Result.DEAD] == [3, 7]
    assert [o.external_id for o in outcomes if o.result is Result.DONE] == [
        str(n) for n in range(12) if n not in (3, 7)
    ]
    assert "查找不到" in outcomes[3].message


def test_two_writes_to_one_row_keep_their_order(wire: Wire) -> None:
    wire.crm().push([update(name=str(n)) for n in range(6)])
    sent = [asked.body["data"]["object_data"]["name"] for asked in wire.calls(UPDATE)]
    assert sent == [str(n) for n in range(6)]


def test_a_timed_out_update_that_arrived_is_done(wire: Wire) -> None:
    wire.answer(UPDATE, failed(50009))
    wire.answer(GET, {"data": {"_id": "acc", "credit_limit__c": "5.0", "lock_status": "0"}})
    (done,) = wire.crm().push([update(credit_limit__c=Decimal("5.00"))])
    assert done.result is Result.DONE
    assert wire.calls(GET)[0].body["data"] == {"dataObjectApiName": "AccountObj", "objectDataId": "acc"}


def test_trap_50009_of_a_row_that_somebody_locked_waits_for_them(wire: Wire) -> None:
    wire.answer(UPDATE, failed(50009, "数据已锁定"))
    there = {"_id": "acc", "credit_limit__c": "4.00", "lock_status": "1", "lock_user": ["FSUID_9"]}
    wire.answer(GET, {"data": there})
    (later,) = wire.crm().push([update(credit_limit__c=Decimal("5.00"))])
    assert later.result is Result.BLOCKED and later.todo
    assert "锁定" in later.message
    assert "数据已锁定" in later.message
    assert len(wire.calls(UPDATE)) == 1


def test_trap_50009_of_a_row_that_we_locked_is_unlocked_written_and_locked_again(wire: Wire) -> None:
    wire.answer(UPDATE, failed(50009, "数据已锁定"), {})
    there = {"_id": "acc", "credit_limit__c": "4.00", "lock_status": "1", "lock_user": ["FSUID_1"]}
    wire.answer(GET, {"data": there})
    wire.answer(LOCK, {})
    wire.answer(UNLOCK, {})
    (done,) = wire.crm().push([update(credit_limit__c=Decimal("5.00"))])
    assert done.result is Result.DONE
    acts = [asked.path for asked in wire.asked if asked.path in (UPDATE, LOCK, UNLOCK)]
    assert acts == [UPDATE, UNLOCK, UPDATE, LOCK]
    assert wire.calls(LOCK)[0].body["data"] == {
        "dataObjectApiName": "AccountObj",
        "dataIds": ["acc"],
        "detailObjStrategy": 1,
    }


def test_an_update_that_cannot_be_read_back_is_tried_again_later(wire: Wire) -> None:
    wire.answer(UPDATE, failed(50009))
    wire.answer(GET, failed(-1))
    (later,) = wire.crm().push([update(name="x")])
    assert later.result is Result.RETRY


def test_a_used_up_day_is_said_once_for_the_whole_batch(wire: Wire) -> None:
    wire.answer(UPDATE, failed(30002))
    with pytest.raises(Retry) as caught:
        wire.crm().push([update("1", name="x"), update("2", name="x")])
    assert caught.value.after is not None


def test_a_fault_in_the_middle_keeps_what_was_done(wire: Wire) -> None:
    wire.answer(UPDATE, lambda body: failed(15003) if body["data"]["object_data"]["_id"] == "2" else {})
    first, second = wire.crm().push([update("1", name="x"), update("2", name="x")])
    assert first.result is Result.DONE
    assert second.result is Result.RETRY


def test_a_stopped_application_stops_the_push(wire: Wire) -> None:
    wire.answer(UPDATE, failed(20023))
    with pytest.raises(Halt):
        wire.crm().push([update(name="x")])


def test_a_task_is_looked_for_by_its_key_and_then_created(wire: Wire) -> None:
    wire.answer(LOOK, page())
    wire.answer(CREATE, {"dataId": "t1"})
    (done,) = wire.crm().push([task()])
    assert done == Outcome(Result.DONE, external_id="t1")
    look = wire.calls(LOOK)[0].body["data"]["search_query_info"]
    assert look["filters"] == [{"field_name": "credit_key__c", "operator": "EQ", "field_values": ["K-1"]}]
    (asked,) = wire.calls(CREATE)
    assert asked.body["data"]["object_data"] == {
        "dataObjectApiName": "credit_visit__c",
        "name": "走访",
        "owner": ["FSUID_3"],
        "account_id__c": "acc",
        "visit_status__c": "p",
        "due_on__c": 1_777_564_800_000,
        "credit_key__c": "K-1",
    }
    assert asked.body["triggerApprovalFlow"] is False
    assert asked.body["triggerWorkFlow"] is False


def test_a_task_starts_workflows_where_the_setting_says_so(wire: Wire) -> None:
    wire.answer(LOOK, page())
    wire.answer(CREATE, {"dataId": "t1"})
    wire.crm(task_workflow="on").push([task()])
    assert wire.calls(CREATE)[0].body["triggerWorkFlow"] is True


def test_a_task_that_exists_is_updated_where_it_differs_and_keeps_its_owner(wire: Wire) -> None:
    there = {
        "_id": "t1",
        "name": "旧",
        "owner": ["FSUID_8"],
        "account_id__c": "acc",
        "visit_status__c": "p",
        "due_on__c": 1_777_564_800_000,
        "credit_key__c": "K-1",
    }
    wire.answer(LOOK, page(there))
    (done,) = wire.crm().push([task()])
    assert done == Outcome(Result.DONE, external_id="t1")
    assert not wire.calls(CREATE)
    (asked,) = wire.calls(TASK_UPDATE)
    assert asked.body["data"]["object_data"] == {
        "dataObjectApiName": "credit_visit__c",
        "_id": "t1",
        "name": "走访",
    }
    wire.answer(LOOK, page({**there, "name": "走访"}))
    wire.crm().push([task()])
    assert len(wire.calls(TASK_UPDATE)) == 1


def test_a_task_that_was_voided_stays_voided(wire: Wire) -> None:
    wire.answer(LOOK, page({"_id": "t1", "life_status": "invalid"}))
    (done,) = wire.crm().push([task()])
    assert done.result is Result.DONE
    assert "voided" in done.message
    assert not wire.calls(CREATE)
    assert not wire.calls(TASK_UPDATE)


LOST = [
    failed(50009),
    failed(-2),
    requests.exceptions.ReadTimeout(),
    requests.exceptions.ConnectionError("reset"),
    (502, "<html></html>"),
]


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_answer_to_a_create_is_settled_by_looking(wire: Wire, lost: Any) -> None:
    wire.answer(LOOK, page(), page({"_id": "t1"}))
    wire.answer(CREATE, lost)
    (done,) = wire.crm().push([task()])
    assert done == Outcome(Result.DONE, external_id="t1")
    assert len(wire.calls(CREATE)) == 1


@pytest.mark.parametrize("lost", LOST)
def test_a_create_that_did_not_arrive_is_tried_again_later_not_at_once(wire: Wire, lost: Any) -> None:
    wire.answer(LOOK, page())
    wire.answer(CREATE, lost)
    (later,) = wire.crm().push([task()])
    assert later.result is Result.RETRY
    assert len(wire.calls(CREATE)) == 1


def test_a_create_refused_because_another_process_was_first_is_done(wire: Wire) -> None:
    wire.answer(LOOK, page(), page({"_id": "t1"}))
    wire.answer(CREATE, failed(987654, "重复"))
    (done,) = wire.crm().push([task()])
    assert done == Outcome(Result.DONE, external_id="t1")


def test_a_refused_create_is_dead_with_the_vendors_words(wire: Wire) -> None:
    wire.answer(LOOK, page())
    wire.answer(CREATE, failed(30027, "员工不存在"))
    (dead,) = wire.crm().push([task()])
    assert dead.result is Result.DEAD
    assert "员工不存在" in dead.message


def test_an_answer_without_the_new_id_is_completed_by_the_key(wire: Wire) -> None:
    wire.answer(LOOK, page(), page({"_id": "t1"}))
    wire.answer(CREATE, {})
    (done,) = wire.crm().push([task()])
    assert done.external_id == "t1"


def test_two_tasks_of_one_key_make_one(wire: Wire) -> None:
    made: list[dict[str, Any]] = []

    def create(body: dict[str, Any]) -> dict[str, Any]:
        made.append({**body["data"]["object_data"], "_id": f"t{len(made)}"})
        return {"dataId": made[-1]["_id"]}

    wire.answer(CREATE, create)
    wire.answer(LOOK, lambda body: page(*made))
    first, second = wire.crm().push([task(), task()])
    assert first == second == Outcome(Result.DONE, external_id="t0")
    assert len(made) == 1


def test_a_task_without_a_key_is_refused(wire: Wire) -> None:
    (dead,) = wire.crm().push([task(key="")])
    assert dead.result is Result.DEAD
    assert not wire.calls(CREATE)


def test_options_are_looked_up_once_for_a_batch(wire: Wire) -> None:
    writes = [
        update(str(n), types={"credit_status__c": "option"}, credit_status__c="冻结") for n in range(20)
    ]
    wire.crm().push(writes)
    assert len(wire.calls(DESCRIBE)) == 1


def told(wire: Wire) -> dict[str, Any]:
    (asked,) = wire.calls(MESSAGE)
    return asked.body


def test_the_owner_of_a_new_task_is_told_with_a_deep_link(wire: Wire) -> None:
    wire.answer(LOOK, page())
    wire.answer(CREATE, {"dataId": "t1"})
    wire.crm().push([task()])
    body = told(wire)
    assert (body["toUser"], body["msgType"]) == (["FSUID_3"], "composite")
    content = body["composite"]
    assert content["first"] == {"content": "走访"}
    assert content["form"] == [{"label": "截止日期", "value": "2026-05-01"}]
    url = 'fs://CRM/udobj?{"objDescApiName":"credit_visit__c","objDataId":"t1"}'
    assert content["link"] == {"title": "打开任务", "url": url}


@pytest.mark.parametrize("fault", [failed(30027, "员工不存在"), failed(50009), (502, "<html></html>")])
def test_an_owner_who_cannot_be_told_costs_no_task_and_is_not_told_twice(wire: Wire, fault: Any) -> None:
    wire.answer(LOOK, page())
    wire.answer(CREATE, {"dataId": "t1"})
    wire.answer(MESSAGE, fault)
    (done,) = wire.crm().push([task()])
    assert (done.result, done.external_id) == (Result.DONE, "t1")
    assert "未能通知负责人" in done.message
    assert len(wire.calls(MESSAGE)) == 1


def test_of_a_task_that_is_there_already_nobody_is_told(wire: Wire) -> None:
    wire.answer(LOOK, page({"_id": "t1", "name": "旧"}))
    wire.crm().push([task()])
    assert not wire.calls(MESSAGE)


def test_a_task_of_nobody_is_told_to_nobody(wire: Wire) -> None:
    wire.answer(LOOK, page())
    wire.answer(CREATE, {"dataId": "t1"})
    wire.crm().push([task(owner=None)])
    assert not wire.calls(MESSAGE)


@pytest.mark.parametrize("locked", [True, False])
def test_trap_50009_of_a_lock_is_settled_by_looking(wire: Wire, locked: bool) -> None:
    wire.answer(LOCK, failed(50009))
    wire.answer(GET, {"data": {"_id": "o1", "lock_status": "1" if locked else "0"}})
    outcome = wire.crm().lock("SalesOrderObj", "o1", "reasons")
    assert outcome.result is (Result.DONE if locked else Result.RETRY)
    assert len(wire.calls(LOCK)) == 1


@pytest.mark.parametrize(
    ("row", "calls"),
    [
        ({"lock_status": "0"}, 0),
        ({"lock_status": "1", "lock_user": ["FSUID_9"]}, 0),
        ({"lock_status": "1", "lock_user": ["FSUID_1"]}, 1),
        ({"lock_status": "1"}, 1),
    ],
)
def test_only_locks_of_ours_are_taken_back(wire: Wire, row: dict[str, Any], calls: int) -> None:
    wire.answer(GET, {"data": {"_id": "o1", **row}})
    wire.answer(UNLOCK, {})
    assert wire.crm().unlock("SalesOrderObj", "o1").result is Result.DONE
    assert len(wire.calls(UNLOCK)) == calls


def test_a_lock_that_is_refused_is_told_and_given_up(wire: Wire) -> None:
    wire.answer(LOCK, failed(32000, "没有锁定权限"))
    outcome = wire.crm().lock("SalesOrderObj", "o1", "reasons")
    assert outcome.result is Result.DEAD and "没有锁定权限" in outcome.message


def test_calls_of_holds_may_use_the_reserve_in_every_thread(wire: Wire) -> None:
    seen: list[bool] = []
    crm = wire.crm()
    http = crm.context.http
    http.budget = type(
        "B", (), {"take": lambda self, bucket, weight: seen.append(is_urgent()), "correct": lambda *_: None}
    )()
    with urgent():
        crm.push([update(str(n), name="x") for n in range(8)])
    assert len(seen) >= 8 and all(seen)


@pytest.mark.parametrize(
    ("name", "value"), [("update_sends", "all"), ("credit_module", "both"), ("write_rules", "1")]
)
def test_a_choice_that_there_is_not_is_refused(wire: Wire, name: str, value: str) -> None:
    with pytest.raises(Halt, match=name):
        wire.crm(**{name: value})
