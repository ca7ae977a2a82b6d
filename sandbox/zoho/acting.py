"""The areas of the org that act on records or watch them, put together.

Invariant: an area is one module with its routes; it learns of changes as an observer of the tenant and
refuses attempts as a guard, so that writing knows none of them.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.behaviours import Behaviours
from sandbox.zoho import watch
from sandbox.zoho.callbacks import Callbacks
from sandbox.zoho.channels import Channels
from sandbox.zoho.routing import Router
from sandbox.zoho.tenant import Tenant


class Acting:
    """All areas of one tenant; ``behaviours`` are the faults of ``sandbox.zoho.callbacks``."""

    def __init__(self, tenant: Tenant, behaviours: Behaviours) -> None:
        self._tenant = tenant
        self._callbacks = Callbacks(tenant.lock, tenant.clock, behaviours)
        self._channels = Channels(tenant, self._callbacks)

    def routes(self, router: Router) -> list[Route]:
        """The vendor's paths; they go before those that begin with any module's name."""
        return [
            *watch.routes(router, self._tenant, self._channels),
        ]

    def doors(self) -> list[Route]:
        """What tests look at: how many notifications went out."""

        async def notifications(_: Request) -> JSONResponse:
            return JSONResponse(self._callbacks.counts())

        return [Route("/_sandbox/notifications", notifications, methods=["GET"])]
