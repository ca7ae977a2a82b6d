"""A daemon, a worker or a job of one in hurried time: an hour of the calendar in half a minute.

Schedules, leases, pauses and waits between attempts go by a clock that runs HURRY_SPEED times as fast as
time, from HURRY_FROM (seconds since 1970) on. What the vendor counts by (calls in a window, calls at once)
stays as it is. Arguments: ``daemon``, ``worker``, or ``job`` and what stands behind ``creditgate`` on the
command line.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import signal
import sys
import threading
import time

from connector import http, runtime, worker
from connector.cli import bound
from connector.daemon import Daemon
from connector.runs import Command, jobs_of
from connector.schedule import Job
from connector.store import queue
from tests import forked

BEGIN = dt.datetime(2026, 6, 30, 2, tzinfo=dt.UTC)
# Of a machine that has much to do: a claim must outlast its slowest moment, seconds.
LEASE_SECONDS = 4.0


def clock() -> dt.datetime:
    """What time the calendar says."""
    passed = time.time() - float(os.environ["HURRY_FROM"])
    return BEGIN + dt.timedelta(seconds=passed * speed())


def speed() -> float:
    """How much faster it goes."""
    return float(os.environ["HURRY_SPEED"])


def main() -> int:
    """Run one of them until it is told to stop."""
    what, *words = sys.argv[1:]
    if what == "job":
        _job(words)
        return 0
    with runtime.opened() as home:
        lease = dt.timedelta(seconds=LEASE_SECONDS * speed())
        if what == "daemon":
            stopped = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: stopped.set())
            daemon = Daemon(home, jobs_of(home), _command(), tell=_tell, clock=clock, lease=lease)
            daemon.forever(stopped, dt.timedelta(seconds=0.5))
            return 0
        queue.HEARTBEAT, queue.SILENCE = 0.5, 3.0
        made = worker.Worker(
            home, jobs_of(home), _command(), tell=_tell, clock=clock, lease=lease, speed=speed()
        )
        made.forever()
    return 0


def _tell(line: str) -> None:
    # In one piece: several processes write to the same file, and any of them may be killed.
    sys.stderr.write(f"{os.getpid()} {line}\n")
    sys.stderr.flush()


def _job(words: list[str]) -> None:
    """A command as ``connector.cli.bound`` runs it, that waits as short as the calendar goes fast."""
    fast = speed()
    http.READ_SECONDS = 5.0
    hurried = functools.partial(http.Http, sleep=lambda seconds: time.sleep(seconds / fast))
    runtime.Http = hurried  # type: ignore[misc, assignment]
    sys.argv = ["creditgate", *words]
    bound.run()


def _command() -> Command:
    at = os.environ["HURRY_FORKS"]

    def of(job: Job) -> list[str]:
        return [sys.executable, forked.__file__, at, "tests.e2e.hurried", "job", *job.words]

    return of


if __name__ == "__main__":
    sys.exit(main())
