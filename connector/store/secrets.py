"""Secrets of a connection: settings, tokens; encrypted in the store, shared by all processes.

Invariant: only ciphertext reaches the disk, and no plaintext reaches an error or a log.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from cryptography.fernet import InvalidToken, MultiFernet

from connector.adapter import Secrets
from connector.errors import Halt
from connector.store import locks
from connector.store.engine import Store
from connector.store.tables import secret
from connector.store.upsert import upsert

_thread_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


class StoreSecrets(Secrets):
    """Secrets of the connection with id ``connection_id``."""

    def __init__(
        self,
        store: Store,
        cipher: MultiFernet,
        connection_id: int,
        home: Path,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._store = store
        self._now = now
        self._cipher = cipher
        self._connection = connection_id
        self._home = home

    def get(self, name: str) -> str | None:
        """The secret, or ``None`` when absent or expired; ``Halt`` when the key does not fit."""
        query = sa.select(secret.c.value, secret.c.expires_at).where(
            secret.c.connection_id == self._connection, secret.c.name == name
        )
        with self._store.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or (row.expires_at and row.expires_at <= self._now()):
            return None
        try:
            return self._cipher.decrypt(row.value.encode()).decode()
        except InvalidToken:
            raise Halt(
                "a stored secret cannot be decrypted with the present key",
                where=f"connection {self._connection}",
                todo="restore the key (CREDITGATE_KEY or secret.key), or add the connection again",
            ) from None

    def put(self, name: str, value: str, expires_at: dt.datetime | None = None) -> None:
        """Keep ``value`` until ``expires_at`` (aware UTC)."""
        row = {
            "connection_id": self._connection,
            "name": name,
            "value": self._cipher.encrypt(value.encode()).decode(),
            "expires_at": expires_at,
        }
        with self._store.write() as connection:
            upsert(connection, secret, [row], guarded=False)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """One holder at a time: a file lock between processes of one machine on SQLite, an advisory lock
        of the database on PostgreSQL, which also spans machines."""
        label = f"{self._store.name}:{self._connection}:{name}"
        with _guard:
            thread_lock = _thread_locks.setdefault(label, threading.Lock())
        with thread_lock:
            if not self._store.is_sqlite:
                with self._store.translated(), self._store.engine.connect() as tx, tx.begin():
                    locks.take(tx, f"secret {self._connection}:{name}")
                    yield
                return
            number = int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), signed=True)
            with (self._home / f".lock-{number & (2**63 - 1):x}").open("w") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
