"""The vendor's paths: which call leads to which act, and what stands before each of them.

Invariant: a call is admitted by its credentials, then its trace id, then the endpoint's frequency, then
the day's quota, and only then looked at; whatever becomes of it is told in the envelope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults import CallKind, Chances
from sandbox.fxiaoke import people, reading, states
from sandbox.fxiaoke.answers import NO_SCOPE, SERVICE, Fault, answer, refusal, wrong
from sandbox.fxiaoke.budget import Frequency, Limits, Quota
from sandbox.fxiaoke.calls import Caller, caller
from sandbox.fxiaoke.faults import Shift
from sandbox.fxiaoke.fields import Object
from sandbox.fxiaoke.tenant import Tenant
from sandbox.fxiaoke.tokens import BODY_TOKEN, HEADER_TOKEN, TokenDesk
from sandbox.fxiaoke.writing import Writer

PRESET, CUSTOM, OBJECTS = "/cgi/crm/v2/data", "/cgi/crm/custom/v2/data", "/cgi/crm/v2/object"
WRITES = ("create", "update", "invalid", "delete", "recover", "changeOwner", "lock", "unlock", "send")

Act = Callable[[Caller, Mapping[str, Any]], Awaitable[dict[str, Any]]]
OnPeople = Callable[[Tenant, Caller, Mapping[str, Any]], dict[str, Any]]
OnObject = Callable[[Tenant, Caller, Object, Mapping[str, Any]], dict[str, Any] | None]


class Gateway:
    """All vendor paths of one tenant. ``refuse_with`` is a code that every call is refused with."""

    def __init__(self, tenant: Tenant, limits: Limits, writer: Writer, chances: Chances) -> None:
        self._tenant = tenant
        self._writer = writer
        self._chances = chances
        self.desk = TokenDesk(limits.tokens_a_minute, tenant.clock, lambda: tenant.traits)
        self.quota = Quota(limits.calls_a_day, tenant.clock)
        self.refuse_with: int | None = None
        self._shift = Shift(tenant, chances)
        self._frequency = Frequency(limits, tenant.clock)
        # A token that has just been given serves one call at least, or nobody could go on.
        self._fresh = False

    def routes(self) -> list[Route]:
        routes = [
            self._token_route(HEADER_TOKEN, self.desk.header_token),
            self._token_route(BODY_TOKEN, self.desk.body_token),
            self._route("/cgi/user/getByMobile", self._on_people(people.by_mobile), as_user=False),
            self._route("/cgi/user/list", self._on_people(people.listed), as_user=False),
            self._route("/cgi/message/send", self._on_people(people.send)),
            self._route(f"{OBJECTS}/list", self._list),
            self._route(f"{OBJECTS}/describe", self._describe),
            self._route(f"{OBJECTS}/lock", self._on_object(states.lock)),
            self._route(f"{OBJECTS}/unlock", self._on_object(states.unlock)),
        ]
        for base, custom in ((PRESET, False), (CUSTOM, True)):
            acts: dict[str, OnObject] = {
                "query": self._query,
                "get": _get,
                "invalid": states.invalidate,
                "delete": states.delete,
                "recover": states.recover,
                "changeOwner": states.change_owner,
            }
            routes += [
                self._route(f"{base}/{name}", self._on_object(act, custom=custom))
                for name, act in acts.items()
            ]
            routes.append(self._route(f"{base}/create", self._create(custom=custom)))
            routes.append(self._route(f"{base}/update", self._update(custom=custom)))
        # These two serve preset objects as well.
        routes.append(self._route(f"{CUSTOM}/findSimple", self._on_object(_find_simple)))
        routes.append(self._route(f"{CUSTOM}/findOne", self._on_object(_find_one)))
        return routes

    def _token_route(self, path: str, desk: Callable[[Request, Mapping[str, Any]], Response]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return desk(request, _parsed(await request.body()))
            except Fault as fault:
                return refusal(fault)

        return Route(path, endpoint, methods=["POST"])

    def _route(self, path: str, act: Act, *, as_user: bool = True) -> Route:
        kind: CallKind = "write" if path.rpartition("/")[2] in WRITES else "read"

        async def endpoint(request: Request) -> Response:
            try:
                body = _parsed(await request.body())
                if not self._fresh and self._chances.hit("expired", kind):
                    self.desk.revoke_all()
                    self._fresh = True
                who = caller(self._tenant, self.desk, request, body, as_user=as_user)
                self._fresh = False
                self._admit(path, kind)
                content = await act(who, body)
                if kind == "write" and self._chances.hit("50009_done", kind):
                    raise Fault(SERVICE)
            except Fault as fault:
                return refusal(fault)
            return answer(**content)

        return Route(path, endpoint, methods=["POST"])

    def _admit(self, path: str, kind: CallKind) -> None:
        """Take one call for ``path``, or ``Fault``."""
        if self.refuse_with is not None:
            raise Fault(self.refuse_with)
        if path in self._tenant.traits.closed:
            raise Fault(NO_SCOPE)
        if self._chances.hit("used_up", kind):
            self._frequency.use_up(path)
        if not self._frequency.admits(path):
            raise Fault(self._tenant.traits.over_rate)
        self.quota.take()

    # -- objects

    def _object(self, name: Any, *, custom: bool | None = None) -> Object:
        """The object of this api name; preset and custom ones have paths of their own."""
        kind = self._tenant.objects.get(name) if isinstance(name, str) else None
        if kind is None or not self._tenant.has(kind):
            raise wrong(f"对象{name}不存在")
        strict = self._tenant.traits.wrong_prefix_refused
        if strict and custom is not None and kind.custom is not custom:
            raise wrong(f"对象{name}不支持该接口")
        return kind

    def _in_use(self, name: Any, *, custom: bool | None = None) -> Object:
        kind = self._object(name, custom=custom)
        if not kind.active:
            raise wrong(f"对象{name}已禁用")
        return kind

    async def _list(self, _: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
        kinds = [kind for kind in self._tenant.objects.values() if self._tenant.has(kind)]
        listed = [
            {
                "describeApiName": kind.api_name,
                "describeDisplayName": kind.label,
                "defineType": "custom" if kind.custom else "package",
                "isActive": kind.active,
            }
            for kind in kinds
        ]
        return {"data": {"objects": listed}}

    async def _describe(self, who: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
        data, place = body.get("data"), self._tenant.traits.describe_place
        inside = data.get("apiName") if isinstance(data, Mapping) else None
        if place == "style":
            place = "data" if who.by_header else "top"
        name = {"data": inside, "top": body.get("apiName")}.get(place, inside or body.get("apiName"))
        if not name:
            raise wrong("缺少参数apiName")
        with self._tenant.lock:
            return {"data": {"describe": self._object(name).described()}}

    # -- rows and people

    def _on_object(self, act: OnObject, *, custom: bool | None = None) -> Act:
        """An act on the object that ``data`` or its ``object_data`` names."""

        async def on_object(who: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
            with self._tenant.lock:
                return act(self._tenant, who, self._in_use(_named(body), custom=custom), body) or {}

        return on_object

    def _on_people(self, act: OnPeople) -> Act:
        async def on_people(who: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
            with self._tenant.lock:
                return act(self._tenant, who, body)

        return on_people

    def _query(self, tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> dict[str, Any]:
        found = reading.query(tenant, who, kind, body)
        self._shift.after(kind, [row["_id"] for row in found["dataList"] if "_id" in row])
        return {"data": found}

    def _update(self, *, custom: bool) -> Act:
        async def update(who: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
            await self._writer.update(who, self._in_use(_named(body), custom=custom), body)
            return {}

        return update

    def _create(self, *, custom: bool) -> Act:
        async def create(who: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
            return await self._writer.create(who, self._in_use(_named(body), custom=custom), body)

        return create


def _get(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": reading.get(tenant, who, kind, body)}


def _find_simple(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": reading.find_simple(tenant, who, kind, body)}


def _find_one(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": reading.find_one(tenant, who, kind, body)}


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise wrong("请求体必须是JSON对象")
    return body


def _named(body: Mapping[str, Any]) -> Any:
    """The api name of the object that a call is about: beside the row, or in it when it is written."""
    data = body.get("data")
    if not isinstance(data, Mapping):
        raise wrong("缺少data")
    written = data.get("object_data")
    return (written if isinstance(written, Mapping) else data).get("dataObjectApiName")
