"""A Zoho CRM org that can be called like the vendor's: token endpoint, API version 8, side doors.

Invariant: an address that is not modelled is refused as the vendor refuses a wrong one; all vendor
calls but the token's need a live token and cost credits. Everything is kept in memory.
"""

from __future__ import annotations

import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.doors import PluginSlot, crm_doors
from sandbox.limits import InFlight, without_limits
from sandbox.server import CallKind, Options, Sandbox, gate
from sandbox.zoho import bulk, doors, listing, oauth, query, settings, writing
from sandbox.zoho.answers import Refused, answer, empty, error
from sandbox.zoho.fields import Module
from sandbox.zoho.gatekeeper import UNLIMITED, Gatekeeper, Limits
from sandbox.zoho.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, THROTTLED, Tokens
from sandbox.zoho.routing import API, BULK, Act, Router
from sandbox.zoho.scopes import of_module
from sandbox.zoho.seed import seed
from sandbox.zoho.tenant import Tenant

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
    router = Router(Gatekeeper(limits, tokens, tenant.clock))
    jobs = bulk.Jobs(tenant, limits.bulk)
    routes = [
        *oauth.routes(tokens, limits.tokens),
        *bulk.routes(router, jobs, limits.bulk),
        *_Api(tenant, limits, router, slot).routes(),
        *crm_doors(tenant, slot),
        *doors.routes(tenant, tokens, jobs),
    ]
    inner = Starlette(routes=routes, exception_handlers={404: _wrong_url, 405: _wrong_method})
    gated = gate(jobs.kept_up(inner), options, sandbox="zoho", classify=classify, dialect=FAULTS)
    return InFlight(gated, lambda path: path.startswith((API, BULK)))


def app(options: Options) -> ASGIApp:
    """The sandbox with the Zoho part of the economy. The fault ``unlimited`` lifts the vendor's limits."""
    options, unlimited = without_limits(options, "zoho")
    tenant = Tenant(clock=time.time)
    seed(tenant, options.world())
    return build(tenant, options, UNLIMITED if unlimited else Limits())


def classify(method: str, path: str) -> CallKind:
    """What kind of vendor call this is."""
    if path.startswith("/oauth/"):
        return "token"
    return "read" if method == "GET" or path in (f"{API}/coql", f"{BULK}/read") else "write"


class _Api:
    """All addresses below /crm/v8."""

    def __init__(self, tenant: Tenant, limits: Limits, router: Router, slot: PluginSlot) -> None:
        self._tenant = tenant
        self._limits = limits
        self._router = router
        self._gatekeeper = router.gatekeeper
        self._slot = slot
        self._lists = listing.Lists(tenant)

    def routes(self) -> list[Route]:
        route, read, tenant = self._router.route, self._router.read, self._tenant
        of_fields, of_modules = "settings.fields", "settings.modules.READ"
        reads, creates, updates, deletes = (
            "{module}." + word for word in ("READ", "CREATE", "UPDATE", "DELETE")
        )
        return [
            route("GET", "/org", read(lambda _: settings.org(tenant)), "org.READ"),
            route("GET", "/users", read(lambda call: settings.users(tenant, call)), "users.READ"),
            route("GET", "/settings/modules", read(lambda _: settings.modules(tenant)), of_modules),
            route("GET", "/settings/modules/{module}", read(self._one_module), of_modules),
            route(
                "GET",
                "/settings/fields",
                read(lambda call: settings.fields(tenant, call)),
                f"{of_fields}.READ",
            ),
            route("POST", "/settings/fields", self._create_fields, f"{of_fields}.CREATE"),
            route("GET", "/settings/fields/{id}", read(self._one_field), f"{of_fields}.READ"),
            route("POST", "/coql", self._coql, "coql.READ"),
            route("GET", "/{module}", read(self._list), reads),
            route("POST", "/{module}", self._write("insert"), creates),
            route("PUT", "/{module}", self._write("update"), updates),
            route("DELETE", "/{module}", read(self._delete), deletes),
            route("POST", "/{module}/upsert", self._write("upsert"), creates, updates),
            route("GET", "/{module}/deleted", read(self._deleted, credits=2), reads),
            route("GET", "/{module}/{id}", read(self._get), reads),
            route("PUT", "/{module}/{id}", self._write("update"), updates),
            route("DELETE", "/{module}/{id}", read(self._delete), deletes),
        ]

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
        self._gatekeeper.admit(request, of_module(asked.module, "READ"))
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
