"""Calls to the Zoho CRM API (v8): header, budget, decoding, and what each fault means.

Invariant: numbers with a point are decoded to ``Decimal`` and sent as they are written, never through
a binary float. A 401 costs one new token and one replay. Every fault leaves as ``Retry``, ``Reauth``
or ``Halt`` with the vendor's own words.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

import orjson
import requests

from adapters.zoho import faults
from adapters.zoho.auth import Access, Login
from connector.adapter import Context
from connector.errors import CreditGateError, Halt, Reauth, Retry
from connector.http import place

VERSION = "v8"
BUCKET = "credits"
REFUSES = "Zoho refuses the call: "

_TODO = {
    "NO_PERMISSION": "give the connection's user the permission that is named",
    "NOT_ALLOWED": "check the edition of Zoho CRM and the profile of the connection's user",
    "INVALID_MODULE": "check 'object' in the mapping and that the user's profile shows the module",
    "INVALID_QUERY": "check the fields of this object in the mapping",
    "LIMIT_EXCEEDED": "free what the edition limits, or ask for less",
}


class Refused(Halt):
    """Zoho refuses a call for good; ``code`` is its own word for why, ``column`` what of a query it
    blames."""

    def __init__(self, what: str, *, code: str, column: str = "", where: str = "", todo: str = "") -> None:
        super().__init__(what, where=where, todo=todo)
        self.code = code
        self.column = column


class Client:
    """A client for one org. Paths are relative to ``/crm/v8``, or start with a slash."""

    def __init__(self, context: Context, login: Login) -> None:
        self.context = context
        self._login = login

    def call(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        about: str = "",
        weight: int = 1,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        items: str = "",
        heavy: bool = False,
        repeatable: bool = True,
    ) -> dict[str, Any] | None:
        """The decoded answer, or ``None`` for 204 (nothing there) and 304 (nothing changed).

        ``scope`` is named when the token lacks it; ``about`` is the object, for errors; ``weight``
        the cost in API credits. With ``items`` an answer that lists its results one by one under
        that key is returned even when all of them failed. ``heavy`` calls have a limit of their own.
        A write that is not ``repeatable`` is sent once; when its answer is lost, the ``Retry`` says that
        its outcome is unknown.
        """
        answer = self._send(
            method,
            path,
            scope=scope,
            about=about,
            weight=weight,
            params=params,
            headers=headers,
            body=body,
            items=items,
            heavy=heavy,
            repeatable=repeatable,
        )
        if answer.status_code in (204, 304):
            return None
        found = decode(answer)
        where = self._where(answer, about)
        if not isinstance(found, dict):
            raise Retry("the answer is no JSON object", where=where, todo="run again later")
        if found.get("status") == "error":
            raise self._halt(found, where)
        return found

    def download(self, path: str, *, scope: str, about: str, sink: IO[bytes]) -> None:
        """Write the answer of a GET to ``sink``, piece by piece; faults as in ``call``."""
        self._send("GET", path, scope=scope, about=about, heavy=True, sink=sink)

    def _send(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        about: str,
        weight: int = 1,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        items: str = "",
        heavy: bool = False,
        repeatable: bool = True,
        sink: IO[bytes] | None = None,
    ) -> requests.Response:
        """One call with a token; a refused token costs a new one and one replay."""

        def once(access: Access) -> requests.Response:
            return self.context.http.call(
                method,
                f"{access.api_domain}{path if path.startswith('/') else f'/crm/{VERSION}/{path}'}",
                check=lambda answer: self._check(answer, scope, about, items, repeatable=repeatable),
                bucket=BUCKET,
                weight=weight,
                params=params,
                headers={
                    "Authorization": f"Zoho-oauthtoken {access.token}",
                    **({"Content-Type": "application/json"} if body is not None else {}),
                    **(headers or {}),
                },
                body=encode(body) if body is not None else None,
                heavy=heavy,
                repeatable=repeatable,
                sink=sink,
            )

        access = self._login.access()
        try:
            return once(access)
        except Reauth:
            return once(self._login.renew(access))

    def _check(
        self, answer: requests.Response, scope: str, about: str, items: str, *, repeatable: bool
    ) -> None:
        remaining = answer.headers.get("X-API-CREDITS-REMAINING", "")
        if remaining.isdigit():
            self.context.http.budget.correct(BUCKET, int(remaining))
        status = answer.status_code
        if status < 300 or status == 304:
            return
        fault = decode(answer)
        word, where = faults.code(fault), self._where(answer, about)
        if status == 429 or word.startswith("TOO_MANY"):
            raise Retry(
                f"Zoho takes no more calls for now: {faults.words(fault)}",
                where=where,
                todo="run again later; API credits are counted over 24 hours",
                # No Retry-After is documented (vendor manual: API limits); if it comes, it counts.
                after=_hint(answer),
                busy=True,
            )
        if status >= 500 or word == "INTERNAL_ERROR":
            raise Retry(
                f"Zoho answered {status}: {faults.words(fault)}",
                where=where,
                todo="run again later",
                unknown_outcome=not repeatable,
            )
        if word == faults.SCOPE_LACKS:
            raise Refused(
                f"the token lacks the scope {scope} ({word})",
                code=word,
                where=f"{self._login.where}, {where}",
                todo=f"generate a new refresh token whose scopes include {scope}",
            )
        if status == 401:
            raise Reauth(
                f"Zoho refuses the access token: {word or status}",
                where=f"{self._login.where}, {where}",
                todo="check data_center and the refresh token, then 'connect test'",
            )
        if items and isinstance(fault, dict) and isinstance(fault.get(items), list):
            return
        raise self._halt(fault, where, status)

    def _where(self, answer: requests.Response, about: str) -> str:
        request = answer.request
        spot = place(request.method or "", request.url or "")
        return " ".join(t for t in (self.context.connection, about) if t) + f": {spot}"

    def _halt(self, fault: Any, where: str, status: int = 200) -> Refused:
        reason = faults.words(fault) if isinstance(fault, Mapping) else f"status {status}"
        todo = _TODO.get(faults.code(fault), "see the vendor's words; check mapping and settings")
        return Refused(
            f"{REFUSES}{reason}",
            code=faults.code(fault),
            column=faults.column(fault),
            where=where,
            todo=todo,
        )


def said(fault: CreditGateError) -> str:
    """What Zoho said, without our words around it."""
    return fault.what.removeprefix(REFUSES)


def decode(answer: requests.Response) -> Any:
    """The JSON of an answer with ``Decimal`` for every number with a point; ``None`` if it is none."""
    try:
        return json.loads(answer.content, parse_float=Decimal)
    except ValueError:
        return None


def encode(body: Mapping[str, Any]) -> bytes:
    """``body`` as JSON; a ``Decimal`` becomes a number with exactly its digits."""
    return orjson.dumps(body, default=_number)


def instant(moment: dt.datetime) -> str:
    """An aware moment as Zoho writes it: whole seconds with an offset, here always UTC."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be sent")
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def _number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _hint(answer: requests.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
