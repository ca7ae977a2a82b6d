"""Events of the CRMs: believed to be a hint, and only when they prove themselves.

Invariant: an event is in the inbox before it is answered; of one that does not prove itself nothing is
kept but the count, and its answer tells nothing, not even whether the connection exists.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from connector import adapter as ports
from connector import hooks, logs
from connector.adapter import BAD_EVENT, Crm
from connector.api.keys import EVENTS
from connector.api.problems import Refused, documented
from connector.errors import Reject
from connector.runtime import Runtime
from connector.store import subscriptions
from connector.store.connections import Connection

log = logs.logger("api")

_CHALLENGE = ("WWW-Authenticate", 'Event realm="creditgate"')
_BODY = {
    "requestBody": {
        "required": True,
        "description": "As the vendor sends it; only which records it is about is used.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


class Hooks:
    """Takes the events of all connections in; counts those that are refused."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._kinds: dict[str, type[Crm]] = {}
        self._lock = threading.Lock()
        self._refused: Counter[int] = Counter()
        self.refused = 0

    def take(self, name: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, Any] | None:
        """Keep the event that the connection called ``name`` is told; what the vendor reads in answer.

        Raises ``Refused``: 400 for what is no JSON object, 401 for what does not prove itself.
        """
        try:
            readable = isinstance(orjson.loads(body), dict)
        except orjson.JSONDecodeError:
            readable = False
        if not readable:
            raise Refused(400, "an event is a JSON object")
        found = next((one for one in self._runtime.connections.all("crm") if one.name == name), None)
        if found is None:
            raise self._forged(0)
        now = self._runtime.clock()
        try:
            event = hooks.understand(self._kind(found), self._runtime.secrets(found), headers, body, now)
        except Reject as fault:
            if fault.code == BAD_EVENT:
                raise Refused(400, "the event does not say which records it is about") from None
            raise self._forged(found.id) from None
        if event is None:
            return None
        hooks.receive(self._runtime.store, found, event, now)
        return event.reply

    def note_refused(self) -> None:
        """Write down how many were refused since the last time, for the doctor to tell."""
        with self._lock:
            counts, self._refused = self._refused, Counter()
        for connection_id, count in sorted(counts.items()):
            with self._runtime.store.write() as tx:
                subscriptions.forged(tx, connection_id, count, self._runtime.clock())

    def _forged(self, connection_id: int) -> Refused:
        with self._lock:
            self._refused[connection_id] += 1
            self.refused += 1
            count = self.refused
        if count & (count - 1) == 0:  # at 1, 2, 4, 8 …: whoever sends many does not fill the log
            log.warning("events_refused", forged=count)
        return Refused(401, "the event does not carry the proof that this address asks for", _CHALLENGE)

    def _kind(self, found: Connection) -> type[Crm]:
        if found.kind not in self._kinds:
            _, kind = ports.find(found.kind)
            assert issubclass(kind, Crm)  # noqa: S101 - connections of role crm are
            self._kinds[found.kind] = kind
        return self._kinds[found.kind]


def add_route(app: FastAPI, taker: Hooks) -> None:
    """The one address for all events."""

    @app.post(
        f"{EVENTS}{{connection}}",
        tags=["hooks"],
        summary="What a CRM tells of its records",
        status_code=202,
        response_class=Response,
        responses=documented(400, 401, 413, 500, 503),
        openapi_extra=_BODY,
    )
    async def event(connection: str, request: Request) -> Response:
        """Keeps which records changed, to read them again soon. It carries the proof of the vendor's own
        kind, not an API key; the same event twice does no harm."""
        body = await request.body()
        reply = await run_in_threadpool(taker.take, connection, dict(request.headers), body)
        if reply is None:
            return Response(status_code=202)
        return Response(orjson.dumps(reply), media_type="application/json")
