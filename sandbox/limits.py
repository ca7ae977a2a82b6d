"""The vendors' call limits, and the fault that lifts them.

Invariant: a window counts only calls that were let through, so that a refused caller who waits for
its length is let in again.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from dataclasses import replace

from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.server import Options

_AT_ONCE = "sandbox.calls_at_once"
UNLIMITED_FAULT = "unlimited"
UNLIMITED_TEXT = "no fault: lift the vendor's call limits, for loads that no tenant has bought"


def without_limits(options: Options, sandbox: str) -> tuple[Options, bool]:
    """``options`` without the fault ``unlimited`` (or ``zoho.unlimited``, …), and whether it was there.

    It makes no call fail: it lifts the vendor's call limits, for loads that no tenant has bought.
    """
    options, found = taken_out(options, sandbox, (UNLIMITED_FAULT,))
    return options, bool(found)


def taken_out(options: Options, sandbox: str, words: Collection[str]) -> tuple[Options, list[str]]:
    """``options`` without the faults that are ``words`` for a setting, and those that were there."""
    mine = {name: name for name in words} | {f"{sandbox}.{name}": name for name in words}
    faults = {name: rate for name, rate in options.faults.items() if name not in mine}
    return replace(options, faults=faults), [mine[name] for name in options.faults if name in mine]


class InFlight:
    """Counts the calls to the ``counted`` paths that are under way, delays of the gate included.

    Stands before everything else, on one event loop; ``calls_at_once`` tells the count to the inside.
    """

    def __init__(self, app: ASGIApp, counted: Callable[[str], bool]) -> None:
        self._app = app
        self._counted = counted
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._counted(scope["path"]):
            await self._app(scope, receive, send)
            return
        self._count += 1
        scope[_AT_ONCE] = self._count
        try:
            await self._app(scope, receive, send)
        finally:
            self._count -= 1


def calls_at_once(scope: Scope) -> int:
    """How many counted calls were under way when this one came, itself included."""
    count: int = scope.get(_AT_ONCE, 0)
    return count


class Window:
    """At most ``calls`` in any ``seconds`` for each key. Safe for threads."""

    def __init__(self, calls: int, seconds: float, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._passed: defaultdict[str, deque[float]] = defaultdict(deque)

    def admits(self, key: str) -> bool:
        """Whether one more call fits; it is counted if so."""
        now = self._clock()
        with self._lock:
            passed = self._passed[key]
            while passed and passed[0] <= now - self._seconds:
                passed.popleft()
            if len(passed) >= self._calls:
                return False
            passed.append(now)
            return True
