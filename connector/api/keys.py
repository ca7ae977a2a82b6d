"""Who asks: an API key is the plugin of one connection.

Invariant: nothing below ``/v1/`` is read or answered without a valid key, and a key answers only for its
own connection. The CRMs' own events alone come without: they carry another proof (``connector.api.hooks``).
"""

from __future__ import annotations

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from connector.api.problems import Refused
from connector.hooks import PATH
from connector.runtime import Runtime
from connector.store.connections import Connection

PROTECTED = "/v1/"
EVENTS = PATH
_CHALLENGE = ("WWW-Authenticate", 'Bearer realm="creditgate"')


class Keys:
    """Finds the connection of the key before anything else of the request is looked at."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; the connection is then ``request.state.connection``."""
        if scope["type"] == "http" and _protected(scope):
            key = _bearer(scope)
            owner = await run_in_threadpool(self._runtime.connections.key_owner, key) if key else None
            if owner is None:
                detail = "send the API key of a connection as 'Authorization: Bearer KEY'"
                raise Refused(401, detail, _CHALLENGE)
            scope.setdefault("state", {})["connection"] = owner
        await self._app(scope, receive, send)


def owner_of(request: Request) -> Connection:
    """The connection whose key came with the request."""
    found = request.state.connection
    assert isinstance(found, Connection)  # noqa: S101 - the middleware has put it there
    return found


def _protected(scope: Scope) -> bool:
    path = scope["path"]
    event = scope["method"] == "POST" and path.startswith(EVENTS)
    return bool(path.startswith(PROTECTED) and not event)


def _bearer(scope: Scope) -> str | None:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        return None
    scheme, _, key = values[0].decode("latin-1").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None
