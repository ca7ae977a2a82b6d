"""What the service does beside answering: it reads again what the CRMs have told of, looks after what is on
hold, and leaves a sign that it is up.

Invariant: nothing here delays an answer or ends the service; what fails is due again later, and a thread
that is killed leaves claims that end by themselves.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from connector import hooks, logs
from connector.api.hooks import Hooks
from connector.api.rules import Rules
from connector.arrivals import Counting
from connector.errors import CreditGateError
from connector.gate.settling import gate_of, settle
from connector.runtime import Runtime
from connector.store import inbox, past
from connector.store.connections import Connection

log = logs.logger("api")
LAST_BATCH_SECONDS = 10.0
# How often the service says that it is up; what comes later than ``past.LATE`` counts as down.
BEAT = dt.timedelta(seconds=30)


class Background:
    """One thread that looks into the inbox every few seconds."""

    def __init__(self, runtime: Runtime, taker: Hooks, seconds: float, rules: Rules | None = None) -> None:
        self._runtime = runtime
        self._rules = rules
        self._started = runtime.clock()
        self._beat: int | None = None
        self._beaten_at: dt.datetime | None = None
        self._taker = taker
        self._reads, self._seconds = bool(seconds), seconds or BEAT.total_seconds()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox" if seconds else "beat", daemon=True)

    def start(self) -> None:
        """Begin; ``stop`` must follow."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch under way, or leave it to its lease if it takes too long."""
        self._ended.set()
        self._thread.join(LAST_BATCH_SECONDS)

    def turn(self) -> None:
        """Look once, and read again what is due."""
        self._taker.note_refused()
        self._sign()
        if not self._reads:
            return
        with self._runtime.store.read() as tx:
            due = inbox.due(tx, self._runtime.clock())
        if not due:
            return
        for connection in self._runtime.connections.all("crm"):
            if connection.id in due and not self._ended.is_set():
                self._process(connection)
        if self._rules is not None and not self._ended.is_set():
            settle(self._runtime, gate_of(self._runtime, *self._rules.current()))

    def _sign(self) -> None:
        """Move the end of this process's time on, now and then."""
        now = self._runtime.clock()
        if self._beaten_at is None or now - self._beaten_at >= BEAT:
            with self._runtime.store.write() as tx:
                self._beat = past.beat(tx, self._started, self._beat, now)
            self._beaten_at = now

    def _process(self, connection: Connection) -> None:
        try:
            crm, mapping = self._runtime.crm(connection), self._runtime.mapping(connection)
            counting = Counting(*self._rules.current()) if self._rules else self._runtime.counting
            hooks.process(self._runtime.store, connection, crm, mapping, counting=counting)
        except CreditGateError as fault:
            log.warning("not_read_again", connection=connection.name, **logs.told(fault))
        finally:
            self._runtime.release()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self.turn()
            except CreditGateError as fault:
                log.warning("inbox_waits", **logs.told(fault))
            except Exception as fault:
                log.error("inbox_failed", **logs.told(fault))


@contextmanager
def running(runtime: Runtime, taker: Hooks, rules: Rules | None = None) -> Iterator[None]:
    """The thread, for as long as the service runs; it only signs when the configuration says so."""
    background = Background(runtime, taker, runtime.config.hooks_every_seconds, rules)
    background.start()
    try:
        yield
    finally:
        background.stop()
