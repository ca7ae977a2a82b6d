"""Fxiaoke's tokens, old and new style (vendor manual: obtaining tokens).

Invariant: asked again within 6,600 s an app gets the same token; after that a new one, and both are
good until the old one's 7,200 s are over. Each style has its own tokens.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.fxiaoke.answers import NO_SCOPE, TOO_MANY_CALLS, Fault, answer, refusal, wrong
from sandbox.fxiaoke.traits import Traits
from sandbox.limits import Window, calls_at_once

HEADER_TOKEN, BODY_TOKEN = "/oauth2.0/token", "/cgi/corpAccessToken/get/V2"
TOKEN_PATHS = (HEADER_TOKEN, BODY_TOKEN)
APP_ID, APP_SECRET, PERMANENT_CODE = "FSAID_sandbox", "sandbox-secret", "sandbox-code"
EA, CORP_ID, CORP_NUMBER = "sandbox", "FSCID_5A4E3D2C1B0A", 7394871
SAME_SECONDS, LIFE_SECONDS = 6600, 7200


class Tokens:
    """The tokens of one style."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, float] = {}

    def current(self) -> tuple[str, int]:
        """The token to hand out and the seconds that it still lives."""
        now = self._clock()
        with self._lock:
            self._issued = {t: at for t, at in self._issued.items() if at + LIFE_SECONDS > now}
            token = next((t for t, at in self._issued.items() if at + SAME_SECONDS > now), None)
            if token is None:
                token = secrets.token_hex(24).upper()
                self._issued[token] = now
            return token, int(self._issued[token] + LIFE_SECONDS - now)

    def valid(self, token: object) -> bool:
        with self._lock:
            at = self._issued.get(token) if isinstance(token, str) else None
            return at is not None and at + LIFE_SECONDS > self._clock()

    def revoke_all(self) -> None:
        """End every token at once, as an admin can."""
        with self._lock:
            self._issued.clear()


class TokenDesk:
    """Both token endpoints: at most so many calls a minute, one at a time."""

    def __init__(
        self, calls_a_minute: int, clock: Callable[[], float], traits: Callable[[], Traits] = Traits
    ) -> None:
        self.by_header = Tokens(clock)
        self.by_body = Tokens(clock)
        self._traits = traits
        self._window = Window(calls_a_minute, 60, clock)

    @property
    def corp_id(self) -> str | int:
        """The corporation's id in the body style: opaque, seen as a text and as a number."""
        return CORP_NUMBER if self._traits().corp_id_is_number else CORP_ID

    def revoke_all(self) -> None:
        """End every token of both styles at once."""
        self.by_header.revoke_all()
        self.by_body.revoke_all()

    def header_token(self, request: Request, body: Mapping[str, Any]) -> Response:
        """``POST /oauth2.0/token``."""
        fault = self._fault(request, body, grant=body.get("grantType") == "app_secret")
        if fault is not None:
            return refusal(fault, error="invalid_client", error_description=fault.message)
        token, seconds = self.by_header.current()
        return answer(accessToken=token, ea=EA, expiresIn=seconds, appId=APP_ID, openUserId=CORP_ID)

    def body_token(self, request: Request, body: Mapping[str, Any]) -> Response:
        """``POST /cgi/corpAccessToken/get/V2``."""
        fault = self._fault(request, body, grant=True)
        if fault is not None:
            return refusal(fault)
        token, seconds = self.by_body.current()
        return answer(corpAccessToken=token, corpId=self.corp_id, expiresIn=seconds)

    def _fault(self, request: Request, body: Mapping[str, Any], *, grant: bool) -> Fault | None:
        if calls_at_once(request.scope) > 1 or not self._window.admits(request.url.path):
            return Fault(TOO_MANY_CALLS)
        given = (body.get("appId"), body.get("appSecret"), body.get("permanentCode"))
        if given != (APP_ID, APP_SECRET, PERMANENT_CODE) or not grant:
            return Fault(NO_SCOPE, "appId、appSecret或permanentCode缺失或不合法")
        return None if traced(request, self._traits()) else wrong(TRACE_MISSING)


TRACE_MISSING = "缺少参数thirdTraceId"


def traced(request: Request, traits: Traits) -> bool:
    """Whether the call brings its own trace id, as every call must (vendor manual: requests)."""
    return not traits.trace_id_needed or bool(request.query_params.get("thirdTraceId"))
