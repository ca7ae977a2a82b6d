"""An address that takes notifications and remembers their bodies, for tests of the sandbox's sender."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.sandbox_server import running

PATIENCE = 10.0


class Receiver:
    def __init__(self, slow: float = 0.0) -> None:
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self._slow = slow

    async def take(self, request: Request) -> JSONResponse:
        self.bodies.append(await request.json())
        if self._slow:
            await asyncio.sleep(self._slow)
        return JSONResponse({})

    def wait(self, count: int) -> list[dict[str, Any]]:
        """The bodies once there are ``count``; fewer when they do not come in time."""
        deadline = time.monotonic() + PATIENCE
        while len(self.bodies) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.bodies


@contextmanager
def receiver(slow: float = 0.0) -> Iterator[Receiver]:
    """A receiver that answers after ``slow`` seconds."""
    taker = Receiver(slow)
    with running(Starlette(routes=[Route("/notify", taker.take, methods=["POST"])])) as base:
        taker.url = f"{base}/notify"
        yield taker
