"""The mark of an SQLite store that moves, or has moved, to PostgreSQL.

Invariant: a store with the mark is neither read nor written through ``Store``: every transaction looks for
it, those of processes that were running before it was set as well.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from connector.errors import Halt


@dataclass(frozen=True)
class Mark:
    """``source`` names the original in its copy, ``target`` where it goes (no password); ``done`` once the
    copy was found equal: from then on the copy is the store."""

    source: str
    target: str
    done: bool


def require_none(raw: sqlite3.Connection, name: str) -> None:
    """Raise ``Halt`` if the store called ``name`` has the mark."""
    if not raw.execute("PRAGMA user_version").fetchone()[0]:
        return
    mark = read(raw)
    assert mark is not None  # noqa: S101 - both are set in one transaction
    if mark.done:
        todo = "name the new store in database_url (and database_schema)"
        raise Halt(f"this store has moved to {mark.target}", where=name, todo=todo)
    todo = "run 'creditgate db copy' again to go on, or with --abandon to stay here"
    raise Halt(f"this store is being moved to {mark.target}", where=name, todo=todo)


def read(raw: sqlite3.Connection) -> Mark | None:
    """The mark, if the store has one."""
    if not raw.execute("PRAGMA user_version").fetchone()[0]:
        return None
    source, target, done = raw.execute("SELECT source, target, done FROM moved").fetchone()
    return Mark(source, target, bool(done))


def write(raw: sqlite3.Connection, mark: Mark | None) -> None:
    """Set the mark, or take it off, in one transaction."""
    raw.execute("BEGIN IMMEDIATE")
    raw.execute("DROP TABLE IF EXISTS moved")
    if mark is not None:
        raw.execute("CREATE TABLE moved (source TEXT, target TEXT, done INTEGER)")
        raw.execute("INSERT INTO moved VALUES (?, ?, ?)", (mark.source, mark.target, mark.done))
    raw.execute(f"PRAGMA user_version = {int(mark is not None)}")
    raw.execute("COMMIT")
