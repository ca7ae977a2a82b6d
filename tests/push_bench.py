"""A push to a CRM that answers from memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.adapter import Outcome, Result, Row, Write
from connector.config import load
from connector.mapping.form import compile_mapping
from connector.model import Account, Order, OrderStage, Stream
from connector.push import Pushed, push
from connector.runtime import Runtime
from connector.store import outbox, records
from connector.store.held import keep
from connector.store.outbox import Item
from connector.store.tables import outbox as rows
from connector.yamlfile import parse
from tests.gate_bench import decide
from tests.memory_secrets import MemorySecrets
from tests.new_store import new_home

NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)


HOUR = dt.timedelta(hours=1)


MAPPING = compile_mapping(
    parse(
        "mapping: m\nread:\n  accounts: {object: A, fields: {name: n}}\n"
        "write:\n"
        "  account:\n    object: A\n    fields:\n"
        "      risk_class: {field: class, type: text, standard: true, shared: true}\n"
        "  order:\n    object: O\n    lock: credit_hold\n    fields:\n"
        "      credit_hold: {field: hold, type: boolean, standard: true}\n"
        "      credit_reasons: {field: why, type: long_text, standard: true}\n"
        "  note:\n    object: N\n    fields:\n"
        "      title: {field: title, type: text, standard: true}\n",
        "m",
    ),
    "m",
)


Answer = Outcome | Exception


class Crm:
    """A CRM that remembers in which order it was asked for what."""

    write_batch = 10
    write_changed = False
    locks = True

    def __init__(self) -> None:
        self.time = NOW
        self.did: list[Any] = []
        self.sent: list[Write] = []
        self.answer: Callable[[Write], Answer] = lambda write: Outcome(Result.DONE)
        self.lock_answer = Outcome(Result.DONE)
        self.lost: list[str] | None = []
        self.context = type(
            "C", (), {"secrets": MemorySecrets(), "language": "en", "now": staticmethod(lambda: self.time)}
        )()

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        self.sent += writes
        told = []
        for write in writes:
            self.did.append(("write", write.object, write.external_id, dict(write.values)))
            answer = self.answer(write)
            if isinstance(answer, Exception):
                raise answer
            told.append(answer)
        return told

    def lock(self, object_name: str, external_id: str, reason: str) -> Outcome:
        self.did.append(("lock", external_id, reason))
        return self.lock_answer

    def unlock(self, object_name: str, external_id: str) -> Outcome:
        self.did.append(("unlock", external_id))
        return self.lock_answer

    def verify(self, write: Write) -> list[str] | None:
        self.did.append(("look", write.object, write.external_id))
        return self.lost


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    new_home(tmp_path / "home")
    opened = Runtime(load(tmp_path / "home" / "creditgate.toml"))
    opened.connections.add("memory", "crm", "zoho", {}, {}, tmp_path)
    yield opened
    opened.close()


def put(runtime: Runtime, *items: Item) -> None:
    with runtime.store.write() as tx:
        outbox.put(tx, items, NOW)


def account_item(score: str, number: str = "1") -> Item:
    return Item(1, "account", number, "", {"risk_class": score}, 9)


def note_item(key: str = "k") -> Item:
    return Item(1, "note", "1", key, {"title": {"en": "On hold", "zh": "冻结"}}, 5)


def read_account(runtime: Runtime, modified_at: dt.datetime, name: str = "Acme") -> None:
    """What a pull does with one account."""
    record = Account(external_id="1", modified_at=modified_at, name=name, currency="CNY")
    with runtime.store.write() as tx:
        records.store(tx, 1, Stream.ACCOUNTS, [(Row("1", modified_at, {}), record)], [], NOW)


def read_order(runtime: Runtime, number: str = "SO-1", external_id: str = "8") -> None:
    read_account(runtime, NOW)
    record = Order(
        external_id=external_id,
        modified_at=NOW,
        account_id="1",
        number=number,
        amount=100,
        currency="CNY",
        stage=OrderStage.OPEN,
    )
    with runtime.store.write() as tx:
        records.store(tx, 1, Stream.ORDERS, [(Row(external_id, NOW, {}), record)], [], NOW)


def hold(runtime: Runtime, order: str = "SO-1", text: str = "over limit") -> None:
    """What a check does when it holds an order."""
    reasons = [{"code": "over_limit", "params": {}, "text": {"en": text, "zh": "超额"}}]
    values = {
        "connection_id": 1,
        "order_key": order,
        "account_id": "1",
        "customer_id": None,
        "amount": 100,
        "currency": "CNY",
        "reasons": reasons,
    }
    with runtime.store.write() as tx:
        keep(tx, values, f"order memory/{order}", NOW)


def release(runtime: Runtime, act: str = "release") -> None:
    decide(runtime, act, NOW)


def run(runtime: Runtime, crm: Crm) -> Pushed:
    connection = runtime.connections.get("memory")
    return push(runtime.store, runtime.connections, connection, crm, MAPPING)  # type: ignore[arg-type]


def waiting(runtime: Runtime) -> list[tuple[str, str, str]]:
    with runtime.store.read() as tx:
        return [(r.target, r.state, r.error) for r in tx.execute(sa.select(rows).order_by(rows.c.id))]
