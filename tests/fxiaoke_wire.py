"""A scripted Fxiaoke gateway for unit tests: answers by path in turn, and remembers what was asked."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import responses

from adapters.fxiaoke.adapter import FxiaokeCrm
from connector.adapter import Context
from connector.http import Http
from tests.memory_secrets import MemorySecrets

BASE = "https://open.fxiaoke.com"
NOW = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
BODY_TOKEN, HEADER_TOKEN = "/cgi/corpAccessToken/get/V2", "/oauth2.0/token"
DESCRIBE, OBJECTS = "/cgi/crm/v2/object/describe", "/cgi/crm/v2/object/list"
PRESET, CUSTOM = "/cgi/crm/v2/data", "/cgi/crm/custom/v2/data"
SETTINGS = {
    "base_url": BASE,
    "app_id": "FSAID_1",
    "app_secret": "very-secret",
    "permanent_code": "permanent-code",
    "user": "FSUID_1",
    "time_filters": "text",
}
ANSWER = dict[str, Any]


@dataclass
class Asked:
    path: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    trace: str


class Wire:
    """``answers[path]`` are given in turn, the last one again and again; an answer may be a dict (the
    envelope without errorCode 0), an exception, a raw ``(status, text)`` or a function of the body."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.asked: list[Asked] = []
        self.now = NOW
        self.secrets = MemorySecrets(lambda: self.now)
        self.secrets.put("fxiaoke-updates-stay", "yes")
        self.slept: list[float] = []
        self._answers: defaultdict[str, deque[Any]] = defaultdict(deque)
        self.answer(BODY_TOKEN, {"corpAccessToken": "token-1", "corpId": "FSCID_1", "expiresIn": 7200})
        self.answer("/cgi/user/list", {"userList": []})
        self.answer(HEADER_TOKEN, {"accessToken": "token-h", "ea": "fs-ea", "expiresIn": 7200})
        mock.add_callback(responses.POST, re.compile(re.escape(BASE)), callback=self._reply)

    def answer(self, path: str, *answers: Any) -> None:
        self._answers[path] = deque(answers)

    def describe(self, **fields: Mapping[str, Any]) -> None:
        """Any described object has these fields."""
        named = {name: {"api_name": name, **field} for name, field in fields.items()}
        self.answer(DESCRIBE, {"data": {"describe": {"fields": named}}})

    def calls(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def crm(self, **settings: str) -> FxiaokeCrm:
        http = Http(FxiaokeCrm.limits, sleep=self.slept.append)
        return FxiaokeCrm(self.context(http, **settings))

    def context(self, http: Http, language: str = "zh", **settings: str) -> Context:
        return Context(
            connection="fx",
            settings={**SETTINGS, **settings},
            secrets=self.secrets,
            http=http,
            language=language,
            now=lambda: self.now,
        )

    def _reply(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        parts = urlsplit(str(request.url))
        body = json.loads(request.body or b"{}")
        trace = parse_qs(parts.query).get("thirdTraceId", [""])[0]
        self.asked.append(Asked(parts.path, body, request.headers, trace))
        queue = self._answers[parts.path]
        if not queue:
            raise AssertionError(f"nothing is scripted for {parts.path}")
        answer = queue[0] if len(queue) == 1 else queue.popleft()
        if callable(answer):
            answer = answer(body)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, tuple):
            return answer[0], {}, answer[1]
        return 200, {}, json.dumps({"errorCode": 0, "errorMessage": "OK", "traceId": "E-O.1", **answer})


@contextmanager
def scripted() -> Iterator[Wire]:
    """A gateway in place of the network."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Wire(mock)


def page(*rows: Mapping[str, Any], limit: int = 100) -> ANSWER:
    """The answer of a query."""
    return {"data": {"dataList": list(rows), "total": 0, "offset": 0, "limit": limit}}


def failed(code: int, message: str = "no") -> ANSWER:
    """A refusal."""
    return {"errorCode": code, "errorMessage": message, "traceId": "E-O.77"}


def options(**labels: str) -> dict[str, Any]:
    """A single-choice field; keyword = option value, its text = label."""
    return {
        "type": "select_one",
        "label": "",
        "options": [{"value": v, "label": text} for v, text in labels.items()],
    }
