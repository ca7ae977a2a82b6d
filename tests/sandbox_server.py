"""Runs an ASGI application on a free port of the loopback, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

START_SECONDS = 20.0
# Calls that hang on purpose must not delay the end of a test.
GRACE_SECONDS = 0.5
LOOK_SECONDS = 0.002


class PromptServer(uvicorn.Server):
    """A server that ends when it is told to: uvicorn's own looks ten times a second, and then waits."""

    _loop: asyncio.AbstractEventLoop
    _end: asyncio.Event

    def end(self) -> None:
        """Ask it to end, from another thread."""
        self.should_exit = True
        with suppress(RuntimeError):  # it ended by itself
            self._loop.call_soon_threadsafe(self._end.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # it renews the date of the answers
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        until = self._loop.time() + GRACE_SECONDS
        while (state.connections or state.tasks) and self._loop.time() < until:
            await asyncio.sleep(LOOK_SECONDS)
        for task in list(state.tasks):
            task.cancel()
        await self.lifespan.shutdown()


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """The base URL of ``app``, served by uvicorn in a thread; stopped and its port freed afterwards."""
    # asyncio sets TCP_NODELAY only on sockets that name TCP; without it each answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    port = listener.getsockname()[1]
    server = PromptServer(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name=f"sandbox-{port}", daemon=True
    )
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            listener.close()
            raise RuntimeError("the sandbox server did not start")
        time.sleep(LOOK_SECONDS)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.end()
        thread.join(timeout=20)
        listener.close()
