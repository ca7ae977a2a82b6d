"""Events: the vendor's callback, and a hook that a function of the tenant's own posts.

Invariant: nothing is decrypted or believed before its signature was found right, in constant time; of a
row only object and id are taken. Sources: the vendor's demo of the event callback (2020) for the first;
the second is ours: ``X-Credit-Timestamp`` and ``X-Credit-Signature``, the hex HMAC-SHA-256 of
``timestamp.body``.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import secrets as randomness
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from connector.adapter import BAD_EVENT, FORGED_EVENT, Context, Event, Subscription
from connector.errors import Halt, Reject

EVENT_KEY, HOOK_SECRET = "event_key", "hook_secret"  # the settings' names
REREAD_BATCH = 50
TIMESTAMP, SIGNATURE = "x-credit-timestamp", "x-credit-signature"
KEY_BYTES, BLOCK_BITS = 32, 128
SHORTEST_SECRET = 16
# Only "update" has been seen; the others are what the vendor calls its actions elsewhere.
_OPERATIONS = {
    "create": "created",
    "insert": "created",
    "add": "created",
    "update": "changed",
    "edit": "changed",
    "recover": "changed",
    "invalid": "deleted",
    "delete": "deleted",
}
_SIGNED = ("timestamp", "nonce", "messageId", "retryTimes", "enterpriseAccount", "encryptedContent")


def proof(headers: Mapping[str, str]) -> str:
    """The setting that proves a call with these headers."""
    return HOOK_SECRET if SIGNATURE in headers else EVENT_KEY


def parse(headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
    """The row that an event is about; raises ``Reject`` as ``Crm.parse_event`` says."""
    return _hook(headers, body, secret) if SIGNATURE in headers else _callback(body, secret)


class Events:
    """What the admin has to set up for one connection."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def subscribe(self, objects: Sequence[str], url: str) -> Subscription:
        """See ``Crm.subscribe``. ``Halt`` when neither way is set up on our side or a secret is unfit."""
        key, secret = (self._context.settings.get(name, "") for name in (EVENT_KEY, HOOK_SECRET))
        where = f"connection {self._context.connection}"
        if not key and not secret:
            raise Halt(
                "no way is set up by which Fxiaoke could tell of changes",
                where=where,
                todo=f"set {EVENT_KEY} (aesKey of the event callback) or {HOOK_SECRET} on the connection; "
                "see docs/fxiaoke.md",
            )
        if key and len(_key(key)) != KEY_BYTES:
            raise Halt(f"{EVENT_KEY} is no aesKey", where=where, todo="copy it again from the console")
        if secret and len(secret) < SHORTEST_SECRET:
            raise Halt(f"{HOOK_SECRET} is too short", where=where, todo="take 32 random characters or more")
        way = "callback" if key else "hook"
        channels = dict.fromkeys(objects, way)
        zh = self._context.language.startswith("zh")
        return Subscription(tuple(objects), url, channels, by_hand=_by_hand(objects, url, way, zh=zh))


def _by_hand(objects: Sequence[str], url: str, way: str, *, zh: bool) -> str:
    names = "、".join(objects) if zh else ", ".join(objects)
    if zh and way == "callback":
        return f"请在管理后台的事件订阅中，把 {names} 的变更推送到 {url}"
    if zh:
        return f"请为 {names} 配置工作流（新建、编辑、作废），后动作执行函数 credit_event，地址填 {url}"
    if way == "callback":
        return f"in the console's event subscription have changes of {names} sent to {url}"
    return (
        f"for {names} make workflows (create, edit, void) whose action is the function credit_event, with "
        f"the address {url}"
    )


# -- the vendor's callback


def _callback(body: bytes, key: str) -> Event | None:
    told = _object(body)
    parts = [told.get(name) for name in _SIGNED]
    joined = "".join(str(part) for part in parts if part is not None) + key
    _prove(told.get("signature"), hashlib.sha1(joined.encode("utf-8", "replace")).hexdigest())  # noqa: S324
    raw = _key(key)
    if len(raw) != KEY_BYTES:
        raise Reject("the event's key is no aesKey", code=FORGED_EVENT, field="signature")
    try:
        event = _object(_decrypted(str(told.get("encryptedContent") or ""), raw))
    except ValueError:
        raise _bad("its content cannot be decrypted") from None
    made = _event(event, "eventType", str(told.get("messageId") or ""))
    reply = _acknowledgement(key, raw)
    # A call about no row wants its answer too, or it comes again.
    return Event(made.object, made.ids, made.operation, reply=reply, message=made.message)


def _acknowledgement(key: str, raw: bytes) -> dict[str, Any]:
    """The word ``success`` as the vendor wants to read it."""
    timestamp, nonce = int(time.time() * 1000), randomness.token_hex(8)
    result = _encrypted("success", raw)
    signed = f"{timestamp}{nonce}{result}{key}".encode()
    return {
        "signature": hashlib.sha1(signed).hexdigest(),  # noqa: S324 - the vendor's choice
        "timestamp": timestamp,
        "nonce": nonce,
        "encryptedResult": result,
    }


def _key(text: str) -> bytes:
    """The key behind its base64 text; empty for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _cipher(raw: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(raw), modes.CBC(raw[:16]))


def _decrypted(content: str, raw: bytes) -> bytes:
    """Raises ``ValueError``."""
    decryptor = _cipher(raw).decryptor()
    padded = decryptor.update(base64.b64decode(content, validate=True)) + decryptor.finalize()
    unpadder = PKCS7(BLOCK_BITS).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _encrypted(text: str, raw: bytes) -> str:
    padder, encryptor = PKCS7(BLOCK_BITS).padder(), _cipher(raw).encryptor()
    padded = padder.update(text.encode()) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


# -- the tenant's own hook


def _hook(headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
    timestamp, given = headers.get(TIMESTAMP, ""), headers[SIGNATURE]
    signed = timestamp.encode("utf-8", "replace") + b"." + body
    _prove(given.lower(), hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest())
    made = _event(_object(body), "event", given.lower())
    return Event(made.object, made.ids, made.operation, message=made.message, sent_at=_moment(timestamp))


def _moment(text: str) -> dt.datetime:
    """Seconds or milliseconds since 1970."""
    if not text.isdecimal() or len(text) > 13:
        raise _bad("its time is no number")
    seconds = int(text) / 1000 if len(text) > 11 else int(text)
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


# -- both


def _prove(given: Any, wanted: str) -> None:
    told = given if isinstance(given, str) else ""
    if not hmac.compare_digest(told.encode("utf-8", "replace"), wanted.encode()):
        raise Reject("the event is not signed as it should be", code=FORGED_EVENT, field="signature")


def _event(told: Mapping[str, Any], kind: str, message: str) -> Event:
    name, row_id = told.get("apiName"), told.get("dataId")
    if not isinstance(name, str) or not isinstance(row_id, str | int | None):
        raise _bad("apiName or dataId are no texts")
    ids = (str(row_id),) if row_id and len(str(row_id)) <= 64 and name else ()
    return Event(name, ids, _OPERATIONS.get(str(told.get(kind)), ""), message=message)


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _bad("it is no JSON") from None
    if not isinstance(told, dict):
        raise _bad("it is no JSON object")
    return told


def _bad(why: str) -> Reject:
    return Reject(f"the event cannot be read: {why}", code=BAD_EVENT, field="event")
