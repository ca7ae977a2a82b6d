"""Slots of the daemon's jobs: claimed once, kept by a lease, ended as done or failed.

Invariant: a job runs in one place at a time, and a slot that is done never runs again. What failed, or
whose daemon died, may be claimed again as long as no later slot is due; the pause says when. A daemon
claims a slot that it runs itself; where workers run them, it queues it, and one of them begins it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from connector.store import locks
from connector.store.daemon_tables import pause, slot

KEEP = dt.timedelta(days=30)
FIRST_PAUSE, LONGEST_PAUSE = dt.timedelta(minutes=1), dt.timedelta(hours=1)
# What looks like a person's to put right is tried so often before it waits for one: a vendor may refuse even
# a good token twice, and a file may be read while it is being changed.
REFUSALS = 3


@dataclass(frozen=True)
class Slot:
    """A slot that was claimed; ``note`` says why it failed."""

    job: str
    at: dt.datetime
    state: str
    owner: str
    attempts: int
    started_at: dt.datetime
    lease_until: dt.datetime
    ended_at: dt.datetime | None
    note: str


class Begun(StrEnum):
    """What a worker finds: it has the slot now, somebody else has it still, or there is nothing to do."""

    MINE = "mine"
    TAKEN = "taken"
    OVER = "over"


@dataclass(frozen=True)
class Pause:
    """Why ``target`` does not run, and until when (``None``: until a person resumes it). Of its ``failures``
    in a row the last ``refusals`` were for a person to put right."""

    target: str
    failures: int
    until: dt.datetime | None
    since: dt.datetime
    reason: str
    refusals: int = 0

    def holds(self, now: dt.datetime) -> bool:
        """Whether nothing runs on the target at ``now``."""
        return self.until is None or now < self.until


def claim(
    tx: sa.Connection, job: str, at: dt.datetime, owner: str, now: dt.datetime, lease: dt.timedelta
) -> bool:
    """Whether ``owner`` runs this slot from now on. Not so if it is done or a later one was begun, or if the
    job runs anywhere."""
    _one_by_one(tx, job)
    if _hindered(tx, job, at, now, "done"):
        return False
    _put(tx, job, at, owner, now, "running", now + lease)
    _pass_over(tx, job, at, now)
    return True


def queue(tx: sa.Connection, job: str, at: dt.datetime, owner: str, now: dt.datetime) -> bool:
    """Whether this slot waits for a worker from now on. Not so in the cases of ``claim``, or if it waits or
    was begun already: what a worker that died has begun is begun again by another one. Earlier slots that
    still wait are skipped."""
    _one_by_one(tx, job)
    if _hindered(tx, job, at, now, "done", "queued", "running"):
        return False
    _put(tx, job, at, owner, now, "queued", now)
    _pass_over(tx, job, at, now)
    return True


def begin(
    tx: sa.Connection, job: str, at: dt.datetime, owner: str, now: dt.datetime, lease: dt.timedelta
) -> Begun:
    """Whether ``owner`` runs a slot that was queued from now on."""
    _one_by_one(tx, job)
    here = slot.c.job == job, slot.c.at == at
    state = tx.execute(sa.select(slot.c.state).where(*here)).scalar()
    if state not in ("queued", "running") or _any(tx, slot.c.job == job, slot.c.at > at):
        return Begun.OVER
    if _any(tx, slot.c.job == job, slot.c.state == "running", slot.c.lease_until > now):
        return Begun.TAKEN
    values = _values(owner, now, "running", now + lease)
    # What was queued counts as an attempt already; what a dead worker had begun is one more.
    attempts = slot.c.attempts + int(state == "running")
    tx.execute(sa.update(slot).where(*here).values(**values, attempts=attempts))
    return Begun.MINE


def put_back(tx: sa.Connection, job: str, at: dt.datetime, owner: str, now: dt.datetime) -> bool:
    """Have a slot that was begun wait again; false when somebody else has it by now."""
    values = _values(owner, now, "queued", now)
    return bool(tx.execute(sa.update(slot).where(*_mine(job, at, owner)).values(**values)).rowcount)


def _put(
    tx: sa.Connection,
    job: str,
    at: dt.datetime,
    owner: str,
    now: dt.datetime,
    state: str,
    lease_until: dt.datetime,
) -> None:
    values = _values(owner, now, state, lease_until)
    again = sa.update(slot).where(slot.c.job == job, slot.c.at == at)
    if not tx.execute(again.values(**values, attempts=slot.c.attempts + 1)).rowcount:
        tx.execute(slot.insert().values(job=job, at=at, attempts=1, **values))
    tx.execute(sa.delete(slot).where(slot.c.job == job, slot.c.at < now - KEEP, slot.c.at < at))


def _pass_over(tx: sa.Connection, job: str, at: dt.datetime, now: dt.datetime) -> None:
    """Earlier slots that still wait, or whose run died, are not done any more."""
    earlier = slot.c.job == job, slot.c.at < at, slot.c.state.in_(("queued", "running"))
    tx.execute(sa.update(slot).where(*earlier).values(state="skipped", ended_at=now))


def _values(owner: str, now: dt.datetime, state: str, lease_until: dt.datetime) -> dict[str, Any]:
    return {
        "state": state,
        "owner": owner,
        "started_at": now,
        "lease_until": lease_until,
        "ended_at": None,
        "note": "",
    }


def _one_by_one(tx: sa.Connection, job: str) -> None:
    """Two daemons that find no row must not both insert one."""
    locks.take(tx, f"slot {job}")


def _hindered(tx: sa.Connection, job: str, at: dt.datetime, now: dt.datetime, *states: str) -> bool:
    hindering = sa.or_(
        sa.and_(slot.c.state == "running", slot.c.lease_until > now),
        slot.c.at > at,
        sa.and_(slot.c.at == at, slot.c.state.in_(states)),
    )
    return _any(tx, slot.c.job == job, hindering)


def _any(tx: sa.Connection, *conditions: sa.ColumnElement[bool]) -> bool:
    return bool(tx.execute(sa.select(sa.exists().where(*conditions))).scalar_one())


def renew(tx: sa.Connection, job: str, at: dt.datetime, owner: str, until: dt.datetime) -> bool:
    """Keep a slot until ``until``; false when somebody else has it by now."""
    return bool(tx.execute(sa.update(slot).where(*_mine(job, at, owner)).values(lease_until=until)).rowcount)


def end(tx: sa.Connection, job: str, at: dt.datetime, owner: str, now: dt.datetime, fault: str = "") -> bool:
    """Say that a slot is done, or by ``fault`` that it failed; false when somebody else has it by now."""
    values = {"state": "failed" if fault else "done", "ended_at": now, "note": fault}
    return bool(tx.execute(sa.update(slot).where(*_mine(job, at, owner)).values(**values)).rowcount)


def _mine(job: str, at: dt.datetime, owner: str) -> tuple[sa.ColumnElement[bool], ...]:
    return slot.c.job == job, slot.c.at == at, slot.c.owner == owner, slot.c.state == "running"


def latest(tx: sa.Connection) -> dict[str, Slot]:
    """The latest slot of each job."""
    newest = sa.select(slot.c.job, sa.func.max(slot.c.at).label("at")).group_by(slot.c.job).subquery()
    query = sa.select(slot).join(newest, sa.and_(newest.c.job == slot.c.job, newest.c.at == slot.c.at))
    return {row.job: Slot(*row) for row in tx.execute(query.order_by(slot.c.job))}


def fail(tx: sa.Connection, target: str, now: dt.datetime, reason: str, *, passes: bool) -> Pause:
    """Pause ``target`` for a minute, twice as long each time, an hour at the most; until a person resumes it
    if the fault does not pass (``passes``) and came ``REFUSALS`` times in a row."""
    before = _pause(tx, target)
    failures = (before.failures if before else 0) + 1
    refusals = 0 if passes else (before.refusals if before else 0) + 1
    wait = min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE)
    stopped = refusals >= REFUSALS or (before is not None and before.until is None)
    return _set(tx, Pause(target, failures, None if stopped else now + wait, now, reason, refusals), before)


def stop(tx: sa.Connection, target: str, now: dt.datetime, reason: str) -> Pause:
    """Pause ``target`` by a person's wish, until it is resumed."""
    before = _pause(tx, target)
    return _set(tx, Pause(target, before.failures if before else 0, None, now, reason), before)


def resume(tx: sa.Connection, target: str) -> bool:
    """Let ``target`` run again; whether it was paused."""
    return bool(tx.execute(sa.delete(pause).where(pause.c.target == target)).rowcount)


def recovered(tx: sa.Connection, target: str) -> None:
    """A run went well: failures are forgotten, but not a pause without an end."""
    tx.execute(sa.delete(pause).where(pause.c.target == target, pause.c.until.is_not(None)))


def pauses(tx: sa.Connection, targets: Sequence[str] | None = None) -> dict[str, Pause]:
    """What failed last or is paused, by target."""
    query = sa.select(pause).order_by(pause.c.target)
    if targets is not None:
        query = query.where(pause.c.target.in_(targets))
    return {row.target: Pause(*row) for row in tx.execute(query)}


def _pause(tx: sa.Connection, target: str) -> Pause | None:
    return pauses(tx, [target]).get(target)


def _set(tx: sa.Connection, one: Pause, before: Pause | None) -> Pause:
    values = asdict(one)
    if before is not None:
        tx.execute(sa.update(pause).where(pause.c.target == one.target).values(**values))
    else:
        tx.execute(pause.insert().values(**values))
    return one
