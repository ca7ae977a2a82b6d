"""An installation that reads from a Zoho sandbox, for contract tests of pulling."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connector.adapter import Crm
from connector.admin.connect import add, kind_of
from connector.mapping.form import load
from connector.model import Stream
from connector.pull import Pulled, pull
from connector.runtime import Runtime
from connector.store import cursors
from connector.store.connections import Connection
from connector.store.record_tables import RECORDS, reject
from sandbox.run import installed
from sandbox.server import Options
from tests.installation import Installation, installation

MAPPING = load(Path(__file__).parents[1] / "mappings" / "zoho.yaml")
ACCOUNTS = 150
OPTIONS = Options(accounts=ACCOUNTS, faults={"zoho.unlimited": 1.0})
OBSERVED = {"connection_id", "first_seen", "last_seen"}


class Home:
    """A fresh installation with a Zoho sandbox; ``connect`` adds further connections to the same org."""

    def __init__(self, made: Installation, runtime: Runtime) -> None:
        self.made = made
        self.runtime = runtime

    def connect(self, name: str = "zoho", **settings: str) -> Connection:
        base = self.made.bases["zoho"]
        given = installed()["zoho"].settings_at(base) | settings
        return add(self.runtime, kind_of("zoho"), name, given, actor="test")

    def crm(self, one: Connection) -> Crm:
        return self.runtime.crm(one)

    def pull(self, one: Connection, crm: Crm | None = None, *, full: bool = False) -> Pulled:
        return pull(self.runtime.store, one, crm or self.crm(one), MAPPING, full=full)

    def records(self, one: Connection) -> dict[str, dict[str, dict[str, Any]]]:
        """Everything that was read, table by table and id by id."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        with self.runtime.store.read() as tx:
            for name, table in RECORDS.items():
                rows = tx.execute(sa.select(table).where(table.c.connection_id == one.id)).all()
                found[name] = {
                    row.external_id: {
                        k: v for k, v in row._mapping.items() if k not in OBSERVED and k != "customer_id"
                    }
                    for row in rows
                }
        return found

    def cursor(self, one: Connection, stream: Stream) -> cursors.Cursor:
        with self.runtime.store.read() as tx:
            return cursors.load(tx, one.id, stream.value)

    def rejects(self) -> int:
        with self.runtime.store.read() as tx:
            return len(tx.execute(sa.select(reject)).all())

    def tune(self, **limits: float) -> None:
        self.made.door("zoho", "bulk", limits)


@contextmanager
def home(folder: Path, options: Options = OPTIONS) -> Iterator[Home]:
    with installation(folder, options, names=("zoho",), provisioned=False) as made, made.opened() as runtime:
        yield Home(made, runtime)


def quick(crm: Crm) -> Crm:
    """Waits between looks at a job and between attempts are short; the calls are real."""
    http = crm.context.http
    http._sleep = http._pause._sleep = lambda seconds: time.sleep(min(seconds, 0.02))
    return crm
