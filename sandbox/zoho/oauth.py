"""Zoho's accounts host (vendor manual: Refreshing Access Tokens, Token Validity, Revoke Tokens).

Invariant: wrong credentials are answered with HTTP 200 and an ``error``; a refresh token gives ten
access tokens in ten minutes, asking on prolongs the wait; the 16th live access token ends the oldest,
the 21st refresh token ends the first with all of its access tokens. A grant code is good once and for
three minutes.
"""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.zoho.answers import answer
from sandbox.zoho.scopes import FULL

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "sandbox-client", "sandbox-secret", "sandbox-refresh"
TOKEN_PATH, REVOKE_PATH = "/oauth/v2/token", "/oauth/v2/token/revoke"
THROTTLED = {
    "error": "Access Denied",
    "error_description": "You have made too many requests continuously. Please try again after some time.",
}


@dataclass(frozen=True)
class TokenLimits:
    """``throttle_status`` is the HTTP status of the refusal: both 200 and 400 have been seen."""

    per_window: int = 10
    window_seconds: float = 600
    live: int = 15
    life_seconds: int = 3600
    refresh_tokens: int = 20
    codes_per_window: int = 10
    code_seconds: float = 180
    throttle_status: int = 400


@dataclass(frozen=True)
class _Access:
    refresh_token: str
    expires_at: float


class Tokens:
    """Refresh tokens of the one user and client, their access tokens, and grant codes, oldest first.

    ``scope`` is what the token of ``REFRESH_TOKEN`` and every code is granted.
    """

    def __init__(self, limits: TokenLimits, clock: Callable[[], float], scope: str = FULL) -> None:
        self._limits = limits
        self._clock = clock
        self._scope = scope
        self._lock = threading.Lock()
        self._granted: dict[str, str] = {REFRESH_TOKEN: scope}
        self._live: dict[str, _Access] = {}
        self._asked: defaultdict[str, deque[float]] = defaultdict(deque)
        self._codes: dict[str, tuple[float, str]] = {}

    def knows(self, refresh_token: str) -> bool:
        with self._lock:
            return refresh_token in self._granted

    def granted(self, refresh_token: str) -> str:
        """The scopes of a refresh token, comma separated."""
        with self._lock:
            return self._granted.get(refresh_token, "")

    def new(self, refresh_token: str) -> str | None:
        """A new access token, or ``None`` when too many were asked for."""
        now, limits = self._clock(), self._limits
        with self._lock:
            if not self._admits(refresh_token, limits.per_window):
                return None
            token = _token()
            self._live[token] = _Access(refresh_token, now + limits.life_seconds)
            mine = [key for key, access in self._live.items() if access.refresh_token == refresh_token]
            for old in mine[: -limits.live]:
                del self._live[old]
            return token

    def new_code(self, scope: str = "") -> str | None:
        """A fresh grant code, as the API console gives it; ``None`` after ten in ten minutes."""
        with self._lock:
            if not self._admits("codes", self._limits.codes_per_window):
                return None
            code = _token()
            self._codes[code] = self._clock() + self._limits.code_seconds, scope or self._scope
            return code

    def exchange(self, code: str) -> str | None:
        """A new refresh token for a code, which is spent by that; ``None`` for no good code."""
        with self._lock:
            expires_at, scope = self._codes.pop(code, (0.0, ""))
            if expires_at <= self._clock():
                return None
            refresh_token = _token()
            self._granted[refresh_token] = scope
            for old in list(self._granted)[: -self._limits.refresh_tokens]:
                self._end(old)
            return refresh_token

    def scopes(self, token: str) -> tuple[str, ...] | None:
        """What an access token is granted; ``None`` when it does not live."""
        with self._lock:
            access = self._live.get(token)
            if access is None or access.expires_at <= self._clock():
                return None
            return tuple(self._granted.get(access.refresh_token, "").split(","))

    def revoke(self, token: str) -> bool:
        """End an access token, or a refresh token with all of its own; whether there was such a one."""
        with self._lock:
            if token in self._granted:
                self._end(token)
                return True
            return self._live.pop(token, None) is not None

    def revoke_all(self) -> None:
        """End every access token, as an admin can."""
        with self._lock:
            self._live.clear()

    def _end(self, refresh_token: str) -> None:
        del self._granted[refresh_token]
        self._live = {key: one for key, one in self._live.items() if one.refresh_token != refresh_token}

    def _admits(self, key: str, most: int) -> bool:
        """Counts what was refused, too: asking on prolongs the wait."""
        now, asked = self._clock(), self._asked[key]
        while asked and asked[0] <= now - self._limits.window_seconds:
            asked.popleft()
        asked.append(now)
        return len(asked) <= most


def _token() -> str:
    return f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"


def routes(tokens: Tokens, limits: TokenLimits) -> list[Route]:
    """The token endpoint and the one that revokes; parameters in the form or in the query string."""

    async def token(request: Request) -> Response:
        given = await _given(request)
        refused = _refusal(given, tokens)
        if refused is not None:
            return answer({"error": refused})
        by_code = given["grant_type"] == "authorization_code"
        refresh_token = tokens.exchange(given.get("code", "")) if by_code else given["refresh_token"]
        if refresh_token is None:
            return answer({"error": "invalid_code"})
        access_token = tokens.new(refresh_token)
        if access_token is None:
            return answer(THROTTLED, limits.throttle_status)
        body = {
            "access_token": access_token,
            "scope": tokens.granted(refresh_token),
            "api_domain": str(request.base_url).rstrip("/"),
            "token_type": "Bearer",
            "expires_in": limits.life_seconds,
        }
        return answer(body | {"refresh_token": refresh_token} if by_code else body)

    async def revoke(request: Request) -> Response:
        given = await _given(request)
        # How a wrong token is answered is not documented: status 200 with an error, as elsewhere here.
        known = tokens.revoke(given.get("token", ""))
        return answer({"status": "success"} if known else {"error": "invalid_code"})

    return [Route(TOKEN_PATH, token, methods=["POST"]), Route(REVOKE_PATH, revoke, methods=["POST"])]


async def _given(request: Request) -> dict[str, str]:
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    return {**request.query_params, **form}


def _refusal(given: dict[str, str], tokens: Tokens) -> str | None:
    """The vendor's word for what is wrong."""
    if given.get("client_id") != CLIENT_ID:
        return "invalid_client"
    if given.get("client_secret") != CLIENT_SECRET:
        return "invalid_client_secret"
    if given.get("grant_type") == "refresh_token":
        return None if tokens.knows(given.get("refresh_token", "")) else "invalid_code"
    return None if given.get("grant_type") == "authorization_code" else "general_error"
