"""Sends notifications to the addresses that asked for them, beside the calls that cause them.

Invariant: no API call waits for a receiver; the changes that one call makes to rows of a module leave
together, in the order in which they were made. A notification that a receiver does not take is not
sent again: whether the vendor repeats it is not known, so nobody may count on it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.faults import Chances
from sandbox.zoho.answers import answer

TIMEOUT = (1.0, 2.0)
"""Seconds to connect and to answer that a receiver is given."""
HELD_SECONDS = 1.0
"""How long a notification that is to change places waits for another one."""
IDS_IN_ONE = 100


@dataclass(frozen=True)
class Event:
    """One row's part of a notification. ``envelope`` holds what all rows of it share; ``expires_at`` is
    the end of the channel in seconds since 1970; ``values`` are sent when the channel wants them."""

    notify_url: str
    envelope: Mapping[str, Any]
    expires_at: float
    row_id: str
    fields: tuple[str, ...] = ()
    values: Mapping[str, Any] | None = None


@dataclass
class _Message:
    first: Event
    events: list[Event] = field(default_factory=list)

    def takes(self, event: Event) -> bool:
        same = self.first.notify_url == event.notify_url and self.first.envelope == event.envelope
        # A channel that was renewed has another end: an event of its first life may not join.
        same = same and self.first.expires_at == event.expires_at
        return same and len(self.events) < IDS_IN_ONE

    def body(self, server_time: int) -> dict[str, Any]:
        """The vendor's form (integrators' captures): ids of the rows, never the rows themselves."""
        by_id = {event.row_id: event for event in self.events}
        return {
            "server_time": server_time,
            **self.first.envelope,
            "ids": list(by_id),
            "affected_fields": [{row_id: list(e.fields)} for row_id, e in by_id.items() if e.fields],
            "affected_values": [
                {"record_id": row_id, "values": dict(e.values)} for row_id, e in by_id.items() if e.values
            ],
            "query_params": {},
        }


class Callbacks:
    """One background thread that sends. ``lock`` is the tenant's: who holds it is still making changes."""

    def __init__(self, lock: threading.RLock, clock: Callable[[], float], chances: Chances) -> None:
        self._lock = lock
        self._clock = clock
        self._chances = chances
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._counts = {"sent": 0, "failed": 0, "lost": 0, "expired": 0}
        self._session = requests.Session()
        self._session.trust_env = False

    def put(self, event: Event) -> None:
        """Have ``event`` sent; the caller holds the tenant's lock."""
        self._events.put(event)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="zoho-notifications", daemon=True)
            self._thread.start()

    def counts(self) -> dict[str, int]:
        """Notifications so far: sent and taken, failed, lost by a fault, of an expired channel."""
        return dict(self._counts)

    def _run(self) -> None:
        held: _Message | None = None
        while True:
            try:
                first = self._events.get(timeout=HELD_SECONDS if held else None)
            except queue.Empty:
                if held is not None:
                    self._deliver(held)
                held = None
                continue
            for message in _gathered(self._waiting(first)):
                if held is None and self._chances.hit("notify_swapped"):
                    held = message
                    continue
                self._deliver(message)
                if held is not None:
                    self._deliver(held)
                    held = None

    def _waiting(self, first: Event) -> Iterator[Event]:
        """``first`` and what else the call that caused it has changed."""
        yield first
        with self._lock:
            waiting = []
            while not self._events.empty():
                waiting.append(self._events.get())
        yield from waiting

    def _deliver(self, message: _Message) -> None:
        if message.first.expires_at <= self._clock():
            self._counts["expired"] += 1
            return
        if self._chances.hit("notify_lost"):
            self._counts["lost"] += 1
            return
        body = message.body(int(self._clock() * 1000))
        for _ in range(2 if self._chances.hit("notify_twice") else 1):
            self._post(message.first.notify_url, body)

    def _post(self, url: str, body: dict[str, Any]) -> None:
        content, headers = answer(body).body, {"Content-Type": "application/json"}
        try:
            reply = self._session.post(
                url, data=bytes(content), headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
            taken = reply.ok
        except (requests.RequestException, ValueError):
            taken = False
        self._counts["sent" if taken else "failed"] += 1


def _gathered(events: Iterator[Event]) -> list[_Message]:
    """Events that follow each other on one channel with one operation become one message."""
    messages: list[_Message] = []
    latest: dict[tuple[str, str], _Message] = {}
    for event in events:
        channel = (str(event.envelope["channel_id"]), str(event.envelope["module"]))
        message = latest.get(channel)
        if message is None or not message.takes(event):
            message = latest[channel] = _Message(event)
            messages.append(message)
        message.events.append(event)
    return messages
