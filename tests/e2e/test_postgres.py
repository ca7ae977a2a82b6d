"""The same job on PostgreSQL ends with the same store and the same CRM content as on SQLite."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from sandbox.server import Options
from tests.installation import Installation, installation
from tests.store_dump import dump

OPTIONS = Options(accounts=40, seed=11, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))


def work(made: Installation) -> dict[str, Any]:
    for command in (["pull"], ["assess"], ["visit", "plan"], ["push"]):
        made.run(*command)
    with made.opened() as runtime:
        content: dict[str, Any] = {"store": dump(runtime.store)}
    for name in made.bases:
        content[name] = made.door(name, "content")
    return content


@pytest.mark.postgres
def test_both_databases_end_with_the_same_content(tmp_path: Path, postgres_url: str) -> None:
    with installation(tmp_path / "lite", OPTIONS, pinned=True) as made:
        expected = work(made)
    with installation(tmp_path / "postgres", OPTIONS, pinned=True, database_url=postgres_url) as made:
        found = work(made)
        writes = made.writes()
        for command in (["pull"], ["assess"], ["visit", "plan"], ["push"]):
            made.run(*command)
        assert made.writes() == writes
    for part, content in expected.items():
        assert found[part] == content, part
