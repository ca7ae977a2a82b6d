"""A home that reads from a Fxiaoke sandbox, for contract tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.fxiaoke.adapter import FxiaokeCrm
from connector.adapter import Crm, Limits
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

MAPPING = load(Path(__file__).parents[1] / "mappings" / "fxiaoke.yaml")


OPTIONS = Options(accounts=60, faults={"fxiaoke.unlimited": 1.0})


STYLES = ("body", "header")


READ = ("accounts", "orders", "invoices", "plans", "receipts", "payments")


OBSERVED = {"connection_id", "first_seen", "last_seen", "customer_id"}


# Employees have other ids in the other style.
STYLED = {"owner_id", "digest"}


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits have tests of their own, and take their time."""
    monkeypatch.setattr(FxiaokeCrm, "limits_for", classmethod(lambda cls, settings: Limits(slots=8)))


class Killed(BaseException):
    """The process dies at this line."""


class Home:
    """A fresh installation with a Fxiaoke sandbox; ``connect`` adds connections to the same tenant."""

    def __init__(self, made: Installation, runtime: Runtime) -> None:
        self.made = made
        self.runtime = runtime

    def connect(self, name: str = "fx", style: str = "body", **settings: str) -> Connection:
        base = self.made.bases["fxiaoke"]
        given = installed()["fxiaoke"].settings_at(base) | {"auth_style": style} | settings
        return add(self.runtime, kind_of("fxiaoke"), name, given, actor="test")

    def crm(self, one: Connection) -> Crm:
        return self.runtime.crm(one)

    def pull(self, one: Connection, crm: Crm | None = None, *, full: bool = False) -> Pulled:
        return pull(self.runtime.store, one, crm or self.crm(one), MAPPING, full=full)

    def records(self, one: Connection, *, left_out: set[str] = OBSERVED) -> dict[str, dict[str, Any]]:
        """Everything that was read, table by table and id by id."""
        found: dict[str, dict[str, Any]] = {}
        with self.runtime.store.read() as tx:
            for name, table in RECORDS.items():
                rows = tx.execute(sa.select(table).where(table.c.connection_id == one.id)).all()
                found[name] = {
                    row.external_id: {k: v for k, v in row._mapping.items() if k not in left_out}
                    for row in rows
                }
        return found

    def cursor(self, one: Connection, stream: Stream) -> cursors.Cursor:
        with self.runtime.store.read() as tx:
            return cursors.load(tx, one.id, stream.value)

    def rejects(self) -> int:
        with self.runtime.store.read() as tx:
            return len(tx.execute(sa.select(reject)).all())

    def door(self, name: str, body: dict[str, Any]) -> Any:
        return self.made.door("fxiaoke", name, body)


@contextmanager
def home(folder: Path, options: Options = OPTIONS) -> Iterator[Home]:
    names = ("fxiaoke",)
    with installation(folder, options, names=names, provisioned=False) as made, made.opened() as runtime:
        yield Home(made, runtime)


def quick(crm: Crm) -> Crm:
    """Waits between attempts are short; the calls are real."""
    http = crm.context.http
    http._sleep = http._pause._sleep = lambda seconds: time.sleep(min(seconds, 0.02))
    return crm


def edit(name: str, values: dict[str, Any], count: int = 1) -> dict[str, Any]:
    return {"object": name, "count": count, "values": values}


def _changes(one: Home, connection: Connection, account: str) -> int:
    query = sa.text(
        "SELECT c.changes FROM customer c JOIN account a ON a.customer_id = c.id "
        "WHERE a.connection_id = :c AND a.external_id = :a"
    )
    with one.runtime.store.read() as tx:
        return int(tx.execute(query, {"c": connection.id, "a": account}).scalar_one())
