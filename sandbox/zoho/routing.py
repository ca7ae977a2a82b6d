"""Routes of the Zoho API: each stands behind the gatekeeper and answers a refusal in the vendor's form.

Invariant: an endpoint is reached only with a live token that has the scope it demands; every answer,
a refusal too, carries the credits header when it is due.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.zoho.answers import Refused, answer
from sandbox.zoho.gatekeeper import Gatekeeper
from sandbox.zoho.heavy import API
from sandbox.zoho.scopes import of_module

Act = Callable[[Request], Awaitable[Response]]


class Router:
    """Makes the routes of one org. Areas take it in their ``routes(…)`` functions."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self.gatekeeper = gatekeeper

    def route(self, method: str, path: str, act: Act, *scopes: str, base: str = API) -> Route:
        """``act`` at ``base`` + ``path``. Of ``scopes`` all are needed; ``{module}`` alone stands for
        the records of the path's module: ``"{module}.READ"``."""

        async def endpoint(request: Request) -> Response:
            try:
                self.gatekeeper.admit(request, *(_demand(scope, request) for scope in scopes))
                response = await act(request)
            except Refused as refused:
                response = answer(refused.body, refused.status)
            response.headers.update(self.gatekeeper.headers())
            return response

        return Route(f"{base}{path}", endpoint, methods=[method])

    def read(self, make: Callable[[Request], Response], credits: int = 1) -> Act:
        """An act that needs no body and always costs the same."""

        async def act(request: Request) -> Response:
            self.gatekeeper.charge(credits)
            return make(request)

        return act

    def sent(self, make: Callable[[Request, bytes], Response], credits: int = 1) -> Act:
        """An act that needs the body, whatever it holds, and always costs the same."""

        async def act(request: Request) -> Response:
            self.gatekeeper.charge(credits)
            return make(request, await request.body())

        return act


def _demand(scope: str, request: Request) -> str:
    module, dot, operation = scope.partition(".")
    if module == "{module}" and dot:
        return of_module(request.path_params["module"], operation)
    return scope
