"""The daemon: sees to it that what the schedules say is done when it is due.

Invariant: a slot is claimed in the store before it runs and ended there after, so that it is done once
however many daemons run. On SQLite the daemon does the work itself; on PostgreSQL it only queues it, and
workers do it. Of missed slots only the latest runs.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence

from connector import logs
from connector.errors import Halt, Retry
from connector.runs import LEASE, Clock, Command, Runs, Tell, owner
from connector.runtime import Runtime
from connector.schedule import Job
from connector.store import processes, queue, slots

log = logs.logger("daemon")
TICK = dt.timedelta(seconds=1)


class Daemon:
    """Runs, or queues, the jobs of ``runtime``. ``command`` says what is started for a job; ``clock`` what
    time it is; ``tell`` takes one line for whoever looks on; a claim lasts for ``lease``."""

    def __init__(
        self,
        runtime: Runtime,
        jobs: Sequence[Job],
        command: Command,
        *,
        tell: Tell = lambda line: None,
        clock: Clock | None = None,
        lease: dt.timedelta = LEASE,
    ) -> None:
        self._store = runtime.store
        self._jobs = jobs
        self._tell = tell
        self._clock = clock or runtime.clock
        self._lease = lease
        self._lost = ""
        self.owner = owner()
        self.runs = Runs(self._store, command, self.owner, tell=tell, clock=self._clock, lease=lease)
        self._since = self._told = runtime.clock()
        self._real = runtime.clock

    def forever(self, stopped: threading.Event, tick: dt.timedelta = TICK) -> None:
        """Look every second until ``stopped``; then end what runs, within ten seconds."""
        from apscheduler.schedulers.background import BackgroundScheduler

        clock = BackgroundScheduler(timezone=dt.UTC)
        clock.add_job(self.survive, "interval", seconds=tick.total_seconds(), coalesce=True, max_instances=1)
        clock.start()
        try:
            self._say()
            stopped.wait()
        finally:
            clock.shutdown(wait=True)
            self.stop()

    def survive(self) -> None:
        """Look once; a store that cannot be reached is told once, and asked again at the next tick."""
        try:
            self.look()
            if self._real() - self._told >= processes.SAY_EVERY:
                self._say()
        except (Retry, Halt) as fault:
            if str(fault) != self._lost:
                log.error("daemon_cannot_look", **logs.told(fault))
                self._tell(str(fault))
            self._lost = str(fault)
        else:
            self._lost = ""

    def look(self) -> None:
        """Tend what runs, and start or queue what is due."""
        for run in list(self.runs.under_way.values()):
            self.runs.tend(run)
        now = self._clock()
        idle = [job for job in self._jobs if job.name not in self.runs.under_way and not job.is_quiet(now)]
        due = [(job, at) for job in idle if (at := job.slot(now)) is not None]
        if not due:
            return
        settling = ("done",) if self._store.is_sqlite else ("done", "queued", "running")
        with self._store.read() as tx:
            latest = slots.latest(tx)
            paused = {name for name, one in slots.pauses(tx).items() if one.holds(now)}
        for job, at in due:
            last = latest.get(job.name)
            settled = last is not None and (last.at > at or (last.at == at and last.state in settling))
            if settled or job.target in paused:
                continue
            if self._store.is_sqlite:
                self._start(job, at, now)
            else:
                self._queue(job, at, now)

    def stop(self) -> None:
        """End what runs and leave its slots to be claimed again, by another daemon or the next one."""
        self.runs.stop()
        with self._store.write() as tx:
            processes.gone(tx, self.owner)

    def _start(self, job: Job, at: dt.datetime, now: dt.datetime) -> None:
        with self._store.write() as tx:
            claimed = slots.claim(tx, job.name, at, self.owner, now, self._lease)
        if claimed:
            self.runs.start(job, at, now)

    def _queue(self, job: Job, at: dt.datetime, now: dt.datetime) -> None:
        with self._store.write() as tx:
            queued = slots.queue(tx, job.name, at, self.owner, now)
            if queued:
                queue.defer(tx, job.name, at, job.name)
        if queued:
            self._tell(f"{job.name}: queued for {at:%Y-%m-%d %H:%M:%S} UTC")

    def _say(self) -> None:
        self._told = self._real()
        with self._store.write() as tx:
            processes.seen(tx, self.owner, processes.DAEMON, self._since, self._told)
