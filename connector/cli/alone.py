"""Who is alone on an SQLite store: the check service, or the copy of the store to PostgreSQL.

Invariant: at most one of them runs on a store; a killed one leaves nothing that hinders the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.store.engine import Store


@contextmanager
def alone(store: Store) -> Iterator[None]:
    """On SQLite, hold the lock file beside the store; ``Halt`` if another process holds it."""
    path = store.url.database
    if not store.is_sqlite or not path or path == ":memory:":
        yield
        return
    import fcntl

    from connector.errors import Halt

    file = Path(f"{path}.serve.lock")
    with file.open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Halt(
                "a check service (or a copy) already runs on this store, and SQLite bears only one",
                where=str(file),
                todo="stop the other one, or move the store to PostgreSQL ('creditgate db copy')",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
