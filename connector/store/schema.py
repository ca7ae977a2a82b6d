"""The schema's history: one linear alembic line for SQLite and PostgreSQL.

Invariant: code runs only on the schema that it was written for; expand comes before contract. Alembic is
imported to migrate, not to look: every command looks.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connector.errors import Halt
from connector.store import locks
from connector.store.engine import Store

if TYPE_CHECKING:
    from alembic.config import Config

# What a copy that is not whole yet has for its revision: no version of the program runs on it.
COPYING = "copying"
MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = sa.table("alembic_version", sa.column("version_num"))


def _alembic() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@cache
def head() -> str:
    """The newest revision that this version knows: that of the last of the files vNNNN_what.py."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("v*.py"))[1:].partition("_")[0]


def current(store: Store) -> str | None:
    """The store's revision, ``None`` for an empty store."""
    with store.read() as connection:
        return _revision(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.execute(sa.select(_VERSION.c.version_num)).scalar()
    return found


def upgrade(store: Store) -> str:
    """Bring the store to the newest revision, in one transaction; the revision reached."""
    with store.write() as connection:
        locks.take(connection, "upgrade")
        _found(connection, store)
        found = _revision(connection)
        if found == COPYING:
            raise _unfinished(store)
        if found != head():
            from alembic import command

            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return head()


def _found(connection: sa.Connection, store: Store) -> None:
    """Make the PostgreSQL schema of a company that has none yet: one that is there already may be its own
    without the right to make another."""
    if store.schema and not connection.execute(sa.select(sa.func.to_regnamespace(store.schema))).scalar():
        connection.execute(sa.schema.CreateSchema(store.schema))


def stamp(tx: sa.Connection, revision: str) -> None:
    """Say which schema the store has, without changing it."""
    tx.execute(sa.update(_VERSION).values(version_num=revision))


def _unfinished(store: Store) -> Halt:
    return Halt(
        "this store is a copy that is not whole",
        where=store.name,
        todo="run 'creditgate db copy' again where the original is",
    )


def require_current(store: Store) -> None:
    """Raise ``Halt`` unless the store's schema is the one this version needs."""
    found = current(store)
    if found == COPYING:
        raise _unfinished(store)
    if found != head():
        raise Halt(
            "the store is empty" if found is None else f"the store's schema is {found}, not {head()}",
            where=store.name,
            todo="run 'creditgate db upgrade'",
        )
