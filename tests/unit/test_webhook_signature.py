"""A message to a webhook proves where it comes from, and when."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

import pytest
import responses

from adapters.channels.webhook import Webhook
from connector.adapter import Context, Limits
from connector.errors import CreditGateError
from connector.http import Http
from connector.ports.message import Message
from connector.secrets.hosts import Hosts
from tests.memory_secrets import MemorySecrets

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
URL = "https://receiver.example/services/T000/B000/secret-part"
SECRET = "sixteen characters"


def webhook(url: str = URL) -> Webhook:
    http = Http(Limits(slots=1), attempts=1, hosts=Hosts(Webhook.hosts), secret_paths=True)
    settings = {"url": url, "secret": SECRET, "least": "info"}
    return Webhook(Context("hook", settings, MemorySecrets(), http, "en", lambda: NOW))


def message() -> Message:
    return Message("signal-1", "Overdue", ("INV-1",), "alarm", {"customer": 7})


@responses.activate
def test_a_message_to_a_webhook_is_signed_over_moment_and_body() -> None:
    responses.post(URL)
    webhook().tell(message())
    (call,) = responses.calls
    moment, body = call.request.headers["X-CreditGate-Timestamp"], call.request.body
    assert moment == str(int(NOW.timestamp())) and isinstance(body, bytes)
    expected = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert call.request.headers["X-CreditGate-Signature"] == f"v1={expected}"
    assert call.request.headers["Idempotency-Key"] == "signal-1"


@responses.activate
@pytest.mark.parametrize("status", [302, 401, 404, 429, 500])
def test_no_error_names_the_secret_part_of_the_address(status: int) -> None:
    responses.post(URL, status=status, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(CreditGateError) as told:
        webhook().tell(message())
    assert "secret-part" not in str(told.value) and "receiver.example" in str(told.value)


def test_a_message_does_not_go_over_an_open_line() -> None:
    with pytest.raises(CreditGateError, match="open line"):
        webhook("http://receiver.example/x").tell(message())
