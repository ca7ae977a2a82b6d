"""Runs: a slot of a job at work in a process of its own.

Invariant: whoever claimed a slot tends its run until the slot says how it ended; a run can be ended whatever
it hangs in, it ends with whoever started it, and every verb may be killed at any line.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from connector import logs, schedule
from connector.errors import Halt, Retry
from connector.runtime import Runtime
from connector.schedule import Job
from connector.store import slots
from connector.store.engine import Store

log = logs.logger("runs")
# Who does not renew its claim for so long is taken for dead.
LEASE = dt.timedelta(seconds=60)
# Runs end within this after SIGTERM, then they are killed; the rest of ten seconds is for saying so.
GRACE_SECONDS = 7.0
# What a run may say of its failure in listings.
WORDS = 500
STOPPED = "stopped with its daemon"
WORDS_OF = {"crm": "CRM connection", "bureau": "agency", "ledger": "ledger"}

Tell = Callable[[str], None]
Command = Callable[[Job], Sequence[str]]
Clock = Callable[[], dt.datetime]


@dataclass
class Run:
    """A run under way, with what it says on stderr."""

    job: Job
    at: dt.datetime
    started: dt.datetime
    renewed: dt.datetime
    process: subprocess.Popen[bytes]
    said: IO[bytes]


class Runs:
    """Runs that ``owner`` has claimed. ``command`` says what is started for a job; ``clock`` what time it is;
    ``tell`` takes one line for whoever looks on; a claim lasts for ``lease``."""

    def __init__(
        self, store: Store, command: Command, owner: str, *, tell: Tell, clock: Clock, lease: dt.timedelta
    ) -> None:
        self._store = store
        self._command = command
        self._owner = owner
        self._tell = tell
        self._clock = clock
        self._lease = lease
        self.under_way: dict[str, Run] = {}

    def start(self, job: Job, at: dt.datetime, now: dt.datetime) -> Run:
        """Start a slot that was claimed."""
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the run
        logged = logs.descriptor()
        # The pipe is never written to: it ends when this process does, however it ends.
        process = subprocess.Popen(
            self._command(job),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            # Runs write their logs where their starter does.
            env=os.environ | ({} if logged is None else {"CREDITGATE_LOG": f"{logs.DESCRIPTOR}{logged}"}),
            pass_fds=() if logged is None else (logged,),
            start_new_session=True,  # Ctrl-C is for the daemon, which then ends its runs in order
        )
        run = Run(job, at, now, now, process, said)
        self.under_way[job.name] = run
        log.info("slot_begins", job=job.name, slot=at)
        self._tell(f"{job.name}: started for {at:%Y-%m-%d %H:%M:%S} UTC")
        return run

    def tend(self, run: Run) -> None:
        """See how it goes: say that it ended, end it if it takes too long, keep its slot."""
        now, code = self._clock(), run.process.poll()
        if code is not None:
            self._ended(run, now, code)
        elif now - run.started >= run.job.schedule.at_most:
            _end([run])
            self._failed(run, now, f"ended after {run.job.schedule.at_most}, the most that it may take", True)
        elif now - run.renewed >= self._lease / 3:
            with self._store.write() as tx:
                kept = slots.renew(tx, run.job.name, run.at, self._owner, now + self._lease)
            run.renewed = now
            if not kept:
                _end([run])
                self._forget(run)
                self._tell(f"{run.job.name}: taken over by another process")

    def stop(self, *, requeue: bool = False) -> None:
        """End what runs and leave its slots to be claimed again; ``requeue``: to be begun again."""
        runs = list(self.under_way.values())
        codes = {run.job.name: run.process.poll() for run in runs}
        _end([run for run in runs if codes[run.job.name] is None])
        for run in runs:
            code = codes[run.job.name]
            if code is not None:
                self._ended(run, self._clock(), code)
                continue
            with self._store.write() as tx:
                if requeue:
                    slots.put_back(tx, run.job.name, run.at, self._owner, self._clock())
                else:
                    slots.end(tx, run.job.name, run.at, self._owner, self._clock(), STOPPED)
            self._forget(run)

    def _ended(self, run: Run, now: dt.datetime, code: int) -> None:
        # 1: done, with something set aside that its own listing shows; a proof failed.
        if code not in (0, 1) or (code and run.job.schedule.act.proof):
            # A signal or an unforeseen fault may pass; what a person has to put right does not.
            self._failed(run, now, _last_words(run, code), code not in (1, Halt.exit_code))
            return
        with self._store.write() as tx:
            kept = slots.end(tx, run.job.name, run.at, self._owner, now)
            if kept:
                slots.recovered(tx, run.job.target)
        self._forget(run)
        if not kept:
            self._tell(f"{run.job.name}: taken over by another process")
            return
        log.info("slot_done", job=run.job.name, slot=run.at, code=code)
        self._tell(f"{run.job.name}: done")

    def _failed(self, run: Run, now: dt.datetime, why: str, passes: bool) -> None:
        paused = None
        with self._store.write() as tx:
            if slots.end(tx, run.job.name, run.at, self._owner, now, why):
                paused = slots.fail(tx, run.job.target, now, why, passes=passes)
        self._forget(run)
        log.warning("slot_failed", job=run.job.name, slot=run.at, until=paused.until if paused else None)
        if paused:
            until = f"until {paused.until:%H:%M:%S} UTC" if paused.until else "until it is resumed"
            self._tell(f"{run.job.name}: {why} – {paused.target} is paused {until}")

    def _forget(self, run: Run) -> None:
        del self.under_way[run.job.name]
        run.said.close()
        if run.process.stdin:
            run.process.stdin.close()


def owner() -> str:
    """What this process is called in slots: its machine, its number and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


def jobs_of(runtime: Runtime) -> list[Job]:
    """The jobs that the configuration asks for. ``Halt`` when a schedule names a connection that there is
    not, or two schedules mean the same job."""
    known = runtime.connections.all()
    crms = [one.name for one in known if one.role == "crm"]
    shared = not runtime.store.is_sqlite
    found = list(schedule.jobs(runtime.config.schedules, crms, runtime.policy.timezone, shared=shared))
    for index, job in enumerate(found):
        role = job.schedule.act.role
        fitting = [one.name for one in known if one.role == role]
        if job.connection is not None and job.connection not in fitting:
            raise Halt(
                f"there is no {WORDS_OF[role]} {job.connection!r} for {job.schedule.verb!r}",
                where="schedules",
                todo="correct the name there; 'creditgate connect list' shows them",
            )
        if job.name in [other.name for other in found[:index]]:
            raise Halt(f"{job.name!r} is there twice", where="schedules", todo="take one of them out")
    return found


def command_line(config_file: Path | None) -> Command:
    """What is started for a job: the same command that a person would type, which ends with its starter."""
    named = ["--config", str(config_file)] if config_file else []

    def of(job: Job) -> list[str]:
        return [sys.executable, "-m", "connector.cli.bound", *named, *job.words]

    return of


def _end(runs: Sequence[Run]) -> None:
    """SIGTERM, and SIGKILL for those that do not heed it, to each with all that it started."""
    for run in runs:
        _signal(run, signal.SIGTERM)
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=GRACE_SECONDS)
    for run in runs:
        try:
            run.process.wait(max((deadline - dt.datetime.now(dt.UTC)).total_seconds(), 0.01))
        except subprocess.TimeoutExpired:
            _signal(run, signal.SIGKILL)
            run.process.wait()


def _signal(run: Run, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended by itself meanwhile
        os.killpg(run.process.pid, number)


def _last_words(run: Run, code: int) -> str:
    """The last line that a run said."""
    run.said.seek(0, os.SEEK_END)
    run.said.seek(max(run.said.tell() - 8 * WORDS, 0))
    lines = [line.strip() for line in run.said.read().decode(errors="replace").splitlines() if line.strip()]
    ended = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    # What else a process says, such as a traceback, may carry values of records.
    return (
        lines[-1].removeprefix("creditgate: ")[:WORDS]
        if lines and code in (1, Halt.exit_code, Retry.exit_code)
        else ended
    )
