"""The address for events over real HTTP: proof, refusals, size, speed, the thread that reads again."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from adapters.zoho.adapter import ZohoCrm
from connector import hooks
from connector.adapter import Event, Row, Subscription
from connector.admin.home import found as files
from connector.api import background
from connector.api.hooks import Hooks
from connector.api.problems import BODY_LIMIT
from connector.errors import Retry
from connector.store import inbox, subscriptions
from tests.unit.test_api import Service, problem

SECRET = "a-token-that-is-not-guessed"
EVENT = {"module": "Accounts", "operation": "update", "ids": ["77", "78"], "channel_id": "7", "token": SECRET}
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    connection = made.runtime.connections.get("zoho")
    made.runtime.secrets(connection).put(hooks.SECRET, SECRET)
    with made.runtime.store.write() as tx:
        value = Subscription(("Accounts",), "https://x.example", {"Accounts": "7"}, None, None)
        subscriptions.save(tx, connection.id, value, NOW)
    made.start()
    yield made
    made.stop()


def tell(service: Service, name: str = "zoho", **changes: Any) -> requests.Response:
    return service.call("POST", f"/v1/hooks/{name}", key=None, json=EVENT | changes)


def waiting(service: Service) -> list[inbox.Waiting]:
    with service.runtime.store.read() as tx:
        return inbox.find(tx, dt.datetime.now(dt.UTC))


def standing(service: Service) -> subscriptions.Standing:
    with service.runtime.store.read() as tx:
        (found,) = subscriptions.standings(tx)
    return found


def test_an_event_is_kept_before_it_is_answered_and_carries_no_key(service: Service) -> None:
    answer = tell(service, affected_values=[{"record_id": "77", "values": {"Account_Name": "a secret name"}}])
    assert (answer.status_code, answer.content) == (202, b"")
    assert [(row.connection, row.object, row.external_id) for row in waiting(service)] == [
        ("zoho", "Accounts", "77"),
        ("zoho", "Accounts", "78"),
    ]
    assert standing(service).events == 1
    database = Path(str(service.runtime.store.url.database))
    kept = b"".join(file.read_bytes() for file in database.parent.glob(f"{database.name}*"))
    assert b"a secret name" not in kept


@pytest.mark.parametrize("token", ["wrong", "", None, SECRET[:-1], SECRET + "x", 1, [SECRET]])
def test_an_event_without_proof_is_refused_counted_and_not_kept(
    service: Service, token: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "creditgate.api"):
        answer = tell(service, token=token)
    told = problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Event")
    assert "token" not in json.dumps(told) and "zoho" not in json.dumps(told)
    assert SECRET not in caplog.text and "events_refused" in caplog.text
    assert waiting(service) == []
    taker: Hooks = service.server.config.app.state.hooks  # type: ignore[union-attr]
    assert taker.refused == 1
    assert standing(service).forged == 0
    taker.note_refused()
    taker.note_refused()
    assert (standing(service).forged, standing(service).events) == (1, 0)


def test_whether_a_connection_exists_is_not_told(service: Service) -> None:
    wrong, nowhere = tell(service, token="wrong"), tell(service, "nowhere")
    unsubscribed = tell(service, "fxiaoke")
    assert wrong.json() == nowhere.json() == unsubscribed.json()
    assert {wrong.status_code, nowhere.status_code, unsubscribed.status_code} == {401}


def test_the_token_is_compared_in_constant_time(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("adapters.zoho.events.hmac.compare_digest", compare)
    assert tell(service, token="wrong").status_code == 401
    assert tell(service).status_code == 202
    assert compared == [(b"wrong", SECRET.encode()), (SECRET.encode(), SECRET.encode())]


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "nul", "[" * 30_000])
@pytest.mark.parametrize("name", ["zoho", "nowhere"])
def test_what_is_no_json_object_is_a_bad_request(service: Service, body: str, name: str) -> None:
    problem(service.call("POST", f"/v1/hooks/{name}", key=None, data=body), 400)
    assert waiting(service) == []


def test_an_event_of_another_form_is_a_bad_request(service: Service) -> None:
    told = problem(tell(service, ids={"77": True}), 400)
    assert "77" not in json.dumps(told)


def test_an_event_about_no_record_is_accepted_and_keeps_nothing(service: Service) -> None:
    assert tell(service, ids=[]).status_code == 202
    assert waiting(service) == []


def test_a_body_beyond_the_limit_does_not_get_in(service: Service) -> None:
    many = [str(10**17 + number) for number in range(BODY_LIMIT // 20)]
    problem(tell(service, ids=many), 413)
    assert tell(service, ids=many[: len(many) // 2]).status_code == 202


def test_only_events_come_without_a_key(service: Service) -> None:
    problem(service.call("GET", "/v1/hooks/zoho", key=None), 401)
    problem(service.call("POST", "/v1/hooks", key=None), 401)
    problem(service.call("POST", "/v1/hooksx/zoho", key=None), 401)
    problem(service.call("POST", "/v1/hooks/../checks", key=None, json={}), 401)
    problem(service.call("POST", "/v1/hooks/zoho/more", key=None, json={}), 404)


def test_doubled_events_from_many_callers_are_one_row_a_record(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: tell(service).status_code, range(40)))
    assert set(answers) == {202}
    assert len(waiting(service)) == 2
    assert standing(service).events == 40


def test_a_vendor_that_wants_an_answer_gets_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    event = Event("Accounts", ("77",), reply={"encryptedResult": "…"})
    monkeypatch.setattr(ZohoCrm, "parse_event", classmethod(lambda *_: event))
    answer = tell(service)
    assert (answer.status_code, answer.json()) == (200, {"encryptedResult": "…"})


def test_a_store_that_cannot_be_written_asks_for_the_event_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise Retry("the store is locked")

    monkeypatch.setattr(hooks, "receive", locked)
    answer = tell(service)
    problem(answer, 503)
    assert answer.headers["Retry-After"] == "5"


def test_the_description_names_the_address_and_its_refusals(service: Service) -> None:
    operation = service.call("GET", "/openapi.json", key=None).json()["paths"]["/v1/hooks/{connection}"][
        "post"
    ]
    assert set(operation["responses"]) >= {"202", "400", "401", "413", "503"}
    assert "security" not in operation
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {"type": "object"}


# -- the thread that reads again


@pytest.fixture
def shop(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Zoho answers from memory; the configuration has the shipped mappings."""
    for _ in files(tmp_path / "made"):
        pass
    config = service.runtime.config.model_copy(update={"mappings": str(tmp_path / "made" / "mappings")})
    service.runtime.config = config
    connection = service.runtime.connections.get("zoho")
    service.runtime.connections.add(
        "zoho",
        "crm",
        "zoho",
        {"data_center": "eu", "client_id": "c"},
        {"client_secret": "s", "refresh_token": "r"},
        tmp_path,
    )
    assert service.runtime.connections.get("zoho").id == connection.id

    def reread(self: ZohoCrm, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> list[Row]:
        return [Row(one, NOW, {"Account_Name": f"firm {one}"}) for one in ids]

    monkeypatch.setattr(ZohoCrm, "reread", reread)
    return service


def until(met: Any) -> None:
    deadline = time.monotonic() + 10
    while not met():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def taker(service: Service) -> Hooks:
    found: Hooks = service.server.config.app.state.hooks  # type: ignore[union-attr]
    return found


def test_the_service_reads_again_what_it_was_told(shop: Service) -> None:
    shop.runtime.config = shop.runtime.config.model_copy(update={"hooks_every_seconds": 1})
    with background.running(shop.runtime, taker(shop)):
        assert tell(shop).status_code == 202
        assert tell(shop, token="wrong").status_code == 401
        until(lambda: waiting(shop) == [])
        until(lambda: standing(shop).forged == 1)
    assert "inbox" not in {thread.name for thread in threading.enumerate()}


def test_it_does_not_when_the_configuration_says_so(shop: Service) -> None:
    shop.runtime.config = shop.runtime.config.model_copy(update={"hooks_every_seconds": 0})
    with background.running(shop.runtime, taker(shop)):
        assert "inbox" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("fault", [Retry("no line"), KeyError("a bug")])
def test_a_fault_ends_neither_the_thread_nor_the_hint(
    shop: Service, fault: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def fail(*_: object) -> list[Row]:
        asked.append(1)
        raise fault

    monkeypatch.setattr(ZohoCrm, "reread", fail)
    thread = background.Background(shop.runtime, taker(shop), 0.02)
    thread.start()
    with caplog.at_level(logging.WARNING, "creditgate.api"):
        assert tell(shop).status_code == 202
        until(lambda: asked and caplog.records)
    assert tell(shop, ids=["99"]).status_code == 202
    thread.stop()
    assert {row.external_id for row in waiting(shop)} == {"77", "78", "99"}
    assert "firm" not in caplog.text


def test_nothing_to_read_costs_no_call_and_no_adapter(shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ZohoCrm, "__init__", lambda *_: pytest.fail("an adapter was made"))
    background.Background(shop.runtime, taker(shop), 1).turn()
