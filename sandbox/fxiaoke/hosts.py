"""Which host was called: the tenant's cloud, another one, or the vendor's web site.

Invariant: only the gateway speaks JSON. The web site and paths that are none of the gateway's answer
HTML, and another cloud's gateway knows neither the application nor its tokens.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.fxiaoke.answers import NO_SCOPE, TOKEN_EXPIRED, Fault, refusal
from sandbox.fxiaoke.tokens import TOKEN_PATHS
from sandbox.fxiaoke.traits import CLOUDS, Traits
from sandbox.server import SIDE_DOORS

GATEWAY_PATHS = ("/cgi/", "/oauth2.0/")
_PAGE = "<!DOCTYPE html><html><head><title>纷享销客</title></head><body>纷享销客 - 连接型CRM</body></html>"


class FrontDoor:
    """Stands before the vendor's paths; ``traits`` gives the tenant's as they are now."""

    def __init__(self, app: ASGIApp, traits: Callable[[], Traits]) -> None:
        self._app = app
        self._traits = traits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(SIDE_DOORS):
            await self._app(scope, receive, send)
            return
        host = (Request(scope).url.hostname or "").lower()
        elsewhere = self._elsewhere(host, scope["path"])
        await (elsewhere or self._app)(scope, receive, send)

    def _elsewhere(self, host: str, path: str) -> Response | None:
        if host.startswith("www."):
            return HTMLResponse(_PAGE, 302, {"location": f"https://{host}/login"})
        if not path.startswith(GATEWAY_PATHS):
            return HTMLResponse(_PAGE)
        if host in CLOUDS and host != self._traits().cloud:
            return refusal(Fault(NO_SCOPE if path in TOKEN_PATHS else TOKEN_EXPIRED))
        return None
