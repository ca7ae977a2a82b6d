"""The Fxiaoke sandbox: the event callback, its acknowledgement, and a hook of the tenant's own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from sandbox.fxiaoke.crypto import acknowledges, decrypted, encrypted, event_signature, signature
from tests.event_receiver import EventReceiver, event_receiver, opened
from tests.sandbox_clients import NOON, Fxiaoke, fxiaoke_tenant

KEY = base64.b64encode(bytes(range(32))).decode()
ACCOUNT = "AccountObj"


@contextmanager
def listening(
    faults: Mapping[str, float] | None = None, **subscribed: Any
) -> Iterator[tuple[Fxiaoke, EventReceiver]]:
    with fxiaoke_tenant(faults=faults) as (base, _), event_receiver() as taker:
        crm = Fxiaoke(base)
        chosen = {"url": f"{taker.base}/event", "retry_seconds": 0.05, **subscribed}
        taker.key = crm.door("callback", **chosen)["aes_key"]
        yield crm, taker


def settle(crm: Fxiaoke, count: int) -> dict[str, Any]:
    """The sender's counts once they come to ``count``."""
    deadline = time.monotonic() + 10
    while sum(crm.door("events").values()) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return crm.door("events")


def touch(crm: Fxiaoke, *skips: int) -> list[str]:
    """Accounts that a colleague edits, one after the other."""
    return [
        crm.door("edit", object=ACCOUNT, skip=skip, values={"tel": str(skip)})["ids"][0] for skip in skips
    ]


def test_the_cipher_gives_what_openssl_gives() -> None:
    # openssl enc -aes-256-cbc -base64 -K 000102…1f -iv 000102…0f
    assert encrypted("success", KEY) == "ArsKAyhvk7QKghXe0zdCeQ=="
    assert decrypted(encrypted("信用 " * 40, KEY), KEY) == "信用 " * 40
    other = base64.b64encode(bytes(32)).decode()
    with pytest.raises(ValueError):
        decrypted(encrypted("success", KEY), other)


def test_trap_retry_times_are_signed_only_when_they_are_there() -> None:
    envelope: dict[str, Any] = {
        "timestamp": 1,
        "nonce": "n",
        "messageId": "m",
        "enterpriseAccount": "e",
        "encryptedContent": "c",
    }
    assert event_signature(envelope, KEY) == hashlib.sha1(f"1nmec{KEY}".encode()).hexdigest()
    retried = {**envelope, "retryTimes": 1}
    assert event_signature(retried, KEY) == hashlib.sha1(f"1nm1ec{KEY}".encode()).hexdigest()


def test_trap_an_event_names_the_row_and_carries_none_of_its_values() -> None:
    with listening(aes_key=KEY) as (crm, taker):
        assert taker.key == KEY
        (row_id,) = touch(crm, 0)
        (event,) = taker.wait(1)
        (envelope,) = taker.envelopes
        assert event == {
            "tenantId": 712345,
            "eventType": "update",
            "apiName": ACCOUNT,
            "dataId": row_id,
            "timestamp": int(NOON * 1000),
            "messageId": envelope["messageId"],
        }
        assert set(envelope) == {
            "signature",
            "timestamp",
            "nonce",
            "messageId",
            "enterpriseAccount",
            "encryptedContent",
        }
        assert settle(crm, 1) == {"sent": 1, "failed": 0, "lost": 0}


def test_every_change_is_told_by_its_kind_our_own_writes_included() -> None:
    with listening() as (crm, taker):
        made = crm.write("create", ACCOUNT, {"name": "New"})["dataId"]
        crm.write("update", ACCOUNT, {"_id": made, "tel": "1"}, optionInfo={})
        crm.data("invalid", ACCOUNT, object_data_id=made)
        crm.data("recover", ACCOUNT, idList=[made])
        crm.door("delete", object=ACCOUNT, ids=[made])
        crm.door("orders", account_id=touch(crm, 0)[0], amount="5", currency="CNY")
        told = [(event["eventType"], event["apiName"]) for event in taker.wait(8)]
        kinds = ("create", "update", "invalid", "recover", "invalid", "delete", "update")
        assert told == [*((kind, ACCOUNT) for kind in kinds), ("create", "SalesOrderObj")]
        assert {event["dataId"] for event in taker.events[:6]} == {made}


def test_trap_an_event_that_is_not_acknowledged_comes_again_with_the_same_id() -> None:
    with listening() as (crm, taker):
        taker.deaf = 2
        touch(crm, 0)
        taker.wait(3)
        assert [envelope.get("retryTimes") for envelope in taker.envelopes] == [None, 1, 2]
        assert len({envelope["messageId"] for envelope in taker.envelopes}) == 1
        assert len({envelope["nonce"] for envelope in taker.envelopes}) == 3
        assert taker.events[0] == taker.events[1] == taker.events[2]
        assert settle(crm, 3) == {"sent": 1, "failed": 2, "lost": 0}


def test_an_event_that_nobody_acknowledges_is_given_up() -> None:
    with listening() as (crm, taker):
        taker.deaf = 100
        touch(crm, 0)
        assert settle(crm, 4) == {"sent": 0, "failed": 4, "lost": 0}


def test_only_a_signed_and_encrypted_success_acknowledges() -> None:
    result = encrypted("success", KEY)
    reply = {"timestamp": 1, "nonce": "n", "encryptedResult": result}
    good = {**reply, "signature": signature(1, "n", result, KEY)}
    assert acknowledges(good, KEY)
    wrong = encrypted("sorry", KEY)
    for bad in (
        "success",
        reply,
        {**good, "nonce": "x"},
        {**reply, "encryptedResult": wrong, "signature": signature(1, "n", wrong, KEY)},
        {**reply, "encryptedResult": "success", "signature": signature(1, "n", "success", KEY)},
    ):
        assert not acknowledges(bad, KEY)


def test_fault_notify_twice_sends_one_message_two_times() -> None:
    with listening({"notify_twice": 1.0}) as (crm, taker):
        touch(crm, 0)
        taker.wait(2)
        assert len({envelope["messageId"] for envelope in taker.envelopes}) == 1
        assert settle(crm, 2)["sent"] == 2


def test_fault_notify_swapped_turns_the_order_around() -> None:
    with listening({"fxiaoke.notify_swapped": 0.5}) as (crm, taker):
        ids = touch(crm, 0, 1, 2, 0, 1, 2)
        came = [event["dataId"] for event in taker.wait(6)]
        assert came != ids and sorted(came) == sorted(ids)


def test_fault_notify_lost_sends_nothing() -> None:
    with listening({"notify_lost": 1.0}) as (crm, taker):
        touch(crm, 0, 1)
        assert settle(crm, 2) == {"sent": 0, "failed": 0, "lost": 2}
        assert taker.events == []


def test_a_callback_is_limited_to_objects_and_ended() -> None:
    with listening(objects=["SalesOrderObj"]) as (crm, taker):
        touch(crm, 0)
        crm.door("edit", object="SalesOrderObj", values={"remark": "x"})
        assert [event["apiName"] for event in taker.wait(1)] == ["SalesOrderObj"]
        crm.door("callback", url=None)
        crm.door("edit", object="SalesOrderObj", values={"remark": "y"})
        assert settle(crm, 1) == {"sent": 1, "failed": 0, "lost": 0}


def test_trap_only_the_word_update_is_known_of_the_events() -> None:
    with listening(words={"create": "insert", "invalid": "abolish"}) as (crm, taker):
        made = crm.write("create", ACCOUNT, {"name": "New"})["dataId"]
        crm.door("void", object=ACCOUNT, ids=[made])
        touch(crm, 0)
        assert [event["eventType"] for event in taker.wait(3)] == ["insert", "abolish", "update"]


@pytest.mark.parametrize("wrong", [{"url": "x"}, {"url": "http://x/", "aes_key": "AAAA"}, {"url": 1}])
def test_a_callback_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with fxiaoke_tenant() as (base, _):
        assert requests.post(f"{base}/_sandbox/callback", json=wrong, timeout=5).status_code == 400


def test_a_dead_receiver_holds_nobody_up() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        crm.door("callback", url="http://127.0.0.1:9/event", retry_seconds=0.01)
        began = time.monotonic()
        touch(crm, 0, 1, 2)
        assert time.monotonic() - began < 2
        assert settle(crm, 12)["failed"] == 12


def test_a_hook_is_posted_with_our_own_signature() -> None:
    with listening(url=None) as (crm, taker):
        crm.door("hook", url=f"{taker.base}/hook", secret="hush", objects=[ACCOUNT])
        (row_id,) = touch(crm, 0)
        ((headers, body),) = taker.wait_for_hooks(1)
        signed = f"{headers['x-credit-timestamp']}.".encode() + body
        assert headers["x-credit-signature"] == hmac.new(b"hush", signed, "sha256").hexdigest()
        assert json.loads(body) == {
            "event": "update",
            "apiName": ACCOUNT,
            "dataId": row_id,
            "timestamp": int(NOON * 1000),
        }
        assert taker.events == []


def test_trap_a_write_without_workflow_sets_off_the_event_but_no_hook() -> None:
    with listening() as (crm, taker):
        crm.door("hook", url=f"{taker.base}/hook", secret="hush")
        row_id = crm.query(ACCOUNT)[0]["_id"]
        body = {"object_data": {"dataObjectApiName": ACCOUNT, "_id": row_id, "tel": "1"}}
        for flag in (False, True):
            crm.call("/cgi/crm/v2/data/update", data=body, triggerWorkFlow=flag)
        taker.wait(2)
        assert settle(crm, 3)["sent"] == 3
        assert len(taker.wait_for_hooks(1)) == 1


def test_what_an_event_holds_is_opened_with_the_key_alone() -> None:
    assert json.loads(opened(encrypted('{"a": "信"}', KEY), KEY)) == {"a": "信"}
