"""Fxiaoke: the first update that is watched, whole rows, the credit module, and rows people edit too."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from adapters.fxiaoke.records import to_ms
from connector.adapter import Result, Write
from connector.errors import Halt
from tests.fxiaoke_wire import NOW, PRESET, Wire, failed, page, scripted

UPDATE, GET, QUERY, CREATE = f"{PRESET}/update", f"{PRESET}/get", f"{PRESET}/query", f"{PRESET}/create"
PROVEN, BEFORE = "fxiaoke-updates-stay", "fxiaoke-first-update"
FIELDS: dict[str, dict[str, Any]] = {
    "name": {"type": "text"},
    "tel": {"type": "text"},
    "owner": {"type": "employee"},
    "total": {"type": "count"},
    "create_time": {"type": "date_time", "define_type": "system"},
    "risk_class__c": {"type": "text"},
    "credit_limit__c": {"type": "currency"},
    "credit_available__c": {"type": "currency"},
}


class Tenant:
    """One row behind the wire; ``stays`` says whether an update leaves alone what it does not name."""

    def __init__(self, wire: Wire, *, stays: bool = True) -> None:
        self.wire = wire
        self.stays = stays
        self.row: dict[str, Any] = {
            "_id": "acc",
            "name": "firm",
            "tel": "123",
            "owner": ["FSUID_3"],
            "total": "5",
            "create_time": 1,
        }
        wire.describe(**FIELDS)
        wire.answer(UPDATE, self.update)
        wire.answer(GET, lambda body: {"data": dict(self.row)})

    def update(self, body: dict[str, Any]) -> dict[str, Any]:
        sent = {k: v for k, v in body["data"]["object_data"].items() if k != "dataObjectApiName"}
        kept = self.row if self.stays else {k: self.row[k] for k in ("_id", "owner", "total", "create_time")}
        self.row = {**kept, **sent}
        return {}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with scripted() as made:
        made.secrets.put(PROVEN, "")
        yield made


def update(**values: Any) -> Write:
    types = {name: "money" for name, value in values.items() if isinstance(value, Decimal)}
    return Write("update", "AccountObj", "acc", values, types)


def test_the_first_update_is_looked_at_and_the_answer_remembered(wire: Wire) -> None:
    tenant = Tenant(wire)
    crm = wire.crm()
    (done,) = crm.push([update(risk_class__c="A")])
    assert done.result is Result.DONE and len(wire.calls(GET)) == 2
    crm.push([update(risk_class__c="B")])
    wire.crm().push([update(risk_class__c="C")])
    assert len(wire.calls(GET)) == 2  # for all processes of the connection
    assert tenant.row["risk_class__c"] == "C"


def test_what_the_first_update_emptied_is_put_back_and_told(wire: Wire) -> None:
    tenant = Tenant(wire, stays=False)
    with pytest.raises(Halt, match="update_sends=whole") as caught:
        wire.crm().push([update(risk_class__c="A")])
    assert "name" in str(caught.value) and "firm" not in str(caught.value)
    assert (tenant.row["name"], tenant.row["tel"], tenant.row["risk_class__c"]) == ("firm", "123", "A")
    assert not wire.secrets.get(PROVEN) and not wire.secrets.get(BEFORE)


def test_killed_after_the_first_update_the_next_run_puts_the_values_back(wire: Wire) -> None:
    tenant = Tenant(wire, stays=False)
    wire.secrets.put(BEFORE, json.dumps(["AccountObj", "acc", {"name": "firm", "tel": "123"}]))
    tenant.row |= {"risk_class__c": "A", "name": None, "tel": None}
    with pytest.raises(Halt):
        wire.crm().push([update(risk_class__c="B")])
    assert (tenant.row["name"], tenant.row["tel"]) == ("firm", "123")


def test_whole_rows_carry_everything_that_can_be_written_and_nothing_else(wire: Wire) -> None:
    tenant = Tenant(wire, stays=False)
    (done,) = wire.crm(update_sends="whole").push([update(risk_class__c="A")])
    assert done.result is Result.DONE
    (asked,) = wire.calls(UPDATE)
    sent = asked.body["data"]["object_data"]
    assert set(sent) == {"dataObjectApiName", "_id", "name", "tel", "risk_class__c"}
    assert tenant.row["name"] == "firm"


def test_a_row_that_is_not_there_is_told_by_the_update_itself(wire: Wire) -> None:
    Tenant(wire)
    wire.answer(GET, failed(32000, "数据不存在"))
    wire.answer(UPDATE, failed(32000, "数据不存在或已作废"))
    (dead,) = wire.crm().push([update(risk_class__c="A")])
    assert dead.result is Result.DEAD and "AccountObj acc" in dead.message and "已作废" in dead.message


@pytest.fixture
def known(wire: Wire) -> Wire:
    wire.secrets.put(PROVEN, "yes")
    return wire


def test_our_limit_goes_into_the_modules_quota_where_it_differs(known: Wire) -> None:
    Tenant(known)
    crm = known.crm(credit_module="write")
    quota = {"_id": "q1", "customer_id": "acc", "credit_quota": "7.00"}
    known.answer(QUERY, page(quota))
    crm.push([update(credit_limit__c=Decimal("7.00"))])
    assert len(known.calls(UPDATE)) == 1
    crm.push([update(credit_limit__c=Decimal("9.00"))])
    sent = known.calls(UPDATE)[-1].body["data"]["object_data"]
    assert sent == {"dataObjectApiName": "CreditFileObj", "_id": "q1", "credit_quota": "9.00"}
    (look, _) = known.calls(QUERY)
    assert look.body["data"]["search_query_info"]["filters"] == [
        {"field_name": "customer_id", "operator": "EQ", "field_values": ["acc"]}
    ]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_quota_that_is_not_there_is_made_once(known: Wire, arrived: bool) -> None:
    Tenant(known)
    known.answer(QUERY, page(), page({"_id": "q1"}) if arrived else page())
    known.answer(CREATE, failed(50009))
    outcomes = []
    try:
        outcomes = known.crm(credit_module="write").push([update(credit_limit__c=Decimal(5))])
    except Exception as fault:
        assert not arrived and "50009" in str(fault)
    assert not arrived or outcomes[0].result is Result.DONE
    (asked,) = known.calls(CREATE)
    sent = asked.body["data"]["object_data"]
    assert sent == {"dataObjectApiName": "CreditFileObj", "customer_id": "acc", "credit_quota": "5"}
    assert asked.body["triggerApprovalFlow"] is False


def test_where_the_module_decides_our_limits_are_left_out_and_nothing_of_it_is_touched(known: Wire) -> None:
    Tenant(known)
    limits = {"credit_limit__c": Decimal(5), "credit_available__c": Decimal(4)}
    crm = known.crm(credit_module="read")
    crm.push([update(risk_class__c="A", **limits)])
    (asked,) = known.calls(UPDATE)
    sent = asked.body["data"]["object_data"]
    assert {name: sent[name] for name in ("risk_class__c", *limits)} == {
        "risk_class__c": "A",
        **dict.fromkeys(limits),
    }
    crm.push([update(**limits)])
    assert len(known.calls(UPDATE)) == 1  # nothing is left to write
    assert not known.calls(QUERY)
    assert crm.verify(update(**limits)) == []


def test_without_a_limit_the_module_is_not_asked(known: Wire) -> None:
    Tenant(known)
    known.crm(credit_module="write").push([update(risk_class__c="A")])
    assert not known.calls(QUERY)


@pytest.mark.parametrize(
    ("age", "by", "result", "learned"),
    [
        (0, "FSUID_1", Result.DONE, True),
        (0, "FSUID_9", Result.DONE, False),
        (1, "FSUID_1", Result.STALE, False),
    ],
)
def test_a_row_that_people_edit_too_is_written_only_if_nobody_did(
    known: Wire, age: int, by: str, result: Result, learned: bool
) -> None:
    tenant = Tenant(known)
    changed = NOW + dt.timedelta(milliseconds=age)
    tenant.row |= {"last_modified_time": to_ms(changed), "last_modified_by": [by]}
    write = Write("update", "AccountObj", "acc", {"risk_class__c": "A"}, unmodified_since=NOW)
    (outcome,) = known.crm().push([write])
    assert outcome.result is result
    assert (outcome.modified_at is not None) is learned
    assert len(known.calls(UPDATE)) == (result is Result.DONE)


def test_fields_that_did_not_stick_are_named(known: Wire) -> None:
    tenant = Tenant(known)
    tenant.row |= {"risk_class__c": "A", "credit_limit__c": "5.0"}
    crm = known.crm()
    assert crm.verify(update(risk_class__c="A", credit_limit__c=Decimal("5.00"))) == []
    assert crm.verify(update(risk_class__c="B", credit_limit__c=None)) == ["risk_class__c", "credit_limit__c"]
