"""A Fxiaoke tenant that can be called like the vendor's gateway, with side doors.

Invariant: every vendor call is a POST and is answered with HTTP 200; a path that is not modelled is
refused as the gateway refuses a wrong one. Everything is kept in memory.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.doors import PluginSlot, crm_doors
from sandbox.faults import CallKind
from sandbox.fxiaoke import reading, writing
from sandbox.fxiaoke.answers import (
    BUSY,
    NO_SCOPE,
    QUOTA_USED,
    SERVICE,
    TOKEN_EXPIRED,
    TOO_MANY_CALLS,
    Fault,
    answer,
    refusal,
    wrong,
)
from sandbox.fxiaoke.calls import Caller, by_mobile, caller
from sandbox.fxiaoke.fields import Object
from sandbox.fxiaoke.seed import seed
from sandbox.fxiaoke.tenant import ADMIN_MOBILE, TENANT_ZONE, Tenant
from sandbox.fxiaoke.tokens import (
    APP_ID,
    APP_SECRET,
    BODY_TOKEN,
    HEADER_TOKEN,
    PERMANENT_CODE,
    TokenDesk,
)
from sandbox.limits import UNLIMITED_FAULT, UNLIMITED_TEXT, InFlight, Window, without_limits
from sandbox.server import Options, Sandbox, gate

PRESET, CUSTOM, OBJECTS = "/cgi/crm/v2/data", "/cgi/crm/custom/v2/data", "/cgi/crm/v2/object"
BY_MOBILE = "/cgi/user/getByMobile"
_WRITES = ("create", "update", "invalid", "lock", "unlock")
_TOKENS = (HEADER_TOKEN, BODY_TOKEN)

FAULTS = {
    "busy": lambda: refusal(Fault(BUSY)),
    "14001": lambda: refusal(Fault(TOO_MANY_CALLS)),
    "20016": lambda: refusal(Fault(TOKEN_EXPIRED)),
    "30002": lambda: refusal(Fault(QUOTA_USED)),
    "50009": lambda: refusal(Fault(SERVICE)),
}
"""Vendor-worded faults beside the common ones, by their errorCode."""

FAULT_TEXTS = {
    "busy": "answer with the error code of a busy system",
    "14001": "answer with the error code of too many calls",
    "20016": "answer with the error code of an expired token",
    "30002": "answer with the error code of a used-up quota",
    "50009": "answer with the error code of a failed service",
    UNLIMITED_FAULT: UNLIMITED_TEXT,
}


@dataclass(frozen=True)
class Limits:
    """Calls to one endpoint in ``seconds``, token calls in a minute, calls in a day (vendor manual).

    ``void_in_query`` decides what the manual leaves open: whether a plain query shows void rows.
    """

    calls: int = 100
    seconds: float = 20
    tokens_a_minute: int = 10
    calls_a_day: int = 100_000
    void_in_query: bool = False


UNLIMITED = Limits(calls=10**9, tokens_a_minute=10**9, calls_a_day=10**12)


class Quota:
    """Calls of the day; it begins anew at midnight of the vendor."""

    def __init__(self, calls: int, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._clock = clock
        self._lock = threading.Lock()
        self._day, self._used = dt.date.min, 0

    def take(self) -> None:
        today = dt.datetime.fromtimestamp(self._clock(), TENANT_ZONE).date()
        with self._lock:
            if today != self._day:
                self._day, self._used = today, 0
            if self._used >= self._calls:
                raise Fault(QUOTA_USED)
            self._used += 1


Act = Callable[[Caller, Mapping[str, Any]], Awaitable[Response]]
OnObject = Callable[[Tenant, Caller, Object, Mapping[str, Any]], Response]


def build(tenant: Tenant, options: Options, limits: Limits) -> ASGIApp:
    """The server of ``tenant``."""
    slot = PluginSlot()
    gateway = _Gateway(tenant, limits, slot)
    inner = Starlette(
        routes=[*gateway.routes(), *crm_doors(tenant, slot)],
        exception_handlers={404: _unknown_path, 405: _unknown_path},
    )
    gated = gate(inner, options, sandbox="fxiaoke", classify=classify, dialect=FAULTS)
    return InFlight(gated, lambda path: path in _TOKENS)


def app(options: Options) -> ASGIApp:
    """The sandbox with the Fxiaoke part of the economy. The fault ``unlimited`` lifts the limits."""
    options, unlimited = without_limits(options, "fxiaoke")
    tenant = Tenant()
    seed(tenant, options.world())
    return build(tenant, options, UNLIMITED if unlimited else Limits())


def classify(_: str, path: str) -> CallKind:
    """What kind of vendor call this is: all of them are POST, so the path tells."""
    if path in _TOKENS:
        return "token"
    return "write" if path.rpartition("/")[2] in _WRITES else "read"


class _Gateway:
    """All vendor paths."""

    def __init__(self, tenant: Tenant, limits: Limits, slot: PluginSlot) -> None:
        self._tenant = tenant
        self._limits = limits
        self._slot = slot
        self._desk = TokenDesk(limits.tokens_a_minute, tenant.clock)
        self._window = Window(limits.calls, limits.seconds, tenant.clock)
        self._quota = Quota(limits.calls_a_day, tenant.clock)

    def routes(self) -> list[Route]:
        routes = [
            self._token_route(HEADER_TOKEN, self._desk.header_token),
            self._token_route(BODY_TOKEN, self._desk.body_token),
            self._route(BY_MOBILE, self._by_mobile, as_user=False),
            self._route(f"{OBJECTS}/list", self._list),
            self._route(f"{OBJECTS}/describe", self._describe),
            self._route(f"{OBJECTS}/lock", self._on_object(_lock)),
            self._route(f"{OBJECTS}/unlock", self._on_object(_unlock)),
        ]
        for base in (PRESET, CUSTOM):
            custom = base == CUSTOM
            routes += [
                self._route(f"{base}/query", self._on_object(self._query, custom=custom)),
                self._route(f"{base}/get", self._on_object(_get, custom=custom)),
                self._route(f"{base}/create", self._create(custom=custom)),
                self._route(f"{base}/update", self._on_object(_update, custom=custom)),
                self._route(f"{base}/invalid", self._on_object(_invalid, custom=custom)),
            ]
        return routes

    def _token_route(self, path: str, desk: Callable[[Request, Mapping[str, Any]], Response]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return desk(request, _parsed(await request.body()))
            except Fault as fault:
                return refusal(fault)

        return Route(path, endpoint, methods=["POST"])

    def _route(self, path: str, act: Act, *, as_user: bool = True) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                body = _parsed(await request.body())
                who = caller(self._tenant, self._desk, request, body, as_user=as_user)
                if not self._window.admits(path):
                    raise Fault(TOO_MANY_CALLS)
                self._quota.take()
                return await act(who, body)
            except Fault as fault:
                return refusal(fault)

        return Route(path, endpoint, methods=["POST"])

    def _object(self, name: Any, *, custom: bool | None = None) -> Object:
        """The object of this api name; preset and custom ones have paths of their own."""
        kind = self._tenant.objects.get(name) if isinstance(name, str) else None
        if kind is None or (custom is not None and kind.custom is not custom):
            raise wrong(f"对象 {name} 不存在")
        return kind

    # -- users and objects

    async def _by_mobile(self, who: Caller, body: Mapping[str, Any]) -> Response:
        return answer(empList=[by_mobile(self._tenant, who, body.get("mobile"))])

    async def _list(self, _: Caller, body: Mapping[str, Any]) -> Response:
        kinds = self._tenant.objects.values()
        listed = [
            {
                "describeApiName": kind.api_name,
                "describeDisplayName": kind.label,
                "defineType": "custom" if kind.custom else "package",
                "isActive": True,
            }
            for kind in kinds
        ]
        return answer(data={"objects": listed})

    async def _describe(self, _: Caller, body: Mapping[str, Any]) -> Response:
        data = body.get("data")
        inside = data.get("apiName") if isinstance(data, Mapping) else None
        with self._tenant.lock:
            return answer(data={"describe": self._object(inside or body.get("apiName")).described()})

    # -- rows

    def _on_object(self, act: OnObject, *, custom: bool | None = None) -> Act:
        """An act on the object that ``data`` or its ``object_data`` names."""

        async def on_object(who: Caller, body: Mapping[str, Any]) -> Response:
            with self._tenant.lock:
                return act(self._tenant, who, self._object(_named(body), custom=custom), body)

        return on_object

    def _query(self, tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> Response:
        found = reading.query(tenant, who, kind, body, void_too=self._limits.void_in_query)
        return answer(data=found)

    def _create(self, *, custom: bool) -> Act:
        async def create(who: Caller, body: Mapping[str, Any]) -> Response:
            kind = self._object(_named(body), custom=custom)
            return answer(dataId=await writing.create(self._tenant, who, kind, body, self._slot))

        return create


def _get(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> Response:
    return answer(data=reading.get(tenant, who, kind, body))


def _update(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> Response:
    writing.update(tenant, who, kind, body)
    return answer()


def _invalid(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> Response:
    writing.invalidate(tenant, who, kind, body)
    return answer()


def _lock(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> Response:
    writing.set_lock(tenant, who, kind, body, locked=True)
    return answer()


def _unlock(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> Response:
    writing.set_lock(tenant, who, kind, body, locked=False)
    return answer()


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise wrong("the body must be a JSON object")
    return body


def _named(body: Mapping[str, Any]) -> Any:
    """The api name of the object that a call is about: beside the row, or in it when it is written."""
    data = body.get("data")
    if not isinstance(data, Mapping):
        raise wrong("data is missing")
    written = data.get("object_data")
    return (written if isinstance(written, Mapping) else data).get("dataObjectApiName")


async def _unknown_path(request: Request, _: Exception) -> Response:
    return refusal(Fault(NO_SCOPE, f"{request.url.path} is not exists"))


SANDBOX = Sandbox(
    name="fxiaoke",
    kind="fxiaoke",
    settings={
        "base_url": "{base}",
        "app_id": APP_ID,
        "app_secret": APP_SECRET,
        "permanent_code": PERMANENT_CODE,
        "user": ADMIN_MOBILE,
    },
    app=app,
    default_port=8702,
    faults=FAULT_TEXTS,
)
