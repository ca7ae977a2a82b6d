"""A connection to Zoho CRM for unit tests: settings, a clock that can be moved, recorded waits."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import responses

from adapters.zoho.adapter import ZohoCrm
from connector.adapter import Context
from connector.http import Http
from tests.memory_secrets import MemorySecrets

ACCOUNTS = "https://accounts.zoho.eu"
TOKEN = f"{ACCOUNTS}/oauth/v2/token"
API = "https://www.zohoapis.eu"
BASE = f"{API}/crm/v8"
SETTINGS = {
    "data_center": "eu",
    "client_id": "1000.CLIENT",
    "client_secret": "client-secret-x",
    "refresh_token": "refresh-token-x",
}
SECRET_WORDS = ("client-secret-x", "refresh-token-x", "access-token-1", "access-token-2", "code-x")


class Ledger:
    """A budget that records what was taken and what the vendor said."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.corrected: list[tuple[str, int]] = []

    def take(self, bucket: str, weight: int) -> None:
        self.taken.append((bucket, weight))

    def correct(self, bucket: str, remaining: int) -> None:
        self.corrected.append((bucket, remaining))

    @property
    def credits(self) -> list[int]:
        return [weight for bucket, weight in self.taken if bucket == "credits"]


class Bench:
    """An adapter with everything around it; adapters made by ``another`` share the secrets."""

    def __init__(self, language: str = "en", **settings: str) -> None:
        self.time = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
        self.secrets = MemorySecrets(self.now)
        self.budget = Ledger()
        self.waits: list[float] = []
        self._settings = {k: v for k, v in (SETTINGS | settings).items() if v}
        self._language = language
        self.crm = self.another()

    def now(self) -> dt.datetime:
        return self.time

    def another(self) -> ZohoCrm:
        http = Http(ZohoCrm.limits, self.budget, sleep=self.waits.append)
        return ZohoCrm(Context("shop", self._settings, self.secrets, http, self._language, self.now))


def answer_token(number: int = 1, **more: Any) -> None:
    """The token endpoint gives ``access-token-NUMBER``."""
    body = {
        "access_token": f"access-token-{number}",
        "api_domain": API,
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    responses.post(TOKEN, json=body | more)


def answer_fields(module: str, fields: Mapping[str, str], **extra: Mapping[str, Any]) -> None:
    """The field metadata of ``module``: data type by API name; ``extra`` adds keys to a field."""
    rows = [
        {"id": f"f{i}", "api_name": name, "field_label": name.replace("_", " "), "data_type": kind}
        | dict(extra.get(name, {}))
        for i, (name, kind) in enumerate(fields.items())
    ]
    responses.get(
        f"{BASE}/settings/fields",
        json={"fields": rows},
        match=[responses.matchers.query_param_matcher({"module": module})],
    )


def sent(call: int = -1) -> Any:
    """The JSON that was sent in one call; numbers stay text, to see how they were written."""
    body = responses.calls[call].request.body
    return json.loads(body or b"null", parse_float=lambda text: f"number {text}")


def calls_to(url: str) -> list[responses.Call]:
    """The calls made to ``url``, query string apart."""
    return [c for c in responses.calls if (c.request.url or "").split("?")[0] == url]
