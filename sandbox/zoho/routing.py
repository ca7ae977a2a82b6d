"""How an area of the API adds its routes to the gatekept ones.

Invariant: no area reaches the vendor's paths but through the two ways here, so that every call is
admitted and charged before the area sees it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Act = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Router:
    """``route`` makes a route of method, path below ``/crm/v8`` and act; ``charge`` takes credits."""

    route: Callable[[str, str, Act], Route]
    charge: Callable[[int], None]

    def read(self, method: str, path: str, make: Callable[[Request], Response], credits: int = 1) -> Route:
        """A call without a body."""

        async def act(request: Request) -> Response:
            self.charge(credits)
            return make(request)

        return self.route(method, path, act)

    def sent(
        self, method: str, path: str, make: Callable[[Request, bytes], Response], credits: int = 1
    ) -> Route:
        """A call with a body, whatever it holds."""

        async def act(request: Request) -> Response:
            self.charge(credits)
            return make(request, await request.body())

        return self.route(method, path, act)
