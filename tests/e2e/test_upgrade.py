"""A store of any earlier version becomes one of this version, with every row that was in it.

The earlier versions are those recorded in tests/data/stores and, in a checkout, the last commit and every
commit that is tagged as a release.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.admin import audit
from connector.store import schema
from connector.store.engine import Store
from tests.conftest import DRIVER
from tests.described import described
from tests.full_store import Content, content, fill
from tests.new_store import new_store
from tests.old_stores import lay_old_postgres, lay_old_sqlite, recorded

ROOT = Path(__file__).parents[2]
MAKE = "import sys; from connector.store import engine, schema; schema.upgrade(engine.Store(sys.argv[1]))"


def git(*arguments: str) -> bytes:
    """What git prints; nothing where there is no git or no checkout."""
    try:
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return b""


def commits() -> list[str]:
    """The last commit, and the releases that this checkout knows."""
    if git("rev-parse", "--show-toplevel").decode().strip() != str(ROOT):
        return []
    return ["HEAD", *git("tag", "--list", "v*").decode().split()]


def lay_commit(commit: str, folder: Path, url: str) -> None:
    """A store at ``url`` as the program of ``commit`` makes it, full of rows."""
    tree = folder / "tree"
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", str(tree)], input=git("archive", commit, "connector"), check=True)
    subprocess.run(
        [sys.executable, "-c", MAKE, url], cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=True
    )
    engine = sa.create_engine(url)
    with engine.begin() as tx:
        fill(tx)
    engine.dispose()


@pytest.fixture(scope="module")
def fresh(
    postgres_server: sa.URL, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[bool, dict[str, Any]]:
    """The schema of a new store, by whether it is SQLite."""
    store = new_store(f"sqlite:///{tmp_path_factory.mktemp('fresh') / 'new.db'}")
    with store.read() as tx:
        found = {True: described(tx)}
    store.close()
    engine = sa.create_engine(postgres_server.set(database=postgres_template))
    with engine.connect() as connection:
        found[False] = described(connection)
    engine.dispose()
    return found


@pytest.fixture
def empty_postgres(postgres_server: sa.URL) -> Iterator[str]:
    """The URL of a database without anything in it."""
    name = f"old_{uuid.uuid4().hex}"
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as server:
        server.exec_driver_sql(f"CREATE DATABASE {name}")
    yield postgres_server.set(database=name, drivername=DRIVER).render_as_string(hide_password=False)
    with admin.connect() as server:
        server.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


def upgraded(url: str, fresh: dict[bool, dict[str, Any]]) -> None:
    """Upgrade the store at ``url``: its schema is a new one's, its rows are all there, its journal holds."""
    store = Store(url)
    try:
        with store.read() as tx:
            before = content(tx)
        assert sum(map(len, before.values())) > 70
        schema.upgrade(store)
        with store.read() as tx:
            after, found = content(tx), described(tx)
        for table, expected in fresh[store.is_sqlite].items():
            assert found[table] == expected, table
        assert found.keys() == fresh[store.is_sqlite].keys()
        kept(before, after)
        assert audit.verify(store).breaks == ()
        schema.require_current(store)
    finally:
        store.close()


def kept(before: Content, after: Content) -> None:
    """No table, no column and no row has gone, and none has another value."""
    for table, rows in before.items():
        names = rows[0].keys() if rows else ()
        assert [{name: row[name] for name in names} for row in after[table]] == rows, table


@pytest.mark.sqlite
@pytest.mark.parametrize("version", [*recorded(), *commits()])
def test_an_earlier_store_on_sqlite_becomes_a_new_one_with_all_its_rows(
    version: str, tmp_path: Path, fresh: dict[bool, dict[str, Any]]
) -> None:
    file = tmp_path / "old.db"
    if version in recorded():
        lay_old_sqlite(version, file)
    else:
        lay_commit(version, tmp_path, f"sqlite:///{file}")
    upgraded(f"sqlite:///{file}", fresh)


@pytest.mark.postgres
@pytest.mark.parametrize("version", [*recorded(), *commits()])
def test_an_earlier_store_on_postgres_becomes_a_new_one_with_all_its_rows(
    version: str, tmp_path: Path, empty_postgres: str, fresh: dict[bool, dict[str, Any]]
) -> None:
    if version in recorded():
        lay_old_postgres(version, empty_postgres)
    else:
        lay_commit(version, tmp_path, empty_postgres)
    upgraded(empty_postgres, fresh)


def test_stores_are_recorded_from_the_first_schema_on() -> None:
    assert recorded()[0] == "0001"
    assert len(recorded()) >= 7
