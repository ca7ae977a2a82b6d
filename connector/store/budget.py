"""Call budgets, shared through the store by all processes that use a connection.

Invariant: in any window of ``per_seconds`` at most ``calls`` are taken from a bucket, whoever takes
them. Places are leased in small packets, so that not every call costs a transaction; what a killed
process had leased is lost for the window, which errs on the safe side; one that ends in order gives back
what it did not use.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa

from connector.adapter import Limits
from connector.errors import Retry
from connector.store.engine import Store
from connector.store.tables import budget
from connector.store.upsert import upsert

LONGEST_WAIT = 60.0
# Few enough that losing them with a killed process does not matter to a day of calls.
LARGEST_PACKET = 50


class StoreBudget:
    """The budget of one connection."""

    def __init__(
        self,
        store: Store,
        connection_id: int,
        limits: Limits,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._connection = connection_id
        self._calls = limits.calls
        self._window = dt.timedelta(seconds=limits.per_seconds)
        self._packet = max(1, min(LARGEST_PACKET, (limits.calls or 0) // 20))
        self._leases: dict[str, tuple[int, dt.datetime]] = {}
        self._lock = threading.Lock()
        self._now, self._sleep = now, sleep

    def take(self, bucket: str, weight: int) -> None:
        """Take ``weight`` calls, waiting up to a minute; ``Retry`` when the window ends later."""
        if self._calls is None:
            return
        while True:
            with self._lock:
                left, end = self._leases.get(bucket, (0, self._now()))
                if left >= weight and self._now() < end:
                    self._leases[bucket] = (left - weight, end)
                    return
                granted, end = self._lease(bucket, max(weight, self._packet), weight)
                if granted >= weight:
                    self._leases[bucket] = (granted - weight, end)
                    return
            wait = (end - self._now()).total_seconds()
            if wait > LONGEST_WAIT:
                raise Retry(
                    f"the call budget {bucket!r} is used up until {end:%Y-%m-%d %H:%M} UTC",
                    where=f"connection {self._connection}",
                    todo="run again then, or buy more calls from the vendor",
                    after=wait,
                )
            self._sleep(max(wait, 0.05))

    def correct(self, bucket: str, remaining: int) -> None:
        """The vendor counts ``remaining`` calls left in this window; ours never exceeds that."""
        if self._calls is None:
            return
        with self._lock, self._store.write() as connection:
            start, used = self._current(connection, bucket)
            used = max(used, self._calls - remaining)
            self._save(connection, bucket, start, used)

    def give_back(self) -> None:
        """Return what was leased in a window that is still open, and not used."""
        with self._lock:
            leases, self._leases = self._leases, {}
            for bucket, (left, end) in leases.items():
                if not left:
                    continue
                with self._store.write() as connection:
                    start, used = self._current(connection, bucket)
                    if start + self._window == end:
                        self._save(connection, bucket, start, max(0, used - left))

    def _lease(self, bucket: str, wanted: int, needed: int) -> tuple[int, dt.datetime]:
        assert self._calls is not None  # noqa: S101 - narrows the type
        with self._store.write() as connection:
            start, used = self._current(connection, bucket)
            free = self._calls - used
            granted = min(wanted, free) if free >= needed else 0
            if granted:
                self._save(connection, bucket, start, used + granted)
        return granted, start + self._window

    def _current(self, connection: sa.Connection, bucket: str) -> tuple[dt.datetime, int]:
        query = sa.select(budget.c.window_start, budget.c.used).where(
            budget.c.connection_id == self._connection, budget.c.bucket == bucket
        )
        row = connection.execute(query.with_for_update()).one_or_none()
        now = self._now()
        if row is None or row.window_start + self._window <= now:
            return now, 0
        return row.window_start, row.used

    def _save(self, connection: sa.Connection, bucket: str, start: dt.datetime, used: int) -> None:
        row = {
            "connection_id": self._connection,
            "bucket": bucket,
            "window_start": start,
            "used": used,
        }
        upsert(connection, budget, [row], guarded=False)
