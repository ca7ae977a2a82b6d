"""A Fxiaoke tenant that can be called like the vendor's gateway, with side doors.

Invariant: every vendor call is a POST and is answered with HTTP 200; a path that is not modelled is
refused as the gateway refuses a wrong one. Everything is kept in memory.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox.behaviours import taken_out
from sandbox.doors import PluginSlot, crm_doors
from sandbox.fxiaoke import callbacks, doors, gateway
from sandbox.fxiaoke.answers import (
    BUSY,
    NO_QUOTA,
    NO_SCOPE,
    QUOTA_USED,
    SERVICE,
    SYSTEM,
    TOKEN_EXPIRED,
    TOO_MANY_CALLS,
    TOO_OFTEN,
    Fault,
    refusal,
)
from sandbox.fxiaoke.browser import Browser
from sandbox.fxiaoke.budget import UNLIMITED, Limits
from sandbox.fxiaoke.callbacks import Callbacks
from sandbox.fxiaoke.gateway import WRITES, Gateway
from sandbox.fxiaoke.hosts import FrontDoor
from sandbox.fxiaoke.rules import Rules
from sandbox.fxiaoke.seed import seed
from sandbox.fxiaoke.tenant import ADMIN_MOBILE, Tenant
from sandbox.fxiaoke.tokens import APP_ID, APP_SECRET, PERMANENT_CODE, TOKEN_PATHS
from sandbox.fxiaoke.traits import Traits
from sandbox.fxiaoke.writing import Writer
from sandbox.limits import InFlight, without_limits
from sandbox.server import CallKind, FaultAnswer, Options, Sandbox, gate

__all__ = ["SANDBOX", "UNLIMITED", "Limits", "Tenant", "Traits", "app", "build", "classify", "seed"]


def _refused(code: int) -> FaultAnswer:
    return lambda: refusal(Fault(code))


FAULTS = {
    "busy": _refused(BUSY),
    **{
        str(code): _refused(code)
        for code in (TOO_MANY_CALLS, TOO_OFTEN, TOKEN_EXPIRED, QUOTA_USED, NO_QUOTA, SERVICE)
    },
    # The gateway says these with HTTP 200; 502 and 503 come from what stands before it.
    "500": _refused(SYSTEM),
    "429": _refused(TOO_MANY_CALLS),
}
"""Vendor-worded faults beside the common ones, by their errorCode."""


def build(tenant: Tenant, options: Options, limits: Limits) -> ASGIApp:
    """The server of ``tenant``."""
    options, behaviours = taken_out(options, "fxiaoke", (*gateway.FAULTS, *callbacks.FAULTS))
    slot, rules = PluginSlot(), Rules(tenant)
    api = Gateway(tenant, limits, Writer(tenant, rules, slot), behaviours)
    browser = Browser(tenant, rules, slot)
    own_doors = doors.routes(tenant, browser, rules, Callbacks(tenant, behaviours), api)
    inner = Starlette(
        routes=[*api.routes(), *own_doors, *crm_doors(browser, slot)],
        exception_handlers={404: _unknown_path, 405: _unknown_path},
    )
    front = FrontDoor(inner, lambda: tenant.traits)
    gated = gate(front, options, sandbox="fxiaoke", classify=classify, dialect=FAULTS)
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
)
