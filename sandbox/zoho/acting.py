"""The areas of the org that act on records or watch them, put together.

Invariant: an area is one module with its routes; it learns of changes as an observer of the tenant and
refuses attempts as a guard, so that writing knows none of them.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.doors import PluginSlot
from sandbox.faults import Chances
from sandbox.zoho import (
    blueprint,
    browser,
    directory,
    layouts,
    lock_settings,
    locking,
    notes,
    plugins,
    validation,
    watch,
    widget_page,
)
from sandbox.zoho.callbacks import Callbacks
from sandbox.zoho.channels import Channels
from sandbox.zoho.locks import Locks
from sandbox.zoho.routing import Router
from sandbox.zoho.tenant import Tenant


class Acting:
    """All areas of one tenant; ``slot`` holds the function rule, ``chances`` are those of the faults
    that the org carries out itself."""

    def __init__(self, tenant: Tenant, slot: PluginSlot, chances: Chances) -> None:
        self._tenant = tenant
        self._slot = slot
        self._locks = Locks(tenant)
        self._blueprints = blueprint.Blueprints(tenant)
        self._validation = validation.Validation(tenant)
        self._plugins = plugins.Plugins(tenant)
        self._callbacks = Callbacks(tenant.lock, tenant.clock, chances)
        self._channels = Channels(tenant, self._callbacks)

    def routes(self, router: Router) -> list[Route]:
        """The vendor's paths; they go before those that begin with any module's name."""
        return [
            *directory.routes(router, self._tenant),
            *watch.routes(router, self._tenant, self._channels),
            *lock_settings.routes(router, self._tenant, self._locks),
            *layouts.routes(router, self._tenant),
            *locking.routes(router, self._tenant, self._locks),
            *blueprint.routes(router, self._tenant, self._blueprints),
            *notes.routes(router, self._tenant, self._slot),
        ]

    def doors(self) -> list[Route]:
        """What people do in the browser, what an admin sets up, and what tests look at: how many
        notifications went out, and which automation writes have set off, oldest first."""

        async def notifications(_: Request) -> JSONResponse:
            return JSONResponse(self._callbacks.counts())

        async def automation(_: Request) -> JSONResponse:
            with self._tenant.lock:
                return JSONResponse({"ran": list(self._tenant.automation)})

        return [
            *browser.doors(self._tenant, self._slot, self._plugins),
            *plugins.doors(self._plugins),
            *widget_page.doors(self._tenant, self._plugins),
            *blueprint.doors(self._blueprints),
            *validation.doors(self._validation),
            Route("/_sandbox/notifications", notifications, methods=["GET"]),
            Route("/_sandbox/automation", automation, methods=["GET"]),
        ]
