"""Fxiaoke: the vendor's event callback and the tenant's own hook, and what the admin is told to set up."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.fxiaoke.adapter import FxiaokeCrm
from connector import hooks
from connector.adapter import BAD_EVENT, FORGED_EVENT, Event
from connector.errors import Halt, Reject
from sandbox.fxiaoke.crypto import acknowledges, encrypted, event_signature, hook_signature
from tests.fxiaoke_wire import CUSTOM, PRESET, Wire, failed, page, scripted
from tests.memory_secrets import MemorySecrets

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()
SECRET = "sixteen characters or more"
NOW = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
OBJECTS = ["AccountObj", "credit_visit__c"]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with scripted() as made:
        yield made


def envelope(key: str = KEY, *, plain: str = "", **changed: Any) -> dict[str, Any]:
    event = {
        "tenantId": 1,
        "eventType": "update",
        "apiName": "AccountObj",
        "dataId": "65f0",
        "timestamp": 1,
        "messageId": "M-1",
        **changed,
    }
    told: dict[str, Any] = {
        "timestamp": 1777900000000,
        "nonce": "n-1",
        "messageId": "M-1",
        "enterpriseAccount": "sandbox",
        "encryptedContent": encrypted(plain or json.dumps(event), key),
    }
    told["signature"] = event_signature(told, key)
    return told


def told(body: dict[str, Any], key: str = KEY) -> Event | None:
    return FxiaokeCrm.parse_event({}, json.dumps(body).encode(), key)


def hooked(body: bytes, timestamp: str, signature: str, secret: str = SECRET) -> Event | None:
    headers = {"x-credit-timestamp": timestamp, "x-credit-signature": signature}
    return FxiaokeCrm.parse_event(headers, body, secret)


def test_an_event_names_one_row_and_its_message(wire: Wire) -> None:
    event = told(envelope())
    assert event is not None
    assert (event.object, event.ids, event.operation) == ("AccountObj", ("65f0",), "changed")
    assert (event.message, event.sent_at) == ("M-1", None)


def test_trap_the_answer_is_the_encrypted_and_signed_word_success() -> None:
    event = told(envelope())
    assert event is not None and event.reply is not None
    assert set(event.reply) == {"signature", "timestamp", "nonce", "encryptedResult"}
    assert acknowledges(dict(event.reply), KEY)
    assert not acknowledges(dict(event.reply), OTHER)


def test_trap_retry_times_are_part_of_the_signature_when_they_are_there() -> None:
    body = {**envelope(), "retryTimes": 1}
    with pytest.raises(Reject) as caught:
        told(body)
    assert caught.value.code == FORGED_EVENT
    body["signature"] = event_signature(body, KEY)
    event = told(body)
    assert event is not None and event.message == "M-1"


@pytest.mark.parametrize(
    "name", ["timestamp", "nonce", "messageId", "enterpriseAccount", "encryptedContent", "signature"]
)
def test_whatever_is_changed_on_the_way_is_not_believed(name: str) -> None:
    body = envelope()
    for changed in ("x", None, 5):
        with pytest.raises(Reject) as caught:
            told({**body, name: changed})
        assert caught.value.code == FORGED_EVENT


@pytest.mark.parametrize("key", [OTHER, "", "no base64", "AAAA", SECRET])
def test_without_the_right_key_nothing_is_believed(key: str) -> None:
    with pytest.raises(Reject) as caught:
        told(envelope(), key)
    assert caught.value.code == FORGED_EVENT


def test_a_short_key_proves_nothing_even_if_the_signature_fits() -> None:
    body = envelope()
    body["signature"] = event_signature(body, "AAAA")
    with pytest.raises(Reject) as caught:
        told(body, "AAAA")
    assert caught.value.code == FORGED_EVENT


def test_content_that_cannot_be_decrypted_is_no_event() -> None:
    for content in ("", "AAAA", encrypted("x", OTHER)):
        body = {**envelope(), "encryptedContent": content}
        body["signature"] = event_signature(body, KEY)
        with pytest.raises(Reject) as caught:
            told(body)
        assert caught.value.code == BAD_EVENT


@pytest.mark.parametrize("changed", [{"apiName": 5}, {"dataId": {"a": 1}}])
def test_an_event_of_another_form_is_none(changed: dict[str, Any]) -> None:
    with pytest.raises(Reject) as caught:
        told(envelope(**changed))
    assert caught.value.code == BAD_EVENT


@pytest.mark.parametrize("changed", [{"dataId": None}, {"dataId": ""}, {"apiName": ""}, {"dataId": "x" * 65}])
def test_an_event_about_no_row_is_answered_all_the_same(changed: dict[str, Any]) -> None:
    event = told(envelope(**changed))
    assert event is not None and event.ids == () and event.reply is not None


@pytest.mark.parametrize(
    ("word", "operation"),
    [("update", "changed"), ("create", "created"), ("invalid", "deleted"), ("abolish", ""), (None, "")],
)
def test_trap_only_the_word_update_is_known_and_others_do_no_harm(word: Any, operation: str) -> None:
    event = told(envelope(eventType=word))
    assert event is not None and (event.ids, event.operation) == (("65f0",), operation)


def test_a_hook_is_proven_by_our_own_signature() -> None:
    body = b'{"event": "update", "apiName": "AccountObj", "dataId": "65f0"}'
    stamp = str(int(NOW.timestamp()))
    event = hooked(body, stamp, hook_signature(SECRET, stamp, body))
    assert event is not None and event.ids == ("65f0",)
    assert event.sent_at == NOW and event.reply is None
    assert event.message == hmac.new(SECRET.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    upper = hook_signature(SECRET, stamp, body).upper()
    assert hooked(body, stamp, upper) == event  # the vendor's hex may be of either kind


@pytest.mark.parametrize("stamp", [str(int(NOW.timestamp())), str(int(NOW.timestamp() * 1000))])
def test_the_time_of_a_hook_is_in_seconds_or_milliseconds(stamp: str) -> None:
    body = b'{"apiName": "AccountObj", "dataId": "1"}'
    event = hooked(body, stamp, hook_signature(SECRET, stamp, body))
    assert event is not None and event.sent_at == NOW


def test_a_hook_with_another_body_time_or_secret_is_not_believed() -> None:
    body, stamp = b'{"apiName": "AccountObj", "dataId": "1"}', "1777900000"
    good = hook_signature(SECRET, stamp, body)
    for args in ((body + b" ", stamp, good), (body, "1777900001", good), (body, stamp, ""), (body, "", good)):
        with pytest.raises(Reject) as caught:
            hooked(*args)
        assert caught.value.code == FORGED_EVENT
    with pytest.raises(Reject):
        hooked(body, stamp, good, "another secret of the kind")


@pytest.mark.parametrize("stamp", ["now", "", "1" * 20])
def test_a_hook_without_a_time_is_no_event(stamp: str) -> None:
    body = b'{"apiName": "AccountObj", "dataId": "1"}'
    with pytest.raises(Reject) as caught:
        hooked(body, stamp, hook_signature(SECRET, stamp, body))
    assert caught.value.code == BAD_EVENT


@pytest.mark.parametrize(
    ("age", "believed"), [(0, True), (299, True), (-299, True), (301, False), (-301, False), (10**6, False)]
)
def test_a_hook_that_was_caught_and_sent_later_is_not_believed(age: int, believed: bool) -> None:
    secrets = MemorySecrets(lambda: NOW)
    secrets.put("setting:hook_secret", SECRET)
    body, stamp = b'{"apiName": "AccountObj", "dataId": "1"}', str(int(NOW.timestamp()) - age)
    headers = {"x-credit-timestamp": stamp, "x-credit-signature": hook_signature(SECRET, stamp, body)}
    if believed:
        assert hooks.understand(FxiaokeCrm, secrets, headers, body, NOW) is not None
        return
    with pytest.raises(Reject) as caught:
        hooks.understand(FxiaokeCrm, secrets, headers, body, NOW)
    assert caught.value.code == FORGED_EVENT


def test_each_way_is_proven_by_its_own_secret() -> None:
    secrets = MemorySecrets(lambda: NOW)
    secrets.put("setting:event_key", KEY)
    body = json.dumps(envelope()).encode()
    assert hooks.understand(FxiaokeCrm, secrets, {}, body, NOW) is not None
    stamp = str(int(NOW.timestamp()))
    headers = {"x-credit-timestamp": stamp, "x-credit-signature": hook_signature(KEY, stamp, body)}
    with pytest.raises(Reject):  # the key of the callback proves no hook
        hooks.understand(FxiaokeCrm, secrets, headers, body, NOW)


def test_the_admin_is_told_what_to_set_up(wire: Wire) -> None:
    made = wire.crm(event_key=KEY).subscribe(OBJECTS, "https://x.example/v1/hooks/fx", "", None)
    assert made.channels == dict.fromkeys(OBJECTS, "callback")
    assert "https://x.example/v1/hooks/fx" in made.by_hand and "AccountObj" in made.by_hand
    made = wire.crm(hook_secret=SECRET).subscribe(OBJECTS, "https://x.example/v1/hooks/fx", "", None)
    assert set(made.channels.values()) == {"hook"} and "credit_event" in made.by_hand
    assert SECRET not in made.by_hand and made.expires_at is None
    assert not wire.asked


@pytest.mark.parametrize("settings", [{}, {"event_key": "AAAA"}, {"hook_secret": "short"}])
def test_a_way_that_is_not_set_up_is_told(wire: Wire, settings: dict[str, str]) -> None:
    with pytest.raises(Halt, match=r"event_key|hook_secret"):
        wire.crm(**settings).subscribe(OBJECTS, "https://x.example/v1/hooks/fx", "", None)


def test_rows_are_read_again_by_their_ids_in_one_call(wire: Wire) -> None:
    wire.describe(name={"type": "text"})
    wire.answer(f"{PRESET}/query", page({"_id": "1", "name": "a", "life_status": "normal"}))
    (row,) = wire.crm().reread("AccountObj", ["name"], ["1", "2"])
    assert (row.external_id, row.data["name"]) == ("1", "a")
    (asked,) = wire.calls(f"{PRESET}/query")
    filters = asked.body["data"]["search_query_info"]["filters"]
    assert {"field_name": "_id", "operator": "IN", "field_values": ["1", "2"]} in filters


def test_only_a_void_row_is_gone_for_certain(wire: Wire) -> None:
    rows = {"1": {"_id": "1", "life_status": "invalid"}, "2": {"_id": "2", "life_status": "normal"}}

    def by_id(body: dict[str, Any]) -> dict[str, Any]:
        found = rows.get(body["data"]["objectDataId"])
        return {"data": found} if found else failed(32000, "数据不存在")

    wire.answer(f"{CUSTOM}/get", by_id)
    assert wire.crm().certainly_gone("credit_visit__c", ["1", "2", "3"]) == {"1"}


def test_the_digest_of_the_callback_is_the_vendors() -> None:
    body = envelope()
    parts = [body[name] for name in ("timestamp", "nonce", "messageId", "enterpriseAccount")]
    joined = "".join(map(str, [*parts, body["encryptedContent"], KEY]))
    assert body["signature"] == hashlib.sha1(joined.encode()).hexdigest()
