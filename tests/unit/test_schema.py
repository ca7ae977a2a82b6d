"""The schema's revision is known without alembic, and is alembic's."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from connector.config import load
from connector.errors import Halt
from connector.store import schema
from connector.store.engine import Store
from tests.new_store import bare_store


def test_the_newest_file_is_the_head_of_one_line() -> None:
    assert ScriptDirectory.from_config(schema._alembic()).get_heads() == [schema.head()]


def test_the_revision_of_a_store_is_what_alembic_reads(tmp_path: Path) -> None:
    store = bare_store(tmp_path / "store.db")
    assert schema.current(store) is None
    schema.upgrade(store)
    with store.read() as tx:
        found = MigrationContext.configure(tx).get_current_revision()
    assert schema.current(store) == found == schema.head()
    store.close()


@pytest.mark.parametrize(
    "name", ["Acme", "acme; DROP SCHEMA public", "1acme", "pg_acme", "a" * 64, "a b", '"a"']
)
def test_a_schema_that_needs_quotes_is_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / "creditgate.toml"
    file.write_text(f"database_schema = '{name}'\n")
    with pytest.raises(Halt, match="database_schema"):
        load(file)


@pytest.mark.sqlite
def test_sqlite_has_no_schemas(tmp_path: Path) -> None:
    with pytest.raises(Halt, match="database_schema"):
        Store(f"sqlite:///{tmp_path / 'store.db'}", "acme")


def test_options_of_the_address_stay_beside_the_schema() -> None:
    store = Store("postgresql+psycopg://u:hush@h/d?options=-c%20work_mem%3D8MB", "acme")
    assert store.session == {"options": "-c work_mem=8MB -c search_path=acme"}
    assert store.name.endswith(" schema acme")
    assert "hush" not in store.name
