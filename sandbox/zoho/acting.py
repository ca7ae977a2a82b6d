"""The areas of the org that act on records or watch them, put together.

Invariant: an area is one module with its routes; it learns of changes as an observer of the tenant and
refuses attempts as a guard, so that writing knows none of them.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.faults import Chances
from sandbox.zoho import directory, lock_settings, locking, watch
from sandbox.zoho.callbacks import Callbacks
from sandbox.zoho.channels import Channels
from sandbox.zoho.locks import Locks
from sandbox.zoho.routing import Router
from sandbox.zoho.tenant import Tenant


class Acting:
    """All areas of one tenant; ``chances`` are those of the faults that the org carries out itself."""

    def __init__(self, tenant: Tenant, chances: Chances) -> None:
        self._tenant = tenant
        self._locks = Locks(tenant)
        self._callbacks = Callbacks(tenant.lock, tenant.clock, chances)
        self._channels = Channels(tenant, self._callbacks)

    def routes(self, router: Router) -> list[Route]:
        """The vendor's paths; they go before those that begin with any module's name."""
        return [
            *directory.routes(router, self._tenant),
            *watch.routes(router, self._tenant, self._channels),
            *lock_settings.routes(router, self._tenant, self._locks),
            *locking.routes(router, self._tenant, self._locks),
        ]

    def doors(self) -> list[Route]:
        """What tests look at: how many notifications went out."""

        async def notifications(_: Request) -> JSONResponse:
            return JSONResponse(self._callbacks.counts())

        return [Route("/_sandbox/notifications", notifications, methods=["GET"])]
