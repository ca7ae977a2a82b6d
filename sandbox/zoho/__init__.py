"""A Zoho CRM org that can be called like the vendor's: token endpoint, API version 8, side doors.

Invariant: an address that is not modelled is refused as the vendor refuses a wrong one; all vendor
calls but the token's need a live token and cost credits. Everything is kept in memory.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.doors import PluginSlot, crm_doors
from sandbox.server import CallKind, Options, Sandbox, gate, without_limits
from sandbox.zoho import listing, query, settings, writing
from sandbox.zoho.answers import Refused, answer, empty, error, parsed, refuse
from sandbox.zoho.coql import parse
from sandbox.zoho.fields import Module
from sandbox.zoho.gatekeeper import UNLIMITED, Gatekeeper, InFlight, Limits
from sandbox.zoho.oauth import (
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    THROTTLED,
    Tokens,
    token_endpoint,
)
from sandbox.zoho.seed import seed
from sandbox.zoho.tenant import Tenant

TOKEN_PATH, API = "/oauth/v2/token", "/crm/v8"
_TOO_MANY = "You have made too many requests. Please try again after some time."

FAULTS = {
    "401": lambda: answer(error("INVALID_TOKEN", "invalid oauth token"), 401),
    "429": lambda: answer(error("TOO_MANY_REQUESTS", _TOO_MANY), 429),
    "500": lambda: answer(error("INTERNAL_ERROR", "Internal Server Error"), 500),
    "access_denied": lambda: answer(THROTTLED),
}
"""Vendor-worded faults beside the common ones; ``access_denied`` is the token throttle as HTTP 200."""


def build(tenant: Tenant, options: Options, limits: Limits) -> ASGIApp:
    """The server of ``tenant``."""
    tokens = Tokens(limits.tokens, tenant.clock)
    slot = PluginSlot()
    api = _Api(tenant, limits, Gatekeeper(limits, tokens, tenant.clock), slot)

    async def token(request: Request) -> Response:
        return await token_endpoint(request, tokens, limits.tokens)

    routes = [Route(TOKEN_PATH, token, methods=["POST"]), *api.routes(), *crm_doors(tenant, slot)]
    inner = Starlette(routes=routes, exception_handlers={404: _wrong_url, 405: _wrong_method})
    return InFlight(gate(inner, options, sandbox="zoho", classify=classify, dialect=FAULTS))


def app(options: Options) -> ASGIApp:
    """The sandbox with the Zoho part of the economy. The fault ``unlimited`` lifts the vendor's limits."""
    options, unlimited = without_limits(options, "zoho")
    tenant = Tenant(clock=time.time)
    seed(tenant, options.world())
    return build(tenant, options, UNLIMITED if unlimited else Limits())


def classify(method: str, path: str) -> CallKind:
    """What kind of vendor call this is."""
    if path == TOKEN_PATH:
        return "token"
    return "read" if method == "GET" or path == f"{API}/coql" else "write"


class _Api:
    """All addresses below /crm/v8."""

    def __init__(
        self, tenant: Tenant, limits: Limits, gatekeeper: Gatekeeper, slot: PluginSlot
    ) -> None:
        self._tenant = tenant
        self._limits = limits
        self._gatekeeper = gatekeeper
        self._slot = slot

    def routes(self) -> list[Route]:
        return [
            self._route("GET", "/org", self._org),
            self._route("GET", "/users", self._users),
            self._route("GET", "/settings/modules", self._modules),
            self._route("GET", "/settings/modules/{name}", self._one_module),
            self._route("GET", "/settings/fields", self._fields),
            self._route("POST", "/settings/fields", self._create_fields),
            self._route("GET", "/settings/fields/{id}", self._one_field),
            self._route("POST", "/coql", self._coql),
            self._route("GET", "/{module}", self._list),
            self._route("POST", "/{module}", self._insert),
            self._route("PUT", "/{module}", self._update),
            self._route("DELETE", "/{module}", self._delete),
            self._route("POST", "/{module}/upsert", self._upsert),
            self._route("GET", "/{module}/deleted", self._deleted),
            self._route("GET", "/{module}/{id}", self._get),
            self._route("PUT", "/{module}/{id}", self._update_one),
            self._route("DELETE", "/{module}/{id}", self._delete_one),
        ]

    def _route(self, method: str, path: str, act: Callable[[Request], Awaitable[Response]]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                self._gatekeeper.admit(request)
                response = await act(request)
            except Refused as refused:
                response = answer(refused.body, refused.status)
            for name, value in self._gatekeeper.headers().items():
                response.headers[name] = value
            return response

        return Route(f"{API}{path}", endpoint, methods=[method])

    def _module(self, request: Request) -> Module:
        module = self._tenant.modules.get(request.path_params["module"])
        if module is None:
            raise settings.invalid_module()
        return module

    # -- settings

    async def _org(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        return settings.org(self._tenant)

    async def _users(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        return settings.users(self._tenant, request)

    async def _modules(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        return settings.modules(self._tenant)

    async def _one_module(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        return settings.one_module(self._tenant, request.path_params["name"])

    async def _fields(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        return settings.fields(self._tenant, request)

    async def _one_field(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        return settings.one_field(self._tenant, request, request.path_params["id"])

    async def _create_fields(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        content = await request.body()
        return settings.create_fields(self._tenant, request, content, self._limits.custom_fields)

    # -- reading

    async def _coql(self, request: Request) -> Response:
        body = parsed(await request.body())
        text = body.get("select_query")
        if not isinstance(text, str):
            self._gatekeeper.charge(1)
            raise refuse(400, "MANDATORY_NOT_FOUND", "mandatory key not found", {"api_name": "select_query"})
        try:
            asked = parse(text)
        except Refused:
            self._gatekeeper.charge(1)
            raise
        self._gatekeeper.charge(query.credits_of(asked.limit))
        with self._tenant.lock:
            found = query.run(self._tenant, asked)
            return empty() if found is None else answer(found)

    async def _list(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        return self._lists.get(self._module(request), request)

    async def _get(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        return listing.get_one(self._tenant, self._module(request), request.path_params["id"], request)

    async def _deleted(self, request: Request) -> Response:
        self._gatekeeper.charge(2)
        return listing.deleted(self._tenant, self._module(request), request)

    # -- writing

    async def _insert(self, request: Request) -> Response:
        return await self._write(request, "insert")

    async def _update(self, request: Request) -> Response:
        return await self._write(request, "update")

    async def _upsert(self, request: Request) -> Response:
        return await self._write(request, "upsert")
