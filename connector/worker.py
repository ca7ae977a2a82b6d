"""The worker: takes jobs from the queue on PostgreSQL and does them, each in a process of its own.

Invariant: a job is a hint to look at its slot; what is not to be done (any more) is passed over. A worker
that is stopped puts back what it had begun; what one that was killed had begun is found by the others by its
silence, and begun again once its lease is over.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from connector.errors import CreditGateError, Halt, Retry
from connector.runs import LEASE, Clock, Command, Runs, Tell, owner
from connector.runtime import Runtime
from connector.schedule import Job
from connector.store import processes, queue, slots
from connector.store.slots import Begun

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.jobs import Job as Queued

# How often a run is looked after, the queue where no word came of a new job, and a store that was lost,
# seconds.
TEND_EVERY, FETCH_EVERY, LOST_EVERY = 0.1, 1.0, 5.0
# How many parts of a lease a slot is waited for that somebody else has still.
PATIENCE = 6


class _Later(Exception):
    """Not now: again in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Worker:
    """Does the jobs of ``runtime``, ``at_once`` at a time; the rest as for ``Daemon``. ``speed`` is how much
    faster ``clock`` goes than time."""

    def __init__(
        self,
        runtime: Runtime,
        jobs: Sequence[Job],
        command: Command,
        *,
        at_once: int = 1,
        tell: Tell = lambda line: None,
        clock: Clock | None = None,
        lease: dt.timedelta = LEASE,
        speed: float = 1.0,
    ) -> None:
        if runtime.store.is_sqlite:
            raise Halt(
                "on SQLite there is nothing for workers to do: the daemon does the work itself",
                where=runtime.store.name,
                todo="run 'creditgate daemon' alone, or move to PostgreSQL (docs/operations.md)",
            )
        self._store = runtime.store
        self._jobs = {job.name: job for job in jobs}
        self._at_once = at_once
        self._tell = tell
        self._clock = clock or runtime.clock
        self._lease = lease
        self._wait = lease.total_seconds() / speed / PATIENCE
        self._real = runtime.clock
        self._since = runtime.clock()
        self._put_back: set[str] = set()
        self.owner = owner()
        self.runs = Runs(self._store, command, self.owner, tell=tell, clock=self._clock, lease=lease)

    def forever(self) -> None:
        """Work until SIGTERM or Ctrl-C; then end what runs and put it back, within ten seconds."""
        asyncio.run(self._forever())
        with suppress(Retry), self._store.write() as tx:
            processes.gone(tx, self.owner)

    async def _forever(self) -> None:
        task = asyncio.ensure_future(self._serve())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    async def _serve(self) -> None:
        """Serve the queue; a store that is lost is told once, and looked for again."""
        from procrastinate.exceptions import ConnectorException

        lost = False
        while True:
            try:
                app = self._app()
                async with app.open_async():
                    lost = False
                    await self._work(app)
                return
            except (ConnectorException, Retry) as fault:
                if not lost:
                    self._tell(str(fault) if isinstance(fault, Retry) else "the database cannot be reached")
                lost = True
            await asyncio.sleep(LOST_EVERY)

    def _app(self) -> App:
        from procrastinate import App, BaseRetryStrategy, RetryDecision

        class Again(BaseRetryStrategy):
            def get_retry_decision(self, *, exception: BaseException, job: Queued) -> RetryDecision | None:
                later = isinstance(exception, _Later)
                seconds = max(1, round(exception.seconds)) if isinstance(exception, _Later) else 0
                return RetryDecision(retry_in={"seconds": seconds}) if later else None

        app = App(connector=queue.connector(self._store))
        app.task(name=queue.TASK, retry=Again())(self._do)
        return app

    async def _work(self, app: App) -> None:
        watch = asyncio.ensure_future(self._watch(app))
        try:
            await app.run_worker_async(
                concurrency=self._at_once,
                fetch_job_polling_interval=FETCH_EVERY,
                shutdown_graceful_timeout=0,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=queue.HEARTBEAT,
                stalled_worker_timeout=queue.SILENCE,
            )
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _watch(self, app: App) -> None:
        """Say that this worker lives, and put back into the queue what silent ones had taken."""
        from procrastinate.exceptions import ConnectorException

        while True:
            with suppress(CreditGateError, ConnectorException):
                with self._store.write() as tx:
                    processes.seen(tx, self.owner, processes.WORKER, self._since, self._real())
                for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=queue.SILENCE):
                    await app.job_manager.retry_job(job)
            await asyncio.sleep(queue.HEARTBEAT)

    async def _do(self, job: str, at: str) -> None:
        """Do the slot ``at`` of ``job`` if it is still to be done."""
        name, slot = job, dt.datetime.fromisoformat(at)
        known = self._jobs.get(name)
        try:
            begun = self._begin(name, known, slot)
        except CreditGateError as fault:
            self._tell(str(fault))
            raise _Later(self._wait) from None
        if begun is Begun.TAKEN:
            raise _Later(self._wait)
        if begun is Begun.OVER or known is None:
            return
        self.runs.start(known, slot, self._clock())
        try:
            await self._tended(name)
        except asyncio.CancelledError:
            if self.runs.under_way:  # all at once: there are ten seconds for all of them
                self._put_back |= set(self.runs.under_way)
                self.runs.stop(requeue=True)
            if name in self._put_back:
                self._tell(f"{name}: put back")
                raise _Later(0) from None

    def _begin(self, name: str, job: Job | None, at: dt.datetime) -> Begun:
        now = self._clock()
        with self._store.write() as tx:
            begun = slots.begin(tx, name, at, self.owner, now, self._lease)
            if begun is not Begun.MINE:
                return begun
            if job is None:
                why = f"the calendar of the worker {self.owner} has no {name!r}: start it again"
                slots.end(tx, name, at, self.owner, now, why)
                slots.fail(tx, name, now, why, passes=True)
                self._tell(why)
                return Begun.OVER
            pause = slots.pauses(tx, [job.target]).get(job.target)
            if pause is not None and pause.holds(now):
                # It was paused while the job waited; a daemon queues it again after that.
                slots.end(tx, name, at, self.owner, now, f"{job.target} is paused: {pause.reason}")
                return Begun.OVER
        return begun

    async def _tended(self, name: str) -> None:
        while (run := self.runs.under_way.get(name)) is not None:
            with suppress(Retry):  # the store is lost for a while: the run goes on, and is looked at again
                self.runs.tend(run)
            await asyncio.sleep(TEND_EVERY)
