"""Calls to 天眼查 (Tianyancha): the token stands alone in a header, errors come with status 200.

Invariant: neither token nor searched name reaches an error text; only what passes by the vendor's list
(300001, 300004) is tried again, since some calls are charged whatever they find.

API facts: the vendor's list of error codes as clients use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from adapters.bureau.china import PAGE, PAGES
from adapters.bureau.common import at, decode, rows, text, whole
from adapters.bureau.wire import check_passing, json_object, unexpected, where
from connector.adapter import Context
from connector.errors import Halt, Reauth, Reject, Retry

AGENCY = "Tianyancha"
FOUND, EMPTY = "0", "300000"
_REFUSED = {"300002": "the account is disabled", "300009": "the account's data are wrong"}
_STOPPED = {
    "300003": "the account has expired",
    "300006": "the balance is used up",
    "300007": "no calls are left",
    "300010": "there is no such interface",
}


class NotBought(Halt):
    """The contract does not include this interface; the others work."""


class Open:
    """A client for the API at ``base`` (no slash at its end)."""

    def __init__(self, context: Context, base: str, token: str) -> None:
        self.base = base
        self._context = context
        self._token = token

    def get(self, path: str, params: Mapping[str, str]) -> tuple[Mapping[str, Any] | None, bytes]:
        """The envelope of an answer, ``None`` when nothing was found, and its bytes.

        Raises ``Reauth`` for a refused account, ``Halt`` for the contract (``NotBought`` for one
        interface), ``Reject`` for this query, ``Retry`` for what passes.
        """
        answer = self._context.http.call(
            "GET",
            self.base + path,
            check=self._check,
            params=params,
            headers={"Authorization": self._token, "Accept": "application/json"},
        )
        body = decode(answer.content)
        return (None if text(body, "error_code") == EMPTY else body), answer.content

    def listed(
        self, path: str, keyword: str
    ) -> tuple[list[Mapping[str, Any]], list[tuple[str, bytes]], bool]:
        """All records below ``path``, at most ``PAGES`` pages; the answers they came in; whether these
        are all."""
        items: list[Mapping[str, Any]] = []
        answers: list[tuple[str, bytes]] = []
        for page in range(1, PAGES + 1):
            body, raw = self.get(path, {"keyword": keyword, "pageNum": str(page), "pageSize": str(PAGE)})
            answers.append((path, raw))
            here = rows(body, "result.items")
            items += here
            total = whole(at(body, "result.total"))
            done = len(here) < PAGE if total is None else len(items) >= total
            if done or not here:
                return items, answers, done
        return items, answers, False

    def _check(self, answer: requests.Response) -> None:
        check_passing(answer, AGENCY, self._context.now())
        if answer.status_code in (401, 403):
            raise Reauth("Tianyancha refuses the token", where=where(answer), todo="check the token")
        if answer.status_code != 200:
            unexpected(answer, AGENCY)
        found, place = text(json_object(answer), "error_code"), where(answer)
        if found in (FOUND, EMPTY):
            return
        if found == "300001":
            raise Retry("Tianyancha failed (300001)", where=place, todo="run again later")
        if found == "300004":
            raise Retry("Tianyancha is asked too often (300004)", where=place, todo="wait", busy=True)
        if found in _REFUSED:
            raise Reauth(f"Tianyancha: {_REFUSED[found]} ({found})", where=place, todo="check the token")
        if found == "300005":
            raise NotBought(
                "Tianyancha: no permission for this interface (300005)",
                where=place,
                todo="buy it in Tianyancha's console",
            )
        if found == "300008":
            raise Reject(
                "Tianyancha: a parameter is missing (300008)", code="bad_request", field="query", where=place
            )
        told = _STOPPED.get(found, f"code {found[:8]!r} is none that it documents")
        raise Halt(f"Tianyancha: {told} ({found[:8]})", where=place, todo="settle it in Tianyancha's console")
