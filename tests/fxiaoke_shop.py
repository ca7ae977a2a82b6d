"""An installation with one connection to the Fxiaoke sandbox, in either credential style.

Time passes between pushes only when a test says so; the vendor's limits are lifted, for they are waited
out on the clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.fxiaoke.adapter import FxiaokeCrm
from connector.adapter import Slice
from connector.admin.connect import add, kind_of
from connector.admin.provision import Plan, manifest, provision
from connector.assess import assess
from connector.check import check
from connector.gate.check_model import CheckRequest
from connector.http import Http
from connector.pull import pull
from connector.push import Pushed, push
from connector.runtime import Runtime
from connector.store import outbox, outbox_admin
from connector.store.outbox import Item
from connector.visits import plan
from sandbox.run import installed
from sandbox.server import Options
from tests.installation import Installation, installation

DAY = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
EVER = Slice(dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
ACCOUNTS = 24
STYLES: Mapping[str, Mapping[str, str]] = {"body": {}, "header": {"auth_style": "header", "user": "1000"}}


class Shop:
    """``time`` is the adapter's clock."""

    def __init__(self, made: Installation, runtime: Runtime) -> None:
        self.made = made
        self.runtime = runtime
        self.connection = runtime.connections.get("fxiaoke")
        self.time = dt.datetime.now(dt.UTC)
        self._given: dict[str, str] = {}

    @property
    def crm(self) -> FxiaokeCrm:
        context = self.runtime.context(self.connection, FxiaokeCrm)
        http = Http(FxiaokeCrm.limits, sleep=lambda _: None)
        return FxiaokeCrm(replace(context, http=http, now=lambda: self.time))

    def provision(self, *, dry_run: bool = False) -> Plan:
        return provision(self.runtime, self.connection, dry_run=dry_run, actor="test")

    def console(self, *, named: bool = True) -> None:
        """The admin creates what provisioning lists; without names the vendor makes them up."""
        for part in manifest(self.provision().fields):
            fields = part["fields"]
            if not named:
                fields = [{**one, "api_name": None} for one in fields]
            self.door("console/fields", {**part, "fields": fields})
        self.provision()

    def door(self, name: str, body: Mapping[str, Any] | None = None) -> Any:
        return self.made.door("fxiaoke", name, body)

    def pull(self) -> None:
        mapping = self.runtime.mapping(self.connection)
        pull(self.runtime.store, self.connection, self.crm, mapping)

    def judge(self) -> None:
        """Assess everybody and plan visits; whatever is to be written is in the outbox then."""
        runtime = self.runtime
        now = runtime.now()
        assess(runtime.store, runtime.policy, runtime.rates, now, notes=runtime.writing("note"))
        plan(runtime.store, now, {self.connection.id: "fxiaoke"}, "zh")

    def push(self) -> Pushed:
        runtime = self.runtime
        mapping = runtime.mapping(self.connection)
        return push(runtime.store, runtime.connections, self.connection, self.crm, mapping)

    def push_until_empty(self, most: int = 30) -> int:
        """Push hour after hour until nothing is left; how many pushes that took."""
        for count in range(1, most + 1):
            self.push()
            self.time += dt.timedelta(hours=1)
            if not self.waiting():
                return count
        raise AssertionError(self.waiting())

    def put(self, account: str, target: str = "account", **values: Any) -> None:
        with self.runtime.store.write() as tx:
            outbox.put(tx, [Item(self.connection.id, target, account, "", values, 9)], self.time)

    def waiting(self) -> list[outbox_admin.Waiting]:
        with self.runtime.store.read() as tx:
            return outbox_admin.find(tx)

    def rows(self, object_name: str, *fields: str) -> list[dict[str, Any]]:
        return [dict(row.data) for row in self.crm.fetch(object_name, fields or ("_id",), EVER).rows]

    def names(self, target: str) -> dict[str, str]:
        return self.runtime.connections.names(self.connection, target)

    def wrote(self, action: str = "") -> list[dict[str, Any]]:
        """The writes that the sandbox has carried out."""
        found: list[dict[str, Any]] = self.door("writes")["writes"]
        return [one for one in found if action in ("", one["action"])]

    def configure(self, **settings: str) -> None:
        """More settings of the connection."""
        known = installed()["fxiaoke"]
        self._given |= settings
        values = {**known.settings_at(self.made.bases["fxiaoke"]), **self._given}
        add(self.runtime, kind_of("fxiaoke"), "fxiaoke", values, actor="test")
        self.connection = self.runtime.connections.get("fxiaoke")

    def held(self) -> str:
        """A check holds an order that was read from the CRM; the order's id there."""
        order = self.rows("SalesOrderObj", "name", "account_id")[0]
        request = CheckRequest(
            connection="fxiaoke",
            account=order["account_id"],
            order=order["name"],
            amount="99000000.00",
            currency="CNY",
        )
        runtime = self.runtime
        now = runtime.now()
        answer = check(runtime.store, runtime.policy, runtime.rates, request, now, reservation_hours=72)
        assert answer.decision == "hold"
        return str(order["_id"])

    def flags(self, order: str) -> tuple[Any, Any, bool]:
        """Flag and reasons of an order, and whether it is locked."""
        names = self.names("order")
        rows = self.rows("SalesOrderObj", "lock_status", *names.values())
        row = next(one for one in rows if one["_id"] == order)
        locked = row["lock_status"] == "1"
        return row.get(names["credit_hold"]), row.get(names["credit_reasons"]), locked


@contextmanager
def shop(
    folder: Path,
    *,
    style: str = "body",
    provisioned: bool = True,
    settings: Mapping[str, str] | None = None,
    traits: Mapping[str, Any] | None = None,
    **faults: float,
) -> Iterator[Shop]:
    named = {name.replace("__", "."): rate for name, rate in faults.items()}
    options = Options(accounts=ACCOUNTS, as_of=DAY, faults={"unlimited": 1.0, **named})
    with (
        installation(folder, options, names=("fxiaoke",), pinned=True, provisioned=False) as made,
        made.opened() as runtime,
    ):
        found = Shop(made, runtime)
        found.configure(**STYLES[style], **(settings or {}))
        if traits:
            found.door("traits", traits)
        if provisioned:
            found.console()
        yield found
