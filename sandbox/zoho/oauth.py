"""Zoho's token endpoint (vendor manual: Refreshing Access Tokens, Token Validity).

Invariant: wrong credentials are answered with HTTP 200 and an ``error``; a refresh token gives ten
access tokens in ten minutes, asking on prolongs the wait; the 16th live token ends the oldest.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from sandbox.zoho.answers import answer

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "sandbox-client", "sandbox-secret", "sandbox-refresh"
SCOPE = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.coql.READ,ZohoCRM.users.READ,ZohoCRM.org.READ"
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
    throttle_status: int = 400


class Tokens:
    """Access tokens of the one refresh token, oldest first."""

    def __init__(self, limits: TokenLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._live: dict[str, float] = {}
        self._asked: deque[float] = deque()

    def new(self) -> str | None:
        """A new access token, or ``None`` when too many were asked for."""
        now, limits = self._clock(), self._limits
        with self._lock:
            while self._asked and self._asked[0] <= now - limits.window_seconds:
                self._asked.popleft()
            self._asked.append(now)
            if len(self._asked) > limits.per_window:
                return None
            token = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
            self._live[token] = now + limits.life_seconds
            for old in list(self._live)[: -limits.live]:
                del self._live[old]
            return token

    def valid(self, token: str) -> bool:
        with self._lock:
            return self._live.get(token, 0) > self._clock()

    def revoke_all(self) -> None:
        """End every access token, as an admin can."""
        with self._lock:
            self._live.clear()


async def token_endpoint(request: Request, tokens: Tokens, limits: TokenLimits) -> Response:
    """``POST /oauth/v2/token``; parameters in the form or in the query string."""
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    given = {**request.query_params, **form}
    refused = _refusal(given)
    if refused is not None:
        return answer({"error": refused})
    token = tokens.new()
    if token is None:
        return answer(THROTTLED, limits.throttle_status)
    return answer(
        {
            "access_token": token,
            "scope": SCOPE,
            "api_domain": str(request.base_url).rstrip("/"),
            "token_type": "Bearer",
            "expires_in": limits.life_seconds,
        }
    )


def _refusal(given: dict[str, str]) -> str | None:
    """The vendor's word for what is wrong."""
    if given.get("client_id") != CLIENT_ID:
        return "invalid_client"
    if given.get("client_secret") != CLIENT_SECRET:
        return "invalid_client_secret"
    if given.get("grant_type") == "refresh_token":
        return None if given.get("refresh_token") == REFRESH_TOKEN else "invalid_code"
    if given.get("grant_type") == "authorization_code":
        return "invalid_code"  # every grant code is spent
    return "general_error"
