"""Daemons and workers: which there are, since when, and when each was last seen.

Invariant: each says by itself that it lives, and takes its row out when it ends in order; one that was killed
stays until it has been silent for a day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connector.store.daemon_tables import process
from connector.store.upsert import upsert

DAEMON, WORKER = "daemon", "worker"
SAY_EVERY, SILENT = dt.timedelta(seconds=10), dt.timedelta(seconds=60)
FORGOTTEN = dt.timedelta(days=1)


@dataclass(frozen=True)
class Process:
    """``name`` is its machine, number and a random part."""

    name: str
    role: str
    since: dt.datetime
    seen_at: dt.datetime

    def lives(self, now: dt.datetime) -> bool:
        """Whether it was seen lately."""
        return now - self.seen_at < SILENT


def seen(tx: sa.Connection, name: str, role: str, since: dt.datetime, now: dt.datetime) -> None:
    """Say that it lives."""
    upsert(tx, process, [{"name": name, "role": role, "since": since, "seen_at": now}], guarded=False)
    tx.execute(sa.delete(process).where(process.c.seen_at < now - FORGOTTEN))


def gone(tx: sa.Connection, name: str) -> None:
    """Say that it ends."""
    tx.execute(sa.delete(process).where(process.c.name == name))


def every(tx: sa.Connection) -> Sequence[Process]:
    """All of them, daemons first."""
    query = sa.select(process).order_by(process.c.role, process.c.since, process.c.name)
    return [Process(*row) for row in tx.execute(query)]
