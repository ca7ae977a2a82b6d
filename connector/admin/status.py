"""How the installation stands, on one screen.

Invariant: reads the store alone and calls nobody; one row a job, stream or pile of work, the worst first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connector.schedule import Job
from connector.store import health, processes, queue, slots
from connector.store.engine import Store
from connector.store.slots import Pause, Slot

_ORDER = ("paused", "failed", "waiting", "late", "running", "queued", "ok")


@dataclass(frozen=True)
class Line:
    """``state`` is ``paused``, ``failed``, ``waiting`` (for a person), ``late``, ``running``,
    ``queued`` (for a worker) or ``ok``; ``at`` the moment that it is about, ``following`` when the job
    starts next."""

    what: str
    state: str
    at: dt.datetime | None
    following: dt.datetime | None
    note: str


def lines(store: Store, jobs: Sequence[Job], now: dt.datetime) -> list[Line]:
    """Jobs, streams, and what waits."""
    with store.read() as tx:
        found = [*_jobs(tx, jobs, now), *_processes(tx, jobs, now), *_streams(tx), *_waiting(tx)]
    return sorted(found, key=lambda line: _ORDER.index(line.state))


def _jobs(tx: sa.Connection, jobs: Sequence[Job], now: dt.datetime) -> Iterator[Line]:
    latest, pauses = slots.latest(tx), slots.pauses(tx)
    for job in jobs:
        yield _job(job, latest.get(job.name), pauses.get(job.target), now)


def _job(job: Job, last: Slot | None, pause: Pause | None, now: dt.datetime) -> Line:
    following = job.following(now)
    if pause is not None and pause.holds(now):
        return Line(job.name, "paused", pause.since, pause.until, pause.reason)
    if last is not None and last.state == "failed":
        return Line(job.name, "failed", last.ended_at, following, last.note)
    if last is not None and last.state == "running" and last.lease_until > now:
        return Line(job.name, "running", last.started_at, following, f"by {last.owner}")
    if last is not None and last.state == "queued":
        return Line(job.name, "queued", last.started_at, following, "waits for a worker")
    due, ended = job.slot(now), None if last is None else last.ended_at
    open_still = last is None or last.state == "running" or (due is not None and last.at < due)
    if due is not None and open_still and not job.is_quiet(now):
        note = f"due since {due:%Y-%m-%d %H:%M} UTC: does a daemon run?"
        return Line(job.name, "late", ended, following, note)
    return Line(job.name, "ok", ended, following, "")


def _processes(tx: sa.Connection, jobs: Sequence[Job], now: dt.datetime) -> Iterator[Line]:
    """Daemons and workers with what they do, and what waits for a worker."""
    doing: dict[str, list[str]] = {}
    for one in slots.latest(tx).values():
        if one.state == "running" and one.lease_until > now:
            doing.setdefault(one.owner, []).append(one.job)
    alive = 0
    for process in processes.every(tx):
        lives, work = process.lives(now), ", ".join(doing.get(process.name, []))
        alive += lives and process.role == processes.WORKER
        idle = "idle" if process.role == processes.WORKER else "looks every second"
        note = work or idle if lives else "silent: was it killed?"
        state = ("running" if work else "ok") if lives else "late"
        yield Line(f"{process.role} {process.name}", state, process.seen_at, None, note)
    if tx.dialect.name == "postgresql":
        count = queue.waiting(tx)
        note = f"{count} jobs wait" if alive or not count else f"{count} jobs wait: does a worker run?"
        yield Line("queue", "ok" if alive or not count else "late", None, None, note)


def _streams(tx: sa.Connection) -> Iterator[Line]:
    for one in health.streams(tx):
        complete = (
            f"complete up to {one.watermark:%Y-%m-%d %H:%M} UTC" if one.watermark else "not yet complete"
        )
        what = f"{one.connection} {one.stream}"
        yield Line(what, "ok" if one.watermark else "running", one.updated_at, None, complete)


def _waiting(tx: sa.Connection) -> Iterator[Line]:
    for writes in health.waiting(tx):
        text = f"{writes.count} writes, {writes.dead} given up: creditgate outbox list"
        state = "waiting" if writes.dead else "ok"
        yield Line(f"{writes.connection} outbox", state, writes.oldest_due, None, text)
    for name, count in health.rejects(tx):
        yield Line(f"{name} rejects", "waiting", None, None, f"{count} records: creditgate rejects list")
    total, dirty = health.unassessed(tx)
    yield Line("customers", "ok", None, None, f"{total}, of which {dirty} changed since they were assessed")
