"""The commands of docs/backup.md are run as written: on SQLite, and on a PostgreSQL with its own tools."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.docs.test_examples import BLOCK, ROOT, run_as_written

PAGE = (ROOT / "docs/backup.md").read_text(encoding="utf-8")
POSTGRES = "<!-- postgres -->\n"
SERVER = "creditgate@db.example.com"


@pytest.mark.sqlite
def test_back_up_restore_and_the_loss_of_the_key_run_as_written_on_sqlite(tmp_path: Path) -> None:
    done = run_as_written(PAGE, tmp_path)
    assert "has the whole store" in done.stderr
    assert re.search(r"[1-9]\d* customers are judged again, [1-9]\d*|0 values", done.stderr)
    assert "the journal is whole" in done.stderr
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.postgres
@pytest.mark.sqlite
def test_dump_restore_and_the_move_run_as_written_on_postgres(
    tmp_path: Path, postgres_server: sa.URL, postgres_tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{postgres_tools}:{os.environ['PATH']}")
    first = "creditgate init home\nexport CREDITGATE_HOME=$PWD/home\n"
    blocks = [part.removeprefix("```sh\n").partition("```")[0] for part in PAGE.split(POSTGRES)[1:]]
    assert "".join(blocks).count("pg_") >= 5
    names = re.findall(rf"{SERVER}/(\w+)", "".join(blocks))
    assert {"creditgate", "restored", "moved"} == set(names)
    script = first + "".join(blocks)
    for name in set(names):
        fresh = f"{name}_{uuid.uuid4().hex[:12]}"
        script = re.sub(rf"CREATE DATABASE {name}\b", f"CREATE DATABASE {fresh}", script)
        for scheme in ("postgresql+psycopg", "postgresql"):
            url = postgres_server.set(drivername=scheme, database=fresh).render_as_string(hide_password=False)
            script = script.replace(f"{scheme}://{SERVER}/{name}", f"'{url}'")
        if name == "creditgate":
            admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
            with admin.connect() as server:
                server.exec_driver_sql(f"CREATE DATABASE {fresh}")
            admin.dispose()
    done = run_as_written(f"<!-- run -->\n```sh\n{script}```", tmp_path)
    assert "db.example.com" not in script
    assert done.stderr.count("the journal is whole") == 2 + 1
    assert "rows are equal" in done.stderr
    assert "acme" in done.stderr or "customers are judged again" in done.stderr


def test_every_block_of_the_page_is_run() -> None:
    assert PAGE.count("```sh") == len(BLOCK.findall(PAGE)) + PAGE.count(POSTGRES)
