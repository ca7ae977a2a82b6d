"""A Zoho CRM org that can be called like the vendor's: token endpoint, API version 8, side doors.

Invariant: an address that is not modelled is refused as the vendor refuses a wrong one; all vendor
calls but the token's need a live token and cost credits. Everything is kept in memory.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.behaviours import taken_out
from sandbox.doors import PluginSlot, crm_doors
from sandbox.limits import InFlight, without_limits
from sandbox.server import CallKind, Options, Sandbox, gate
from sandbox.zoho import callbacks, listing, query, settings, writing
from sandbox.zoho.acting import Acting
from sandbox.zoho.answers import Refused, answer, empty, error
from sandbox.zoho.fields import Module
from sandbox.zoho.gatekeeper import UNLIMITED, Gatekeeper, Limits
from sandbox.zoho.oauth import (
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    THROTTLED,
    Tokens,
    token_endpoint,
)
from sandbox.zoho.routing import Router
from sandbox.zoho.seed import seed
from sandbox.zoho.tenant import Tenant

Act = Callable[[Request], Awaitable[Response]]
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
    options, behaviours = taken_out(options, "zoho", callbacks.FAULTS)
    acting = Acting(tenant, behaviours)
    api = _Api(tenant, limits, Gatekeeper(limits, tokens, tenant.clock), slot, acting)

    async def token(request: Request) -> Response:
        return await token_endpoint(request, tokens, limits.tokens)

    routes = [Route(TOKEN_PATH, token, methods=["POST"]), *api.routes(), *crm_doors(tenant, slot)]
    routes += acting.doors()
    inner = Starlette(routes=routes, exception_handlers={404: _wrong_url, 405: _wrong_method})
    gated = gate(inner, options, sandbox="zoho", classify=classify, dialect=FAULTS)
    return InFlight(gated, lambda path: path.startswith(API))


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
        self, tenant: Tenant, limits: Limits, gatekeeper: Gatekeeper, slot: PluginSlot, acting: Acting
    ) -> None:
        self._tenant = tenant
        self._limits = limits
        self._gatekeeper = gatekeeper
        self._slot = slot
        self._acting = acting
        self._lists = listing.Lists(tenant)

    def routes(self) -> list[Route]:
        route, read, tenant = self._route, self._read, self._tenant
        return [
            route("GET", "/org", read(lambda _: settings.org(tenant))),
            route("GET", "/users", read(lambda call: settings.users(tenant, call))),
            route("GET", "/settings/modules", read(lambda _: settings.modules(tenant))),
            route("GET", "/settings/modules/{module}", read(self._one_module)),
            route("GET", "/settings/fields", read(lambda call: settings.fields(tenant, call))),
            route("POST", "/settings/fields", self._create_fields),
            route("GET", "/settings/fields/{id}", read(self._one_field)),
            *self._acting.routes(Router(self._route, self._gatekeeper.charge)),
            route("POST", "/coql", self._coql),
            route("GET", "/{module}", read(self._list)),
            route("POST", "/{module}", self._write("insert")),
            route("PUT", "/{module}", self._write("update")),
            route("DELETE", "/{module}", read(self._delete)),
            route("POST", "/{module}/upsert", self._write("upsert")),
            route("GET", "/{module}/deleted", read(self._deleted, credits=2)),
            route("GET", "/{module}/{id}", read(self._get)),
            route("PUT", "/{module}/{id}", self._write("update")),
            route("DELETE", "/{module}/{id}", read(self._delete)),
        ]

    def _route(self, method: str, path: str, act: Act) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                self._gatekeeper.admit(request)
                response = await act(request)
            except Refused as refused:
                response = answer(refused.body, refused.status)
            response.headers.update(self._gatekeeper.headers())
            return response

        return Route(f"{API}{path}", endpoint, methods=[method])

    def _read(self, make: Callable[[Request], Response], credits: int = 1) -> Act:
        """An act that needs no body and always costs the same."""

        async def act(request: Request) -> Response:
            self._gatekeeper.charge(credits)
            return make(request)

        return act

    def _module(self, request: Request) -> Module:
        module = self._tenant.modules.get(request.path_params["module"])
        if module is None:
            raise settings.invalid_module()
        return module

    def _one_module(self, request: Request) -> Response:
        return settings.one_module(self._module(request))

    def _one_field(self, request: Request) -> Response:
        return settings.one_field(self._tenant, request, request.path_params["id"])

    async def _create_fields(self, request: Request) -> Response:
        self._gatekeeper.charge(1)
        content = await request.body()
        return settings.create_fields(self._tenant, request, content, self._limits.custom_fields)

    async def _coql(self, request: Request) -> Response:
        content = await request.body()
        try:
            asked = query.asked(content)
        except Refused:
            self._gatekeeper.charge(1)
            raise
        self._gatekeeper.charge(query.credits_of(asked.limit))
        with self._tenant.lock:
            found = query.run(self._tenant, asked)
            return empty() if found is None else answer(found)

    def _list(self, request: Request) -> Response:
        return self._lists.get(self._module(request), request)

    def _get(self, request: Request) -> Response:
        return listing.get_one(self._tenant, self._module(request), request)

    def _deleted(self, request: Request) -> Response:
        return listing.deleted(self._tenant, self._module(request), request)

    def _delete(self, request: Request) -> Response:
        ids = request.path_params.get("id") or request.query_params.get("ids", "")
        return writing.delete(self._tenant, self._module(request), ids)

    def _write(self, mode: str) -> Act:
        async def act(request: Request) -> Response:
            content = await request.body()
            try:
                call = writing.read_call(self._module(request), mode, request, content)
            except Refused:
                self._gatekeeper.charge(1)
                raise
            self._gatekeeper.charge(writing.write_credits(len(call.records)))
            return await writing.perform(self._tenant, call, self._slot)

        return act


async def _wrong_url(request: Request, _: Exception) -> Response:
    message = "Please check if the URL trying to access is a correct one"
    return answer(error("INVALID_URL_PATTERN", message), 404)


async def _wrong_method(request: Request, _: Exception) -> Response:
    message = "The http request method type is not a valid one"
    return answer(error("INVALID_REQUEST_METHOD", message), 400)


SANDBOX = Sandbox(
    name="zoho",
    kind="zoho",
    settings={
        "accounts_url": "{base}",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
    },
    app=app,
    default_port=8701,
)
