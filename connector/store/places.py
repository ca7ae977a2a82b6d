"""Places for calls: how many a connection makes at once, over all processes.

Invariant: at any moment at most ``slots`` calls of a connection are under way, of them at most ``heavy``
heavy ones, whichever processes make them; a place is free again when its process ends, however it ends: it
is an advisory lock of a session on PostgreSQL, the lock of a file beside the store on SQLite.
"""

from __future__ import annotations

import fcntl
import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from connector.adapter import Limits
from connector.errors import CreditGateError
from connector.store.engine import Store

# A place that is not free is asked for again after this, seconds, spread by chance.
LOOK_EVERY = 0.02


class StorePlaces:
    """The places of the connection with id ``connection_id``; ``home`` is where lock files go."""

    def __init__(
        self,
        store: Store,
        connection_id: int,
        limits: Limits,
        home: Path,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        heavy = min(limits.heavy or limits.slots, limits.slots)
        room: _Room = _Files(home) if store.is_sqlite else _Session(store)
        self._room = room
        self._all = _Kind(f"{connection_id}", limits.slots)
        self._heavy = _Kind(f"{connection_id} heavy", heavy) if heavy < limits.slots else None
        self._sleep = sleep

    @contextmanager
    def hold(self, *, heavy: bool) -> Iterator[None]:
        """Have a place as long as the block lasts; waits for one."""
        if heavy and self._heavy is not None:
            with self._held(self._heavy), self._held(self._all):
                yield
            return
        with self._held(self._all):
            yield

    def close(self) -> None:
        """Give up what places are kept by."""
        self._room.close()

    @contextmanager
    def _held(self, kind: _Kind) -> Iterator[None]:
        while (place := self._room.take(kind)) is None:
            self._sleep(LOOK_EVERY * random.uniform(0.5, 1.5))  # noqa: S311 - spreads the processes
        try:
            yield
        finally:
            self._room.leave(kind, place)


class _Kind:
    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self.count = count
        self.mine: set[int] = set()

    def others(self) -> Sequence[int]:
        """The places that this process does not have, in an order of its own."""
        found = [place for place in range(self.count) if place not in self.mine]
        random.shuffle(found)
        return found


class _Room:
    def take(self, kind: _Kind) -> int | None:
        """A place that was free; ``None`` when none is."""
        raise NotImplementedError

    def leave(self, kind: _Kind, place: int) -> None:
        """Let others have it."""
        raise NotImplementedError

    def close(self) -> None:
        """Let others have all."""
        raise NotImplementedError


class _Files(_Room):
    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._open: dict[tuple[str, int], IO[str]] = {}

    def take(self, kind: _Kind) -> int | None:
        with self._lock:
            for place in kind.others():
                name = f".place-{kind.name.replace(' ', '-')}-{place}"
                handle = (self._home / name).open("w")
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    handle.close()
                    continue
                self._open[kind.name, place] = handle
                kind.mine.add(place)
                return place
        return None

    def leave(self, kind: _Kind, place: int) -> None:
        with self._lock:
            kind.mine.discard(place)
            handle = self._open.pop((kind.name, place), None)
        if handle is not None:
            handle.close()

    def close(self) -> None:
        with self._lock:
            for handle in self._open.values():
                handle.close()
            self._open.clear()


class _Session(_Room):
    """One session holds all places of this process: what ends it, frees them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._connection: sa.Connection | None = None
        self._held: set[tuple[str, int]] = set()
        self._schema = ""

    def take(self, kind: _Kind) -> int | None:
        with self._lock, self._whole():
            others = kind.others()
            if not others:
                return None
            asked = sa.bindparam("places", others, sa.ARRAY(sa.Integer))
            tried = sa.func.unnest(asked).column_valued("place")
            opened = self._opened()
            # One after the other, and no further than the first that is free.
            query = sa.select(tried).where(sa.func.pg_try_advisory_lock(self._key(kind), tried)).limit(1)
            place: int | None = opened.execute(query).scalar()
            if place is not None:
                kind.mine.add(place)
                self._held.add((kind.name, place))
            return place

    def leave(self, kind: _Kind, place: int) -> None:
        with self._lock:
            kind.mine.discard(place)
            if (kind.name, place) in self._held and self._connection is not None:
                self._held.discard((kind.name, place))
                # What a session that is lost had held is free anyway: the call's answer counts.
                with suppress(CreditGateError), self._whole():
                    self._connection.execute(sa.select(sa.func.pg_advisory_unlock(self._key(kind), place)))

    def close(self) -> None:
        with self._lock:
            self._drop()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A session that fails is done with: what it held is free, and the next call opens another one."""
        try:
            with self._store.translated():
                yield
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        self._held.clear()
        if self._connection is not None:
            # The session is ended, not given back to the pool: whatever it still holds is free.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _opened(self) -> sa.Connection:
        if self._connection is None:
            engine = self._store.engine.execution_options(isolation_level="AUTOCOMMIT")
            self._connection = engine.connect()
            self._schema = str(self._connection.execute(sa.select(sa.func.current_schema())).scalar())
        return self._connection

    def _key(self, kind: _Kind) -> int:
        label = f"{self._schema}:places {kind.name}".encode()
        return int.from_bytes(hashlib.blake2b(label, digest_size=4).digest(), signed=True)
