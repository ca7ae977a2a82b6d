"""The vendors' call limits, and the fault that lifts them.

Invariant: a window counts only calls that were let through, so that a refused caller who waits for
its length is let in again.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import replace

from sandbox.server import Options

UNLIMITED_FAULT = "unlimited"


def without_limits(options: Options, sandbox: str) -> tuple[Options, bool]:
    """``options`` without the fault ``unlimited`` (or ``zoho.unlimited``, …), and whether it was there.

    It makes no call fail: it lifts the vendor's call limits, for loads that no tenant has bought.
    """
    mine = (UNLIMITED_FAULT, f"{sandbox}.{UNLIMITED_FAULT}")
    faults = {name: rate for name, rate in options.faults.items() if name not in mine}
    return replace(options, faults=faults), len(faults) < len(options.faults)


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
