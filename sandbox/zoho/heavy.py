"""Heavy calls under way at once: a limit of its own beside the one for all calls.

Invariant: what is heavy is decided before the call waits anywhere, and is told to the inside; a body
that had to be looked at is passed on whole. Which calls the vendor counts is partly unconfirmed (the
manual gives ten for all editions; that writes of more than ten records are among them is told by a
partner's page), so it is a setting: ``Limits.heavy_calls``.
"""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from typing import Any

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

API, BULK = "/crm/v8", "/crm/bulk/v8"
"""Where the vendor's calls stand."""

_AT_ONCE = "sandbox.zoho.heavy_at_once"
_LIGHT_WRITE = 10
"""Records up to which a write is no heavy call."""


class HeavyInFlight:
    """Counts heavy calls. ``kinds`` of ``coql``, ``write`` (more than ten records), ``bulk`` (a start)."""

    def __init__(self, app: ASGIApp, kinds: Collection[str]) -> None:
        self._app = app
        self._kinds = frozenset(kinds)
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = _kind(scope) if scope["type"] == "http" else ""
        if kind not in self._kinds:
            await self._app(scope, receive, send)
            return
        if kind == "write":
            body = await _whole(receive)
            receive = _again(body, receive)
            if _records(body) <= _LIGHT_WRITE:
                await self._app(scope, receive, send)
                return
        self._count += 1
        scope[_AT_ONCE] = self._count
        try:
            await self._app(scope, receive, send)
        finally:
            self._count -= 1


def heavy_at_once(scope: Scope) -> int:
    """How many heavy calls were under way when this one came, itself included; 0 for a light one."""
    count: int = scope.get(_AT_ONCE, 0)
    return count


def _kind(scope: Scope) -> str:
    method, path = scope["method"], scope["path"]
    if path == f"{API}/coql":
        return "coql"
    if path == f"{BULK}/read" and method == "POST":
        return "bulk"
    below = path.removeprefix(f"{API}/").split("/") if path.startswith(f"{API}/") else []
    on_records = len(below) == 1 or below[1:] == ["upsert"]
    return "write" if on_records and method in ("POST", "PUT") else ""


async def _whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> MutableMapping[str, Any]:
        return first.pop() if first else await receive()

    return replayed


def _records(body: bytes) -> int:
    try:
        data = orjson.loads(body).get("data")
    except (ValueError, AttributeError):
        return 0
    return len(data) if isinstance(data, list) else 0
