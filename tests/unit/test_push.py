"""Push: the outbox and what the CRM answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.adapter import Outcome, Result, Write
from connector.config import load
from connector.errors import Halt, Retry
from connector.mapping.form import compile_mapping
from connector.push import Pushed, push
from connector.runtime import Runtime
from connector.store import outbox
from connector.store.outbox import Item
from connector.store.tables import outbox as rows
from connector.yamlfile import parse
from tests.memory_secrets import MemorySecrets
from tests.new_store import new_home

NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
MAPPING = compile_mapping(
    parse(
        "mapping: m\nread:\n  accounts: {object: A, fields: {name: n}}\n"
        "write:\n"
        "  account: {object: A, fields: {credit_score: {field: score, type: number, standard: true}}}\n"
        "  visit: {object: V, key: credit_key, fields: {credit_key: {field: k, type: text}}}\n",
        "m",
    ),
    "m",
)


class Crm:
    """Answers as it is told."""

    write_batch = 2
    locks = False
    write_changed = False

    def __init__(self) -> None:
        self.sent: list[Write] = []
        self.answers: dict[str, Outcome | Exception] = {}
        self.meanwhile: Any = lambda: None
        self.context = type(
            "C", (), {"secrets": MemorySecrets(), "language": "en", "now": staticmethod(lambda: NOW)}
        )()

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        self.sent += writes
        self.meanwhile()
        told = [self.answers.get(write.external_id, Outcome(Result.DONE)) for write in writes]
        for answer in told:
            if isinstance(answer, Exception):
                raise answer
        return told  # type: ignore[return-value]

    def verify(self, write: Write) -> list[str] | None:
        return None


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    new_home(tmp_path / "home")
    opened = Runtime(load(tmp_path / "home" / "creditgate.toml"))
    opened.connections.add("memory", "crm", "zoho", {}, {}, tmp_path)
    yield opened
    opened.close()


def item(account: str, score: str, *, priority: int = 9, target: str = "account", key: str = "") -> Item:
    values = {"credit_score": score, "credit_as_of": NOW.isoformat()}
    return Item(1, target, account, key, values, priority)


def put(runtime: Runtime, *items: Item) -> int:
    with runtime.store.write() as tx:
        return outbox.put(tx, items, NOW)


def run(runtime: Runtime, crm: Crm) -> Pushed:
    connection = runtime.connections.get("memory")
    return push(runtime.store, runtime.connections, connection, crm, MAPPING)  # type: ignore[arg-type]


def left(runtime: Runtime) -> dict[str, tuple[str, str]]:
    with runtime.store.read() as tx:
        return {row.external_id: (row.state, row.error) for row in tx.execute(sa.select(rows))}


def test_what_was_written_is_not_queued_again_unless_it_changed(runtime: Runtime) -> None:
    crm = Crm()
    assert put(runtime, item("1", "50"), item("2", "60")) == 2
    assert run(runtime, crm).done == 2
    assert put(runtime, item("1", "50"), item("2", "61")) == 1
    assert run(runtime, crm).done == 1
    assert [write.external_id for write in crm.sent] == ["1", "2", "2"]


def test_a_newer_value_replaces_one_that_was_not_sent(runtime: Runtime) -> None:
    crm = Crm()
    put(runtime, item("1", "50"))
    put(runtime, item("1", "70"))
    run(runtime, crm)
    assert [str(write.values["score"]) for write in crm.sent] == ["70"]


def test_the_acknowledgement_of_an_older_value_does_not_clear_a_newer_one(runtime: Runtime) -> None:
    crm = Crm()
    put(runtime, item("1", "50"))

    def newer() -> None:
        crm.meanwhile = lambda: None
        put(runtime, item("1", "80"))

    crm.meanwhile = newer
    run(runtime, crm)
    assert [str(write.values["score"]) for write in crm.sent] == ["50", "80"]
    assert left(runtime) == {}


def test_holds_go_first(runtime: Runtime) -> None:
    crm = Crm()
    put(runtime, item("1", "50"), item("2", "1", priority=0))
    run(runtime, crm)
    assert [write.external_id for write in crm.sent] == ["2", "1"]


def test_one_that_fails_does_not_stop_the_others_and_keeps_the_vendors_words(runtime: Runtime) -> None:
    crm = Crm()
    crm.answers = {"1": Outcome(Result.DEAD, "RECORD_LOCKED"), "2": Outcome(Result.RETRY, "busy")}
    put(runtime, item("1", "50"), item("2", "60"), item("3", "70"))
    done = run(runtime, crm)
    assert (done.done, done.retried, done.dead) == (1, 1, 1)
    assert left(runtime) == {"1": ("dead", "RECORD_LOCKED"), "2": ("pending", "busy")}


def test_a_dead_vendor_leaves_everything_in_the_outbox(runtime: Runtime) -> None:
    crm = Crm()
    crm.answers = {"1": Retry("the server cannot be reached")}
    put(runtime, item("1", "50"))
    with pytest.raises(Retry):
        run(runtime, crm)
    assert left(runtime) == {"1": ("pending", "")}
    crm.answers = {}
    assert run(runtime, crm).done == 1


def test_fields_that_are_not_provisioned_stop_only_what_needs_them(runtime: Runtime) -> None:
    crm = Crm()
    put(runtime, item("1", "50"), item("1", "50", target="visit", key="k1"))
    with pytest.raises(Halt, match="credit_key"):
        run(runtime, crm)
    assert [write.kind for write in crm.sent] == ["update"]
    assert left(runtime) == {"1": ("pending", "")}
