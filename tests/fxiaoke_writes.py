"""What the tests of writing to Fxiaoke share: a wire that answers from memory, updates and tasks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from connector.adapter import Write
from tests.fxiaoke_wire import CUSTOM, PRESET, Wire, failed, options, scripted

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


def no_option(label: str) -> str:
    raise AssertionError(f"{label} is no option")


LOST = [
    failed(50009),
    failed(-2),
    requests.exceptions.ReadTimeout(),
    requests.exceptions.ConnectionError("reset"),
    (502, "<html></html>"),
]


def told(wire: Wire) -> dict[str, Any]:
    (asked,) = wire.calls(MESSAGE)
    return asked.body
