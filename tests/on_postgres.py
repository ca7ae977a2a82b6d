"""The whole test suite on PostgreSQL: every SQLite file that a test names is a database of its own there.

``TESTS_ON=postgres pytest`` (or ``make test-postgres``). Tests that look into the file itself
are marked ``sqlite``. Processes that tests start do as their parent does, by the environment.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from typing import Any

import sqlalchemy as sa

from connector.store import schema
from connector.store.engine import Store

WANTED = os.environ.get("TESTS_ON") == "postgres"
SERVER = "TESTS_SERVER"
TEMPLATE = "template_of_tests"
_init = Store.__init__
_at: list[str] = []


def install() -> None:
    """From now on files are databases of the server that ``SERVER`` names, here and in what is forked."""
    _at.append(os.environ[SERVER])

    def init(self: Store, url: str, schema: str = "") -> None:
        file = sa.make_url(url).database if url.startswith("sqlite:///") else None
        _init(self, url if file in (None, ":memory:") else _database(str(file)), schema)

    Store.__init__ = init  # type: ignore[method-assign]


def begin(server: sa.URL) -> None:
    """Make the database that all are copied from."""
    os.environ[SERVER] = server.render_as_string(hide_password=False)
    install()
    _create(TEMPLATE)
    store = plain(server.set(database=TEMPLATE).render_as_string(hide_password=False))
    schema.upgrade(store)
    store.close()


def empty(file: str) -> None:
    """Make a file's database a new one without any schema."""
    _create(_name(file), anew=True)


def plain(url: str) -> Store:
    """A store at ``url`` itself."""
    store = object.__new__(Store)
    _init(store, url)
    return store


@cache
def _database(file: str) -> str:
    name = _name(file)
    _create(f"{name} TEMPLATE {TEMPLATE}")
    return sa.make_url(_at[0]).set(database=name).render_as_string(hide_password=False)


def _name(file: str) -> str:
    return f"t_{hashlib.blake2b(os.path.realpath(file).encode(), digest_size=12).hexdigest()}"


def _create(database: str, anew: bool = False) -> None:
    admin: Any = sa.create_engine(_at[0], isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        if anew:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        try:
            connection.exec_driver_sql(f"CREATE DATABASE {database}")
        except sa.exc.ProgrammingError as fault:
            if "already exists" not in str(fault):
                raise
    admin.dispose()
