"""Notes on accounts: what is queued when a customer is put on hold, taken off, or turns to hold or stop."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from connector import holds
from connector import notes as account_notes
from connector.adapter import Row
from connector.config import load
from connector.model import Account, Stream
from connector.rules.outcome import Assessment
from connector.runtime import Runtime
from connector.store import records
from connector.store.tables import outbox
from tests.new_store import new_home
from tests.rules_bench import assess, dossier

NOW = dt.datetime(2026, 6, 30, 8, tzinfo=dt.UTC)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    new_home(tmp_path / "home")
    opened = Runtime(load(tmp_path / "home" / "creditgate.toml"))
    opened.connections.add("shop", "crm", "zoho", {}, {}, tmp_path)
    opened.connections.add("club", "crm", "fxiaoke", {}, {}, tmp_path)
    for source in (1, 2):
        record = Account(external_id="7", modified_at=NOW, name="Acme", currency="CNY", duns="150483782")
        with opened.store.write() as tx:
            records.store(tx, source, Stream.ACCOUNTS, [(Row("7", NOW, {}), record)], [], NOW)
    yield opened
    opened.close()


def queued(runtime: Runtime) -> list[tuple[int, str, dict[str, Any]]]:
    with runtime.store.read() as tx:
        found = tx.execute(sa.select(outbox).where(outbox.c.target == "note").order_by(outbox.c.id)).all()
    return [(row.connection_id, row.external_id, orjson.loads(row.payload)) for row in found]


def test_placing_and_lifting_a_hold_leaves_a_note_with_what_why_and_by_whom(runtime: Runtime) -> None:
    notes = runtime.writing("note")
    assert notes == {1}  # the shipped mapping of Fxiaoke writes none
    holds.place(runtime.store, 1, "cheque bounced", "Lin", NOW, notes=notes)
    holds.lift(runtime.store, 1, "paid", "Wang", NOW, notes=notes)
    placed, lifted = queued(runtime)
    assert placed[:2] == (1, "7")
    for part in ("Lin", "cheque bounced"):
        assert part in placed[2]["text"]["en"] and part in placed[2]["text"]["zh"]
    assert placed[2]["title"] == {"zh": "已信用冻结", "en": "Put on credit hold"}
    assert "Wang" in lifted[2]["text"]["en"] and "paid" in lifted[2]["text"]["zh"]


def test_no_note_where_the_mapping_writes_none(runtime: Runtime) -> None:
    holds.place(runtime.store, 1, "cheque bounced", "Lin", NOW)
    assert queued(runtime) == []


def outcome(status: str) -> Assessment:
    return assess(dossier())._replace(customer_id=1, status=status)


def turn(runtime: Runtime, status: str, before: dict[int, str]) -> int:
    with runtime.store.write() as tx:
        return account_notes.on_status(tx, [outcome(status)], before, NOW, {1})


@pytest.mark.parametrize(
    ("before", "status", "count"),
    [
        ({1: "ok"}, "hold", 1),
        ({1: "hold"}, "stop", 1),
        ({1: "hold"}, "hold", 0),
        ({1: "hold"}, "ok", 0),
        ({}, "hold", 0),
    ],
    ids=["to hold", "to stop", "still on hold", "to ok", "first assessment"],
)
def test_a_turn_to_hold_or_stop_leaves_one_note(
    runtime: Runtime, before: dict[int, str], status: str, count: int
) -> None:
    assert turn(runtime, status, before) == count
    assert turn(runtime, status, before) == 0  # the same assessment again
