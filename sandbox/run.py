"""Running sandboxes: one process, one server for each, until it is told to stop.

Invariant: every port is taken before the first server answers, so that either all stand or none.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points

import uvicorn
from starlette.types import ASGIApp

from sandbox.faults import parse_fault
from sandbox.server import Options, Sandbox

HOST = "127.0.0.1"


@cache
def installed() -> dict[str, Sandbox]:
    """The sandboxes by name."""
    return {point.name: point.load() for point in entry_points(group="creditgate.sandbox")}


def options(faults: tuple[str, ...], **others: object) -> Options:
    """Options with faults as a person types them; ``ValueError`` for one that is malformed."""
    return Options(faults=dict(parse_fault(text) for text in faults), **others)  # type: ignore[arg-type]


@contextmanager
def running(ports: Mapping[str, int], chosen: Options) -> Iterator[dict[str, str]]:
    """Serve the sandboxes named in ``ports`` (0 takes a free port); yields their base URLs.

    Raises ``OSError`` when a port is taken, ``ValueError`` for an unknown fault or a bad file.
    """
    known = installed()
    with serving({name: known[name].app(chosen) for name in ports}, ports) as bases:
        yield bases


@contextmanager
def serving(apps: Mapping[str, ASGIApp], ports: Mapping[str, int]) -> Iterator[dict[str, str]]:
    """Serve ``apps`` at ``ports`` (0 takes a free port); yields their base URLs. ``OSError`` as above."""
    sockets = {name: _listen(port) for name, port in ports.items()}
    servers = {
        name: uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        for name, app in apps.items()
    }
    threads = [
        threading.Thread(target=server.run, kwargs={"sockets": [sockets[name]]}, daemon=True)
        for name, server in servers.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield {name: f"http://{HOST}:{sock.getsockname()[1]}" for name, sock in sockets.items()}
    finally:
        for server in servers.values():
            server.should_exit = True
        for thread in threads:
            thread.join(timeout=5)


def serve(
    ports: Mapping[str, int],
    chosen: Options,
    announce: Callable[[str, str, str, Mapping[str, str]], None],
) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` gets name, kind, base URL and settings of each."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    known = installed()
    with running(ports, chosen) as bases:
        for name, base in bases.items():
            announce(name, known[name].kind, base, known[name].settings_at(base))
        stop.wait()


def _listen(port: int) -> socket.socket:
    # Named as TCP, else no TCP_NODELAY is set and every answer on a kept connection waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(512)
    return listener
