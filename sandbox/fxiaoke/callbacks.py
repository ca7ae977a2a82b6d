"""Tells addresses outside of changes: the vendor's event callback, and a function of the tenant's own.

Invariant: no call waits for a receiver; an event names a row and carries none of its values. The vendor
repeats an event that is not acknowledged, with the same messageId; the function asks once.
"""

from __future__ import annotations

import heapq
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import requests

from sandbox.faults import Chances
from sandbox.fxiaoke.changes import Change
from sandbox.fxiaoke.crypto import (
    acknowledges,
    checked_key,
    encrypted,
    event_signature,
    hook_signature,
    new_key,
)
from sandbox.fxiaoke.tenant import Tenant
from sandbox.fxiaoke.tokens import EA

TIMEOUT = (1.0, 3.0)
"""Seconds to connect and to answer that a receiver is given."""
HELD_SECONDS = 0.5
"""How much later a message comes that is to change places with the next ones."""
MOST_RETRIES = 3
RETRY_SECONDS = 1.0
TENANT_ID = 712345
TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-Credit-Timestamp", "X-Credit-Signature"


class Subscriber(Protocol):
    """An address and how it is spoken to."""

    @property
    def url(self) -> str: ...

    @property
    def retry_seconds(self) -> float | None:
        """After how long a message is repeated; ``None``: never."""

    def wants(self, change: Change) -> bool: ...

    def posted(self, message: Message, now: float) -> tuple[bytes, dict[str, str]]:
        """Body and headers of one attempt."""

    def taken(self, response: requests.Response) -> bool: ...


@dataclass(frozen=True)
class Message:
    """One event on its way; ``at`` in milliseconds, ``retries`` so far."""

    to: Subscriber
    message_id: str
    event_type: str
    api_name: str
    data_id: str
    at: int
    retries: int = 0
    held: bool = False


@dataclass(frozen=True)
class EventCallback:
    """The vendor's event callback. ``objects`` limits it to these; empty means all. ``words`` replaces
    names of events: only ``update`` has been seen."""

    url: str
    key: str
    objects: frozenset[str] = frozenset()
    retry_seconds: float | None = RETRY_SECONDS
    words: Mapping[str, str] = field(default_factory=dict)

    def wants(self, change: Change) -> bool:
        return not self.objects or change.kind.api_name in self.objects

    def posted(self, message: Message, now: float) -> tuple[bytes, dict[str, str]]:
        event = {
            "tenantId": TENANT_ID,
            "eventType": self.words.get(message.event_type, message.event_type),
            "apiName": message.api_name,
            "dataId": message.data_id,
            "timestamp": message.at,
            "messageId": message.message_id,
        }
        envelope: dict[str, Any] = {
            "timestamp": int(now * 1000),
            "nonce": secrets.token_hex(8),
            "messageId": message.message_id,
            "enterpriseAccount": EA,
            "encryptedContent": encrypted(json.dumps(event), self.key),
        }
        if message.retries:
            envelope["retryTimes"] = message.retries
        envelope["signature"] = event_signature(envelope, self.key)
        return json.dumps(envelope).encode(), {"Content-Type": "application/json"}

    def taken(self, response: requests.Response) -> bool:
        return acknowledges(response.json(), self.key)


@dataclass(frozen=True)
class Hook:
    """A function bound to a workflow, which posts with a signature of our own."""

    url: str
    secret: str
    objects: frozenset[str] = frozenset()
    retry_seconds: float | None = None

    def wants(self, change: Change) -> bool:
        return change.workflow and (not self.objects or change.kind.api_name in self.objects)

    def posted(self, message: Message, now: float) -> tuple[bytes, dict[str, str]]:
        told = {"event": message.event_type, "apiName": message.api_name, "dataId": message.data_id}
        body = json.dumps({**told, "timestamp": message.at}).encode()
        timestamp = str(int(now))
        signed = hook_signature(self.secret, timestamp, body)
        headers = {"Content-Type": "application/json", TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signed}
        return body, headers

    def taken(self, response: requests.Response) -> bool:
        return response.ok


class Callbacks:
    """Subscribers and one background thread that sends; set up by side doors, as by an admin."""

    def __init__(self, tenant: Tenant, chances: Chances) -> None:
        self._clock = tenant.clock
        self._chances = chances
        self._subscribers: dict[str, Subscriber] = {}
        self._waiting: list[tuple[float, int, Message]] = []
        self._number = itertools.count()
        self._there = threading.Condition()
        self._thread: threading.Thread | None = None
        self._counts = {"sent": 0, "failed": 0, "lost": 0}
        self._session = requests.Session()
        self._session.trust_env = False
        tenant.observers.append(self._changed)

    def subscribe(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set the event callback up, or end it when ``url`` is null; tells its ``aes_key``."""
        key = checked_key(str(body["aes_key"])) if "aes_key" in body else new_key()
        wait = float(body.get("retry_seconds", RETRY_SECONDS))
        words = dict(body.get("words") or {})
        self._set("event", body, lambda url, objects: EventCallback(url, key, objects, wait, words))
        return {"aes_key": key, "enterprise_account": EA}

    def install_hook(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Bind a function that posts to ``url``, or unbind it when ``url`` is null."""
        secret = str(body.get("secret") or "")
        if body.get("url") and not secret:
            raise ValueError("secret must be a text")
        self._set("hook", body, lambda url, objects: Hook(url, secret, objects))
        return {"installed": bool(body.get("url"))}

    def counts(self) -> dict[str, int]:
        """Attempts so far: taken by the receiver, not taken, and kept back by a fault."""
        return dict(self._counts)

    def _set(
        self, name: str, body: Mapping[str, Any], made: Callable[[str, frozenset[str]], Subscriber]
    ) -> None:
        url = body.get("url")
        if url is None:
            self._subscribers.pop(name, None)
        elif isinstance(url, str) and url.startswith(("https://", "http://")):
            self._subscribers[name] = made(url, frozenset(body.get("objects") or ()))
        else:
            raise ValueError("url must be an address, or null")

    def _changed(self, change: Change) -> None:
        for to in list(self._subscribers.values()):
            if to.wants(change):
                message_id = secrets.token_hex(16).upper()
                at = int(self._clock() * 1000)
                api_name = change.kind.api_name
                self._put(Message(to, message_id, change.action, api_name, change.row_id, at))

    def _put(self, message: Message, seconds: float = 0.0) -> None:
        with self._there:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._number), message))
            self._there.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fxiaoke-events", daemon=True)
                self._thread.start()

    def _next(self) -> Message:
        with self._there:
            while True:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._there.wait(wait)

    def _run(self) -> None:
        while True:
            message = self._next()
            first = not message.retries and not message.held
            if first and self._chances.hit("notify_lost"):
                self._counts["lost"] += 1
            elif first and self._chances.hit("notify_swapped"):
                self._put(replace(message, held=True), HELD_SECONDS)
            else:
                for _ in range(2 if self._chances.hit("notify_twice") else 1):
                    self._deliver(message)

    def _deliver(self, message: Message) -> None:
        content, headers = message.to.posted(message, self._clock())
        try:
            response = self._session.post(
                message.to.url, data=content, headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
            taken = message.to.taken(response)
        except (requests.RequestException, ValueError):
            taken = False
        self._counts["sent" if taken else "failed"] += 1
        wait = message.to.retry_seconds
        if not taken and wait is not None and message.retries < MOST_RETRIES:
            self._put(replace(message, retries=message.retries + 1), wait)
