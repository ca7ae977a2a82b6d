"""Call budgets, shared through the store by all processes that use a connection.

Invariant: in any window of ``per_seconds``, wherever it begins, at most ``calls`` are taken from a
bucket, whoever takes them. Calls are counted by the part of the window in which they were leased, and a
lease ends with its part. Places are leased in small packets, so that not every call costs a transaction;
what a killed process had leased is lost for a window, which errs on the safe side; one that ends in
order gives back what it did not use. What is reserved is taken by urgent calls only, and never in packets.
A call reaches the vendor a little later than it is counted: windows are longer by that much. A total that
the vendor counts by calendar days is counted by these, in the vendor's zone.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connector.adapter import Limits
from connector.errors import Retry
from connector.http import is_urgent
from connector.store.engine import Store
from connector.store.tables import budget, connection
from connector.store.upsert import upsert

# A window of a minute is waited out, with the part of it that calls are counted by.
LONGEST_WAIT = 65.0
# Few enough that losing them with a killed process does not matter to a day of calls.
LARGEST_PACKET = 50
# The bucket in which the calls of all others are counted together.
TOTAL = "all calls"
# Parts of a long window, and of one of a few minutes: there, a call more or less is noticed.
PARTS, FINE_PARTS = 24, 200
SHORT = dt.timedelta(minutes=5)
# How much later than the one before it a call may reach the vendor.
SLACK = dt.timedelta(seconds=0.5)
# The vendor's count comes with every answer; it is not worth a transaction each time.
CORRECT_EVERY = dt.timedelta(seconds=10)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class _Rule:
    """The limit of one bucket; ``reserved`` of its ``calls`` are for urgent ones; with ``day_of`` it is one
    of calendar days in that zone."""

    calls: int
    seconds: int
    reserved: int
    day_of: dt.tzinfo | None = None

    @property
    def window(self) -> dt.timedelta:
        return dt.timedelta(seconds=self.seconds) + SLACK

    @property
    def part(self) -> dt.timedelta:
        window = dt.timedelta(seconds=self.seconds)
        return window / (FINE_PARTS if window <= SHORT else PARTS)

    @property
    def packet(self) -> int:
        return max(1, min(LARGEST_PACKET, self.calls // 20))

    def part_of(self, now: dt.datetime) -> dt.datetime:
        """When the part began that ``now`` lies in."""
        return now - (now - (_EPOCH if self.day_of is None else self._midnight(now))) % self.part

    def counts_from(self, now: dt.datetime) -> dt.datetime:
        """Parts that began before this are out of the window that ends at ``now``."""
        if self.day_of is not None:
            return self._midnight(now)
        return now - self.window - self.part + dt.timedelta.resolution

    def free_at(self, part: dt.datetime) -> dt.datetime:
        """When the calls of the part that began then leave the window."""
        if self.day_of is not None:
            return self._midnight(part, days=1) + SLACK
        return part + self.part + self.window

    def _midnight(self, now: dt.datetime, days: int = 0) -> dt.datetime:
        day = now.astimezone(self.day_of).date() + dt.timedelta(days=days)
        return dt.datetime.combine(day, dt.time(), self.day_of).astimezone(dt.UTC)


@dataclass(frozen=True)
class Standing:
    """Of a bucket's ``calls`` so many are ``used``, by us or by others."""

    bucket: str
    used: int
    calls: int


@dataclass
class _Lease:
    """``left`` calls, counted in the part that began at ``start``; usable until it ends."""

    start: dt.datetime
    left: int


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
        self._limits = limits
        self._leases: dict[str, _Lease] = {}
        self._corrected: dict[str, dt.datetime] = {}
        self._lock = threading.Lock()
        self._now, self._sleep = now, sleep

    def take(self, bucket: str, weight: int) -> None:
        """Take ``weight`` calls, waiting up to a minute; ``Retry`` when there is no room until later."""
        if self._limits.total is not None:
            self._take(TOTAL, 1)
        self._take(bucket, weight)

    def _take(self, bucket: str, weight: int) -> None:
        rule = self._rule(bucket)
        if rule is None:
            return
        while True:
            with self._lock:
                if self._from_lease(bucket, rule, weight):
                    return
                free_at = self._lease(bucket, rule, weight, urgent=is_urgent())
            if free_at is None:
                return
            wait = (free_at - self._now()).total_seconds()
            if wait > LONGEST_WAIT:
                raise Retry(
                    f"the call budget {bucket!r} is used up until {free_at:%Y-%m-%d %H:%M} UTC",
                    where=f"connection {self._connection}",
                    todo="run again then, or buy more calls from the vendor",
                    after=wait,
                )
            self._sleep(max(wait, 0.05))

    def correct(self, bucket: str, remaining: int) -> None:
        """The vendor counts ``remaining`` calls left: what we do not know of, others have used."""
        rule, now = self._rule(bucket), self._now()
        if rule is None:
            return
        with self._lock:
            last = self._corrected.get(bucket)
            if last is not None and now - last < CORRECT_EVERY and remaining > rule.calls // 20:
                return
            self._corrected[bucket] = now
            lease = self._leases.get(bucket)
            with self._store.write() as tx:
                self._alone(tx)
                ours = sum(used for _, used in self._parts(tx, bucket, rule))
                ours -= lease.left if lease is not None else 0
                others = max(0, rule.calls - remaining - ours)
                known = [(start, 0) for start, _ in self._parts(tx, _others(bucket), rule)]
                self._save(tx, _others(bucket), [*known, (rule.part_of(self._now()), others)])

    def used(self) -> tuple[int, int] | None:
        """Calls taken of the total in the window that ends now, and the total; ``None`` without one."""
        rule = self._rule(TOTAL)
        if self._limits.total is None or rule is None:
            return None
        with self._store.read() as tx:
            return sum(count for _, count in self._parts(tx, TOTAL, rule)), rule.calls

    def standings(self) -> list[Standing]:
        """The buckets that calls were taken from, with what is taken in the window that ends now."""
        found = []
        with self._store.read() as tx:
            mine = sa.select(budget.c.bucket).where(budget.c.connection_id == self._connection).distinct()
            names = {name.removesuffix(_others("")) for name in tx.execute(mine).scalars()}
            for name in sorted(names):
                rule = self._rule(name)
                if rule is not None:
                    parts = [*self._parts(tx, name, rule), *self._parts(tx, _others(name), rule)]
                    found.append(Standing(name, sum(used for _, used in parts), rule.calls))
        return found

    def give_back(self) -> None:
        """Return what was leased and not used."""
        with self._lock:
            for bucket, lease in self._leases.items():
                if lease.left:
                    with self._store.write() as tx:
                        self._return(tx, bucket, lease)
            self._leases.clear()

    def _rule(self, bucket: str) -> _Rule | None:
        limits = self._limits
        if bucket == TOTAL and limits.total is not None:
            calls, seconds = limits.total
            return _Rule(calls, seconds, int(calls * limits.reserve), limits.day_of)
        if bucket in limits.rates:
            calls, seconds = limits.rates[bucket]
            return _Rule(calls, seconds, 0)
        if limits.calls is None:
            return None
        reserve = 0.0 if limits.total is not None else limits.reserve
        return _Rule(limits.calls, limits.per_seconds, int(limits.calls * reserve))

    def _from_lease(self, bucket: str, rule: _Rule, weight: int) -> bool:
        lease = self._leases.get(bucket)
        if lease is None or lease.left < weight or lease.start != rule.part_of(self._now()):
            return False
        lease.left -= weight
        return True

    def _lease(self, bucket: str, rule: _Rule, weight: int, *, urgent: bool) -> dt.datetime | None:
        """Lease enough for ``weight`` and take it; otherwise when there will be room for it."""
        limit = rule.calls if urgent else rule.calls - rule.reserved
        with self._store.write() as tx:
            self._alone(tx)
            old = self._leases.pop(bucket, None)
            if old is not None and old.left:
                self._return(tx, bucket, old)
            ours = self._parts(tx, bucket, rule)
            parts = sorted([*ours, *self._parts(tx, _others(bucket), rule)])
            free = limit - sum(used for _, used in parts)
            if free < weight:
                return self._free_at(parts, rule, weight - free)
            granted = weight if urgent else min(max(weight, rule.packet), free)
            start = rule.part_of(self._now())
            used = dict(ours).get(start, 0)
            self._save(tx, bucket, [(start, used + granted)])
            self._forget(tx, bucket, rule)
        self._leases[bucket] = _Lease(start, granted - weight)
        return None

    def _free_at(self, parts: Sequence[tuple[dt.datetime, int]], rule: _Rule, lacking: int) -> dt.datetime:
        """When so many calls have left the window that ``lacking`` more may be made."""
        for start, used in parts:
            lacking -= used
            if lacking <= 0:
                return rule.free_at(start)
        return rule.free_at(rule.part_of(self._now()))

    def _parts(self, tx: sa.Connection, bucket: str, rule: _Rule) -> list[tuple[dt.datetime, int]]:
        """Calls by part, as far as the last of them lies in the window that ends now."""
        query = sa.select(budget.c.window_start, budget.c.used).where(
            budget.c.connection_id == self._connection,
            budget.c.bucket == bucket,
            budget.c.window_start >= rule.counts_from(self._now()),
        )
        return [(row.window_start, row.used) for row in tx.execute(query)]

    def _alone(self, tx: sa.Connection) -> None:
        """Until the transaction ends, no other one counts this connection's calls."""
        mine = sa.select(connection.c.id).where(connection.c.id == self._connection)
        tx.execute(mine.with_for_update(key_share=True)).all()

    def _return(self, tx: sa.Connection, bucket: str, lease: _Lease) -> None:
        tx.execute(
            sa.update(budget)
            .where(
                budget.c.connection_id == self._connection,
                budget.c.bucket == bucket,
                budget.c.window_start == lease.start,
            )
            .values(used=budget.c.used - lease.left)
        )

    def _save(self, tx: sa.Connection, bucket: str, parts: Sequence[tuple[dt.datetime, int]]) -> None:
        rows = {
            start: {
                "connection_id": self._connection,
                "bucket": bucket,
                "window_start": start,
                "used": used,
            }
            for start, used in parts
        }
        upsert(tx, budget, list(rows.values()), guarded=False)

    def _forget(self, tx: sa.Connection, bucket: str, rule: _Rule) -> None:
        old = self._now() - 2 * rule.window - rule.part
        for name in (bucket, _others(bucket)):
            gone = budget.c.connection_id == self._connection, budget.c.bucket == name
            tx.execute(sa.delete(budget).where(*gone, budget.c.window_start < old))


def _others(bucket: str) -> str:
    """The bucket in which calls are counted that others make on the same account."""
    return f"{bucket}, others"
