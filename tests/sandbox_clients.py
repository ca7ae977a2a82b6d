"""Plain HTTP callers of the CRM sandboxes, a clock that tests turn, and a check service of one rule."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox import fxiaoke, zoho
from sandbox.server import Options
from tests.sandbox_server import running
from tests.tiny_world import tiny_world

ZOHO_CREDENTIALS = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
    "grant_type": "refresh_token",
}
FXIAOKE_CREDENTIALS = {
    "appId": "FSAID_sandbox",
    "appSecret": "sandbox-secret",
    "permanentCode": "sandbox-code",
}


LOOKED_AT = ("calls", "content", "notifications", "automation", "writes", "messages", "events", "functions")
"""Side doors that only show something."""


class Clock:
    """Seconds since 1970, standing still until told otherwise."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


NOON = 1_777_900_000.0
"""2026-05-04T21:06:40+08:00"""


class Zoho:
    """Calls below /crm/v8 with a live token. ``clock`` is the sandbox's, where a test has set it."""

    def __init__(self, base: str, clock: Clock | None = None) -> None:
        self.base = base
        self.clock = clock or Clock(NOON)
        self.session = requests.Session()
        self.session.trust_env = False
        self.renew()

    def token(self, **changed: str) -> requests.Response:
        form = {**ZOHO_CREDENTIALS, **changed}
        return self.session.post(f"{self.base}/oauth/v2/token", data=form)

    def renew(self) -> None:
        self.use(self.token().json()["access_token"])

    def use(self, token: str) -> None:
        self.session.headers["Authorization"] = f"Zoho-oauthtoken {token}"

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, f"{self.base}/crm/v8{path}", **more)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params)

    def bulk(self, path: str = "", **query: Any) -> requests.Response:
        """Start a bulk read of ``query``, or get what is at ``path`` below the jobs."""
        url = f"{self.base}/crm/bulk/v8/read{path}"
        return self.session.get(url) if path else self.session.post(url, json={"query": query})

    def coql(self, text: str) -> requests.Response:
        return self.call("POST", "/coql", json={"select_query": text})

    def rows(self, text: str) -> list[dict[str, Any]]:
        answer = self.coql(text)
        if answer.status_code == 204:
            return []
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def door(self, path: str, **body: Any) -> dict[str, Any]:
        return _door(self.session, self.base, path, body)


class Fxiaoke:
    """Calls to the gateway in the body style (``mobile`` of the acting employee) or the header style."""

    def __init__(self, base: str, *, by_header: bool = False) -> None:
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False
        self.credentials: dict[str, Any] = {}
        if by_header:
            grant = self.raw("/oauth2.0/token", {**FXIAOKE_CREDENTIALS, "grantType": "app_secret"})
            self.session.headers["authorization"] = f"Bearer {grant['accessToken']}"
            self.session.headers["x-fs-ea"] = grant["ea"]
            self.session.headers["x-fs-userid"] = "1000"
        else:
            grant = self.raw("/cgi/corpAccessToken/get/V2", FXIAOKE_CREDENTIALS)
            self.credentials = {key: grant[key] for key in ("corpAccessToken", "corpId")}
            found = self.call("/cgi/user/getByMobile", mobile="13800000000")
            self.credentials["currentOpenUserId"] = found["empList"][0]["openUserId"]

    def raw(self, path: str, body: Any) -> dict[str, Any]:
        """A call as it stands, with a trace id of its own."""
        trace = {"thirdTraceId": str(uuid.uuid4())}
        answer = self.session.post(f"{self.base}{path}", json=body, params=trace)
        assert answer.status_code == 200
        parsed: dict[str, Any] = answer.json()
        return parsed

    def call(self, path: str, **body: Any) -> dict[str, Any]:
        return self.raw(path, {**self.credentials, **body})

    def data(self, action: str, object_name: str, **data: Any) -> dict[str, Any]:
        """A call below the path that the object's name asks for."""
        base = "/cgi/crm/custom/v2/data" if object_name.endswith("__c") else "/cgi/crm/v2/data"
        return self.call(f"{base}/{action}", data={"dataObjectApiName": object_name, **data})

    def query(self, object_name: str, **info: Any) -> list[dict[str, Any]]:
        found = self.data("query", object_name, search_query_info={"limit": 100, "offset": 0, **info})
        assert found["errorCode"] == 0, found
        rows: list[dict[str, Any]] = found["data"]["dataList"]
        return rows

    def write(self, action: str, object_name: str, values: Mapping[str, Any], **data: Any) -> dict[str, Any]:
        base = "/cgi/crm/custom/v2/data" if object_name.endswith("__c") else "/cgi/crm/v2/data"
        written = {"dataObjectApiName": object_name, **values}
        return self.call(f"{base}/{action}", data={"object_data": written, **data})

    def door(self, path: str, **body: Any) -> dict[str, Any]:
        return _door(self.session, self.base, path, body)


def _door(session: requests.Session, base: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    method = "GET" if path in LOOKED_AT else "POST"
    answer = session.request(method, f"{base}/_sandbox/{path}", json=body or None)
    answer.raise_for_status()
    parsed: dict[str, Any] = answer.json()
    return parsed


@contextmanager
def zoho_org(
    limits: zoho.Limits | None = None, latency_ms: int = 0, faults: Mapping[str, float] | None = None
) -> Iterator[Zoho]:
    """A Zoho sandbox with the tiny world and a clock that stands at ``NOON``."""
    clock = Clock(NOON)
    tenant = zoho.Tenant(clock)
    zoho.seed(tenant, tiny_world())
    options = Options(latency_ms=latency_ms, faults=faults or {})
    with running(zoho.build(tenant, options, limits or zoho.Limits())) as base:
        yield Zoho(base, clock)


@contextmanager
def fxiaoke_tenant(
    limits: fxiaoke.Limits | None = None,
    latency_ms: int = 0,
    faults: Mapping[str, float] | None = None,
    **traits: Any,
) -> Iterator[tuple[str, Clock]]:
    """The base URL of a Fxiaoke sandbox with the tiny world, and its clock, which stands at ``NOON``."""
    clock = Clock(NOON)
    tenant = fxiaoke.Tenant(clock, fxiaoke.Traits().changed(traits))
    fxiaoke.seed(tenant, tiny_world())
    options = Options(latency_ms=latency_ms, faults=faults or {})
    with running(fxiaoke.build(tenant, options, limits or fxiaoke.Limits())) as base:
        yield base, clock


class Checks:
    """A check service that holds every order above ``most`` and remembers what it was asked."""

    def __init__(self, most: str) -> None:
        self.most = Decimal(most)
        self.asked: list[dict[str, Any]] = []

    async def check(self, request: Request) -> JSONResponse:
        if request.headers.get("authorization") != "Bearer sandbox-key":
            return JSONResponse({}, status_code=401)
        body = await request.json()
        self.asked.append(body)
        if Decimal(body["amount"]) <= self.most:
            return JSONResponse({"decision": "pass", "reasons": []})
        reason = {"code": "over_limit", "text": {"zh": "超过信用额度。", "en": "Over the limit."}}
        return JSONResponse({"decision": "hold", "reasons": [reason]})


@contextmanager
def check_service(most: str) -> Iterator[tuple[Checks, dict[str, str]]]:
    """The service and the body that installs it as a plugin."""
    checks = Checks(most)
    app = Starlette(routes=[Route("/v1/checks", checks.check, methods=["POST"])])
    with running(app) as base:
        yield checks, {"url": base, "key": "sandbox-key", "connection": "crm", "on_failure": "refuse"}
