"""Who may call the service: scope, end and rotation of keys, signed calls, and what is refused."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connector.api.keys import SIGNED, signature
from connector.api.problems import BODY_LIMIT
from connector.errors import Halt
from connector.store.api_keys import ApiKeys
from tests.unit.test_api import ORDER, Service, problem

BODY = json.dumps(ORDER).encode()
NONCE = "0123456789abcdef"
MANY = 60  # calls a minute; so packets hold three


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("keys"), calls_per_minute=MANY)
    made.bench.customer(limit=100_000_000)
    made.start()
    yield made
    made.stop()


def keys(service: Service) -> ApiKeys:
    return ApiKeys(service.runtime.store, service.runtime.config.cipher())


def issued(service: Service, **wanted: Any) -> tuple[int, str]:
    return keys(service).issue(1, dt.datetime.now(dt.UTC), **{"label": str(id(wanted)), **wanted})


def signed(
    service: Service,
    key: tuple[int, str],
    *,
    body: bytes = BODY,
    sent: bytes | None = None,
    nonce: str = NONCE,
    age: int = 0,
    path: str = "/v1/checks",
    method: str = "POST",
) -> requests.Response:
    """A signed call; ``sent`` is another body than the one that was signed."""
    time = str(int(dt.datetime.now(dt.UTC).timestamp()) - age)
    proof = signature(key[1].encode(), method, path, time, nonce, body)
    headers = {
        "Authorization": f"{SIGNED} key={key[0]}, time={time}, nonce={nonce}, signature={proof}",
        "Content-Type": "application/json",
    }
    return service.call(method, path, key=None, headers=headers, data=body if sent is None else sent)


def large(service: Service, size: int) -> int:
    """The answer to a body of so many bytes, which comes before the body was sent whole."""
    host, port = service.listener.getsockname()[:2]
    line = http.client.HTTPConnection(host, port, timeout=30)
    line.putrequest("POST", "/v1/checks")
    for name, value in (("Authorization", f"Bearer {service.key}"), ("Content-Length", str(size))):
        line.putheader(name, value)
    line.endheaders()
    line.send(b" " * 2 * BODY_LIMIT)
    status = line.getresponse().status
    line.close()
    return status


def test_a_signed_call_is_heard_once(service: Service) -> None:
    key = issued(service, signs=True)
    assert signed(service, key).status_code == 200
    problem(signed(service, key), 401)
    assert signed(service, key, nonce="f" * 16).status_code == 200
    other = issued(service, signs=True)
    assert signed(service, other).status_code == 200, "another key has its own nonces"
    read = {"method": "GET", "body": b""}
    assert signed(service, key, path="/v1/holds?state=all", nonce="h" * 16, **read).ok  # type: ignore[arg-type]


def test_a_signature_holds_for_its_time_body_path_and_secret_alone(service: Service) -> None:
    key = issued(service, signs=True)
    for change in (
        {"age": 301},
        {"age": -301},
        {"sent": BODY.replace(b"300.00", b"900.00")},
        {"nonce": "short"},
    ):
        problem(signed(service, key, **change), 401)  # type: ignore[arg-type]
    problem(signed(service, (key[0], "guess")), 401)
    problem(signed(service, (9_999, key[1])), 401)
    headers = {"Authorization": f"Bearer {key[1]}"}
    problem(service.call("POST", "/v1/checks", key=None, headers=headers, json=ORDER), 401)
    keys(service).revoke(key[0], dt.datetime.now(dt.UTC))
    problem(signed(service, key, nonce="z" * 16), 401)


def test_a_key_is_for_its_scopes(service: Service) -> None:
    reads, checks = issued(service, scopes=["read"])[1], issued(service, scopes=["check"])[1]
    problem(service.call("POST", "/v1/checks", key=reads, json=ORDER), 403)
    problem(service.call("GET", "/v1/customers/A1/credit", key=checks), 403)
    problem(service.call("GET", "/v1/holds", key=checks), 403)
    problem(service.call("POST", "/v1/holds/1/reject", key=reads, json={"reason": "no"}), 403)
    assert service.call("GET", "/v1/holds", key=reads).json() == {"holds": [], "before": None}


def test_a_key_ends(service: Service) -> None:
    now = dt.datetime.now(dt.UTC)
    over = issued(service, expires_at=now - dt.timedelta(seconds=1))[1]
    problem(service.call("POST", "/v1/checks", key=over, json=ORDER), 401)
    assert service.call(
        "POST", "/v1/checks", key=issued(service, expires_at=now + dt.timedelta(hours=1))[1], json=ORDER
    ).ok


def test_two_keys_of_a_label_are_valid_at_once_and_earlier_ones_end_with_a_grace(service: Service) -> None:
    first, second = issued(service, label="widget"), issued(service, label="widget")
    with pytest.raises(Halt, match="two keys 'widget'"):
        issued(service, label="widget")
    keys(service).revoke(first[0], dt.datetime.now(dt.UTC))
    third = issued(service, label="widget", grace=dt.timedelta(hours=2))
    ends = {one.id: one.expires_at for one in keys(service).all()}
    assert ends[third[0]] is None and ends[second[0]] is not None
    for key in (second, third):
        assert service.call("GET", "/v1/holds", key=key[1]).ok
    with pytest.raises(Halt, match="cannot be for"):
        issued(service, scopes=["everything"])


def test_calls_are_counted_by_key_over_all_processes(service: Service) -> None:
    one, other = issued(service), issued(service)
    minute = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    for at in (minute, minute + dt.timedelta(minutes=1)):
        assert keys(service).lease(one[0], at, MANY, 1_000) == MANY, "what another process took"
    answer = service.call("GET", "/v1/holds", key=one[1])
    assert problem(answer, 429)["title"] == "Too Many Requests"
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert service.call("GET", "/v1/holds", key=other[1]).ok
    assert [keys(service).lease(other[0], minute + dt.timedelta(hours=2), 5, 3) for _ in range(3)] == [
        3,
        2,
        0,
    ]


def test_what_is_refused_is_logged_without_what_was_sent(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    key = issued(service, signs=True)
    over = issued(service, expires_at=dt.datetime.now(dt.UTC))[1]
    caplog.set_level(logging.DEBUG)
    problem(service.call("POST", "/v1/checks", key=None, json=ORDER), 401)
    problem(service.call("POST", "/v1/checks", key="cg_1_wrong-secret", json=ORDER), 401)
    problem(service.call("POST", "/v1/checks", key=over, json=ORDER), 401)
    problem(service.call("POST", "/v1/checks", key=service.other_key, json=ORDER), 403)
    signed(service, key, nonce="r" * 16)
    problem(signed(service, key, nonce="r" * 16), 401)
    assert large(service, 10_000_000) == 413
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("creditgate"))
    assert ours.count("refused") >= 3 and "/v1/checks" in ours
    for secret in (service.key, service.other_key, "wrong-secret", over, key[1], "r" * 16, "300.00"):
        assert secret not in caplog.text
