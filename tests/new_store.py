"""Stores with the newest schema, copied from one that was migrated once in a test run."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from connector.admin.home import found
from connector.store.engine import Store
from connector.store.schema import upgrade
from tests import on_postgres
from tests.on_postgres import plain


def new_store(url: str) -> Store:
    """An empty store at ``url``, where no file is yet; a ``postgres_url`` has its schema already."""
    store = Store(url)
    if store.is_sqlite:
        assert store.url.database
        lay(Path(store.url.database))
    upgrade(store)
    return store


def bare_store(file: Path) -> Store:
    """A store at ``file`` without any schema, whatever was there."""
    empty(file)
    return Store(f"sqlite:///{file}")


def empty(file: Path) -> None:
    """Take away all that a store's ``file`` holds, its schema as well."""
    file.unlink(missing_ok=True)
    if on_postgres.WANTED:
        on_postgres.empty(str(file))


def new_home(folder: Path) -> Path:
    """A home folder as ``creditgate init`` makes it; ``folder`` itself."""
    folder.mkdir(parents=True, exist_ok=True)
    lay(folder / "creditgate.db")
    for _ in found(folder):
        pass
    return folder


def lay(file: Path) -> None:
    """Write an empty SQLite store to ``file``."""
    file.write_bytes(_migrated())


def lay_in_memory(store: Store) -> None:
    """Fill a store at ``sqlite://``, which lives in this thread's memory."""
    image = bytearray(_migrated())
    image[18:20] = b"\x01\x01"  # in memory there is no write-ahead log
    with store.engine.connect() as opened:
        raw: Any = opened.connection.dbapi_connection
        raw.rollback()
        raw.deserialize(bytes(image))


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        store = plain(f"sqlite:///{file}")
        upgrade(store)
        store.close()  # the log is moved into the file
        return file.read_bytes()
