"""Troubles for the fault matrix: a vendor's, between it and its client, and those of our own store.

Invariant: a trouble strikes as often as it is told to, and is over when it is taken away; side doors and
tokens of the sandboxes never have any.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from connector.store.engine import Store
from sandbox.server import SIDE_DOORS, _close_line

FOREVER = 1_000_000
SLOW_SECONDS = 1.0
WRITES = ("INSERT", "UPDATE", "DELETE")


class Killed(BaseException):
    """Stands for a process that is ended: nothing in the product catches it."""


class Trouble:
    """``app`` behind a line that can be disturbed: ``cause`` it, so many ``times``, then ``end`` it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._fault, self._left = "", 0
        self.struck = 0

    def cause(self, fault: str, times: int = FOREVER) -> None:
        self._fault, self._left, self.struck = fault, times, 0

    def end(self) -> None:
        self._left = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        spared = path.startswith(SIDE_DOORS) or "oauth" in path or "authenticate" in path
        if scope["type"] != "http" or spared or self._left <= 0:
            await self._app(scope, receive, send)
            return
        self._left -= 1
        self.struck += 1
        if self._fault == "dropped connection":
            await _close_line(receive, send)
        elif self._fault == "slow answer":
            await asyncio.sleep(SLOW_SECONDS)
            await self._app(scope, receive, send)
        else:
            await _ANSWERS[self._fault](scope, receive, send)


_ANSWERS: dict[str, Response] = {
    "429": JSONResponse({"code": "TOO_MANY_REQUESTS", "message": "", "details": {}, "status": "error"}, 429),
    "5xx": JSONResponse({"message": "out of order"}, 503),
    "expired token": JSONResponse(
        {"code": "INVALID_TOKEN", "message": "invalid oauth token", "details": {}, "status": "error"}, 401
    ),
    "malformed JSON": Response(b'{"data": [{"id": ', 200, media_type="application/json"),
}


@contextmanager
def broken(store: Store, fault: str, after: int = 0) -> Iterator[None]:
    """The store fails at every statement that writes, or from the one after so many on."""
    seen = 0

    def strike(_cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        writes = statement.lstrip().upper().startswith(WRITES)
        if not writes and fault != "database gone":
            return
        seen += 1
        if seen <= after:
            return
        if fault == "killed":
            raise Killed
        if store.is_sqlite:
            raise sqlite3.OperationalError(_WORDS[fault])
        if fault == "full disk":
            raise psycopg.errors.DiskFull('could not extend file "base/5/2619": No space left on device')
        _let_in(store, False)  # the statement finds its connection ended

    events = ("do_execute", "do_executemany", "do_execute_no_params")
    for event in events:
        sa.event.listen(store.engine, event, strike)
    try:
        yield
    finally:
        for event in events:
            sa.event.remove(store.engine, event, strike)
        if not store.is_sqlite and fault == "database gone":
            _let_in(store, True)


def _let_in(store: Store, allowed: bool) -> None:
    """Whether the PostgreSQL server lets anybody into the store's database; those who are in are put out."""
    admin = sa.create_engine(store.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    name = store.url.database
    with admin.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")
        if not allowed:
            connection.exec_driver_sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )
    admin.dispose()


_WORDS = {"full disk": "database or disk is full", "database gone": "unable to open database file"}
