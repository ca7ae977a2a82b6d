"""How much may be called: 100 in 20 s for each endpoint, and the day's quota (vendor manual: limits).

Invariant: a call that is refused for its frequency costs no quota; the day begins anew at midnight of
the vendor's clock, GMT+8; no answer carries a header about any of this.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.fxiaoke.answers import NO_QUOTA, QUOTA_USED, Fault
from sandbox.fxiaoke.tenant import TENANT_ZONE
from sandbox.limits import Window


@dataclass(frozen=True)
class Limits:
    """Calls to one endpoint in ``seconds``, token calls in a minute, calls in a day: a pack has 100,000."""

    calls: int = 100
    seconds: float = 20
    tokens_a_minute: int = 10
    calls_a_day: int = 100_000


UNLIMITED = Limits(calls=10**9, tokens_a_minute=10**9, calls_a_day=10**12)


class Quota:
    """Calls of the day. Safe for threads."""

    def __init__(self, calls: int, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._clock = clock
        self._lock = threading.Lock()
        self._day, self._used = dt.date.min, 0

    def take(self) -> None:
        """One call, or ``Fault``."""
        with self._lock:
            self._begin_day()
            if not self._calls:
                raise Fault(NO_QUOTA)
            if self._used >= self._calls:
                raise Fault(QUOTA_USED)
            self._used += 1

    def door(self, body: dict[str, Any]) -> dict[str, Any]:
        """``calls_a_day`` sets the quota (0: none was bought), ``left`` what is left of today's; answers
        both. ``ValueError`` if wrong."""
        with self._lock:
            self._begin_day()
            for name, value in body.items():
                if name not in ("calls_a_day", "left") or type(value) is not int or value < 0:
                    raise ValueError("calls_a_day and left are whole numbers")
            self._calls = body.get("calls_a_day", self._calls)
            if "left" in body:
                self._used = max(0, self._calls - body["left"])
            return {"calls_a_day": self._calls, "left": max(0, self._calls - self._used)}

    def _begin_day(self) -> None:
        today = dt.datetime.fromtimestamp(self._clock(), TENANT_ZONE).date()
        if today != self._day:
            self._day, self._used = today, 0


class Frequency:
    """Calls to each endpoint; others can have used an endpoint up as well (``used_up``)."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._seconds = limits.seconds
        self._clock = clock
        self._window = Window(limits.calls, limits.seconds, clock)
        self._used_up: dict[str, float] = {}

    def admits(self, path: str) -> bool:
        return self._used_up.get(path, 0.0) <= self._clock() and self._window.admits(path)

    def use_up(self, path: str) -> None:
        """Somebody else has made all the calls that ``path`` takes for now."""
        self._used_up[path] = self._clock() + self._seconds
