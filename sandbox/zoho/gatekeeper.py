"""What stands before every Zoho API call: token, scope, concurrency, credits.

Invariant: a call without a live token or without the scope it needs costs nothing; every other call
costs its credits, within a rolling 24 hours, whether it succeeds or not (vendor manual: API Limits).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field

from starlette.requests import Request

from sandbox.limits import calls_at_once
from sandbox.zoho.answers import Refused, refuse
from sandbox.zoho.heavy import heavy_at_once
from sandbox.zoho.oauth import TokenLimits, Tokens
from sandbox.zoho.scopes import met

DAY = 24 * 3600.0


@dataclass(frozen=True)
class BulkLimits:
    """Bulk read: seconds a job waits and the rows a second that it then writes (both can be changed by
    the side door ``/_sandbox/bulk``), rows of a job, numbered pages, credits to start one, downloads a
    minute, seconds that a result is kept."""

    queue_seconds: float = 1.0
    rows_per_second: float = 50_000.0
    page_rows: int = 200_000
    pages: int = 50
    credits: int = 50
    downloads: int = 10
    kept_seconds: float = DAY


@dataclass(frozen=True)
class Limits:
    """The org's edition: credits in 24 hours, API calls at once, heavy calls at once and which ones are
    heavy (see ``sandbox.zoho.heavy``), custom fields in a module."""

    credits: int = 100_000
    concurrency: int = 20
    heavy: int = 10
    heavy_calls: frozenset[str] = frozenset({"coql", "write"})
    custom_fields: int = 300
    tokens: TokenLimits = field(default_factory=TokenLimits)
    bulk: BulkLimits = field(default_factory=BulkLimits)


EDITIONS = {
    "free": Limits(credits=5_000, concurrency=5),
    "standard": Limits(credits=52_500, concurrency=10),
    "professional": Limits(credits=55_000, concurrency=15),
    "enterprise": Limits(credits=60_000, concurrency=20),
    "ultimate": Limits(credits=70_000, concurrency=25),
}
"""The editions, with ten users where credits depend on them (vendor manual: API Limits)."""

UNLIMITED = Limits(
    credits=10**12,
    concurrency=10**9,
    heavy=10**9,
    custom_fields=10**6,
    tokens=TokenLimits(per_window=10**9),
    bulk=BulkLimits(downloads=10**9),
)


class Gatekeeper:
    """``dies`` tells whether a token that has served before ends with this call (fault ``expired``)."""

    def __init__(
        self,
        limits: Limits,
        tokens: Tokens,
        clock: Callable[[], float],
        dies: Callable[[], bool] = lambda: False,
    ) -> None:
        self._limits = limits
        self._tokens = tokens
        self._clock = clock
        self._dies = dies
        self._served: set[str] = set()
        self._lock = threading.Lock()
        self._spent: deque[tuple[float, int]] = deque()
        self._used = 0

    def admit(self, request: Request, *demands: str) -> None:
        """``Refused`` for a call without a live token, without the scopes of ``demands`` (see
        ``sandbox.zoho.scopes``; an empty one is none), or beyond the calls at once."""
        token = self._token(request)
        if token in self._served and self._dies():
            self._tokens.revoke(token)
            raise _invalid_token()
        self.demand(request, *demands)
        self._served.add(token)
        if calls_at_once(request.scope) > self._limits.concurrency:
            raise _too_many("Concurrency limit exceeded")
        if heavy_at_once(request.scope) > self._limits.heavy:
            raise _too_many("Sub-concurrency limit exceeded")

    def demand(self, request: Request, *demands: str) -> None:
        """``Refused`` when the token of the call does not live or lacks one of the scopes."""
        scopes = self._tokens.scopes(self._token(request))
        if scopes is None:
            raise _invalid_token()
        if not all(met(demand, scopes) for demand in demands if demand):
            raise refuse(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")

    def _token(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            raise refuse(401, "AUTHENTICATION_FAILURE", "Authentication failed")
        if scheme.lower() != "zoho-oauthtoken":
            raise _invalid_token()
        return token.strip()

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


def _invalid_token() -> Refused:
    return refuse(401, "INVALID_TOKEN", "invalid oauth token")
