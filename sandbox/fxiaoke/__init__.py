"""A Fxiaoke tenant that can be called like the vendor's gateway, with side doors.

Invariant: every vendor call is a POST and is answered with HTTP 200; a path that is not modelled is
refused as the gateway refuses a wrong one. Everything is kept in memory.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox.doors import PluginSlot, crm_doors
from sandbox.faults import CallKind
from sandbox.fxiaoke import doors, faults
from sandbox.fxiaoke.answers import NO_SCOPE, Fault, refusal
from sandbox.fxiaoke.browser import Browser
from sandbox.fxiaoke.budget import UNLIMITED, Limits
from sandbox.fxiaoke.callbacks import Callbacks
from sandbox.fxiaoke.functions import Functions
from sandbox.fxiaoke.gateway import WRITES, Gateway
from sandbox.fxiaoke.hosts import FrontDoor
from sandbox.fxiaoke.rules import Rules
from sandbox.fxiaoke.seed import seed
from sandbox.fxiaoke.tenant import ADMIN_MOBILE, Tenant
from sandbox.fxiaoke.tokens import APP_ID, APP_SECRET, PERMANENT_CODE, TOKEN_PATHS
from sandbox.fxiaoke.traits import Traits
from sandbox.fxiaoke.writing import Writer
from sandbox.limits import InFlight, without_limits
from sandbox.server import Options, Sandbox, chances_inside, gate

__all__ = ["SANDBOX", "UNLIMITED", "Limits", "Tenant", "Traits", "app", "build", "classify", "seed"]


def build(tenant: Tenant, options: Options, limits: Limits) -> ASGIApp:
    """The server of ``tenant``."""
    chances = chances_inside(options, "fxiaoke", faults.INSIDE)
    slot, rules, functions = PluginSlot(), Rules(tenant), Functions(tenant)
    api = Gateway(tenant, limits, Writer(tenant, rules, slot, functions), chances)
    browser = Browser(tenant, rules, slot, functions)
    own_doors = doors.routes(tenant, browser, rules, functions, Callbacks(tenant, chances), api)
    inner = Starlette(
        routes=[*api.routes(), *own_doors, *crm_doors(browser, slot)],
        exception_handlers={404: _unknown_path, 405: _unknown_path},
    )
    front = FrontDoor(inner, lambda: tenant.traits)
    gated = gate(
        front,
        options,
        sandbox="fxiaoke",
        classify=classify,
        dialect=faults.ANSWERS,
        inside=faults.INSIDE,
    )
    return InFlight(gated, lambda path: path in TOKEN_PATHS)


def app(options: Options) -> ASGIApp:
    """The sandbox with the Fxiaoke part of the economy. The fault ``unlimited`` lifts the limits."""
    options, unlimited = without_limits(options, "fxiaoke")
    tenant = Tenant()
    seed(tenant, options.world())
    return build(tenant, options, UNLIMITED if unlimited else Limits())


def classify(_: str, path: str) -> CallKind:
    """What kind of vendor call this is: all of them are POST, so the path tells."""
    if path in TOKEN_PATHS:
        return "token"
    return "write" if path.rpartition("/")[2] in WRITES else "read"


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
    faults=faults.TEXTS,
)
