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
from sandbox.faults import CallKind, Chances
from sandbox.limits import InFlight, taken_out, without_limits
from sandbox.server import Options, Sandbox, chances_inside, gate
from sandbox.zoho import bulk, doors, faults, listing, oauth, query, settings, writing
from sandbox.zoho.acting import Acting
from sandbox.zoho.answers import Refused, answer, empty, error
from sandbox.zoho.fields import Module
from sandbox.zoho.gatekeeper import EDITIONS, UNLIMITED, Gatekeeper, Limits
from sandbox.zoho.heavy import API, BULK, HeavyInFlight
from sandbox.zoho.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Tokens
from sandbox.zoho.routing import Act, Router
from sandbox.zoho.scopes import FEW, FULL, of_module
from sandbox.zoho.seed import seed
from sandbox.zoho.tenant import Tenant


def build(tenant: Tenant, options: Options, limits: Limits) -> ASGIApp:
    """The server of ``tenant``."""
    chances = chances_inside(options, "zoho", faults.INSIDE)
    tokens = Tokens(limits.tokens, tenant.clock, FEW if chances.rate("few_scopes") else FULL)
    slot = PluginSlot()
    router = Router(Gatekeeper(limits, tokens, tenant.clock, lambda: chances.hit("expired")))
    jobs = bulk.Jobs(tenant, limits.bulk, chances)
    acting = Acting(tenant, slot, chances)
    routes = [
        *oauth.routes(tokens, limits.tokens),
        *bulk.routes(router, jobs, limits.bulk),
        *acting.routes(router),
        *_Api(tenant, limits, router, slot, chances).routes(),
        *acting.doors(),
        *crm_doors(tenant, slot),
        *doors.routes(tenant, tokens, jobs),
    ]
    inner = Starlette(routes=routes, exception_handlers={404: _wrong_url, 405: _wrong_method})
    gated = gate(
        jobs.kept_up(inner),
        options,
        sandbox="zoho",
        classify=classify,
        dialect=faults.ANSWERS,
        inside=faults.INSIDE,
    )
    counted = InFlight(gated, lambda path: path.startswith((API, BULK)))
    return HeavyInFlight(counted, limits.heavy_calls)


def app(options: Options) -> ASGIApp:
    """The sandbox with the Zoho part of the economy. The fault ``unlimited`` lifts the vendor's limits;
    the name of an edition sets its own."""
    options, unlimited = without_limits(options, "zoho")
    options, editions = taken_out(options, "zoho", EDITIONS)
    limits = EDITIONS[editions[-1]] if editions else Limits()
    tenant = Tenant(clock=time.time)
    seed(tenant, options.world())
    return build(tenant, options, UNLIMITED if unlimited else limits)


def classify(method: str, path: str) -> CallKind:
    """What kind of vendor call this is."""
    if path.startswith("/oauth/"):
        return "token"
    return "read" if method == "GET" or path in (f"{API}/coql", f"{BULK}/read") else "write"


class _Api:
    """All addresses below /crm/v8."""

    def __init__(
        self, tenant: Tenant, limits: Limits, router: Router, slot: PluginSlot, chances: Chances
    ) -> None:
        self._tenant = tenant
        self._limits = limits
        self._router = router
        self._gatekeeper = router.gatekeeper
        self._slot = slot
        self._chances = chances
        self._lists = listing.Lists(tenant, chances)
        self._shift = faults.Shift(tenant, chances)

    def routes(self) -> list[Route]:
        route, read, tenant = self._router.route, self._router.read, self._tenant
        of_fields, of_modules = "settings.fields", "settings.modules.READ"
        reads, creates, updates, deletes = (
            "{module}." + word for word in ("READ", "CREATE", "UPDATE", "DELETE")
        )
        return [
            route("GET", "/org", read(lambda _: settings.org(tenant)), "org.READ"),
            route("GET", "/settings/modules", read(lambda _: settings.modules(tenant)), of_modules),
            route("GET", "/settings/modules/{module}", read(self._one_module), of_modules),
            route(
                "GET",
                "/settings/fields",
                read(self._fields),
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
            route("GET", "/{module}/actions/count", read(self._count), reads),
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

    def _fields(self, request: Request) -> Response:
        return settings.fields(self._tenant, request, self._chances.rate("odd_fields"))

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
        self._gatekeeper.demand(request, of_module(asked.module, "READ"))
        self._gatekeeper.charge(query.credits_of(asked.limit))
        with self._tenant.lock:
            found = query.run(self._tenant, asked)
            given = empty() if found is None else answer(found)
            if found and found["info"]["more_records"]:
                ids = [row["id"] for row in found["data"] if "id" in row]
                self._shift.after(self._tenant.modules[asked.module], ids)
            return given

    def _list(self, request: Request) -> Response:
        return self._lists.get(self._module(request), request)

    def _count(self, request: Request) -> Response:
        """Vendor manual: Get Record Count. Conditions are not modelled."""
        return answer({"count": len(self._module(request).table)})

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
            faulty = faults.partial(self._chances, len(call.records))
            return await writing.perform(self._tenant, call, self._slot, faulty)

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
    faults=faults.TEXTS,
)
