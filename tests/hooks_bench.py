"""A CRM that tells what changed, and an installation that listens, for tests of hooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from connector import hooks
from connector.adapter import FORGED_EVENT, Context, Event, Limits, Page, Row, Slice, Subscription
from connector.config import load
from connector.errors import Halt, Reject
from connector.http import Http
from connector.mapping.form import compile_mapping
from connector.runtime import Runtime
from connector.store import inbox
from connector.store.connections import Connection
from connector.store.record_tables import account, sales_order
from connector.store.schema import upgrade
from connector.store.tables import customer
from connector.yamlfile import parse
from tests.memory_secrets import MemorySecrets
from tests.new_store import new_home
from tests.unit.test_pull import MemoryCrm

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOW = START + dt.timedelta(days=30)
URL = "https://credit.example.com"
MAPPING = compile_mapping(
    parse(
        """
mapping: memory
read:
  accounts: {object: A, fields: {name: name, parent_id: {field: parent, optional: true}}}
  orders:
    object: O
    fields:
      account_id: account
      amount: amount
      currency: {field: currency, default: CNY}
      stage: {field: s, default: open}
""",
        "memory",
    ),
    "memory",
)


class TellingCrm(MemoryCrm):
    """A CRM in memory that tells; ``data`` are its rows by object, ``before_answer`` runs while it reads."""

    limits = Limits(slots=1)
    tells_events = True
    reread_batch = 3

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.data: dict[str, dict[str, dict[str, Any]]] = {"A": {}, "O": {}}
        self.listed: dict[str, list[str]] = {"A": [], "O": []}
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.fault: Exception | None = None
        self.refused = ""
        self.subscribed: list[Subscription | None] = []

    @classmethod
    def parse_event(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
        told = orjson.loads(body)
        if told["secret"] != secret:
            raise Reject("wrong", code=FORGED_EVENT, field="secret")
        return Event(told["object"], tuple(told["ids"]))

    def subscribe(
        self, objects: Sequence[str], url: str, secret: str, known: Subscription | None
    ) -> Subscription:
        self.subscribed.append(known)
        now = self.context.now()
        if known is not None and known.renew_at is not None and now < known.renew_at and known.url == url:
            return known
        ends = now + dt.timedelta(days=7)
        return Subscription(
            tuple(objects), url, dict.fromkeys(objects, "7"), ends, now + dt.timedelta(days=5)
        )

    def unsubscribe(self, known: Subscription) -> None:
        self.subscribed.append(known)

    def reread(self, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> list[Row]:
        self.asked.append((object_name, tuple(ids)))
        assert len(ids) <= self.reread_batch
        if self.fault is not None:
            raise self.fault
        if object_name == self.refused:
            raise Halt(f"no permission for {object_name}")
        here = self.data[object_name]
        rows = [Row(one, here[one]["at"], dict(here[one])) for one in ids if one in here]
        self.before_answer()
        return rows

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        here = self.data[object_name]
        ids = sorted(
            key
            for key, row in here.items()
            if part.since <= row["at"] <= part.until and (part.after is None or key > part.after)
        )
        rows = [Row(key, here[key]["at"], dict(here[key])) for key in ids[: self.page]]
        return Page(rows, len(ids) > self.page)

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        return iter(self.listed[object_name])

    def set(self, object_name: str, key: str, **values: Any) -> None:
        self.data[object_name][key] = {"at": self.context.now(), **values}


class Bench:
    """A store, a CRM that tells, a clock."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        new_home(folder / "home")
        config = load(folder / "home" / "creditgate.toml")
        self.runtime = Runtime(config.model_copy(update={"database_url": database_url}))
        upgrade(self.runtime.store)
        self.store = self.runtime.store
        self.runtime.connections.add("memory", "crm", "zoho", {}, {}, folder)
        self.connection: Connection = self.runtime.connections.get("memory")
        self.now = NOW
        context = Context(
            "memory", {}, MemorySecrets(lambda: self.now), Http(TellingCrm.limits), "en", self.clock
        )
        self.crm = TellingCrm(context)

    def clock(self) -> dt.datetime:
        return self.now

    def tell(self, object_name: str, *ids: str) -> None:
        hooks.receive(self.store, self.connection, Event(object_name, ids), self.now)

    def process(self) -> hooks.Processed:
        return hooks.process(self.store, self.connection, self.crm, MAPPING)

    def waiting(self) -> list[inbox.Waiting]:
        with self.store.read() as tx:
            return inbox.find(tx, self.now)

    def names(self) -> dict[str, str]:
        with self.store.read() as tx:
            rows = tx.execute(sa.select(account).where(account.c.deleted.is_(False)))
            return {row.external_id: row.name for row in rows}

    def orders(self) -> dict[str, int]:
        with self.store.read() as tx:
            rows = tx.execute(sa.select(sales_order).where(sales_order.c.deleted.is_(False)))
            return {row.external_id: row.amount for row in rows}

    def changes(self) -> int:
        with self.store.read() as tx:
            return int(tx.execute(sa.select(sa.func.sum(customer.c.changes))).scalar() or 0)
