"""Moves SQLite's write-ahead log into the database beside the writers.

Invariant: nobody waits for it but for the short end of a log that has become long. Left to the writers, the
one whose commit fills the log moves all of it, and all that queue behind wait for that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from connector import logs
from connector.errors import CreditGateError
from connector.store.engine import LOG_PAGES, Store

log = logs.logger("store")
PACE_SECONDS = 0.5
# Pages of the log. Above LONG the writers wait a moment, so that it can begin anew; at MOST they move it.
LONG, MOST = 16_000, 64_000


@contextmanager
def beside(store: Store) -> Iterator[None]:
    """Move the log in a thread of its own, as long as this lasts; on PostgreSQL there is nothing to do."""
    if not store.is_sqlite:
        yield
        return
    store.leave_log(MOST)
    ended = threading.Event()
    thread = threading.Thread(target=_run, args=(store, ended), name="checkpoints", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        store.leave_log(LOG_PAGES)


def _run(store: Store, ended: threading.Event) -> None:
    while not ended.wait(PACE_SECONDS):
        try:
            if store.move_log() > LONG:
                store.move_log(alone=True)
        except CreditGateError as fault:
            log.warning("log_not_moved", **logs.told(fault))
