"""The Fxiaoke sandbox: messages to employees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox_clients import Fxiaoke, fxiaoke_tenant

ACCOUNT = "AccountObj"


@pytest.fixture
def crm() -> Iterator[Fxiaoke]:
    with fxiaoke_tenant() as (base, _):
        yield Fxiaoke(base)


def account(crm: Fxiaoke) -> dict[str, Any]:
    return crm.query(ACCOUNT)[0]


def link(object_name: str, row_id: str) -> str:
    return "fs://CRM/udobj?" + json.dumps({"objDescApiName": object_name, "objDataId": row_id})


def composite(url: str) -> dict[str, Any]:
    return {
        "head": {"title": "信用冻结"},
        "first": {"content": "宁波裁缝铺"},
        "form": [{"label": "逾期", "value": "34 天"}],
        "remark": {"content": "请联系客户"},
        "link": {"title": "查看客户", "url": url},
    }


def test_a_message_reaches_an_owner_with_a_deep_link(crm: Fxiaoke) -> None:
    row = account(crm)
    message = composite(link(ACCOUNT, row["_id"]))
    sent = {"toUser": row["owner"], "msgType": "composite", "composite": message}
    for _ in range(2):  # and again, whenever it is sent again
        assert crm.call("/cgi/message/send", **sent)["errorCode"] == 0
    messages = crm.door("messages")["messages"]
    assert messages == [{"to": ["1001"], "type": "composite", "content": message, "by": "1000"}] * 2
    assert (
        crm.call("/cgi/message/send", toUser=row["owner"], msgType="text", text={"content": "x"})["errorCode"]
        == 0
    )


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"toUser": []}, 32000),
        ({"toUser": ["1001"]}, 30027),
        ({"toUser": "FSUID_1"}, 32000),
        ({"toUser": ["x"] * 501}, 32000),
        ({"msgType": "text"}, 32000),
        ({"msgType": "card"}, 32000),
        ({"composite": composite("fs://CRM/udobj?AccountObj")}, 32000),
        ({"composite": composite(link(ACCOUNT, ""))}, 32000),
        ({"composite": {"head": {"title": "x"}}}, 32000),
    ],
)
def test_a_message_that_does_not_fit_reaches_nobody(crm: Fxiaoke, wrong: dict[str, Any], code: int) -> None:
    row = account(crm)
    good = {"toUser": row["owner"], "msgType": "composite", "composite": composite(link(ACCOUNT, row["_id"]))}
    assert crm.call("/cgi/message/send", **{**good, **wrong})["errorCode"] == code
    assert crm.door("messages")["messages"] == []
