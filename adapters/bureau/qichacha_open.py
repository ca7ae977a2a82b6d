"""Calls to 企查查 (Qichacha): a signature for each, and errors that come with status 200.

Invariant: every attempt is signed anew; the secret key is never sent; no key, signature or name reaches
an error text. A day's quota and a query that keeps failing are remembered, so that nobody asks on.

API facts: the vendor's list of status codes, and public clients for the signature.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import requests

from adapters.bureau.china import PAGE, PAGES, Holds
from adapters.bureau.common import at, decode, rows, text, whole
from adapters.bureau.wire import check_passing, json_object, unexpected, where
from connector.adapter import Context
from connector.errors import Halt, Reauth, Reject, Retry

AGENCY = "Qichacha"
QUERY_HOLD = dt.timedelta(hours=2)
FOUND, EMPTY, WORKING, NOT_BOUGHT = "200", "201", "205", "214"
_PASSING = {
    "104": "the interface is under maintenance",
    "120": "the traffic is abnormal",
    "199": "the server has a fault",
    "203": "the server has a fault",
}
_REFUSED = {
    "101": "the AppKey is not valid",
    "107": "the address of this server or the signature is refused; a wrong clock does that too",
    "115": "the identity is not valid",
}
_STOPPED = {
    "102": "the account is in arrears",
    "103": "the account is suspended",
    "105": "the interface is retired",
    "111": "the account has no permission for this",
    "112": "the quota is used up",
    "119": "the account is abnormal",
    NOT_BOUGHT: "the interface is not bought",
}
_DAY_OVER = frozenset({"109", "116"})
_REJECTED = {
    "202": ("bad_request", "a parameter is wrong"),
    "207": ("too_many", "more than 5,000 rows"),
    "208": ("unsupported", "this type of company is not supported"),
    "213": ("bad_request", "a parameter is too short"),
    "215": ("bad_request", "the keyword is not supported"),
}


class NotBought(Halt):
    """The contract does not include this interface; the others work."""


class Listed(NamedTuple):
    """Records of one kind, the answers they came in, and whether these are all."""

    items: list[Mapping[str, Any]]
    answers: list[tuple[str, bytes]]
    complete: bool


class Open:
    """A client for the API at ``base`` (no slash at its end)."""

    def __init__(self, context: Context, base: str, key: str, secret: str) -> None:
        self.base = base
        self._context = context
        self._key = key
        self._secret = secret
        self._holds = Holds(context, AGENCY)

    def get(self, path: str, params: Mapping[str, str]) -> tuple[Mapping[str, Any] | None, bytes]:
        """The envelope of an answer, ``None`` when nothing was found, and its bytes.

        Raises ``Reauth`` for a refused key, ``Halt`` for the account (``NotBought`` for the interface),
        ``Reject`` for this query, ``Retry`` for what passes.
        """
        query = f"{path}?{sorted(params.items())}"
        self._holds.check(query)

        def check(answer: requests.Response) -> None:
            self._check(answer, query)

        answer = self._context.http.call(
            "GET",
            f"{self.base}/{path}",
            check=check,
            params={"key": self._key, **params},
            headers=self._signature,
        )
        body = decode(answer.content)
        return (None if text(body, "Status") == EMPTY else body), answer.content

    def listed(self, path: str, params: Mapping[str, str]) -> Listed:
        """All records below ``path``, page by page, at most ``PAGES`` pages."""
        items: list[Mapping[str, Any]] = []
        answers: list[tuple[str, bytes]] = []
        for page in range(1, PAGES + 1):
            body, raw = self.get(path, {**params, "pageIndex": str(page), "pageSize": str(PAGE)})
            answers.append((path, raw))
            here = _items(body)
            items += here
            total = whole(at(body, "Paging.TotalRecords"))
            done = len(here) < PAGE if total is None else len(items) >= total
            if done or not here:
                return Listed(items, answers, done)
        return Listed(items, answers, False)

    def _signature(self) -> Mapping[str, str]:
        moment = str(int(self._context.now().timestamp()))
        digest = hashlib.md5(f"{self._key}{moment}{self._secret}".encode(), usedforsecurity=False)
        return {"Timespan": moment, "Token": digest.hexdigest().upper(), "Accept": "application/json"}

    def _check(self, answer: requests.Response, query: str) -> None:
        check_passing(answer, AGENCY, self._context.now())
        if answer.status_code != 200:
            unexpected(answer, AGENCY)
        found, place = text(json_object(answer), "Status"), where(answer)
        if found in (FOUND, EMPTY):
            return
        if found == WORKING:
            raise Retry("Qichacha is still working on it", where=place, todo="run again later", after=2.0)
        if found in _PASSING:
            raise Retry(f"Qichacha: {_PASSING[found]} ({found})", where=place, todo="run again later")
        if found in _DAY_OVER:
            seconds = self._holds.put(self._holds.next_day())
            raise Retry(
                f"Qichacha takes no more calls today ({found})",
                where=place,
                todo="run again tomorrow (Beijing time)",
                after=seconds,
            )
        if found == "110":
            seconds = self._holds.put(self._context.now() + QUERY_HOLD, query)
            raise Retry(
                "this query has failed too often (110)",
                where=place,
                todo="it is not sent again for two hours",
                after=seconds,
            )
        self._refuse(found, place)

    def _refuse(self, found: str, place: str) -> None:
        if found in _REFUSED:
            raise Reauth(
                f"Qichacha: {_REFUSED[found]} ({found})",
                where=place,
                todo="check AppKey, SecretKey, the allowed addresses and the clock of this machine",
            )
        if found in _STOPPED:
            kind = NotBought if found == NOT_BOUGHT else Halt
            raise kind(
                f"Qichacha: {_STOPPED[found]} ({found})", where=place, todo="settle it in Qichacha's console"
            )
        if found in _REJECTED:
            word, told = _REJECTED[found]
            raise Reject(f"Qichacha: {told} ({found})", code=word, field="query", where=place)
        raise Halt(
            f"status {found[:8]!r} is none that Qichacha documents",
            where=place,
            todo="check base_url, then look the code up in Qichacha's console",
        )


def _items(body: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """A check call answers ``{VerifyResult, Data}``, a search the list itself."""
    return rows(body, "Result") or rows(body, "Result.Data")
