"""The check service over real HTTP: answers, keys, errors, description."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from connector.api import create_app
from connector.api.problems import BODY_LIMIT
from connector.config import Config
from connector.errors import Halt, Retry
from connector.runtime import Runtime
from connector.store.lines import CUSTOMER
from tests.check_bench import Bench
from tests.cli_home import POLICY
from tests.sandbox_server import PromptServer

PROBLEM = "application/problem+json"
ORDER = {"connection": "zoho", "account": "A1", "order": "SO-1", "amount": "300.00", "currency": "CNY"}
# Not a secret: 32 zero bytes.
CIPHER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


class Service:
    """The service on a store of its own; ``key`` is the API key of the connection ``zoho``."""

    def __init__(self, folder: Path, bench: Bench | None = None, **settings: Any) -> None:
        self.bench = bench or Bench.on_sqlite(folder)
        self.bench.connect("fxiaoke")
        self.policy_file = folder / "policy.yaml"
        self.policy_file.write_text(POLICY, encoding="utf-8")
        store = self.bench.store
        url = store.url.render_as_string(hide_password=False)
        at = {"database_url": url, "database_schema": store.schema}
        config = Config(home=folder, policy="policy.yaml", key=CIPHER_KEY, **at, **settings)
        self.runtime = Runtime(config)
        known = self.runtime.connections
        self.key = known.issue_key(known.get("zoho"))
        self.other_key = known.issue_key(known.get("fxiaoke"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        app = create_app(self.runtime)
        self.server = PromptServer(uvicorn.Config(app, log_level="critical", log_config=None))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.session = requests.Session()
        self.session.trust_env = False

    def start(self) -> None:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.002)

    def stop(self) -> None:
        self.session.close()
        self.server.end()
        self.thread.join()
        self.listener.close()
        self.runtime.close()
        self.bench.store.close()

    def call(self, method: str, path: str, *, key: str | None = "own", **more: Any) -> requests.Response:
        headers = more.pop("headers", {})
        if key is not None:
            headers = {"Authorization": f"Bearer {self.key if key == 'own' else key}"} | headers
        return self.session.request(method, self.url + path, headers=headers, timeout=30, **more)

    def check(self, **changes: Any) -> requests.Response:
        return self.call("POST", "/v1/checks", json=ORDER | changes)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    made.start()
    yield made
    made.stop()


def problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """The problem document, which every error must be."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM), answer.text
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["type"].startswith("urn:creditgate:problem:")
    assert found["title"] and found["detail"]
    return found


def test_a_check_decides_reserves_and_answers_in_decimal_text(service: Service) -> None:
    number = service.bench.customer(limit=100_000, exposure=20_000)
    answer = service.check()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    body = answer.json()
    assert body["decision"] == "pass"
    assert (body["limit"], body["exposure"], body["reserved"], body["available"]) == (
        "1000.00",
        "200.00",
        "300.00",
        "500.00",
    )
    assert (body["currency"], body["limit_state"], body["stale"]) == ("CNY", "amount", True)
    assert body["policy_version"].startswith("small 1 ")
    assert service.bench.line(number).reserved == 30_000
    assert service.check().json() == body


def test_a_hold_is_an_answer_with_reasons_in_both_languages(service: Service) -> None:
    service.bench.customer(limit=100, status="stop")
    body = service.check().json()
    assert (body["decision"], body["reservation"]) == ("hold", None)
    assert [reason["code"] for reason in body["reasons"]] == ["customer_stop", "over_limit"]
    for reason in body["reasons"]:
        assert set(reason) == {"code", "params", "text"}
        assert reason["text"]["zh"] and reason["text"]["en"]


def test_nothing_is_answered_without_a_valid_key(service: Service) -> None:
    service.bench.customer()
    revoked = service.key
    known = service.runtime.connections
    fresh = known.issue_key(known.get("zoho"), revoke=True)
    bad: list[dict[str, str]] = [{}, {"Authorization": f"Basic {fresh}"}, {"Authorization": "Bearer"}]
    bad += [{"Authorization": f"Bearer {key}"} for key in (revoked, fresh + "x", "é")]
    for headers in bad:
        encoded: Any = {name: value.encode("utf-8") for name, value in headers.items()}
        answer = service.call("POST", "/v1/checks", key=None, headers=encoded, data="{no json")
        assert problem(answer, 401)["title"] == "Unauthorized"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    problem(service.call("GET", "/v1/nowhere", key=None), 401)
    assert service.call("POST", "/v1/checks", key=fresh, json=ORDER).status_code == 200


def test_a_key_answers_only_for_its_own_connection(service: Service) -> None:
    number = service.bench.customer()
    problem(service.call("POST", "/v1/checks", key=service.other_key, json=ORDER), 403)
    problem(service.check(connection="nowhere"), 403)
    assert service.bench.line(number).reserved == 0
    problem(service.call("GET", "/v1/customers/A1/credit", key=service.other_key), 404)
    problem(service.call("GET", f"/v1/customers/customer-{number}/credit", key=service.other_key), 403)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"amount": 300}, "#/amount"),
        ({"amount": "300,00"}, "#/amount"),
        ({"currency": "XXX"}, "#/currency"),
        ({"checkpoint": "someday"}, "#/checkpoint"),
        ({"prepaid": "true"}, "#/prepaid"),
        ({"order": None}, "#/order"),
        ({"discount": "5"}, "#/discount"),
        ({"amount": "1.005"}, "#"),
    ],
)
def test_a_body_that_does_not_fit_names_the_field_and_repeats_no_value(
    service: Service, changes: dict[str, Any], pointer: str
) -> None:
    service.bench.customer()
    answer = service.check(**changes)
    assert [error["pointer"] for error in problem(answer, 422)["errors"]] == [pointer]
    assert "someday" not in answer.text and "300,00" not in answer.text


def test_a_body_that_is_no_json_is_refused(service: Service) -> None:
    for data in (b"", b"{", b"[]", b"\xff\xfe", b'"text"'):
        problem(
            service.call("POST", "/v1/checks", data=data, headers={"Content-Type": "application/json"}), 422
        )


def test_a_body_that_is_too_large_is_refused_however_it_comes(service: Service) -> None:
    service.bench.customer()
    padding = " " * (BODY_LIMIT - len(json.dumps(ORDER)))
    headers = {"Content-Type": "application/json"}
    fits = json.dumps(ORDER) + padding
    assert service.call("POST", "/v1/checks", data=fits, headers=headers).status_code == 200
    problem(service.call("POST", "/v1/checks", data=fits + " ", headers=headers), 413)
    in_pieces = (piece.encode() for piece in (fits, " "))
    problem(service.call("POST", "/v1/checks", data=in_pieces, headers=headers), 413)


def test_unknown_paths_and_methods_are_problems_too(service: Service) -> None:
    problem(service.call("GET", "/v1/nowhere"), 404)
    assert problem(service.call("GET", "/v1/checks"), 405)["title"] == "Method Not Allowed"


def test_a_fault_inside_shows_nothing_of_the_inside(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[Exception] = [
        RuntimeError("secret token 4711"),
        Halt("file /etc/creditgate is wrong"),
        Retry("the disk is full", after=12.3),
    ]

    def fail(*_args: object, **_named: object) -> None:
        raise faults.pop(0)

    monkeypatch.setattr("connector.api.app.check", fail)
    answers = [service.check() for _ in range(3)]
    problem(answers[0], 500)
    problem(answers[1], 503)
    problem(answers[2], 503)
    assert answers[2].headers["Retry-After"] == "13"
    for answer in answers:
        assert not any(word in answer.text for word in ("4711", "RuntimeError", "/etc", "disk"))
    assert "4711" not in caplog.text
    assert "'fault': 'RuntimeError'" in caplog.text and "/etc/creditgate" in caplog.text


def test_the_standing_of_a_customer_by_account_or_by_number(service: Service) -> None:
    group = service.bench.group(limit=90_000)
    number = service.bench.customer(limit=100_000, exposure=20_000, group=group)
    service.check()
    body = service.call("GET", "/v1/customers/A1/credit").json()
    assert body == service.call("GET", f"/v1/customers/customer-{number}/credit").json()
    assert (body["customer"], body["status"], body["held"], body["reasons"]) == (
        "customer-1",
        "ok",
        False,
        [],
    )
    assert (body["limit"], body["reserved"], body["available"]) == ("1000.00", "300.00", "500.00")
    assert (body["group"]["limit"], body["group"]["reserved"]) == ("900.00", "300.00")
    service.bench.change_customer(number, hold_placed="moved away")
    body = service.call("GET", "/v1/customers/A1/credit").json()
    assert (body["held"], body["reasons"][0]["code"]) == (True, "hold_placed")


def test_the_standing_of_nobody_and_of_the_not_yet_assessed(service: Service) -> None:
    service.bench.customer(line=False)
    body = service.call("GET", "/v1/customers/A1/credit").json()
    assert (body["status"], body["limit"], body["limit_state"], body["held"]) == (None, None, None, True)
    assert [reason["code"] for reason in body["reasons"]] == ["not_assessed"]
    for ref in ("nobody", "customer-99", "customer-", "customer-x", "customer-" + "9" * 30, "²"):
        problem(service.call("GET", f"/v1/customers/{ref}/credit"), 404)


def test_health_and_readiness_need_no_key(service: Service) -> None:
    assert service.call("GET", "/healthz", key=None).json() == {"status": "ok"}
    ready = service.call("GET", "/readyz", key=None)
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    with service.bench.store.write() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = 'ancient'")
    assert "ancient" not in problem(service.call("GET", "/readyz", key=None), 503)["detail"]
    assert service.call("GET", "/healthz", key=None).status_code == 200


def test_a_changed_policy_takes_effect_and_a_broken_one_does_not(service: Service) -> None:
    service.bench.customer(limit=30_000)

    def write(text: str, age: int) -> None:
        service.policy_file.write_text(text, encoding="utf-8")
        os.utime(service.policy_file, (age, age))

    strict = POLICY + "check:\n  equal_to_limit: hold\n"
    write(strict, 1_000)
    assert service.check().json()["decision"] == "hold"
    write("policy: broken\n", 2_000)
    assert service.check().json()["decision"] == "hold"
    write(POLICY, 3_000)
    assert service.check().json()["decision"] == "pass"


def test_the_description_documents_every_operation_and_its_problems(service: Service) -> None:
    described = service.call("GET", "/openapi.json", key=None).json()
    asked = {"/v1/checks", "/v1/customers/{ref}/credit", "/v1/holds"}
    asked |= {"/v1/holds/{id}/release", "/v1/holds/{id}/reject", "/v1/holds/{id}/ask"}
    assert set(described["paths"]) == {*asked, "/v1/hooks/{connection}", "/healthz", "/readyz", "/metrics"}
    post = described["paths"]["/v1/checks"]["post"]
    assert {"401", "403", "413", "422", "429", "500", "503"} < set(post["responses"])
    for status, answer in post["responses"].items():
        assert list(answer["content"]) == (["application/json"] if status == "200" else [PROBLEM])
    schemas = described["components"]["schemas"]
    assert {"CheckRequest", "CheckAnswer", "CreditAnswer", "Problem", "Complaint"} <= set(schemas)
    assert "HTTPValidationError" not in schemas
    assert schemas["CheckRequest"]["examples"][0]["amount"] == "125000.00"
    for name in ("CheckAnswer", "CreditAnswer", "Hold", "ReleaseRequest", "RejectRequest"):
        assert schemas[name]["examples"], name
    undescribed = [n for n, f in schemas["CheckRequest"]["properties"].items() if not f.get("description")]
    assert undescribed == []
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_many_plugins_at_once_share_one_limit(service: Service) -> None:
    number = service.bench.customer(limit=100_000)
    decisions: list[str] = []

    def ask(name: int) -> None:
        body = ORDER | {"order": f"SO-{name}", "amount": "100.00"}
        headers = {"Authorization": f"Bearer {service.key}"}
        decisions.append(
            requests.post(f"{service.url}/v1/checks", json=body, headers=headers, timeout=30).json()[
                "decision"
            ]
        )

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decisions) == ["hold"] * 6 + ["pass"] * 10
    assert service.bench.line(number, CUSTOMER).reserved == 100_000
