"""Secrets in memory, for tests: values end at their time, the lock is one per name."""

from __future__ import annotations

import datetime as dt
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from connector.adapter import Secrets


class MemorySecrets(Secrets):
    """``now`` is the clock by which values end; ``values`` shows what is kept."""

    def __init__(self, now: Callable[[], dt.datetime] | None = None) -> None:
        self.now = now or (lambda: dt.datetime.now(dt.UTC))
        self.values: dict[str, tuple[str, dt.datetime | None]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, name: str) -> str | None:
        value, expires_at = self.values.get(name, (None, None))
        return None if expires_at is not None and self.now() >= expires_at else value

    def put(self, name: str, value: str, expires_at: dt.datetime | None = None) -> None:
        self.values[name] = (value, expires_at)

    def lock(self, name: str) -> Any:
        return self._locks[name]
