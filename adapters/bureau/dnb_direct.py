"""Calls to D&B Direct+: one token for all processes, errors sorted by what to do about them.

Invariant: one token, made anew under one lock and before it runs out; after a refusal it is made anew
once only. No consumer key, secret or token reaches an error text.

API facts: public clients of Direct+ (token, match, data blocks); a public OpenAPI sketch (monitoring).
A refusal with status 401 and code 00004 means a bad token as well as a product that is not bought.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import requests

from adapters.bureau.common import at, decode, text, whole
from adapters.bureau.wire import check_passing, json_object, required, unexpected, where
from connector.adapter import Context
from connector.errors import Halt, Reauth, Reject, Retry

TOKEN = "dnb.token"  # noqa: S105 - the name of a secret
EARLY = dt.timedelta(minutes=10)  # a token is renewed so long before it runs out
UNSTATED_LIFE = dt.timedelta(hours=1)
YOUNG = dt.timedelta(minutes=10)  # a token that we made so lately is good: a refusal has another cause
_ADVICE = "check consumer key and secret in the connection, then run 'creditgate connect test'"


class Direct:
    """A signed-in client for the API at ``base`` (no slash at its end)."""

    def __init__(self, context: Context, base: str) -> None:
        self.base = base
        self._context = context
        self._key, self._secret = required(context, "key"), required(context, "secret")
        self._made: tuple[str, dt.datetime] | None = None

    def sign_in(self) -> None:
        """A new token, whatever is kept; ``Reauth`` when key and secret are refused."""
        with self._context.secrets.lock(TOKEN):
            self._authenticate()

    def call(
        self, method: str, path: str, params: Mapping[str, str] | None = None, json: Any = None
    ) -> requests.Response:
        """The answer, which is a JSON object with status 200 or 201.

        Raises ``Reauth`` for refused credentials, ``Halt`` for a product that is not bought, ``Reject``
        (``not_found``, ``bad_request``) for this request, ``Retry`` for limits and faults.
        """
        token = self._token()
        try:
            return self._send(method, path, params, json, token)
        except Reauth as fault:
            if self._is_young(token):
                raise _not_entitled(fault) from None
        renewed = self._token(stale=token)
        try:
            return self._send(method, path, params, json, renewed)
        except Reauth as fault:
            raise _not_entitled(fault) from None

    def _send(
        self, method: str, path: str, params: Mapping[str, str] | None, json: Any, token: str
    ) -> requests.Response:
        return self._context.http.call(
            method,
            self.base + path,
            check=self._check,
            params=params,
            json=json,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )

    def _is_young(self, token: str) -> bool:
        return bool(self._made and self._made[0] == token and self._context.now() - self._made[1] < YOUNG)

    def _token(self, stale: str | None = None) -> str:
        kept = self._context.secrets.get(TOKEN)
        if kept and kept != stale:
            return kept
        with self._context.secrets.lock(TOKEN):
            kept = self._context.secrets.get(TOKEN)
            # Another thread or process may have been quicker.
            return kept if kept and kept != stale else self._authenticate()

    def _authenticate(self) -> str:
        """A new token, kept for all processes. The caller holds the lock."""
        answer = self._context.http.call(
            "POST",
            f"{self.base}/v3/token",
            check=self._check_sign_in,
            form={"grant_type": "client_credentials"},
            auth=(self._key, self._secret),
        )
        body = decode(answer.content)
        token, now = text(body, "access_token"), self._context.now()
        self._context.secrets.put(TOKEN, token, max(now, _runs_out(body, now) - EARLY))
        self._made = token, now
        return token

    def _check_sign_in(self, answer: requests.Response) -> None:
        """Nothing of the body is quoted, since it may echo what was sent."""
        check_passing(answer, "D&B", self._context.now())
        if answer.status_code in (400, 401, 403):
            raise Reauth("D&B refuses consumer key and secret", where=where(answer), todo=_ADVICE)
        if answer.status_code not in (200, 201):
            unexpected(answer, "D&B")
        if not text(json_object(answer), "access_token"):
            raise Retry("the sign-in answered without a token", where=where(answer), todo="run again later")

    def _check(self, answer: requests.Response) -> None:
        check_passing(answer, "D&B", self._context.now())
        code = _code(answer)
        said = f" (code {code})" if code else ""
        if answer.status_code == 401:
            raise Reauth(f"D&B refuses the call{said}", where=where(answer), todo=_ADVICE)
        if answer.status_code == 403:
            raise _not_entitled(Reauth(f"D&B refuses the call{said}", where=where(answer)))
        if answer.status_code == 404:
            raise Reject(
                f"D&B knows nothing there{said}", code="not_found", field="duns", where=where(answer)
            )
        if answer.status_code in (400, 409, 422):
            raise Reject(
                f"D&B does not accept the request{said}",
                code="bad_request",
                field="request",
                value=code,
                where=where(answer),
            )
        if answer.status_code not in (200, 201):
            unexpected(answer, "D&B")
        json_object(answer)


def _not_entitled(fault: Reauth) -> Halt:
    return Halt(
        f"{fault.what}: the token is good, so the contract does not cover this",
        where=fault.where,
        todo="ask D&B to add the data block or the country, or take it out of block_ids",
    )


def _code(answer: requests.Response) -> str:
    """The vendor's own code; digits only, so that nothing else of the body is quoted."""
    try:
        code = text(decode(answer.content), "error.errorCode")
    except ValueError:
        return ""
    return code if code.isascii() and code.isdigit() and len(code) <= 8 else ""


def _runs_out(body: Any, now: dt.datetime) -> dt.datetime:
    """When the token runs out: seconds in ``expiresIn``, or a moment in ``expirationDateTime``."""
    seconds = whole(at(body, "expiresIn"))
    if seconds is not None and 0 < seconds < 10**7:
        return now + dt.timedelta(seconds=seconds)
    try:
        moment = dt.datetime.fromisoformat(text(body, "expirationDateTime"))
    except ValueError:
        return now + UNSTATED_LIFE
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
