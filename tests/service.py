"""The check service as a process of its own, for as long as a test needs it."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.forked import Forked
from tests.installation import Installation

START_SECONDS = 40.0


@contextmanager
def serving(made: Installation) -> Iterator[str]:
    """The base URL of ``creditgate serve`` on a free port; ended with SIGTERM."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    process = started(made, port)
    try:
        _wait(process, base)
        yield base
    finally:
        process.kill(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


def started(made: Installation, port: int) -> Forked:
    """The service on ``port``, which may not answer yet."""
    return Forked("connector.cli", "serve", "--port", str(port), env=made.environment)


def _wait(process: Forked, base: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.running, "the service ended"
        try:
            if requests.get(f"{base}/healthz", timeout=2).ok:
                return
        except requests.exceptions.ConnectionError:
            time.sleep(0.02)
    raise AssertionError("the service did not come up")
