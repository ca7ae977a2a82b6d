"""Calls to Creditsafe Connect: one token, errors sorted by what to do about them.

Invariant: one token for all processes, renewed under one lock; a refused sign-in and a refused new
token are never tried again, because repeated refusals lock the account. No password, user name, token
or searched name reaches an error text.

API facts: Creditsafe Connect manual, pages on authentication, security and error codes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import requests

from adapters.bureau.common import decode, text
from connector.adapter import Context
from connector.errors import Halt, Reauth, Reject, Retry
from connector.http import place

TOKEN, TOKEN_MINUTES = "creditsafe.token", 55  # the name of a secret; tokens last an hour
LOCKOUT_SECONDS = 300.0
_ADVICE = (
    "check user name and password in the connection; wait five minutes after several failures, then run "
    "'creditgate connect test'"
)


class Connect:
    """A signed-in client for the API at ``base`` (no slash at its end)."""

    def __init__(self, context: Context, base: str, username: str, password: str) -> None:
        self.base = base
        self._context = context
        self._username = username
        self._password = password
        self._refused = False

    def sign_in(self) -> None:
        """A new token, whatever is kept; ``Reauth`` when the credentials are refused."""
        with self._context.secrets.lock(TOKEN):
            self._authenticate()

    def get(self, path: str, params: Mapping[str, str]) -> requests.Response:
        """The answer to GET ``path``: status 200 and a JSON object with companies or a report."""
        return self.call("GET", path, params, check=self._check_result)

    def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        check: Callable[[requests.Response], None] | None = None,
    ) -> requests.Response:
        """The answer to any call: status 200, 201 or 204, and what ``check`` lets pass.

        Signs in when no token is kept, and once more when a kept one is refused, which may have expired.
        Raises ``Reauth`` for refused credentials, ``Halt`` for a missing entitlement, ``Reject``
        (``not_found``, ``bad_request``, ``no_report``) for this request, ``Retry`` for limits and faults.
        """
        token, fresh = self._token()
        try:
            return self._call(method, path, params, json, check, token)
        except Reauth:
            if fresh or self._refused:
                raise
        renewed, _ = self._token(stale=token)
        try:
            return self._call(method, path, params, json, check, renewed)
        except Reauth:
            # It never was the token's age: signing in again and again would lock the account.
            self._refused = True
            raise

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: Any,
        check: Callable[[requests.Response], None] | None,
        token: str,
    ) -> requests.Response:
        return self._context.http.call(
            method,
            self.base + path,
            check=check or self._check,
            params=params,
            json=json,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )

    def _token(self, stale: str | None = None) -> tuple[str, bool]:
        """A token and whether it has just been made; never ``stale``, which was refused."""
        kept = self._context.secrets.get(TOKEN)
        if kept and kept != stale:
            return kept, False
        with self._context.secrets.lock(TOKEN):
            kept = self._context.secrets.get(TOKEN)
            if kept and kept != stale:
                return kept, False  # another thread or process was quicker
            return self._authenticate(), True

    def _authenticate(self) -> str:
        """A new token, kept for all processes. The caller holds the lock."""
        if self._refused:
            raise Reauth(
                "Creditsafe has refused the credentials, so they are not sent again",
                where=self._context.connection,
                todo=_ADVICE,
            )
        try:
            answer = self._context.http.call(
                "POST",
                f"{self.base}/authenticate",
                check=_check_sign_in,
                json={"username": self._username, "password": self._password},
            )
        except Reauth:
            self._refused = True
            raise
        token = text(decode(answer.content), "token")
        expires_at = self._context.now() + dt.timedelta(minutes=TOKEN_MINUTES)
        self._context.secrets.put(TOKEN, token, expires_at)
        return token

    def _check(self, answer: requests.Response) -> None:
        where, said = _where(answer), self._said(answer)
        _check_passing(answer, where)
        if answer.status_code == 401:
            raise Reauth(f"Creditsafe refuses the token{said}", where=where, todo=_ADVICE)
        if answer.status_code == 403:
            raise Halt(
                f"the subscription does not cover this{said}",
                where=where,
                todo="ask Creditsafe to add the country or the product to the subscription",
            )
        if answer.status_code == 404:
            raise Reject(f"Creditsafe knows nothing there{said}", code="not_found", field="ref", where=where)
        if answer.status_code in (400, 422):
            raise Reject(
                f"Creditsafe does not accept the request{said}", code="bad_request", field="ref", where=where
            )
        if answer.status_code not in (200, 201, 204):
            _unexpected(answer, where)

    def _check_result(self, answer: requests.Response) -> None:
        self._check(answer)
        where, said = _where(answer), self._said(answer)
        if answer.status_code != 200:
            _unexpected(answer, where)
        body = _json(answer, where)
        if "companies" not in body and "report" not in body:
            raise Reject(f"the answer holds no result{said}", code="no_report", field="report", where=where)

    def _said(self, answer: requests.Response) -> str:
        """The vendor's words on an error, shortened, without our secrets and without the name searched."""
        if answer.status_code == 200 and b'"report"' in answer.content:
            return ""
        try:
            body = decode(answer.content)
        except ValueError:
            return ""
        said = " ".join(" ".join(text(body, key) for key in ("message", "error", "details")).split())
        names = parse_qs(urlsplit(answer.request.url or "").query).get("name", [])
        for private in (self._password, self._username, self._context.secrets.get(TOKEN), *names):
            said = said.replace(private, "…") if private else said
        return f": {said[:160]}" if said else ""


def _check_sign_in(answer: requests.Response) -> None:
    """As ``Connect._check``; nothing of the body is quoted, since it may echo what was sent."""
    where = _where(answer)
    _check_passing(answer, where)
    if answer.status_code in (400, 401, 403):
        raise Reauth("Creditsafe refuses user name and password", where=where, todo=_ADVICE)
    if answer.status_code != 200:
        _unexpected(answer, where)
    if not text(_json(answer, where), "token"):
        raise Retry("the sign-in answered without a token", where=where, todo="run again later")


def _check_passing(answer: requests.Response, where: str) -> None:
    """Raise ``Retry`` for what passes: too many calls (a lock-out lasts about five minutes), faults."""
    if answer.status_code == 429:
        raise Retry(
            "Creditsafe takes no more calls for now",
            where=where,
            todo="run again in five minutes",
            after=_after(answer) or LOCKOUT_SECONDS,
        )
    if answer.status_code >= 500 or answer.status_code == 408:
        raise Retry(
            f"Creditsafe answers with status {answer.status_code}",
            where=where,
            todo="run again later",
            after=_after(answer),
        )


def _after(answer: requests.Response) -> float | None:
    hint = answer.headers.get("Retry-After", "").strip()
    return float(hint) if hint.isascii() and hint.isdigit() else None


def _json(answer: requests.Response, where: str) -> Mapping[str, Any]:
    try:
        body = decode(answer.content)
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        raise Retry("the answer is no JSON object", where=where, todo="check base_url, then run again")
    return body


def _unexpected(answer: requests.Response, where: str) -> NoReturn:
    raise Halt(
        f"status {answer.status_code} is none that Creditsafe documents",
        where=where,
        todo="check base_url in the connection",
    )


def _where(answer: requests.Response) -> str:
    request = answer.request
    return place(request.method or "", request.url or "")
