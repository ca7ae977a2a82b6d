"""A back-up of an SQLite store, taken while it is in use.

Invariant: the file is there whole and checked, or not at all; it can be read by its owner alone, for it holds
personal data.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from connector.errors import Halt, Retry
from connector.store import moved
from connector.store.engine import Store


def back_up(store: Store, file: Path) -> int:
    """Write the store as it is at one moment to the new ``file``; its size in bytes. Nobody has to wait.

    Raises ``Halt`` if ``file`` is there already or the store is not SQLite, ``Retry`` if the disk is full.
    """
    if not store.is_sqlite or not store.url.database:
        raise Halt(
            "only an SQLite store is backed up by this command",
            where=store.name,
            todo="use pg_dump, as docs/backup.md says",
        )
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        # A file of that name is never written over: it may be the last good back-up.
        file.touch(mode=0o600, exist_ok=False)
    except OSError as fault:
        what = (
            "is there already"
            if isinstance(fault, FileExistsError)
            else f"cannot be written: {fault.strerror}"
        )
        raise Halt(f"the file {what}", where=str(file), todo="name another file") from None
    try:
        part.touch(mode=0o600)
        _copy(store, part)
        part.replace(file)
    except BaseException as fault:
        file.unlink(missing_ok=True)
        if isinstance(fault, sqlite3.OperationalError | OSError):
            raise Retry("the back-up cannot be written", where=str(file), todo="make room there") from None
        raise
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def _copy(store: Store, part: Path) -> None:
    with closing(sqlite3.connect(str(store.url.database))) as raw, closing(sqlite3.connect(part)) as copy:
        moved.require_none(raw, store.name)
        raw.backup(copy)
        if not _sound(copy):
            raise Halt(
                "the store is damaged",
                where=store.name,
                todo="keep the file as it is, and restore an earlier back-up (docs/backup.md)",
            )
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sound(copy: sqlite3.Connection) -> bool:
    try:
        # One file, without a log beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
        return bool(copy.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False
