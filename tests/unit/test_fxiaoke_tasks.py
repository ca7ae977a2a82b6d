"""Visit tasks in Fxiaoke: one of each key whatever is lost, and their owners are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.adapter import Outcome, Result
from tests.fxiaoke_wire import DESCRIBE, Wire, failed, page
from tests.fxiaoke_writes import CREATE, LOOK, LOST, MESSAGE, TASK_UPDATE, task, told, update
from tests.fxiaoke_writes import wire as wire


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


def test_a_record_is_found_by_its_key_like_a_task_and_nobody_is_told_of_it(wire: Wire) -> None:
    wire.answer(LOOK, page())
    wire.answer(CREATE, {"dataId": "r1"})
    (done,) = wire.crm().push([replace(task(), kind="record")])
    assert done == Outcome(Result.DONE, external_id="r1")
    assert len(wire.calls(LOOK)) == 1 and not wire.calls(MESSAGE)
