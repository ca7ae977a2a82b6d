"""The schema's history: one linear alembic line for SQLite and PostgreSQL.

Invariant: code runs only on the schema that it was written for; expand comes before contract.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from connector.errors import Halt
from connector.store.engine import Store


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def head() -> str:
    """The newest revision that this version knows."""
    revision = ScriptDirectory.from_config(_alembic()).get_current_head()
    assert revision is not None  # noqa: S101 - the history is never empty
    return revision


def current(store: Store) -> str | None:
    """The store's revision, ``None`` for an empty store."""
    with store.read() as connection:
        return _revision(connection)


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(store: Store) -> str:
    """Bring the store to the newest revision, in one transaction; the revision reached."""
    with store.write() as connection:
        if _revision(connection) != head():
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return head()


def require_current(store: Store) -> None:
    """Raise ``Halt`` unless the store's schema is the one this version needs."""
    found = current(store)
    if found != head():
        raise Halt(
            "the store is empty" if found is None else f"the store's schema is {found}, not {head()}",
            where=store.name,
            todo="run 'creditgate db upgrade'",
        )
