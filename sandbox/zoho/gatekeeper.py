"""What stands before every Zoho API call: token, concurrency, credits.

Invariant: a call without a live token costs nothing; every other call costs its credits, within a
rolling 24 hours, whether it succeeds or not (vendor manual: API Limits).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field

from starlette.requests import Request

from sandbox.limits import calls_at_once
from sandbox.zoho.answers import Refused, refuse
from sandbox.zoho.oauth import TokenLimits, Tokens

DAY = 24 * 3600.0


@dataclass(frozen=True)
class Limits:
    """The org's edition: credits in 24 hours, API calls at once, custom fields in a module."""

    credits: int = 100_000
    concurrency: int = 20
    custom_fields: int = 300
    tokens: TokenLimits = field(default_factory=TokenLimits)


UNLIMITED = Limits(
    credits=10**12, concurrency=10**9, custom_fields=10**6, tokens=TokenLimits(per_window=10**9)
)


class Gatekeeper:
    def __init__(self, limits: Limits, tokens: Tokens, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._spent: deque[tuple[float, int]] = deque()
        self._used = 0

    def admit(self, request: Request) -> None:
        """``Refused`` for a call without a live token or beyond the calls at once."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            raise refuse(401, "AUTHENTICATION_FAILURE", "Authentication failed")
        if scheme.lower() != "zoho-oauthtoken" or not self._tokens.valid(token.strip()):
            raise refuse(401, "INVALID_TOKEN", "invalid oauth token")
        if calls_at_once(request.scope) > self._limits.concurrency:
            raise _too_many("Concurrency limit exceeded")

    def charge(self, credits: int) -> None:
        """Take credits; ``Refused`` (429) when there are not enough left."""
        now = self._clock()
        with self._lock:
            while self._spent and self._spent[0][0] <= now - DAY:
                self._used -= self._spent.popleft()[1]
            if self._used + credits > self._limits.credits:
                raise _too_many("API credits limit exceeded")
            self._used += credits
            self._spent.append((now, credits))

    def headers(self) -> MutableMapping[str, str]:
        """The header that tells the credits left, which comes only after half of them are used."""
        with self._lock:
            if self._used * 2 <= self._limits.credits:
                return {}
            return {"X-API-CREDITS-REMAINING": str(self._limits.credits - self._used)}


def _too_many(message: str) -> Refused:
    return refuse(429, "TOO_MANY_REQUESTS", message)
