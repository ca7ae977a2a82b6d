"""The schema's revision is known without alembic, and is alembic's."""

from __future__ import annotations

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from connector.store import schema
from connector.store.engine import Store


def test_the_newest_file_is_the_head_of_one_line() -> None:
    assert ScriptDirectory.from_config(schema._alembic()).get_heads() == [schema.head()]


def test_the_revision_of_a_store_is_what_alembic_reads(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    assert schema.current(store) is None
    schema.upgrade(store)
    with store.read() as tx:
        found = MigrationContext.configure(tx).get_current_revision()
    assert schema.current(store) == found == schema.head()
    store.close()
