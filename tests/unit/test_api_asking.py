"""Asking for a release from the panel: passed on, never decided; and what else the panel is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from connector.store.tables import outbox
from tests.unit.test_api import Service, problem

ROOT = Path(__file__).parents[2]
NOTE = "the transfer of 2 March is confirmed"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    made.bench.customer(limit=100)
    (tmp_path / "mappings").mkdir()
    shutil.copy(ROOT / "mappings/zoho.yaml", tmp_path / "mappings")
    made.start()
    yield made
    made.stop()


def notes(service: Service) -> list[Any]:
    with service.bench.store.read() as tx:
        rows = tx.execute(sa.select(outbox).where(outbox.c.target == "note")).all()
    return [orjson.loads(row.payload) for row in rows]


def test_a_request_is_journalled_and_told_in_a_note_and_the_order_stays_held(service: Service) -> None:
    service.check()
    body = {"note": NOTE, "user": "sal@example.com"}
    asked = service.call("POST", "/v1/holds/1/ask", json=body)
    assert (asked.status_code, asked.json()["state"]) == (200, "pending")
    act = next(one for one in service.bench.acts() if one[0] == "release_asked")
    assert act[2]["note"] == NOTE
    (told,) = notes(service)
    assert NOTE in told["text"]["en"] and "sal@example.com" in told["text"]["zh"]


def test_asking_twice_tells_both(service: Service) -> None:
    service.check()
    for word in ("once", "again"):
        assert service.call("POST", "/v1/holds/1/ask", json={"note": word}).status_code == 200
    assert len(notes(service)) == 2


def test_what_is_not_held_on_this_connection_is_not_asked_for(service: Service) -> None:
    problem(service.call("POST", "/v1/holds/1/ask", json={"note": "x"}), 409)
    service.check()
    problem(service.call("POST", "/v1/holds/1/ask", json={"note": "x"}, key=service.other_key), 409)
    problem(service.call("POST", "/v1/holds/1/ask", json={"note": " "}), 422)
    assert notes(service) == []


def test_the_list_finds_one_order(service: Service) -> None:
    for order in ("SO-1", "SO-2"):
        service.check(order=order)
    (found,) = service.call("GET", "/v1/holds?order=SO-2").json()["holds"]
    assert found["order"] == "SO-2"
    assert service.call("GET", "/v1/holds?order=SO-9").json()["holds"] == []
    problem(service.call("GET", "/v1/holds?order=%00"), 422)
