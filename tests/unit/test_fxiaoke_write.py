"""Fxiaoke: updates, tasks, and what becomes of writes whose answer is lost."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.fxiaoke.records import encode, stands
from connector.adapter import Outcome, Result
from connector.errors import Halt, Reject, Retry
from connector.http import is_urgent, urgent
from tests.fxiaoke_wire import Wire, failed, options
from tests.fxiaoke_writes import GET, LOCK, SHANGHAI, UNLOCK, UPDATE, no_option, update
from tests.fxiaoke_writes import wire as wire


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
